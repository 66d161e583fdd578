//! The network of Z-Image: a transformer over one sequence of image tokens and caption tokens.

mod attention;
mod block;
mod config;
mod embed;
mod layout;
mod preview;
mod rope;
mod timestep;

use plugin_api::{Architecture, Dtype, Error, ErrorKind, Record, Result, Role, Session, Tensor, Value, Weights};
use weft_formats::memory;

use crate::checkpoint::Checkpoint;
use block::Block;
use config::Config;
use embed::{Caption, FinalLayer, Patches};
use layout::Layout;
use rope::Rope;
use timestep::Timestep;

const WHAT: &str = "Z-Image transformer";

pub struct Transformer {
    config: Config,
    patches: Patches,
    caption: Caption,
    timestep: Timestep,
    noise_refiner: Vec<Block>,
    context_refiner: Vec<Block>,
    layers: Vec<Block>,
    final_layer: FinalLayer,
}

/// What stays the same in all steps of a generation: made by `condition`, handed back to `predict`.
struct Prepared {
    /// Refined and padded: `[1 or n, tokens, dim]`.
    caption: Tensor,
    /// Of image tokens, then caption tokens.
    rope: Rope,
    layout: Layout,
}

impl Architecture for Transformer {
    const ID: &'static str = "z-image";
    const ROLE: Role = Role::Model;

    fn detect(weights: &Weights) -> bool {
        weights.find("cap_embedder.1.weight").is_some_and(|found| found.shape.len() == 2)
            && !weights.at("noise_refiner.0.attention").list().is_empty()
    }

    fn build(config: &str, weights: &Weights) -> Result<Self> {
        refuse_edit_models(weights)?;
        let config = Config::parse(config)?;
        let checkpoint = Checkpoint::new(weights);
        let blocks = |name: &str, count: i32, modulated: bool| {
            (0..count).map(|i| Block::new(&checkpoint.at(format!("{name}.{i}")), &config, modulated)).collect()
        };
        let network = Self {
            patches: Patches::new(&checkpoint, &config),
            caption: Caption::new(&checkpoint, &config),
            timestep: Timestep::new(&checkpoint.at("t_embedder"), &config),
            noise_refiner: blocks("noise_refiner", config.n_refiner_layers, true),
            context_refiner: blocks("context_refiner", config.n_refiner_layers, false),
            layers: blocks("layers", config.n_layers, true),
            final_layer: FinalLayer::new(&checkpoint.at("all_final_layer.2-1"), &config),
            config,
        };
        checkpoint.finish(WHAT)?;
        Ok(network)
    }

    fn call(&self, session: &Session, method: &str, args: &Record) -> Result<Value> {
        match method {
            "condition" => Ok(Value::from(self.condition(args)?.record())),
            "predict" => Ok(Value::from(self.predict(session, args)?)),
            "memory" => Ok(Value::from(self.memory(args)?)),
            "preview" => Ok(Value::from(preview::preview(&args.get("latent")?, &self.config)?)),
            _ => Err(Error::invalid(format!("a {WHAT} has no method `{method}`"))),
        }
    }
}

impl Transformer {
    /// `{conditioning: {embeds [1 or n, tokens, width]}, height, width}` (of the latent) → [`Prepared`].
    fn condition(&self, args: &Record) -> Result<Prepared> {
        let (embeds, layout) = self.layout(args)?;
        let rope = Rope::new(&layout.positions(), &self.config);
        let mut caption = self.caption.embed(&embeds, &layout);
        let own_rope = rope.rows(layout.image_padded(), layout.tokens());
        for block in &self.context_refiner {
            caption = block.forward(&caption, None, &own_rope);
        }
        Ok(Prepared { caption, rope, layout })
    }

    /// What `condition` gets, and `batch` → bytes that a pass of so many pictures needs.
    fn memory(&self, args: &Record) -> Result<i64> {
        let (_, layout) = self.layout(args)?;
        let Config { dim, n_heads, .. } = self.config;
        let [dim, heads, tokens] = [dim, n_heads, layout.tokens()].map(|number| u64::from(number.unsigned_abs()));
        let pass =
            memory::transformer::Transformer { dim, heads }.pass(args.get::<i64>("batch")?.unsigned_abs(), tokens);
        Ok(pass.saturating_add(memory::slack(pass)).try_into().unwrap_or(i64::MAX))
    }

    /// What `condition` gets, checked.
    fn layout(&self, args: &Record) -> Result<(Tensor, Layout)> {
        let embeds: Tensor = args.get::<Record>("conditioning")?.get("embeds")?;
        let tokens = self.check_embeds(&embeds)?;
        let layout = Layout::new(args.get("height")?, args.get("width")?, tokens, &self.config)?;
        Ok((embeds, layout))
    }

    fn check_embeds(&self, embeds: &Tensor) -> Result<i32> {
        let [_, tokens, width] = embeds.dims("the conditioning")?;
        if width != self.config.cap_feat_dim {
            return Err(Error::invalid(format!(
                "the conditioning is {width} numbers wide, but this model reads {}",
                self.config.cap_feat_dim
            ))
            .help("encode the prompt with the text encoder that belongs to the model"));
        }
        Ok(tokens)
    }

    /// `{x [n, channels, h, w] float32, sigma, conditioning}` → the denoised estimate x − sigma · v, as `x`.
    fn predict(&self, session: &Session, args: &Record) -> Result<Tensor> {
        let x: Tensor = args.get("x")?;
        let sigma = args.get::<f64>("sigma")? as f32;
        let prepared = Prepared::read(&args.get("conditioning")?)?;
        prepared.check_latent(&x, &self.config)?;
        session.around("predict", &x, |x| {
            // The velocity is the network's output negated.
            Ok(&x + self.forward(session, &x, sigma, &prepared)? * sigma)
        })
    }

    /// The network's output in float32, `[n, channels, h, w]`.
    fn forward(&self, session: &Session, x: &Tensor, sigma: f32, prepared: &Prepared) -> Result<Tensor> {
        let Prepared { caption, rope, layout } = prepared;
        let temb = self.timestep.embed(sigma);
        let batch = x.shape()?[0];
        let image = self.refine_image(self.patches.embed(x, layout)?, &temb, &rope.rows(0, layout.image_padded()));
        let caption = caption.broadcast_to(&[batch, layout.caption_padded(), self.config.dim]);
        let sequence = Tensor::concatenate(&[image, caption], 1);
        let sequence = session.around("blocks", &sequence, |x| self.main_layers(session, x, &temb, rope))?;
        let output = self.final_layer.forward(&sequence.narrow(1, 0, layout.image_tokens()), &temb);
        Ok(embed::unpatchify(&output, layout, self.config.in_channels).as_dtype(Dtype::Float32))
    }

    fn refine_image(&self, mut image: Tensor, temb: &Tensor, rope: &Rope) -> Tensor {
        for block in &self.noise_refiner {
            image = block.forward(&image, Some(temb), rope);
        }
        image
    }

    fn main_layers(&self, session: &Session, mut x: Tensor, temb: &Tensor, rope: &Rope) -> Result<Tensor> {
        for (index, block) in self.layers.iter().enumerate() {
            x = session.around(&format!("layers.{index}"), &x, |x| Ok(block.forward(&x, Some(temb), rope)))?;
        }
        Ok(x)
    }
}

impl Prepared {
    fn record(self) -> Record {
        Record::new()
            .with("caption", self.caption)
            .with("cos", self.rope.cos)
            .with("sin", self.rope.sin)
            .with("rows", self.layout.rows)
            .with("columns", self.layout.columns)
            .with("caption_tokens", self.layout.caption_tokens)
    }

    fn read(record: &Record) -> Result<Self> {
        let layout = Layout {
            rows: record.get("rows")?,
            columns: record.get("columns")?,
            caption_tokens: record.get("caption_tokens")?,
        };
        let rope = Rope { cos: record.get("cos")?, sin: record.get("sin")?, tokens: layout.tokens() };
        Ok(Self { caption: record.get("caption")?, rope, layout })
    }

    fn check_latent(&self, x: &Tensor, config: &Config) -> Result<()> {
        let found: [i32; 4] = x.dims("the latent")?;
        let needed = [found[0], config.in_channels, self.layout.height(), self.layout.width()];
        if found != needed {
            return Err(Error::invalid(format!("the latent has the shape {found:?}, but {needed:?} was prepared for")));
        }
        let captions = self.caption.shape()?[0];
        if captions != 1 && captions != found[0] {
            return Err(Error::invalid(format!("{captions} prompts do not fit a batch of {} latents", found[0])));
        }
        Ok(())
    }
}

fn refuse_edit_models(weights: &Weights) -> Result<()> {
    if weights.at("siglip_embedder").list().is_empty() {
        return Ok(());
    }
    Err(Error::file(
        "this is an Edit or Omni checkpoint of Z-Image (it has a `siglip_embedder`), which is not supported",
    )
    .help("choose Z-Image or Z-Image-Turbo"))
}

/// An error about something too large for the model.
fn too_large(message: String) -> Error {
    Error::new(ErrorKind::Limit, message)
}
