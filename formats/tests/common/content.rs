//! Files with numbers, and what they change by the formulas, in float64.

use std::collections::BTreeMap;

use weft_formats::lora::{Adapter, Alpha, Converted, Delta, Factor, Layout, Metadata, Targets, convert, fit};
use weft_formats::{Dtype, Tensor};

use super::tensor;

/// A file in memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct File {
    pub tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
    pub metadata: Metadata,
}

/// A sequence of numbers that is the same in each run.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// Of few bits, so that each type has it; never zero.
    fn value(&mut self) -> f32 {
        let value = (1 + self.below(15)) as f32 / 8.0;
        if self.below(2) == 0 { value } else { -value }
    }
}

fn bytes(dtype: Dtype, value: f32) -> Vec<u8> {
    match dtype {
        Dtype::Float64 => f64::from(value).to_le_bytes().to_vec(),
        Dtype::Bfloat16 => value.to_le_bytes()[2..].to_vec(),
        Dtype::Float16 => half(value).to_le_bytes().to_vec(),
        _ => value.to_le_bytes().to_vec(),
    }
}

/// A float32 of few bits as a float16.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let exponent = ((bits >> 23) & 0xff) as i32 - 127 + 15;
    ((bits >> 16) & 0x8000) as u16 | (exponent << 10) as u16 | ((bits >> 13) & 0x3ff) as u16
}

fn number(dtype: Dtype, bytes: &[u8]) -> f64 {
    match (dtype, bytes) {
        (Dtype::Float64, bytes) => f64::from_le_bytes(bytes.try_into().unwrap()),
        (Dtype::Float32, bytes) => f64::from(f32::from_le_bytes(bytes.try_into().unwrap())),
        (Dtype::Bfloat16, &[a, b]) => f64::from(f32::from_le_bytes([0, 0, a, b])),
        (Dtype::Float16, &[a, b]) => {
            let bits = u16::from_le_bytes([a, b]);
            let exponent = i32::from((bits >> 10) & 31);
            let mantissa = f64::from(bits & 0x3ff) / 1024.0;
            let size =
                if exponent == 0 { mantissa * 2f64.powi(-14) } else { (1.0 + mantissa) * 2f64.powi(exponent - 15) };
            if bits & 0x8000 == 0 { size } else { -size }
        }
        _ => panic!("{dtype:?}"),
    }
}

impl File {
    pub fn add(&mut self, numbers: &mut Numbers, name: impl Into<String>, dtype: Dtype, shape: &[usize]) {
        let count = shape.iter().product();
        let bytes = (0..count).flat_map(|_| bytes(dtype, numbers.value())).collect();
        self.tensors.insert(name.into(), (dtype, shape.to_vec(), bytes));
    }

    pub fn alpha(&mut self, module: &str, alpha: f32) {
        self.tensors.insert(format!("{module}.alpha"), (Dtype::Float32, vec![], alpha.to_le_bytes().to_vec()));
    }

    /// A LoRA with `lora_A` and `lora_B`.
    pub fn pair(&mut self, numbers: &mut Numbers, module: &str, [outputs, rank, inputs]: [usize; 3], dtype: Dtype) {
        self.add(numbers, format!("{module}.lora_A.weight"), dtype, &[rank, inputs]);
        self.add(numbers, format!("{module}.lora_B.weight"), dtype, &[outputs, rank]);
    }

    pub fn headers(&self) -> Vec<Tensor> {
        let header = |(name, (dtype, shape, _)): (&String, &(Dtype, Vec<usize>, Vec<u8>))| Tensor {
            dtype: *dtype,
            ..tensor(name, shape)
        };
        self.tensors.iter().map(header).collect()
    }

    pub fn convert(&self, layout: Layout) -> Result<(Self, Vec<String>), String> {
        let mut read = |name: &str| Ok::<_, String>(self.tensors[name].2.clone());
        let Converted { tensors, metadata, notes } =
            convert(&self.headers(), &self.metadata, &mut read, layout).map_err(|error| error.to_string())?;
        let count = tensors.len();
        let tensors: BTreeMap<_, _> =
            tensors.into_iter().map(|(tensor, bytes)| (tensor.name, (tensor.dtype, tensor.shape, bytes))).collect();
        assert_eq!(tensors.len(), count, "two tensors of one name");
        Ok((Self { tensors, metadata }, notes))
    }

    /// Rows of ΔW, and magnitudes, by the model's tensors.
    pub fn effect(&self) -> BTreeMap<(String, usize), Vec<f64>> {
        let headers = self.headers();
        let fit = fit(&headers, &self.metadata, &Targets::of_any_z_image(&headers));
        assert_eq!(fit.problem(), None);
        fit.adapters.iter().flat_map(|adapter| self.rows(adapter)).collect()
    }

    fn rows(&self, adapter: &Adapter) -> Vec<((String, usize), Vec<f64>)> {
        let scale = match &adapter.alpha {
            Alpha::None => 1.0,
            Alpha::Tensor(name) => self.matrix(name).numbers[0] / adapter.rank as f64,
            Alpha::Number(alpha) => alpha / adapter.rank as f64,
        };
        let delta = self.delta(&adapter.delta);
        let magnitude = adapter.magnitude.as_ref().map(|name| self.matrix(name));
        let mut rows = Vec::new();
        for target in &adapter.targets {
            for (row, of_tensor) in target.rows.clone().zip(target.first..) {
                let numbers = delta.numbers[row * delta.columns..][..delta.columns].iter().map(|value| value * scale);
                // Magnitudes of columns belong to all targets together.
                let magnitude = magnitude.iter().flat_map(|magnitude| match magnitude.rows {
                    1 => magnitude.numbers.clone(),
                    _ => vec![magnitude.numbers[row]],
                });
                rows.push(((target.tensor.clone(), of_tensor), numbers.chain(magnitude).collect()));
            }
        }
        rows
    }

    fn delta(&self, delta: &Delta) -> Matrix {
        match delta {
            Delta::LowRank { down, up, mid } => {
                let up = self.matrix(up);
                let up = mid.iter().fold(up, |up, mid| up.times(&self.matrix(mid)));
                up.times(&self.matrix(down))
            }
            Delta::Hadamard { w1_a, w1_b, w2_a, w2_b, t1, t2 } => {
                let mut first = self.product(w1_a, w1_b, t1.as_deref());
                let second = self.product(w2_a, w2_b, t2.as_deref());
                first.numbers.iter_mut().zip(second.numbers).for_each(|(to, from)| *to *= from);
                first
            }
            Delta::Kronecker { w1, w2 } => self.factor(w1).kron(&self.factor(w2)),
            Delta::Full { diff } => self.matrix(diff),
        }
    }

    fn factor(&self, factor: &Factor) -> Matrix {
        match factor {
            Factor::Whole(name) => self.matrix(name),
            Factor::Product { a, b, t } => self.product(a, b, t.as_deref()),
        }
    }

    fn product(&self, a: &str, b: &str, t: Option<&str>) -> Matrix {
        match t {
            Some(t) => self.matrix(a).transposed().times(&self.matrix(t)).times(&self.matrix(b)),
            None => self.matrix(a).times(&self.matrix(b)),
        }
    }

    fn matrix(&self, name: &str) -> Matrix {
        let (dtype, shape, bytes) = &self.tensors[name];
        let rows = shape.first().copied().unwrap_or(1);
        let columns = shape.iter().skip(1).product();
        let width = bytes.len() / (rows * columns);
        Matrix { rows, columns, numbers: bytes.chunks(width).map(|bytes| number(*dtype, bytes)).collect() }
    }
}

struct Matrix {
    rows: usize,
    columns: usize,
    numbers: Vec<f64>,
}

impl Matrix {
    fn of(rows: usize, columns: usize, number: impl Fn(usize, usize) -> f64) -> Self {
        let numbers = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        Self { rows, columns, numbers: numbers.map(|(row, column)| number(row, column)).collect() }
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        self.numbers[row * self.columns + column]
    }

    fn times(&self, other: &Self) -> Self {
        assert_eq!(self.columns, other.rows);
        Self::of(self.rows, other.columns, |row, column| {
            (0..self.columns).map(|k| self.at(row, k) * other.at(k, column)).sum()
        })
    }

    fn transposed(&self) -> Self {
        Self::of(self.columns, self.rows, |row, column| self.at(column, row))
    }

    fn kron(&self, other: &Self) -> Self {
        let (rows, columns) = (other.rows, other.columns);
        Self::of(self.rows * rows, self.columns * columns, |row, column| {
            self.at(row / rows, column / columns) * other.at(row % rows, column % columns)
        })
    }
}
