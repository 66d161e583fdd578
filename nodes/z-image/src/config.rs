//! What the three configurations have in common: JSON, and sizes that must make sense before anything is built.

use plugin_api::{Error, Result};
use serde::de::DeserializeOwned;

const AGAIN: &str = "take its config.json and its weights from the model's repository again";

/// Reads the JSON text of a configuration. Keys that `T` does not know are left alone.
///
/// # Errors
/// Text that is no JSON, or a value of another type, with its line and column.
pub fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|error| Error::file(format!("the configuration of the {what} is not readable: {error}")).help(AGAIN))
}

/// Checks that every named size lies between 1 and its largest sensible value.
///
/// # Errors
/// The first that does not.
pub fn check_sizes(what: &str, sizes: &[(&str, i32, i32)]) -> Result<()> {
    match sizes.iter().find(|(_, size, most)| !(1..=*most).contains(size)) {
        None => Ok(()),
        Some((key, size, most)) => Err(wrong(what, &format!("`{key}` is {size}, but 1 to {most} is possible"))),
    }
}

/// Checks that every named number is finite and above 0.
///
/// # Errors
/// The first that is not.
pub fn check_positive(what: &str, numbers: &[(&str, f64)]) -> Result<()> {
    match numbers.iter().find(|(_, number)| !(number.is_finite() && *number > 0.0)) {
        None => Ok(()),
        Some((key, number)) => Err(wrong(what, &format!("`{key}` is {number}, but a number above 0 is needed"))),
    }
}

/// An error about the configuration of `what`.
pub fn wrong(what: &str, problem: &str) -> Error {
    Error::file(format!("the configuration of the {what} does not work: {problem}")).help(AGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_part_and_the_key() {
        let error = check_sizes("VAE", &[("a", 1, 8), ("b", 9, 8)]).unwrap_err();
        assert_eq!(error.message, "the configuration of the VAE does not work: `b` is 9, but 1 to 8 is possible");
        assert!(check_positive("VAE", &[("c", f64::NAN)]).unwrap_err().message.contains("`c` is NaN"));
        assert!(parse::<Vec<i32>>("VAE", "[1,").unwrap_err().message.contains("line 1"));
    }
}
