//! Fresh pages cost more than the arithmetic on them: glibc is told to keep what is freed, in the engine for MLX's CPU
//! backend, in the editor for what a frame is made of (a frame of 240 nodes takes less than half the time). It takes
//! that from the environment alone, when a process begins.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Names and meanings: "Memory Allocation Tunables" in glibc's manual.
const NAME: &str = "GLIBC_TUNABLES";
const TUNED: &str =
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=1073741824";

/// For a process that is about to begin. What the user chose stays.
pub fn tune(command: &mut Command) {
    if is_untuned() {
        command.env(NAME, TUNED);
    }
}

/// Begins this very process again, tuned. Comes back where it is so already, or where that does not work.
pub fn begin_again() {
    if is_untuned()
        && let Ok(program) = std::env::current_exe()
    {
        // Only a failure comes back; the program works without it too.
        drop(Command::new(program).args(std::env::args_os().skip(1)).env(NAME, TUNED).exec());
    }
}

/// Gives back to the system what was freed. Where the allocator is told to keep everything, whoever comes next would need its own
/// memory beside what was kept in pieces too small for it. Costs milliseconds: for the end of long work.
pub fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            safe fn malloc_trim(pad: usize) -> std::ffi::c_int;
        }
        malloc_trim(0);
    }
}

fn is_untuned() -> bool {
    cfg!(target_os = "linux") && std::env::var_os(NAME).is_none()
}
