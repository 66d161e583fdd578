//! The noise levels of a flow-matching model.

/// Times that such a model is trained on, evenly from 1/1000 to 1.
pub const TRAINED: usize = 1000;

/// A straight path from a picture (time 0) to noise (time 1). The larger the shift, the more noise at the same time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flow {
    pub shift: f32,
}

impl Flow {
    /// The part of noise at a time.
    pub fn sigma(self, time: f32) -> f32 {
        self.shift * time / (1.0 + (self.shift - 1.0) * time)
    }

    /// At one of the trained times; index 0 has the least noise.
    pub fn trained_sigma(self, index: usize) -> f32 {
        self.sigma((index + 1) as f32 / TRAINED as f32)
    }
}
