//! The names of a model's tensors, and all that a file may call them.

use std::collections::HashMap;
use std::ops::Range;

use super::{names, prefix};

/// Rows of one of the model's tensors. Their size is unknown where only the names are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub tensor: String,
    pub size: Option<Size>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Size {
    pub shape: Vec<usize>,
    pub rows: Range<usize>,
}

/// The parameter of a module that a change is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    Weight,
    Bias,
}

/// From names to the tensors that they mean: one, or three for fused q, k and v on a model that has them apart.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    exact: HashMap<String, Vec<Piece>>,
    /// With `_` for each `.`; none where two tensors would have the same name.
    flat: HashMap<String, Option<Vec<Piece>>>,
}

impl Index {
    /// `tensors`: whole names, and shapes where they are known.
    pub(super) fn new(tensors: impl Iterator<Item = (String, Option<Vec<usize>>)>) -> Self {
        let mut index = Self::default();
        for (tensor, shape) in tensors {
            let size = shape.map(|shape| Size { rows: 0..shape.first().copied().unwrap_or(1), shape });
            index.exact.insert(tensor.clone(), vec![Piece { tensor, size }]);
        }
        index.add_aliases();
        index.add_fused();
        index.add_split();
        index.flatten();
        index
    }

    /// What a module's parameter is in the model. A body may also be the whole name of a bare tensor.
    pub(super) fn get(&self, body: &str, leaf: Leaf) -> Option<&[Piece]> {
        match leaf {
            Leaf::Weight => self.find(&format!("{body}.weight")).or_else(|| self.find(body)),
            Leaf::Bias => self.find(&format!("{body}.bias")),
        }
    }

    fn find(&self, name: &str) -> Option<&[Piece]> {
        let flat = || self.flat.get(&name.replace('.', "_"))?.as_ref();
        self.exact.get(name).or_else(flat).map(Vec::as_slice)
    }

    fn add_aliases(&mut self) {
        let own: Vec<_> = self.exact.iter().map(|(name, pieces)| (name.clone(), pieces.clone())).collect();
        for (name, pieces) in own {
            for (_, body) in prefix::candidates(&name) {
                for alias in names::aliases(body) {
                    self.exact.entry(alias).or_insert_with(|| pieces.clone());
                }
            }
        }
    }

    /// A fused name for each q that has its k and v beside it.
    fn add_fused(&mut self) {
        for (before, after) in self.places(names::QKV[0]) {
            let parts = names::QKV.map(|part| self.exact.get(&format!("{before}{part}{after}")));
            if let [Some(q), Some(k), Some(v)] = parts {
                let pieces = [q.as_slice(), k, v].concat();
                if !of_one_width(&pieces) {
                    continue;
                }
                self.exact.entry(format!("{before}{}{after}", names::FUSED)).or_insert(pieces);
            }
        }
    }

    /// Three names for each fused matrix.
    fn add_split(&mut self) {
        for (before, after) in self.places(names::FUSED) {
            let Some([whole]) = self.exact.get(&format!("{before}{}{after}", names::FUSED)).map(Vec::as_slice) else {
                continue;
            };
            let Some(size) = whole.size.clone() else { continue };
            let tensor = whole.tensor.clone();
            for (part, rows) in names::QKV.iter().zip(thirds(size.rows.end, self.queries(&before))) {
                let size = Size { rows, shape: size.shape.clone() };
                let piece = Piece { tensor: tensor.clone(), size: Some(size) };
                self.exact.entry(format!("{before}{part}{after}")).or_insert_with(|| vec![piece]);
            }
        }
    }

    /// What stands before and after the module in each name that has it.
    fn places(&self, module: &str) -> Vec<(String, String)> {
        let split = |name: &String| {
            let (before, after) = name.split_once(module)?;
            matches!(after, ".weight" | ".bias").then(|| (before.to_owned(), after.to_owned()))
        };
        self.exact.keys().filter_map(split).collect()
    }

    /// Rows of q: what the output projection takes.
    fn queries(&self, before: &str) -> Option<usize> {
        let out = self.exact.get(&format!("{before}{}.weight", names::OUT))?;
        out.first()?.size.as_ref()?.shape.get(1).copied()
    }

    fn flatten(&mut self) {
        for (name, pieces) in &self.exact {
            let entry = self.flat.entry(name.replace('.', "_")).or_insert_with(|| Some(pieces.clone()));
            if entry.as_ref().is_some_and(|known| known != pieces) {
                *entry = None;
            }
        }
    }
}

fn of_one_width(pieces: &[Piece]) -> bool {
    let width = |piece: &Piece| piece.size.as_ref().map(|size| size.shape.get(1..).map(<[_]>::to_vec));
    pieces.windows(2).all(|pair| width(&pair[0]) == width(&pair[1]))
}

/// The rows of q, k and v in a matrix of `rows`; k and v are of one size.
fn thirds(rows: usize, queries: Option<usize>) -> [Range<usize>; 3] {
    let q = queries.filter(|q| *q <= rows && (rows - q).is_multiple_of(2)).unwrap_or(rows / 3);
    let k = q + (rows - q) / 2;
    [0..q, q..k, k..rows]
}
