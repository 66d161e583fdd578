//! The cache on the disk: its folder, and what its keys are made of.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::engine::protocol::{Contents, DiskCache};
use crate::error::{Code, Error, Result, io_cause};
use crate::flags::CacheFlags;
use crate::library::Hashes;
use crate::plugins::{Catalog, PluginInfo};
use crate::text::hex;

/// A cache for the runs of one command.
pub struct Caching {
    folder: PathBuf,
    limit: u64,
    build: String,
}

impl Caching {
    /// The one that the flags ask for, if they do; its folder is made where it is missing.
    ///
    /// # Errors
    /// The folder cannot be used, or the limit is no number.
    pub fn begin(flags: &CacheFlags, catalog: &Catalog, hashes: &Hashes) -> Result<Option<Self>> {
        let (folder, limit) = (flags.folder(), flags.limit()?);
        let Some(folder) = folder else { return Ok(None) };
        let folder = prepared(&folder)?;
        Ok(Some(Self { folder, limit, build: build(catalog, hashes)? }))
    }

    /// What the engine needs for a plan whose files hold this.
    pub fn with(&self, files: Contents) -> DiskCache {
        DiskCache { folder: self.folder.clone(), limit: self.limit, build: self.build.clone(), files }
    }
}

fn prepared(folder: &Path) -> Result<PathBuf> {
    let failed = |error: std::io::Error| {
        Error::new(Code::Output, format!("the cache {} cannot be used", folder.display()))
            .cause(io_cause(&error))
            .help("give another folder with --cache, or --cache off")
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    crate::output::refuse_settings(folder)?;
    crate::atomic::clean(folder);
    folder.canonicalize().map_err(failed)
}

/// The program and its plugins: architectures of any of them may compute.
fn build(catalog: &Catalog, hashes: &Hashes) -> Result<String> {
    let mut hash = Sha256::new();
    let own =
        std::env::current_exe().map_err(|error| Error::new(Code::Internal, "Weft cannot find itself").cause(error))?;
    let of_file = |path: &Path| Ok::<_, Error>(hashes.compute(path, &mut |_| true)?.map(|file| file.sha256));
    hash.update(of_file(&own)?.unwrap_or_default());
    for PluginInfo { id, version, file, sha256, .. } in &catalog.plugins {
        let sha256 = sha256.clone().map_or_else(|| of_file(Path::new(file)), |known| Ok(Some(known)))?;
        hash.update(format!("\n{id} {version} {}", sha256.unwrap_or_default()));
    }
    Ok(hex(&hash.finalize()))
}
