//! The `parameters` text that AUTOMATIC1111's web UI began and many programs write: the prompt, then a line
//! `Negative prompt: …`, then one of settings, `Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512`.

use super::Prompt;
use crate::limits;

const NEGATIVE: &str = "Negative prompt:";

/// The prompt. None without the line of settings, by which such a text is known.
pub fn read(text: &str) -> Option<Prompt> {
    if text.len() > limits::PROMPT_BYTES {
        return None;
    }
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    // The last such line: a prompt may look like settings, and some programs put lines of their own behind them.
    let last = lines.iter().rposition(|line| settings(line).is_some())?;
    let settings = settings(lines[last])?;
    let words = &lines[..last];
    let cut = words.iter().position(|line| line.starts_with(NEGATIVE)).unwrap_or(words.len());
    let negative = words[cut..].join("\n");
    let of = |key: &str| settings.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| *value);
    let version = of("Version").unwrap_or_default();
    let scale: Option<f64> = of("CFG scale").and_then(|scale| scale.parse().ok());
    let (width, height) = of("Size").and_then(|size| size.split_once('x')).unzip();
    Some(Prompt {
        prompt: words[..cut].join("\n").trim().to_owned(),
        negative: negative.strip_prefix(NEGATIVE).unwrap_or_default().trim().to_owned(),
        seed: of("Seed").and_then(|seed| seed.parse().ok()),
        steps: of("Steps").and_then(|steps| steps.parse().ok()),
        guidance: scale.map(super::prompt::guidance),
        width: width.and_then(|width| width.trim().parse().ok()),
        height: height.and_then(|height| height.trim().parse().ok()),
        tool: tool(version),
    })
}

fn tool(version: &str) -> &'static str {
    const TOOLS: [(&str, &str); 2] = [("Weft", "Weft"), ("ComfyUI", "ComfyUI")];
    TOOLS.iter().find(|(prefix, _)| version.starts_with(prefix)).map_or("AUTOMATIC1111's web UI", |(_, tool)| tool)
}

/// The pairs of a line of settings. Sentences with colons are none: it has a number of steps and one thing more.
fn settings(line: &str) -> Option<Vec<(&str, &str)>> {
    if !line.contains("Steps:") {
        return None;
    }
    let pairs = pairs(line);
    let has = |key: &str| pairs.iter().any(|(known, _)| *known == key);
    let has_steps = pairs.iter().any(|(key, value)| *key == "Steps" && value.parse::<i64>().is_ok());
    let is_more = ["Sampler", "CFG scale", "Seed", "Size"].into_iter().any(has);
    (has_steps && is_more).then_some(pairs)
}

/// `key: value` between commas. A value in quotes may hold commas and colons.
fn pairs(line: &str) -> Vec<(&str, &str)> {
    let mut pairs = Vec::new();
    let mut rest = line;
    while let Some((key, after)) = rest.split_once(':') {
        let after = after.trim_start();
        let end = quoted(after).or_else(|| after.find(',')).unwrap_or(after.len());
        let (value, left) = after.split_at(end);
        let key = key.rsplit(',').next().unwrap_or(key);
        pairs.push((key.trim(), value.trim()));
        rest = left.trim_start_matches([',', ' ']);
    }
    pairs
}

/// Where the quotes that the text begins with are closed.
fn quoted(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('"')?;
    let mut is_escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            '"' if !is_escaped => return Some(at + 2),
            _ => is_escaped = c == '\\' && !is_escaped,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 3741, \
        Size: 512x768, Model hash: abc, Lora hashes: \"one: 12, Seed: 9\", Version: v1.10.1";

    #[test]
    fn three_parts() {
        let text = format!("a fox: red,\n(snow:1.2)\nNegative prompt: blur,\nsteps: many\n{SETTINGS}");
        let expected = Prompt {
            prompt: "a fox: red,\n(snow:1.2)".to_owned(),
            negative: "blur,\nsteps: many".to_owned(),
            seed: Some(3741),
            steps: Some(20),
            guidance: Some(6.5),
            width: Some(512),
            height: Some(768),
            tool: "AUTOMATIC1111's web UI",
        };
        assert_eq!(read(&text), Some(expected.clone()));
        assert_eq!(read(&text.replace('\n', "\r\n")), Some(expected.clone()));
        assert_eq!(read(&format!("{text}\nTemplate: a {{fox|cat}}")), Some(expected));
    }

    #[test]
    fn odd_ones() {
        let prompt = read(&format!("Steps: 5, Seed: 1 of the temple\n{SETTINGS}")).unwrap();
        assert_eq!((prompt.prompt.as_str(), prompt.negative.as_str()), ("Steps: 5, Seed: 1 of the temple", ""));
        assert_eq!(read(SETTINGS).unwrap().prompt, "");
        let weft = read(
            "a fox\nSteps: 8, Sampler: Euler, CFG scale: 4.5, Seed: 18446744073709551615, Size: 9, Version: Weft 0.1.0",
        );
        let weft = weft.unwrap();
        assert_eq!((weft.guidance, weft.seed, weft.width, weft.tool), (Some(3.5), None, None, "Weft"));
        for text in ["", "a fox", "Steps: to the temple, Seed: 1", "Steps: 8", "{\"Steps: 1\"", "Steps:\"\\"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&format!("{}\n{SETTINGS}", "x".repeat(limits::PROMPT_BYTES))), None);
    }
}
