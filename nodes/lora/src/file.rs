//! An open LoRA, fitted to the models that it is for.

use plugin_api::{Error, ErrorKind, Model, Record, Result, Run, Tensor, Weights};
use weft_formats::lora::{self, Adapter, Alpha, Metadata, Targets};
use weft_formats::{Dtype, Tensor as Header};

use crate::report;
use crate::row::{Models, Options, Row};

/// A product of larger factors has no point: the limit keeps a wrong file from taking the memory.
const MOST_RANK: usize = 4096;

pub struct Lora {
    pub tensors: Weights,
    pub adapters: Vec<Adapter>,
    pub trigger_words: Vec<String>,
}

impl Lora {
    /// Opens a file and finds what it changes in the models.
    ///
    /// # Errors
    /// A file that is none, that does not fit, that has numbers which are none.
    pub fn open(run: &Run, row: &Row, models: &Models, options: Options) -> Result<Self> {
        let tensors = Weights::open(&row.file)?;
        let (headers, metadata) = (headers(&tensors), metadata(&tensors.metadata())?);
        let text_encoder = models.text_encoder.as_ref().map(model_headers);
        let targets = Targets::of(&model_headers(&models.model), text_encoder.as_deref());
        let fit = lora::fit(&headers, &metadata, &targets);
        report::tell(run, row, &fit)?;
        report::check(row, &fit, options)?;
        let trigger_words = lora::about(&metadata).trigger_words;
        let lora = Self { tensors, adapters: fit.adapters, trigger_words };
        lora.check(row)?;
        Ok(lora)
    }

    /// A factor as it stands in the file, as a matrix: further axes of 1 are left out.
    pub fn tensor(&self, name: &str) -> Tensor {
        let tensor = self.tensors.tensor(name);
        match tensor.shape().as_deref() {
            Ok([rows, columns, 1] | [rows, columns, 1, 1]) => tensor.reshape(&[*rows, *columns]),
            _ => tensor,
        }
    }

    /// `alpha / rank`, or 1 where there is no alpha.
    pub fn scale(&self, adapter: &Adapter) -> Result<f64> {
        let alpha = match &adapter.alpha {
            Alpha::None => return Ok(1.0),
            Alpha::Number(alpha) => *alpha,
            Alpha::Tensor(name) => self.tensors.tensor(name).to_vec::<f32>()?.first().copied().unwrap_or(0.0).into(),
        };
        Ok(alpha / adapter.rank.max(1) as f64)
    }

    fn check(&self, row: &Row) -> Result<()> {
        if let Some(adapter) = self.adapters.iter().find(|adapter| adapter.rank > MOST_RANK) {
            let what = format!("`{}` of {} has the rank {}", adapter.module, row.file, adapter.rank);
            return Err(Error::new(ErrorKind::Limit, format!("{what}, at most {MOST_RANK} are allowed"))
                .help("the file is broken or no LoRA; use another"));
        }
        for name in self.adapters.iter().flat_map(Adapter::tensors) {
            let numbers = self.tensors.tensor(name).is_finite().all(&[], false).to_vec::<u8>()?;
            if numbers != [1] {
                return Err(Error::file(format!("the tensor `{name}` of {} holds NaN or infinity", row.file)).help(
                    "the file is broken: training went wrong, or the download did. Get it again or use another",
                ));
            }
        }
        Ok(())
    }
}

fn model_headers(model: &Model) -> Vec<Header> {
    headers(&model.weights())
}

fn headers(weights: &Weights) -> Vec<Header> {
    let header = |info: plugin_api::TensorInfo| Header {
        dtype: Dtype::named(&info.stored),
        shape: info.shape.iter().map(|&n| n.unsigned_abs() as usize).collect(),
        name: info.name,
    };
    weights.list().into_iter().map(header).collect()
}

fn metadata(record: &Record) -> Result<Metadata> {
    record.keys().into_iter().map(|key| Ok((key.clone(), record.get(&key)?))).collect()
}
