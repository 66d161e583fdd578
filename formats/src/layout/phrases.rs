//! Names as sentences: some words of one layout stand for others of diffusers'.

/// Dotted words of another layout, and the same in diffusers'. `#` is any number, `~` one that is counted from the other
/// end. Earlier phrases come first.
pub type Phrase = (&'static str, &'static str);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    Diffusers,
    Other,
}

/// `name` with every phrase in it replaced. `levels` is how many numbers there are to count from the other end.
pub fn translate(name: &str, phrases: &[Phrase], to: To, levels: usize) -> String {
    let words: Vec<&str> = name.split('.').collect();
    let (mut translated, mut at) = (Vec::new(), 0);
    while at < words.len() {
        let found = phrases.iter().find_map(|&(other, ours)| {
            let (from, into) = if to == To::Diffusers { (other, ours) } else { (ours, other) };
            let number = matches(&words[at..], from)?;
            let number = if ours.contains('~') { levels.checked_sub(number + 1)? } else { number };
            Some((from.split('.').count(), into, number))
        });
        match found {
            Some((length, into, number)) => {
                translated.extend(
                    into.split('.').map(|word| if is_number(word) { number.to_string() } else { word.to_owned() }),
                );
                at += length;
            }
            None => {
                translated.push(words[at].to_owned());
                at += 1;
            }
        }
    }
    translated.join(".")
}

fn is_number(word: &str) -> bool {
    word == "#" || word == "~"
}

/// The number among the words that `phrase` stands for, 0 where it has none; None where `words` do not begin with it.
fn matches(words: &[&str], phrase: &str) -> Option<usize> {
    let (mut number, mut words) = (0, words.iter());
    for part in phrase.split('.') {
        let word = *words.next()?;
        if is_number(part) {
            number = word.parse().ok()?;
        } else if part != word {
            return None;
        }
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHRASES: [Phrase; 3] =
        [("mid.block_1", "mid_block.resnets.0"), ("block.#", "resnets.#"), ("up.#", "up_blocks.~")];

    #[test]
    fn phrases_are_replaced_in_both_directions() {
        for (other, ours) in [
            ("d.up.3.block.1.w", "d.up_blocks.0.resnets.1.w"),
            ("d.mid.block_1.w", "d.mid_block.resnets.0.w"),
            ("block.x.up.w", "block.x.up.w"),
            ("up.0", "up_blocks.3"),
        ] {
            assert_eq!(translate(other, &PHRASES, To::Diffusers, 4), ours);
            assert_eq!(translate(ours, &PHRASES, To::Other, 4), other);
        }
        // A number beyond the last level stays as it is.
        assert_eq!(translate("up.4.w", &PHRASES, To::Diffusers, 4), "up.4.w");
    }
}
