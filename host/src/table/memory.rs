//! How much memory is left.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Bytes that new tensors can have: what the system calls available, within the limit of a container, and the buffers that MLX
/// keeps for the next tensors. On a Mac the GPU has the same memory; what a GPU of its own has is not known here. As much
/// as one likes where the system does not tell.
pub fn free() -> u64 {
    let refresh = RefreshKind::nothing().with_memory(MemoryRefreshKind::everything());
    let Ok(system) = System::new_with_specifics(refresh) else { return i64::MAX as u64 };
    let available = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory).min(system.available_memory());
    available + mlx_rs::memory::cache_memory().unwrap_or(0) as u64
}

/// Whether less than a fifth of the memory is free. Not where the system does not tell.
pub fn is_short() -> bool {
    let refresh = RefreshKind::nothing().with_memory(MemoryRefreshKind::everything());
    System::new_with_specifics(refresh).is_ok_and(|system| system.available_memory() < system.total_memory() / 5)
}
