//! From a module of the file to the tensors of the model.

use super::delta::{Fault, dims};
use super::index::{Index, Leaf, Piece};
use super::targets::{Targets, of_text_encoder};
use super::{Part, State, Target, prefix};

/// Where a module stands in the model.
#[derive(Debug)]
pub(super) struct Place<'t> {
    pub part: Part,
    /// The module without its prefix, as the file spells it.
    pub body: String,
    pub pieces: &'t [Piece],
}

impl Targets {
    /// The place that a module of the file means: the model's own names first, then the text encoder's.
    pub(super) fn resolve(&self, module: &str, leaf: Leaf) -> Result<Place<'_>, Fault> {
        let model = || find(&self.model, Part::Model, module, leaf);
        let encoder = || find(self.text_encoder.as_ref()?, Part::TextEncoder, module, leaf);
        model().or_else(encoder).ok_or_else(|| self.stranger(module, leaf))
    }

    fn stranger(&self, module: &str, leaf: Leaf) -> Fault {
        let of_encoder = prefix::part(module).map_or_else(|| of_text_encoder(module), |part| part == Part::TextEncoder);
        match (of_encoder, &self.text_encoder) {
            (true, None) => Fault { state: State::NoTextEncoder, why: "no text encoder is connected".to_owned() },
            (true, Some(_)) => Fault::unknown("the text encoder", module, leaf),
            (false, _) => Fault::unknown("the model", module, leaf),
        }
    }
}

impl Fault {
    fn unknown(whose: &str, module: &str, leaf: Leaf) -> Self {
        let body = prefix::candidates(module).last().map_or(module, |(_, body)| body);
        let what = match leaf {
            Leaf::Weight => "tensor",
            Leaf::Bias => "bias",
        };
        Self { state: State::Unknown, why: format!("{whose} has no {what} `{body}`") }
    }
}

/// Names without a prefix, and those whose prefix speaks of no part, may be of either.
fn find<'t>(index: &'t Index, part: Part, module: &str, leaf: Leaf) -> Option<Place<'t>> {
    // Old diffusers put the adapter into the attention's processor.
    let module = module.replace(".processor.", ".");
    let candidates = prefix::candidates(&module).into_iter().filter(|(hint, _)| hint.is_none_or(|hint| hint == part));
    candidates
        .into_iter()
        .find_map(|(_, body)| Some(Place { part, body: body.to_owned(), pieces: index.get(body, leaf)? }))
}

impl Place<'_> {
    /// The first tensor, for reports.
    pub(super) fn name(&self) -> &str {
        self.pieces.first().map_or(&self.body, |piece| &piece.tensor)
    }

    /// The targets of a ΔW of this shape, if it has that of the model's tensors. For a difference written in full, axes of
    /// one do not count: a pad token is `[1, dim]` or `[dim]`.
    pub(super) fn targets(&self, delta: &[usize], full: bool) -> Result<Vec<Target>, Fault> {
        self.check(delta, full)?;
        let rows = delta.first().copied().unwrap_or(1);
        let mut next = 0;
        let targets = self.pieces.iter().map(|piece| {
            let (first, count, of) = match &piece.size {
                Some(size) => (size.rows.start, size.rows.len(), size.shape.first().copied().unwrap_or(1)),
                None => (0, rows / self.pieces.len(), rows / self.pieces.len()),
            };
            next += count;
            Target { tensor: piece.tensor.clone(), rows: next - count..next, first, of }
        });
        Ok(targets.collect())
    }

    fn check(&self, delta: &[usize], full: bool) -> Result<(), Fault> {
        match self.shape() {
            Some(shape) if shape != delta && !(full && wide(&shape) == wide(delta)) => {
                let why = format!("its change is {}, `{}` is {}", dims(delta), self.name(), dims(&shape));
                Err(Fault::shape(why))
            }
            None if !delta.first().is_some_and(|rows| rows.is_multiple_of(self.pieces.len())) => {
                Err(Fault::shape(format!("{} rows do not divide into {}", dims(delta), self.pieces.len())))
            }
            _ => Ok(()),
        }
    }

    /// What the pieces have together, where that is known.
    fn shape(&self) -> Option<Vec<usize>> {
        let sizes: Option<Vec<_>> = self.pieces.iter().map(|piece| piece.size.as_ref()).collect();
        let sizes = sizes?;
        let mut shape = sizes.first()?.shape.clone();
        if let Some(rows) = shape.first_mut() {
            *rows = sizes.iter().map(|size| size.rows.len()).sum();
        }
        Some(shape)
    }
}

fn wide(shape: &[usize]) -> Vec<usize> {
    shape.iter().copied().filter(|&axis| axis != 1).collect()
}
