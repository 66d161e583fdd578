//! Text to token ids, by `tokenizer.json` or by the older files beside it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use plugin_api::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};

/// Bytes of the largest file that is read.
const LARGEST: u64 = 64 << 20;
const AGAIN: &str = "take the model's `tokenizer` folder from its repository again";
/// How Qwen2 and Qwen3 cut text into pieces before they merge bytes.
const PIECES: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

pub struct Tokenizer(tokenizers::Tokenizer);

impl Tokenizer {
    /// `folder` holds `tokenizer.json`, or `vocab.json`, `merges.txt` and `tokenizer_config.json`.
    ///
    /// # Errors
    /// Files that are missing, too large, damaged, or of a model without chat turns.
    pub fn load(folder: &Path) -> Result<Self> {
        if folder.as_os_str().is_empty() {
            return Err(Error::file("the text encoder has no tokenizer")
                .help("put a folder `tokenizer` beside the text encoder"));
        }
        let whole = folder.join("tokenizer.json");
        let json = if whole.exists() { read(&whole)? } else { assemble(folder)?.to_string() };
        Self::parse(&json)
            .map_err(|why| Error::file(format!("the tokenizer in `{}` {why}", folder.display())).help(AGAIN))
    }

    fn parse(json: &str) -> std::result::Result<Self, String> {
        let mut tokenizer =
            tokenizers::Tokenizer::from_bytes(json).map_err(|error| format!("is not readable: {error}"))?;
        tokenizer.with_truncation(None).map_err(|error| format!("is not usable: {error}"))?;
        tokenizer.with_padding(None);
        match ["<|im_start|>", "<|im_end|>"].into_iter().find(|token| tokenizer.token_to_id(token).is_none()) {
            None => Ok(Self(tokenizer)),
            Some(token) => Err(format!("has no token `{token}`: it belongs to another model")),
        }
    }

    /// # Errors
    /// Text that the tokenizer cannot cut.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.0.encode_fast(text, false);
        encoding
            .map(|encoding| encoding.get_ids().to_vec())
            .map_err(|error| Error::failed(format!("the prompt could not be cut into tokens: {error}")))
    }
}

fn read(path: &Path) -> Result<String> {
    let unreadable = |why: String| Error::file(format!("`{}` is not readable: {why}", path.display())).help(AGAIN);
    let size = fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if size > LARGEST {
        return Err(unreadable(format!("it has {size} bytes, and no tokenizer needs more than {LARGEST}")));
    }
    fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))
}

/// The part of `tokenizer_config.json` that says which words are tokens of their own.
#[derive(Deserialize)]
struct TokenizerConfig {
    #[serde(default)]
    added_tokens_decoder: HashMap<u32, AddedToken>,
}

#[derive(Deserialize)]
struct AddedToken {
    content: String,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    normalized: bool,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    special: bool,
}

/// What would stand in `tokenizer.json`.
fn assemble(folder: &Path) -> Result<Value> {
    let [vocab, merges, config] = ["vocab.json", "merges.txt", "tokenizer_config.json"].map(|name| folder.join(name));
    let mut vocab: HashMap<String, u32> = parse_json(&vocab)?;
    let text = read(&merges)?;
    let merges =
        parse_merges(&text).map_err(|why| Error::file(format!("`{}`: {why}", merges.display())).help(AGAIN))?;
    let config: TokenizerConfig = parse_json(&config)?;
    let mut added: Vec<(u32, AddedToken)> = config.added_tokens_decoder.into_iter().collect();
    added.sort_by_key(|(id, _)| *id);
    // Known to the vocabulary, they keep their ids even where these leave a gap.
    vocab.extend(added.iter().map(|(id, token)| (token.content.clone(), *id)));
    Ok(tokenizer_json(&vocab, &merges, &added))
}

fn parse_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_str(&read(path)?)
        .map_err(|error| Error::file(format!("`{}` is not readable: {error}", path.display())).help(AGAIN))
}

/// Two parts a line; a first line may tell the version.
fn parse_merges(text: &str) -> std::result::Result<Vec<(&str, &str)>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with("#version"));
    lines.map(|(i, line)| line.split_once(' ').ok_or_else(|| format!("line {} is no pair", i + 1))).collect()
}

fn tokenizer_json(vocab: &HashMap<String, u32>, merges: &[(&str, &str)], added: &[(u32, AddedToken)]) -> Value {
    let added: Vec<Value> = added
        .iter()
        .map(|(id, token)| {
            json!({
                "id": id, "content": token.content, "single_word": token.single_word, "lstrip": token.lstrip,
                "rstrip": token.rstrip, "normalized": token.normalized, "special": token.special,
            })
        })
        .collect();
    json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": PIECES}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
        ]},
        "model": {"type": "BPE", "vocab": vocab, "merges": merges},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte is a token, and so are a few merges and words; `<think>` leaves a gap behind the vocabulary.
    fn tiny() -> Value {
        let letters = byte_letters();
        let mut vocab: HashMap<String, u32> =
            letters.iter().enumerate().map(|(id, letter)| (letter.to_string(), id as u32)).collect();
        let merges = [("r", "e"), ("re", "d"), ("Ġ", "red"), ("Ã", "©")];
        for (a, b) in merges {
            vocab.insert(format!("{a}{b}"), vocab.len() as u32);
        }
        let words = ["<|im_start|>", "<|im_end|>", "<think>"];
        let added: Vec<_> = [300, 301, 310].into_iter().zip(words.map(added)).collect();
        vocab.extend(added.iter().map(|(id, token)| (token.content.clone(), *id)));
        tokenizer_json(&vocab, &merges, &added)
    }

    fn added(content: &str) -> AddedToken {
        let special = content != "<think>";
        let content = content.to_owned();
        AddedToken { content, lstrip: false, rstrip: false, normalized: false, single_word: false, special }
    }

    /// The letters by which byte-level vocabularies write the bytes 0 to 255.
    fn byte_letters() -> Vec<char> {
        let printable = |byte: u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
        let mut others = 256..;
        (0..256u32)
            .map(|byte| if printable(byte) { byte } else { others.next().unwrap() })
            .map(|code| char::from_u32(code).unwrap())
            .collect()
    }

    fn encode(text: &str) -> Vec<u32> {
        Tokenizer::parse(&tiny().to_string()).unwrap().encode(text).unwrap()
    }

    #[test]
    fn bytes_merge_within_pieces() {
        assert_eq!(encode("red red"), [257, 258]);
        // A digit is a piece of its own, and `'re` is one too.
        assert_eq!(encode("12're"), [0x31, 0x32, 0x27, 256]);
    }

    #[test]
    fn text_is_composed_first() {
        assert_eq!(encode("e\u{301}"), [259]);
        assert_eq!(encode("é"), [259]);
    }

    #[test]
    fn added_tokens_are_found_anywhere_with_their_own_ids() {
        assert_eq!(encode("<|im_start|>red<think>"), [300, 257, 310]);
    }

    #[test]
    fn a_long_run_of_spaces_takes_no_time() {
        assert_eq!(encode(&" ".repeat(60_000)).len(), 60_000);
        assert_eq!(encode(&format!("{}a", " ".repeat(60_000))).len(), 60_001);
    }

    #[test]
    fn a_tokenizer_of_another_model_is_refused() {
        let other = tiny().to_string().replace("<|im_end|>", "<eos>");
        let why = Tokenizer::parse(&other).err().unwrap();
        assert!(why.contains("`<|im_end|>`"), "{why}");
        assert!(Tokenizer::parse("{").err().unwrap().contains("not readable"));
    }

    #[test]
    fn merges_are_pairs() {
        assert_eq!(parse_merges("#version: 0.2\na b\n\nab c\n").unwrap(), [("a", "b"), ("ab", "c")]);
        assert_eq!(parse_merges("a b\nab").unwrap_err(), "line 2 is no pair");
    }

    #[test]
    fn missing_files_are_named() {
        let error = Tokenizer::load(Path::new("/nowhere/at/all")).err().unwrap();
        assert!(error.message.contains("/nowhere/at/all/vocab.json"), "{error}");
        assert!(Tokenizer::load(Path::new("")).err().unwrap().message.contains("no tokenizer"));
    }
}
