//! The keys of a file by module.

use std::collections::{BTreeMap, HashMap};

use super::suffix::{self, Kind, Role};
use crate::Tensor;

/// The keys of one module, as places in the file.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub module: &'a str,
    pub roles: BTreeMap<Role, usize>,
    /// Kinds in the order of the file.
    pub kinds: Vec<Kind>,
    /// Keys that say what another has said already, with that other.
    pub doubles: Vec<(usize, usize)>,
}

impl Group<'_> {
    /// The keys of a kind.
    pub(super) fn keys(&self, kind: Kind) -> impl Iterator<Item = usize> {
        self.roles.iter().filter(move |(role, _)| role.kind() == Some(kind)).map(|(_, &key)| key)
    }

    /// Alpha and magnitude.
    pub(super) fn companions(&self) -> impl Iterator<Item = (Role, usize)> {
        self.roles.iter().filter(|(role, _)| role.kind().is_none()).map(|(&role, &key)| (role, key))
    }

    pub(super) fn tensor<'f>(&self, file: &'f [Tensor], role: Role) -> Option<&'f Tensor> {
        self.roles.get(&role).map(|&key| &file[key])
    }

    fn add(&mut self, role: Role, key: usize) {
        if let Some(&first) = self.roles.get(&role) {
            return self.doubles.push((key, first));
        }
        self.roles.insert(role, key);
        if let Some(kind) = role.kind().filter(|kind| !self.kinds.contains(kind)) {
            self.kinds.push(kind);
        }
    }
}

/// The groups in the order of the file, and the keys that belong to no adapter.
pub(super) fn groups(file: &[Tensor]) -> (Vec<Group<'_>>, Vec<usize>) {
    let (mut groups, mut strangers) = (Vec::new(), Vec::new());
    let mut places = HashMap::new();
    for (key, tensor) in file.iter().enumerate() {
        let Some((module, role)) = suffix::split(&tensor.name) else {
            strangers.push(key);
            continue;
        };
        let place = *places.entry(module).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Group { module, roles: BTreeMap::new(), kinds: Vec::new(), doubles: Vec::new() });
        }
        groups[place].add(role, key);
    }
    (groups, strangers)
}
