//! The committed numbers of other programs; `tests/golden/README.md` says how they were made.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct Sigmas {
    pub tables: Vec<Table>,
    pub image_to_image: Vec<Start>,
}

#[derive(Debug, Deserialize)]
pub struct Table {
    #[serde(default)]
    pub schedule: String,
    pub steps: usize,
    pub shift: f32,
    #[serde(default)]
    pub denoise: f64,
    pub sigmas: Vec<f32>,
}

#[derive(Debug, Deserialize)]
pub struct Start {
    pub steps: usize,
    pub denoise: f64,
    pub skipped: usize,
}

#[derive(Debug, Deserialize)]
pub struct Schedules {
    pub tables: Vec<Table>,
    pub long: Vec<Long>,
    pub beta_quantiles: Vec<Quantile>,
}

#[derive(Debug, Deserialize)]
pub struct Long {
    pub schedule: String,
    pub steps: usize,
    pub shift: f32,
    pub count: usize,
    pub every_100th: Vec<f32>,
    pub sum: f64,
}

#[derive(Debug, Deserialize)]
pub struct Quantile {
    pub at: f64,
    pub quantile: f64,
}

#[derive(Debug, Deserialize)]
pub struct Samplers {
    pub walks: Vec<Walk>,
    pub masked: Vec<Walk>,
    pub guided: Vec<Guided>,
}

#[derive(Debug, Deserialize)]
pub struct Walk {
    pub sampler: String,
    pub shift: f32,
    pub sigmas: Vec<f32>,
    pub result: Vec<f64>,
}

#[derive(Debug, Deserialize)]
pub struct Guided {
    pub positive: f32,
    pub negative: f32,
    pub steps: i64,
    pub guidance: f64,
    pub cfg_normalization: f64,
    pub cfg_truncation: f64,
    pub first: Vec<f32>,
    pub last: Vec<f32>,
}

macro_rules! read {
    ($($name:ident $ty:ty, $file:literal;)*) => { $(
        pub fn $name() -> $ty {
            serde_json::from_str(include_str!(concat!("../../../tests/golden/units/", $file))).expect($file)
        }
    )* };
}
read! {
    sigmas Sigmas, "sigmas.json";
    schedules Schedules, "schedules.json";
    samplers Samplers, "samplers.json";
}
