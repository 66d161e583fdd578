//! What every merge does: look whether the models fit, change the tensors of the first, and say what it did.

use plugin_api::{
    Dtype, Error, InputKind, Model, NodeSpec, Record, Result, Run, Tensor, TensorInfo, Value, Weights, text,
};

use crate::fit;
use crate::numbers;
use crate::source::{Source, rounding};

/// A merge under way: the model whose tensors are changed, and the others.
pub struct Merge {
    base: Model,
    weights: Weights,
    changed: Vec<TensorInfo>,
}

impl Merge {
    /// Begins with the model of the input `name`.
    ///
    /// # Errors
    /// Models that do not fit, or are quantized where that is to be refused.
    pub fn of(run: &Run, inputs: &Record, name: &str, others: &[Source]) -> Result<Self> {
        let base: Model = inputs.get(name)?;
        let source = Source::linked(inputs, name)?;
        for other in others {
            fit::check(&source, other)?;
        }
        [&source].into_iter().chain(others).try_for_each(|source| check_quantized(run, inputs, source))?;
        let weights = base.weights();
        Ok(Self { base, weights, changed: Vec::new() })
    }

    /// Every tensor of floating-point numbers.
    pub fn tensors(&self) -> Vec<TensorInfo> {
        use Dtype::{Bool, Int32, Int64, Uint8, Uint32};
        let is_float = |info: &TensorInfo| !matches!(info.dtype, Some(Bool | Uint8 | Uint32 | Int32 | Int64));
        self.weights.list().into_iter().filter(is_float).collect()
    }

    /// Puts `change` of the old numbers, float32, in the place of a tensor.
    pub fn change(
        &mut self,
        info: TensorInfo,
        change: impl Fn(&Tensor, &str) -> Result<Tensor> + 'static,
    ) -> Result<()> {
        let name = info.name.clone();
        self.weights = self.weights.with_patch(&info.name, move |old| change(old, &name))?;
        self.changed.push(info);
        Ok(())
    }

    /// Mixes others into a tensor, one after the other: `(1 − share) · W + share · other`.
    pub fn mix(&mut self, info: TensorInfo, others: &[(Source, f64)]) -> Result<()> {
        let others: Vec<_> = others.iter().map(|(source, share)| (source.weights.clone(), *share)).collect();
        // What comes before the last one that is taken whole is of no account.
        let first = others.iter().rposition(|(_, share)| *share == 1.0).unwrap_or(0);
        let others: Vec<_> = others.into_iter().skip(first).filter(|(_, share)| *share != 0.0).collect();
        if others.is_empty() {
            return Ok(());
        }
        self.change(info, move |old, name| mixed(old, name, &others))
    }

    /// The merged model; `told` says for those who save it how it was made.
    pub fn finish(self, run: &Run, told: &Record) -> Result<Record> {
        let bytes = self.changed.iter().map(bytes).sum::<u64>();
        let free: i64 = run.info().get("free_memory")?;
        let (count, all) = (self.changed.len(), self.weights.list().len());
        run.note(&format!(
            "{count} of {all} tensors are merged; in use they take {} of memory, {} are free",
            text::bytes(bytes),
            text::bytes(free)
        ));
        let weights = if count == 0 { self.weights } else { self.weights.with_history(told) };
        Ok(Record::new().with("model", self.base.with_weights(&weights)?))
    }
}

fn mixed(old: &Tensor, name: &str, others: &[(Weights, f64)]) -> Result<Tensor> {
    let mut tensors = vec![old.clone()];
    tensors.extend(others.iter().map(|(weights, _)| weights.exact(name)));
    numbers::by_piece(tensors, |pieces, out| {
        out.iter_mut().zip(&pieces[0]).for_each(|(out, own)| *out = f64::from(*own));
        for (piece, (_, share)) in pieces[1..].iter().zip(others) {
            for (out, other) in out.iter_mut().zip(piece) {
                let other = f64::from(*other);
                // A whole one is taken as it is: 0 · ∞ is no number.
                *out = if *share == 1.0 { other } else { (1.0 - share) * *out + share * other };
            }
        }
    })
}

/// The bytes that a tensor has once a network takes it.
fn bytes(info: &TensorInfo) -> u64 {
    let count: u64 = info.shape.iter().map(|&side| side as u64).product();
    count * info.dtype.unwrap_or(Dtype::Float32).size() as u64
}

fn check_quantized(run: &Run, inputs: &Record, source: &Source) -> Result<()> {
    let Some(how) = rounding(&source.weights) else { return Ok(()) };
    let name = &source.name;
    if inputs.get::<String>("quantized")? == "refuse" {
        return Err(Error::invalid(format!("{name} is {how}, and the node is set to refuse that"))
            .help("load a file with whole numbers with `quantize` none, or set `quantized` of this node to widen"));
    }
    run.note(&format!("{name} is {how} and goes in as that; the result is not rounded again"));
    Ok(())
}

/// The inputs and the output that all merges have.
pub fn describe(spec: NodeSpec) -> NodeSpec {
    spec.param("quantized", InputKind::choice(&["widen", "refuse"]), QUANTIZED_HELP).output("model", "MODEL")
}

/// What is told of a merge: the node, and what went into it.
pub fn told(node: &str, others: &[(Source, f64)]) -> Record {
    let with: Vec<Value> = others.iter().map(|(source, share)| source.told(*share)).collect();
    Record::new().with("merge", node).with("with", with.as_slice())
}

const QUANTIZED_HELP: &str = "What becomes of a model that its loader or its file rounded to a few bits. widen: its rounded numbers are \
    merged, and the result takes the memory of a model that is not rounded. refuse: that is an error.";
