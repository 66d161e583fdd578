//! Qwen3 as the text encoder: what its last layer but one says about every token of the prompt.

mod config;
mod layer;
mod rope;
mod template;
mod tokenizer;

use std::path::Path;

use plugin_api::{Architecture, Error, Record, Result, Role, Session, Tensor, Value, Weights};

use crate::checkpoint::Checkpoint;
use config::Config;
use layer::Layer;
use rope::Rope;
use tokenizer::Tokenizer;

const WHAT: &str = "Qwen3 text encoder";
/// Tokens that Z-Image reads of a prompt, its template's included.
const MOST_TOKENS: usize = 512;

pub struct TextEncoder {
    config: Config,
    tokenizer: Tokenizer,
    embed_tokens: Tensor,
    layers: Vec<Layer>,
}

impl Architecture for TextEncoder {
    const ID: &'static str = "qwen3";
    const ROLE: Role = Role::TextEncoder;

    fn detect(weights: &Weights) -> bool {
        let root = root(weights);
        root.contains("embed_tokens.weight") && root.contains("layers.0.self_attn.q_norm.weight")
    }

    fn build(config: &str, weights: &Weights) -> Result<Self> {
        let config = Config::parse(config)?;
        let checkpoint = Checkpoint::new(&root(weights));
        // The last layer and the norm behind it are never needed.
        let layers = 0..config.num_hidden_layers - 1;
        let embed_tokens = checkpoint.tensor("embed_tokens.weight", &[config.vocab_size, config.hidden_size]);
        let layers = layers.map(|i| Layer::new(&checkpoint.at(format!("layers.{i}")), &config)).collect();
        checkpoint.finish(WHAT)?;
        let tokenizer = Tokenizer::load(Path::new(&config.tokenizer))?;
        Ok(Self { config, tokenizer, embed_tokens, layers })
    }

    fn call(&self, session: &Session, method: &str, args: &Record) -> Result<Value> {
        match method {
            "encode" => {
                let tokens = self.tokens(session, &args.get::<String>("text")?)?;
                Ok(Record::new().with("embeds", self.encode(&tokens)).into())
            }
            _ => Err(Error::invalid(format!("a {WHAT} has no method `{method}`"))),
        }
    }
}

impl TextEncoder {
    /// The prompt inside its template, cut where the model stops reading.
    fn tokens(&self, session: &Session, prompt: &str) -> Result<Vec<i32>> {
        let mut tokens = self.tokenizer.encode(&template::user_turn(prompt)?)?;
        if tokens.len() > MOST_TOKENS {
            let cut = tokens.len() - MOST_TOKENS;
            let note = format!("The prompt is too long: its last {cut} of {} tokens were left out.", tokens.len());
            session.run().note(&note);
            tokens.truncate(MOST_TOKENS);
        }
        tokens.into_iter().map(|token| self.known(token)).collect()
    }

    fn known(&self, token: u32) -> Result<i32> {
        i32::try_from(token).ok().filter(|&token| token < self.config.vocab_size).ok_or_else(|| {
            let most = self.config.vocab_size;
            Error::file(format!("the tokenizer gives the token {token}, but the text encoder knows {most} tokens"))
                .help("use the tokenizer that belongs to the text encoder")
        })
    }

    /// `[1, tokens, hidden_size]`.
    fn encode(&self, tokens: &[i32]) -> Tensor {
        let count = tokens.len() as i32;
        let indices = Tensor::from_slice(tokens, &[1, count]);
        let rope = Rope::new(count, self.config.head_dim, self.config.rope_theta());
        let embedded = self.embed_tokens.take(&indices, 0);
        self.layers.iter().fold(embedded, |x, layer| layer.forward(&x, &rope))
    }
}

/// The place of `embed_tokens` and `layers`: some files keep them below `model.`.
fn root(weights: &Weights) -> Weights {
    let prefixed = weights.at("model");
    if prefixed.contains("embed_tokens.weight") { prefixed } else { weights.clone() }
}
