//! Where outputs of nodes are kept for later runs.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::error::{Code, Error, Result};

/// The environment variables that stand for the flags.
const FOLDER: &str = "WEFT_CACHE";
const LIMIT: &str = "WEFT_CACHE_LIMIT";
/// GB that the folder holds where nothing else is said: some hundred prompts, latents and pictures.
const GIGABYTES: f64 = 10.0;

/// Flags of the cache on the disk.
#[derive(Debug, Default, Args)]
pub struct CacheFlags {
    /// Keep what nodes compute in this folder, and compute nothing that it has (also: WEFT_CACHE)
    #[arg(long, value_name = "DIR|off")]
    pub cache: Option<OsString>,
    /// The most GB that the folder may hold (also: WEFT_CACHE_LIMIT) [default: 10]
    #[arg(long, value_name = "GB")]
    pub cache_limit: Option<String>,
}

impl CacheFlags {
    /// The folder; none where there is to be none.
    pub fn folder(&self) -> Option<PathBuf> {
        let named = self.cache.clone().or_else(|| std::env::var_os(FOLDER));
        named.filter(|name| !name.is_empty() && name != "off").map(PathBuf::from)
    }

    /// Bytes that it may hold.
    ///
    /// # Errors
    /// What was given is no number from 0 on.
    pub fn limit(&self) -> Result<u64> {
        let of_environment = || Some((LIMIT, std::env::var_os(LIMIT)?.to_string_lossy().into_owned()));
        let given = self.cache_limit.clone().map(|text| ("--cache-limit", text)).or_else(of_environment);
        let Some((name, text)) = given.filter(|(_, text)| !text.is_empty()) else {
            return Ok((GIGABYTES * 1e9) as u64);
        };
        let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
        number.map(|number| (number * 1e9) as u64).ok_or_else(|| {
            let what = format!("{name} is \"{text}\", which is no number of gigabytes");
            Error::new(Code::Usage, what)
                .help(format!("give one such as {name}{}20", if name == LIMIT { "=" } else { " " }))
        })
    }
}
