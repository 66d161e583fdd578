//! The order in which people look for names: `a2` before `a10`, `B` between `a` and `c`.

use std::cmp::Ordering;

/// Compares without case, and numbers as numbers. Names that differ are never equal.
pub fn natural(a: &str, b: &str) -> Ordering {
    parts(a).cmp(parts(b)).then_with(|| a.cmp(b))
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Its digits without leading zeros: of two numbers the one of fewer digits is smaller.
    Number(usize, String),
    Letter(char),
}

fn parts(name: &str) -> impl Iterator<Item = Part> + '_ {
    let mut rest = name;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (part, length) = match end {
            0 => (Part::Letter(first.to_lowercase().next().unwrap_or(first)), first.len_utf8()),
            end => {
                let digits = rest[..end].trim_start_matches('0');
                (Part::Number(digits.len(), digits.to_owned()), end)
            }
        };
        rest = &rest[length..];
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_count() {
        let mut names = ["c", "a10", "B", "a2", "a02", "10", "9", "é", "a", "A"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["9", "10", "A", "a", "a02", "a2", "a10", "B", "c", "é"]);
        let huge = ["9".repeat(50), "1".repeat(51)];
        assert_eq!(natural(&huge[0], &huge[1]), Ordering::Less);
    }
}
