//! Fits a file to a model: every key finds its target or a reason why not.

use std::collections::HashMap;

use super::delta::{self, Built, Fault, dims};
use super::group::{Group, groups};
use super::index::Leaf;
use super::peft::{self, Config};
use super::report::Report;
use super::suffix::{Kind, Role};
use super::{Adapter, Alpha, Delta, Key, Metadata, Part, State, Target, Targets};
use crate::Tensor;

/// What a file does to a model.
#[derive(Debug, Clone)]
pub struct Fit {
    /// In the order of the file's names.
    pub adapters: Vec<Adapter>,
    /// Every key of the file, in order.
    pub keys: Vec<Key>,
}

/// Fits a file to the targets.
pub fn fit(file: &[Tensor], metadata: &Metadata, targets: &Targets) -> Fit {
    let mut fitting = Fitting {
        file,
        config: Config::of(metadata),
        targets,
        adapters: Vec::new(),
        claimed: HashMap::new(),
        report: Report::new(file),
    };
    let (groups, strangers) = groups(file);
    groups.iter().for_each(|group| fitting.group(group));
    strangers.into_iter().for_each(|key| fitting.stranger(key));
    Fit { adapters: fitting.adapters, keys: fitting.report.keys() }
}

struct Fitting<'a> {
    file: &'a [Tensor],
    config: Config,
    targets: &'a Targets,
    adapters: Vec<Adapter>,
    /// By the model's tensor: the adapters that change it.
    claimed: HashMap<String, Vec<usize>>,
    report: Report<'a>,
}

/// What became of a module's weight: the kind that is applied, or why none is.
type Fate = Result<Kind, Fault>;

impl<'a> Fitting<'a> {
    fn group(&mut self, group: &Group<'a>) {
        let mut weight: Option<Fate> = None;
        for &kind in &group.kinds {
            let fate = match &weight {
                Some(Ok(first)) if kind != Kind::Bias => Err(second(*first, kind)),
                _ => self.adapt(group, kind).map(|()| kind),
            };
            self.report_kind(group, kind, &fate);
            if kind != Kind::Bias && !matches!(weight, Some(Ok(_))) {
                weight = Some(fate);
            }
        }
        self.report_companions(group, weight);
        for &(key, first) in &group.doubles {
            let why = format!("it says the same as `{}`", self.file[first].name);
            self.report.fault(key, None, &Fault { state: State::Unknown, why });
        }
    }

    /// Adds the adapter of one kind of a module.
    fn adapt(&mut self, group: &Group<'a>, kind: Kind) -> Result<(), Fault> {
        let place = self.targets.resolve(group.module, leaf(kind))?;
        let Built { delta, shape, rank } = delta::build(self.file, group, kind)?;
        let targets = place.targets(&shape, matches!(delta, Delta::Full { .. }))?;
        let adapter = Adapter {
            part: place.part,
            module: group.module.to_owned(),
            targets,
            alpha: self.alpha(group, &delta, place.part, rank)?,
            magnitude: self.magnitude(group, &delta, &shape)?,
            delta,
            rank,
        };
        self.claim(&adapter)?;
        self.adapters.push(adapter);
        Ok(())
    }

    /// Alpha's tensor wins over the metadata's number.
    fn alpha(&self, group: &Group<'_>, delta: &Delta, part: Part, rank: usize) -> Result<Alpha, Fault> {
        let tensor = group.tensor(self.file, Role::Alpha);
        if let Some(alpha) = tensor.filter(|alpha| alpha.shape.iter().any(|&axis| axis != 1)) {
            return Err(Fault::shape(format!("`{}` is {}, not one number", alpha.name, dims(&alpha.shape))));
        }
        if rank == 0 || matches!(delta, Delta::Full { .. }) {
            return Ok(Alpha::None);
        }
        if let Some(alpha) = tensor {
            return Ok(Alpha::Tensor(alpha.name.clone()));
        }
        let unreadable = |_| Fault::shape(format!("its alpha in the metadata (`{}`) cannot be read", peft::KEY));
        let number = self.config.alpha(part, group.module, rank).map_err(unreadable)?;
        Ok(number.map_or(Alpha::None, Alpha::Number))
    }

    fn magnitude(&self, group: &Group<'_>, delta: &Delta, shape: &[usize]) -> Result<Option<String>, Fault> {
        let Some(tensor) = group.tensor(self.file, Role::Magnitude).filter(|_| !matches!(delta, Delta::Full { .. }))
        else {
            return Ok(None);
        };
        let (outputs, inputs) = (shape[0], shape[1]);
        match tensor.shape[..] {
            [rows] | [rows, 1] | [rows, 1, 1, 1] if rows == outputs => Ok(Some(tensor.name.clone())),
            [1, columns] | [1, columns, 1, 1] if columns == inputs => Ok(Some(tensor.name.clone())),
            _ => {
                let why = format!("`{}` is {}, its change {}", tensor.name, dims(&tensor.shape), dims(shape));
                Err(Fault::shape(why))
            }
        }
    }

    /// Each row of the model is changed by one adapter of the file at most.
    fn claim(&mut self, adapter: &Adapter) -> Result<(), Fault> {
        for target in &adapter.targets {
            let others = self.claimed.get(&target.tensor).into_iter().flatten().map(|&at| &self.adapters[at]);
            if let Some(other) =
                others.into_iter().find(|other| other.targets.iter().any(|known| overlap(known, target)))
            {
                let why = format!("`{}` changes `{}` already", other.module, target.tensor);
                return Err(Fault { state: State::Unknown, why });
            }
        }
        for target in &adapter.targets {
            self.claimed.entry(target.tensor.clone()).or_default().push(self.adapters.len());
        }
        Ok(())
    }

    fn report_kind(&mut self, group: &Group<'a>, kind: Kind, fate: &Fate) {
        group.keys(kind).for_each(|key| self.report(group, leaf(kind), key, fate.as_ref().map(|_| ())));
    }

    /// Alpha and magnitude go where the weight goes.
    fn report_companions(&mut self, group: &Group<'a>, weight: Option<Fate>) {
        let fate = weight.unwrap_or_else(|| Err(self.alone(group)));
        for (role, key) in group.companions() {
            match &fate {
                Ok(Kind::Full) if role == Role::Magnitude => {
                    let fault = Fault::incomplete("there is no LoRA, LoKr or LoHa beside it");
                    self.report(group, Leaf::Weight, key, Err(&fault));
                }
                fate => self.report(group, Leaf::Weight, key, fate.as_ref().map(|_| ())),
            }
        }
    }

    /// Why alpha or a magnitude without anything to scale is not applied.
    fn alone(&self, group: &Group<'_>) -> Fault {
        let place = self.targets.resolve(group.module, Leaf::Weight);
        place.err().unwrap_or_else(|| Fault::incomplete("there is nothing beside it that it could scale"))
    }

    fn report(&mut self, group: &Group<'a>, leaf: Leaf, key: usize, fate: Result<(), &Fault>) {
        let place = self.targets.resolve(group.module, leaf).ok();
        match (fate, place) {
            (Ok(()), Some(place)) => self.report.applied(key, place.part, place.name()),
            (Err(fault), place) => self.report.fault(key, place.as_ref().map(|place| place.name()), fault),
            (Ok(()), None) => {}
        }
    }

    /// A key without the suffix of an adapter.
    fn stranger(&mut self, key: usize) {
        let why = "its end is none of an adapter's (`.lora_A.weight`, `.lora_down.weight`, `.alpha` …)".to_owned();
        self.report.fault(key, None, &Fault { state: State::Unknown, why });
    }
}

fn leaf(kind: Kind) -> Leaf {
    if kind == Kind::Bias { Leaf::Bias } else { Leaf::Weight }
}

fn second(first: Kind, kind: Kind) -> Fault {
    let why =
        format!("its module has a {} already, and a {} besides would be a second change", first.name(), kind.name());
    Fault { state: State::Unknown, why }
}

/// Whether two targets of one tensor share rows of it.
fn overlap(one: &Target, other: &Target) -> bool {
    one.first < other.first + other.rows.len() && other.first < one.first + one.rows.len()
}
