//! The cache on the disk: its folder, and what its keys are made of.

use std::collections::BTreeSet;
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

/// The program, the libraries that it computes with, and all plugins: architectures of any of them may compute.
fn build(catalog: &Catalog, hashes: &Hashes) -> Result<String> {
    let own =
        std::env::current_exe().map_err(|error| Error::new(Code::Internal, "Weft cannot find itself").cause(error))?;
    let mut is_new = false;
    let mut of_file = |path: &Path| {
        let known = hashes.compute(path, &mut |_| {
            is_new = true;
            true
        })?;
        Ok::<_, Error>(known.map(|file| file.sha256).unwrap_or_default())
    };
    let mut hash = Sha256::new();
    hash.update(of_file(&own)?);
    for library in libraries().iter().map(|path| of_file(path)).collect::<Result<BTreeSet<_>>>()? {
        hash.update(format!("\n{library}"));
    }
    for PluginInfo { id, version, file, sha256, .. } in &catalog.plugins {
        let sha256 = sha256.clone().map_or_else(|| of_file(Path::new(file)), Ok)?;
        hash.update(format!("\n{id} {version} {sha256}"));
    }
    if is_new {
        hashes.save();
    }
    Ok(hex(&hash.finalize()))
}

/// Libraries that are no part of the program, as under Linux MLX and the BLAS. None where the system does not tell: on a Mac
/// they are part of the program or of the system.
fn libraries() -> BTreeSet<PathBuf> {
    std::fs::read_to_string("/proc/self/maps").map(|maps| mapped(&maps)).unwrap_or_default()
}

/// The paths of the libraries in `/proc/PID/maps`: addresses, rights, offset, device and inode come before them.
fn mapped(maps: &str) -> BTreeSet<PathBuf> {
    let path = |line: &str| Some(PathBuf::from(line.get(line.find('/')?..)?));
    let is_library = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains(".so"));
    maps.lines().filter_map(path).filter(is_library).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_told_from_what_else_is_mapped() {
        let maps = "55d0c0e00000-55d0c1e00000 r-xp 00000000 fe:01 12  /usr/bin/weft\n\
            7f1000000000-7f1000100000 r--p 00000000 fe:01 34      /usr/local/my libs/libmlx.so\n\
            7f1000100000-7f1000200000 r-xp 00100000 fe:01 34      /usr/local/my libs/libmlx.so\n\
            7f1000300000-7f1000400000 r-xp 00000000 fe:01 35      /usr/lib/libopenblas.so.0.3\n\
            7f1000500000-7f1000600000 rw-p 00000000 00:00 0\n\
            7ffc00000000-7ffc00001000 r-xp 00000000 00:00 0       [vdso]\n";
        let found: Vec<PathBuf> = mapped(maps).into_iter().collect();
        assert_eq!(found, ["/usr/lib/libopenblas.so.0.3", "/usr/local/my libs/libmlx.so"].map(PathBuf::from));
        assert!(!cfg!(target_os = "linux") || !libraries().is_empty());
    }
}
