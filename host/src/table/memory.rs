//! How much memory is left.

use rustix::process::{Resource, getrlimit};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::mlx::{active_memory, spare_memory};
use crate::error::{Code, Error, Result};

/// The environment variable that tells how much memory the engine may take in all, in GB, whatever the system says.
const VARIABLE: &str = "WEFT_MEMORY";
/// Bytes of address space that OpenBLAS takes for its buffer with the first product. Without them it tries for ever.
const PRODUCTS: u64 = 128 << 20;

/// Bytes that new tensors can have: what the user lets us count on, less what tensors have already, or what the system calls
/// available and the buffers that MLX keeps for the next tensors. As much as one likes where neither tells.
pub fn free() -> u64 {
    match limit().ok().flatten() {
        Some(limit) => limit.saturating_sub(active_memory()),
        None => system().map_or(i64::MAX as u64, |bytes| bytes + spare_memory()),
    }
}

/// Bytes that the engine can have in all, with what it has.
pub fn of_engine() -> u64 {
    let more = || system().map_or(i64::MAX as u64, |bytes| bytes + spare_memory() + active_memory());
    limit().ok().flatten().unwrap_or_else(more)
}

/// The bytes that `WEFT_MEMORY` tells, if it is set.
///
/// # Errors
/// It is no number above 0.
pub fn limit() -> Result<Option<u64>> {
    let Some(text) = std::env::var_os(VARIABLE).filter(|text| !text.is_empty()) else { return Ok(None) };
    parsed(&text.to_string_lossy()).map(Some)
}

fn parsed(text: &str) -> Result<u64> {
    let number = text.trim().parse().ok().filter(|gigabytes: &f64| *gigabytes > 0.0 && gigabytes.is_finite());
    number.map(|gigabytes| (gigabytes * 1e9) as u64).ok_or_else(|| {
        Error::new(Code::Usage, format!("{VARIABLE} is \"{text}\", which is no number of gigabytes"))
            .place("the environment")
            .help(format!("set {VARIABLE} to a number above 0 (8 or 0.5), or unset it"))
    })
}

/// Bytes that `WEFT_MEMORY` tells, or that the system calls available, within the limit of a container. None where nobody tells.
pub fn available() -> Option<u64> {
    limit().ok().flatten().or_else(system)
}

/// On a Mac the GPU has the same memory; what a GPU of its own has is not known here.
fn system() -> Option<u64> {
    let refresh = RefreshKind::nothing().with_memory(MemoryRefreshKind::everything());
    let system = System::new_with_specifics(refresh).ok()?;
    // What the container has read of files counts as its memory, and goes as soon as somebody needs the room.
    let limit = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory.saturating_sub(limits.rss));
    let addresses = addresses_left().map_or(u64::MAX, |left| left.saturating_sub(PRODUCTS));
    Some(limit.min(addresses).min(system.available_memory()))
}

/// Bytes that this process may still ask for under a limit on its address space (`ulimit -v`); none where there is no such
/// limit.
fn addresses_left() -> Option<u64> {
    let limit = getrlimit(Resource::As).current?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let taken = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix("kB"))?;
    Some(limit.saturating_sub(taken.trim().parse::<u64>().ok()? << 10))
}

/// Whether the address space that is left is enough to begin with.
///
/// # Errors
/// It is not: matrix products would wait for ever for room of their own.
pub fn check_address_space() -> Result<()> {
    let Some(left) = addresses_left().filter(|left| *left < 2 * PRODUCTS) else { return Ok(()) };
    let megabytes = |bytes: u64| bytes / 1_000_000;
    let what = format!("the limit on address space leaves {} MB", megabytes(left));
    Err(Error::new(Code::Limit, what)
        .cause(format!("Weft needs {} MB more before it has made anything", megabytes(2 * PRODUCTS - left)))
        .help("raise the limit (`ulimit -v unlimited`)"))
}

/// Whether less than a fifth of the memory is free. Not where the system does not tell.
pub fn is_short() -> bool {
    let refresh = RefreshKind::nothing().with_memory(MemoryRefreshKind::everything());
    System::new_with_specifics(refresh).is_ok_and(|system| system.available_memory() < system.total_memory() / 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gigabytes_are_numbers_above_0() {
        assert_eq!((parsed("8").unwrap(), parsed(" 0.5 ").unwrap()), (8_000_000_000, 500_000_000));
        for text in ["8 GB", "-1", "0", "NaN", "inf", "x"] {
            assert_eq!(parsed(text).unwrap_err().code, Code::Usage, "{text}");
        }
    }
}
