//! How much memory is left.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Bytes that new tensors can have: what is [`available`], and the buffers that MLX keeps for the next tensors. As much as one
/// likes where the system does not tell.
pub fn free() -> u64 {
    available().map_or(i64::MAX as u64, |bytes| bytes + mlx_rs::memory::cache_memory().unwrap_or(0) as u64)
}

/// Bytes that the system calls available, within the limit of a container. On a Mac the GPU has the same memory; what a GPU of
/// its own has is not known here. None where the system does not tell.
pub fn available() -> Option<u64> {
    let refresh = RefreshKind::nothing().with_memory(MemoryRefreshKind::everything());
    let system = System::new_with_specifics(refresh).ok()?;
    let limit = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory);
    Some(limit.min(system.available_memory()))
}

/// Whether less than a fifth of the memory is free. Not where the system does not tell.
pub fn is_short() -> bool {
    let refresh = RefreshKind::nothing().with_memory(MemoryRefreshKind::everything());
    System::new_with_specifics(refresh).is_ok_and(|system| system.available_memory() < system.total_memory() / 5)
}
