//! Memory for results that are computed outside of MLX on a CPU, used again as soon as MLX gives it back: fresh pages cost more
//! than much of the arithmetic.

use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};

use mlx_rs::Array;

use super::cpu;
use super::mlx::mlx_bytes;

/// Numbers below which the allocator is as quick.
const SMALL: usize = 1 << 14;

static BUFFERS: Mutex<Buffers> = Mutex::new(Buffers { spare: Vec::new(), spare_bytes: 0, lent: 0, most: 0 });

struct Buffers {
    /// Oldest first.
    spare: Vec<Vec<f32>>,
    spare_bytes: u64,
    /// Bytes that arrays have.
    lent: u64,
    /// The most bytes that there were at once, MLX's own arrays and matrices that are laid out included.
    most: u64,
}

fn buffers<T>(of: impl FnOnce(&mut Buffers) -> T) -> T {
    // Nothing in here panics between two changes that belong together.
    of(&mut BUFFERS.lock().unwrap_or_else(PoisonError::into_inner))
}

fn bytes(buffer: &[f32]) -> u64 {
    size_of_val(buffer) as u64
}

impl Buffers {
    /// A spare buffer of just this length. Where there is none, as many bytes are given up as the new one will take: spare
    /// memory never makes a run's peak higher.
    fn take(&mut self, length: usize) -> Option<Vec<f32>> {
        let found = self.spare.iter().rposition(|spare| spare.len() == length).map(|index| self.spare.remove(index));
        if let Some(found) = &found {
            self.spare_bytes -= bytes(found);
        } else {
            self.shrink((length * size_of::<f32>()) as u64);
        }
        found
    }

    fn shrink(&mut self, by: u64) {
        let keep = self.spare_bytes.saturating_sub(by);
        let mut gone = 0;
        while self.spare_bytes > keep {
            self.spare_bytes -= bytes(&self.spare[gone]);
            gone += 1;
        }
        self.spare.drain(..gone);
    }
}

/// An array of float32 numbers, any numbers, to be written over.
pub fn array(shape: &[i32]) -> Array {
    let length = shape.iter().map(|&side| side.max(0) as usize).product();
    // Zeros of large blocks come from the system without being written.
    let buffer = buffers(|all| all.take(length)).unwrap_or_else(|| vec![0f32; length]);
    buffers(|all| all.lent += bytes(&buffer));
    mark();
    let mut buffer = Box::new(buffer);
    let data = buffer.as_mut_ptr().cast::<c_void>();
    // SAFETY: `data` are as many numbers as the shape says. They live until MLX calls `give_back`, once, with the box.
    unsafe {
        let payload = Box::into_raw(buffer).cast();
        let dtype = mlx_sys::mlx_dtype__MLX_FLOAT32;
        let dims = shape.len() as i32;
        Array::from_ptr(mlx_sys::mlx_array_new_data_managed_payload(
            data,
            shape.as_ptr(),
            dims,
            dtype,
            payload,
            Some(give_back),
        ))
    }
}

/// Remembers how much is there now, if it is the most.
pub fn mark() {
    let others = mlx_bytes() + cpu::held();
    buffers(|all| all.most = all.most.max(all.lent + others));
}

/// On any of MLX's threads.
unsafe extern "C" fn give_back(buffer: *mut c_void) {
    // SAFETY: the box of `array`.
    let buffer = *unsafe { Box::from_raw(buffer.cast::<Vec<f32>>()) };
    buffers(|all| {
        all.lent -= bytes(&buffer);
        if buffer.len() >= SMALL {
            all.spare_bytes += bytes(&buffer);
            all.spare.push(buffer);
        }
    });
}

/// Bytes of arrays that have such memory.
pub fn lent() -> u64 {
    buffers(|all| all.lent)
}

/// Bytes that are kept for the next arrays.
pub fn spare() -> u64 {
    buffers(|all| all.spare_bytes)
}

/// The most bytes that there were at once, MLX's own arrays and matrices that are laid out included, since the last call of this.
pub fn take_most() -> u64 {
    buffers(|all| std::mem::replace(&mut all.most, 0))
}

/// Gives what is kept back to the allocator.
pub fn clear() {
    buffers(|all| all.shrink(u64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_length_comes_again_and_others_make_room() {
        let mut all = Buffers { spare: Vec::new(), spare_bytes: 0, lent: 0, most: 0 };
        for length in [10, 20, 10] {
            all.spare_bytes += 4 * length as u64;
            all.spare.push(vec![0.0; length]);
        }
        assert_eq!(all.take(10).map(|buffer| buffer.len()), Some(10));
        assert_eq!((all.spare.len(), all.spare_bytes), (2, 120));
        assert!(all.take(11).is_none());
        assert_eq!((all.spare.len(), all.spare_bytes), (0, 0), "the oldest goes, and it was too small");
        assert!(all.take(1).is_none());
    }
}
