//! The values that a pickle makes.

use super::global::{Global, Number};

/// Where a value lies in the [`Heap`].
pub type Id = u32;

/// Every value of a pickle. They name each other by place, so that one inside of itself, or a million inside of each other,
/// is no different from any other.
pub type Heap = Vec<Value>;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// None, a bool, a float, raw bytes: nothing that a tensor is made of.
    Nothing,
    Int(i128),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage(Storage),
    Tensor(Tensor),
}

/// A row of numbers outside of the pickle.
#[derive(Debug, Clone, PartialEq)]
pub struct Storage {
    pub number: Number,
    pub key: String,
    /// Its first number within the row of that key: old files have such views.
    pub offset: u64,
    /// How many numbers it has.
    pub count: u64,
}

/// A view of a storage. Offset and strides count numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    pub storage: Storage,
    pub offset: u64,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}
