//! Takes tensors out of a checkpoint and collects every key that does not fit, so that one error tells it all.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

use plugin_api::{Dtype, Error, Result, Tensor, Weights};

/// How many keys a message names before it only counts.
const NAMED: usize = 4;

/// A place in the tree of a checkpoint's names. All places of one checkpoint collect the same problems.
#[derive(Clone)]
pub struct Checkpoint {
    weights: Weights,
    path: String,
    problems: Rc<RefCell<Problems>>,
}

#[derive(Default)]
struct Problems {
    missing: Vec<String>,
    wrong: Vec<String>,
}

impl Checkpoint {
    pub fn new(weights: &Weights) -> Self {
        Self { weights: weights.clone(), path: String::new(), problems: Rc::default() }
    }

    /// The place `path` below this one.
    pub fn at(&self, path: impl Display) -> Self {
        Self {
            weights: self.weights.at(&path),
            path: format!("{}{path}.", self.path),
            problems: Rc::clone(&self.problems),
        }
    }

    /// The weights seen from here, for [`Weights::linear`].
    pub fn weights(&self) -> Weights {
        self.weights.clone()
    }

    pub fn has(&self, name: &str) -> bool {
        self.weights.contains(name)
    }

    /// The first of `names` that is there; the first of all where none is, so that it is reported as missing.
    pub fn first_of<'a>(&self, names: &[&'a str]) -> &'a str {
        names.iter().find(|name| self.has(&format!("{name}.weight"))).unwrap_or(&names[0])
    }

    /// Asks for a tensor of one of the `shapes`. False where there is none.
    pub fn need(&self, name: &str, shapes: &[&[i32]]) -> bool {
        let key = format!("{}{name}", self.path);
        let mut problems = self.problems.borrow_mut();
        match self.weights.find(name) {
            None => problems.missing.push(key),
            Some(found) if !shapes.contains(&found.shape.as_slice()) => {
                let needed: Vec<String> = shapes.iter().map(|shape| format!("{shape:?}")).collect();
                problems.wrong.push(format!(
                    "`{key}` has the shape {:?} instead of {}",
                    found.shape,
                    needed.join(" or ")
                ));
            }
            // Whole numbers are what a quantized file holds; taken for weights they would draw nonsense.
            Some(found) if !matches!(found.dtype, Some(Dtype::Float32 | Dtype::Bfloat16 | Dtype::Float16)) => {
                problems.wrong.push(format!("`{key}` holds no floating-point numbers"));
            }
            Some(_) => return true,
        }
        false
    }

    /// A tensor of exactly `shape`.
    pub fn tensor(&self, name: &str, shape: &[i32]) -> Tensor {
        self.need(name, &[shape]);
        self.weights.tensor(name)
    }

    /// The weight `[outputs, inputs]` of a linear layer that [`Weights::linear`] will use.
    pub fn linear(&self, name: &str, inputs: i32, outputs: i32) {
        self.need(&format!("{name}.weight"), &[&[outputs, inputs]]);
    }

    /// As [`Checkpoint::linear`], with a bias `[outputs]`.
    pub fn linear_bias(&self, name: &str, inputs: i32, outputs: i32) {
        self.linear(name, inputs, outputs);
        self.need(&format!("{name}.bias"), &[&[outputs]]);
    }

    /// Rows of a matrix whose size no configuration tells; 0 where it is missing, which `need` reports.
    pub fn rows(&self, name: &str) -> i32 {
        self.weights.find(name).and_then(|found| found.shape.first().copied()).unwrap_or(0)
    }

    /// # Errors
    /// Every problem so far, as one sentence about `what`.
    pub fn finish(&self, what: &str) -> Result<()> {
        // Taken, so that a second attempt does not tell them twice.
        match self.problems.take().sentence(what) {
            None => Ok(()),
            Some(sentence) => Err(Error::file(sentence).help("choose weights and configuration of the same model")),
        }
    }
}

impl Problems {
    fn sentence(&self, what: &str) -> Option<String> {
        let missing: Vec<String> = self.missing.iter().map(|key| format!("`{key}`")).collect();
        match (self.missing.len(), self.wrong.len()) {
            (0, 0) => None,
            (0, _) => Some(format!("the weights of the {what} do not fit its configuration: {}", some_of(&self.wrong))),
            (1, _) => Some(format!("the weights of the {what} lack the tensor {}", missing[0])),
            (count, _) => Some(format!("the weights of the {what} lack {count} tensors: {}", some_of(&missing))),
        }
    }
}

fn some_of(items: &[String]) -> String {
    let named = items[..items.len().min(NAMED)].join(", ");
    match items.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(missing: usize, wrong: usize) -> Problems {
        let names = |count: usize| (0..count).map(|i| format!("k{i}")).collect();
        Problems { missing: names(missing), wrong: names(wrong) }
    }

    #[test]
    fn a_fitting_checkpoint_has_no_problem() {
        assert_eq!(problems(0, 0).sentence("VAE"), None);
    }

    #[test]
    fn a_few_missing_keys_are_named_and_the_rest_counted() {
        assert_eq!(problems(1, 0).sentence("VAE").unwrap(), "the weights of the VAE lack the tensor `k0`");
        assert_eq!(
            problems(6, 2).sentence("VAE").unwrap(),
            "the weights of the VAE lack 6 tensors: `k0`, `k1`, `k2`, `k3` and 2 more"
        );
    }

    #[test]
    fn wrong_shapes_are_told_where_nothing_is_missing() {
        assert_eq!(
            problems(0, 2).sentence("VAE").unwrap(),
            "the weights of the VAE do not fit its configuration: k0, k1"
        );
    }
}
