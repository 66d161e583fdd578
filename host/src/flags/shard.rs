//! A part of a sweep.

use std::str::FromStr;

/// Shard `index` of `count`, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    pub index: usize,
    pub count: usize,
}

impl Shard {
    /// Whether a row belongs to it, by its number from 0 on.
    pub fn has(self, row: usize) -> bool {
        row % self.count == self.index
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        let Some((index, count)) = numbers.filter(|(_, count)| *count > 0) else {
            return Err("a shard is K/N, such as 0/4".to_owned());
        };
        if index >= count {
            return Err(format!("shards count from 0: of {count} the last one is {}/{count}", count - 1));
        }
        Ok(Self { index, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_have_every_row_once() {
        let shards: Vec<Shard> = ["0/3", "1/3", "2/3"].map(|text| text.parse().unwrap()).into();
        for row in 0..10 {
            assert_eq!(shards.iter().filter(|shard| shard.has(row)).count(), 1);
        }
        assert!(shards[1].has(4) && !shards[1].has(3));
        for (text, says) in
            [("3/3", "the last one is 2/3"), ("1", "K/N"), ("0/0", "K/N"), ("-1/2", "K/N"), ("a/b", "K/N")]
        {
            assert!(text.parse::<Shard>().unwrap_err().contains(says), "{text}");
        }
    }
}
