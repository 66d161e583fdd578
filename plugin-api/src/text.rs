//! Small pieces of the sentences that nodes say.

/// A number of bytes as people read it, where a MB has 1000 kB: "12.3 MB", and from 100 MB on "0.45 GB". None below 0.
pub fn bytes(count: impl TryInto<u64>) -> String {
    match count.try_into().unwrap_or(0) as f64 / 1e6 {
        small if small < 100.0 => format!("{small:.1} MB"),
        large => format!("{:.2} GB", large / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_that_matter() {
        let told = [0, 12_345_678, 99_900_000, 100_000_000, 4_330_000_000, u64::MAX].map(bytes);
        assert_eq!(told, ["0.0 MB", "12.3 MB", "99.9 MB", "0.10 GB", "4.33 GB", "18446744073.71 GB"]);
        assert_eq!((bytes(-1i64), bytes(450_000_000i64)), ("0.0 MB".to_owned(), "0.45 GB".to_owned()));
    }
}
