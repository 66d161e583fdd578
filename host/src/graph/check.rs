//! Graph and catalogue to plan: every error at once, each with its node and input.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexSet;
use plugin_api::{InputSpec, NodeSpec};

use super::order::sort;
use super::passing::{Mode, Passing, Target};
use super::plan::{Param, Plan, Source, Step};
use super::plugins::Named;
use super::unknown::unknown_kind;
use super::values::{default, fits, missing, param, takes, wrong_kind};
use super::{Graph, Input, Link, Node, Roots, shorten};
use crate::error::{Code, Error};
use crate::plugins::Catalog;
use crate::text;

/// Checks `graph` and orders what has to run: every sink and every node in `wanted`, with all that they take from.
/// Muted nodes do not run, nor does what cannot run without them; bypassed ones pass on what they take.
///
/// # Errors
/// Everything that is wrong, not just the first of it.
pub fn check(graph: &Graph, catalog: &Catalog, roots: &Roots, wanted: &[Link]) -> Result<Plan, Vec<Error>> {
    let partly = Checker::new(graph, catalog, roots, false).check(wanted);
    let errors: Vec<Error> = partly.errors.into_iter().map(|(_, error)| error).collect();
    partly.plan.filter(|_| errors.is_empty()).ok_or(errors)
}

/// What of a graph can run.
#[derive(Debug)]
pub struct Partly {
    /// There where nothing that has to run is wrong; `errors` may still tell of other nodes.
    pub plan: Option<Plan>,
    /// Nodes that do not run, and why: "it is muted", "needs `depth/Estimate`, whose plugin is not loaded".
    pub skipped: Vec<(String, String)>,
    /// What is wrong, with the node that it belongs to. A cycle has its first node, a graph without an end none.
    pub errors: Vec<(Option<String>, Error)>,
}

/// Like [`check`], but a node that no plugin brings counts as muted, so that the rest runs.
pub fn check_partly(graph: &Graph, catalog: &Catalog, roots: &Roots) -> Partly {
    Checker::new(graph, catalog, roots, true).check(&[])
}

/// Like [`check`], but where nothing is wrong but that plugins are missing, the rest is ordered all the same.
#[derive(Debug)]
pub struct Present {
    pub plan: Plan,
    /// Nodes that do not run, and why, as in [`Partly`].
    pub skipped: Vec<(String, String)>,
    /// A node of each missing plugin, with what to get; empty where all are there.
    pub missing: Vec<Error>,
}

/// The plan of what can run without the plugins that are missing.
///
/// # Errors
/// As [`check`]; what is missing is an error where nothing else is left to run.
pub fn check_present(graph: &Graph, catalog: &Catalog, roots: &Roots, wanted: &[Link]) -> Result<Present, Vec<Error>> {
    let missing = match check(graph, catalog, roots, wanted) {
        Ok(plan) => return Ok(Present { plan, skipped: Vec::new(), missing: Vec::new() }),
        Err(errors) => errors,
    };
    if missing.iter().any(|error| error.code != Code::Plugin) {
        return Err(missing);
    }
    let partly = Checker::new(graph, catalog, roots, true).check(wanted);
    match partly.plan.filter(|_| partly.errors.is_empty()) {
        Some(plan) => Ok(Present { plan, skipped: partly.skipped, missing }),
        None => Err(missing),
    }
}

/// `sample (sampler/Sample)`, as messages name a node.
pub fn describe(id: &str, kind: &str) -> String {
    format!("node `{id}` ({kind})")
}

/// An input that is right by itself; links are still by name.
enum Checked<'a> {
    /// Where nothing comes from there, an input that is not required has a default.
    Link {
        link: &'a Link,
        /// The index of its node.
        from: usize,
        required: bool,
        default: Option<Param>,
    },
    Param(Param),
}

/// By their names.
type Inputs<'a> = Vec<(&'a str, Checked<'a>)>;

/// Nodes are looked up by name once and have an index from then on, their place in the graph: graphs may be large.
struct Checker<'a> {
    graph: &'a Graph,
    catalog: &'a Catalog,
    /// What each node is, where it is known.
    specs: Vec<Option<&'a NodeSpec>>,
    roots: &'a Roots,
    passing: Passing<'a>,
    /// The plugins that the graph was made with.
    named: BTreeMap<String, Named>,
    errors: Vec<(Option<String>, Error)>,
    /// Nodes that cannot run, and what they need for it.
    skipped: HashMap<&'a str, String>,
}

impl<'a> Checker<'a> {
    fn new(graph: &'a Graph, catalog: &'a Catalog, roots: &'a Roots, is_partial: bool) -> Self {
        let passing = Passing::new(graph, catalog, is_partial);
        let (specs, named) = (specs(graph, catalog), graph.named_plugins());
        Self { graph, catalog, specs, roots, passing, named, errors: Vec::new(), skipped: HashMap::new() }
    }

    fn check(mut self, wanted: &[Link]) -> Partly {
        let graph = self.graph;
        let mut inputs = Vec::with_capacity(graph.nodes.len());
        for (index, (id, node)) in graph.nodes.iter().enumerate() {
            if let Err(error) = Mode::of(node) {
                self.fail(id, error.place(describe(id, &node.kind)));
            }
            inputs.push(self.passing.runs(id).then(|| self.node(index, id, node)));
        }
        self.skip(&mut inputs);
        // What does not run may be as wrong as it likes.
        let skipped = &self.skipped;
        self.errors.retain(|(id, _)| id.as_deref().is_none_or(|id| !skipped.contains_key(id)));
        for link in wanted {
            if let Err(error) = self.wanted(link) {
                self.errors.push((None, Error { code: Code::Usage, ..error.place("--dump") }));
            }
        }
        let needed = self.needed(&inputs, wanted);
        let mut in_the_way = needed.is_empty();
        let order = sort(&needed, inputs.len(), |node| sources(&inputs[node])).unwrap_or_else(|cycle| {
            let ids = graph.nodes.keys();
            let cycle: Vec<&str> = cycle.iter().map(|&node| ids[node].as_str()).collect();
            let error = Error::new(Code::Invalid, "the graph has a cycle: a node takes its own output");
            let error = error.place(cycle.join(" → ")).help("remove one of these links");
            self.errors.push((cycle.first().map(|&id| id.to_owned()), error));
            in_the_way = true;
            Vec::new()
        });
        let is_needed = |id: &str| graph.nodes.get_index_of(id).is_some_and(|node| needed.contains(&node));
        in_the_way |= self.errors.iter().any(|(id, _)| id.as_deref().is_none_or(is_needed));
        let skipped = graph.nodes.keys().filter_map(|id| {
            let why = self.passing.why(id).or_else(|| Some(format!("needs {}", self.skipped.get(id.as_str())?)))?;
            Some((id.clone(), why))
        });
        let skipped = skipped.collect();
        let plan = (!in_the_way).then(|| plan(graph, &order, inputs));
        Partly { plan, skipped, errors: self.errors }
    }

    fn fail(&mut self, id: &str, error: Error) {
        self.errors.push((Some(id.to_owned()), error));
    }

    fn node(&mut self, index: usize, id: &'a str, node: &'a Node) -> Inputs<'a> {
        let place = || describe(id, &node.kind);
        let Some(spec) = self.specs[index] else {
            let error = unknown_kind(&node.kind, self.catalog, &self.named).place(place());
            self.fail(id, error);
            return Vec::new();
        };
        for name in node.inputs.keys().filter(|name| spec.inputs.iter().all(|input| input.name != **name)) {
            let names = spec.inputs.iter().map(|input| input.name.as_str());
            let error = Error::new(Code::Invalid, format!("{} has no input `{name}`", node.kind));
            self.fail(id, error.place(place()).help(text::did_you_mean("its inputs are", name, names)));
        }
        let mut checked = Vec::with_capacity(spec.inputs.len());
        for input in &spec.inputs {
            match self.input(id, node, input) {
                Ok(Some(value)) => checked.push((input.name.as_str(), value)),
                Ok(None) => {}
                Err(error) => self.fail(id, error.place(format!("{}, input `{}`", place(), input.name))),
            }
        }
        checked
    }

    fn input(&mut self, id: &'a str, node: &'a Node, spec: &InputSpec) -> Result<Option<Checked<'a>>, Error> {
        match node.inputs.get(&spec.name) {
            Some(Input::Link(link)) => {
                let named = self.output(link)?;
                let target = match self.passing.target(link) {
                    Target::Output(target) => target,
                    Target::Nothing(why) if spec.required => {
                        self.skipped.entry(id).or_insert(why);
                        return Ok(None);
                    }
                    Target::Nothing(_) => return Ok(default(&spec.kind).map(Checked::Param)),
                };
                let (from, kind) = if std::ptr::eq(target, link) { named } else { self.output(target)? };
                if let Some(kind) = kind.filter(|kind| !spec.kind.link().is_some_and(|wanted| fits(kind, wanted))) {
                    return Err(wrong_kind(target, kind, spec));
                }
                Ok(Some(Checked::Link { link: target, from, required: spec.required, default: default(&spec.kind) }))
            }
            Some(Input::Value(raw)) => self.value(raw, spec).map(|param| param.map(Checked::Param)),
            None if spec.required => Err(missing(spec)),
            None => Ok(default(&spec.kind).map(Checked::Param)),
        }
    }

    /// The index of the node that `link` names, and its output's kind. An unknown node is an error of its own; what it
    /// would put out is not known.
    fn output(&self, link: &Link) -> Result<(usize, Option<&'a str>), Error> {
        let Some((index, _, node)) = self.graph.nodes.get_full(&link.node) else {
            let names = self.graph.nodes.keys().map(String::as_str);
            let error = Error::new(Code::Invalid, format!("the graph has no node `{}`", link.node));
            return Err(error.help(text::did_you_mean("the nodes are", &link.node, names)));
        };
        let Some(spec) = self.specs[index] else { return Ok((index, None)) };
        let Some(output) = spec.outputs.iter().find(|output| output.name == link.output) else {
            let names = spec.outputs.iter().map(|output| output.name.as_str());
            let error = Error::new(Code::Invalid, format!("{} has no output `{}`", node.kind, link.output));
            return Err(error.help(text::did_you_mean("its outputs are", &link.output, names)));
        };
        Ok((index, Some(&output.kind)))
    }

    fn value(&self, raw: &str, spec: &InputSpec) -> Result<Option<Param>, Error> {
        // It was parsed when the file was read; a graph made in memory may still hold anything.
        let value: ron::Value = ron::from_str(raw)
            .map_err(|error| Error::new(Code::Invalid, format!("`{raw}` is not a value")).cause(error.code))?;
        if value == ron::Value::Option(None) {
            return if spec.required { Err(missing(spec)) } else { Ok(default(&spec.kind)) };
        }
        param(self.roots, &value, &spec.kind).map(Some).map_err(|cause| {
            Error::new(Code::Invalid, format!("{} is not what this input takes", shorten(raw)))
                .cause(cause)
                .help(takes(&spec.kind))
        })
    }

    /// Whether something that can be written comes from the output.
    fn wanted(&self, link: &Link) -> Result<(), Error> {
        let (_, kind) = self.output(link)?;
        if self.passing.runs(&link.node) && !self.skipped.contains_key(link.node.as_str()) {
            return kind.map_or(Ok(()), |kind| dumpable(&link.output, kind));
        }
        let why = self.skipped.get(link.node.as_str()).map(|why| format!("it needs {why}"));
        let why = why.or_else(|| self.passing.why(&link.node)).unwrap_or_else(|| "it is bypassed".to_owned());
        let error = Error::new(Code::Usage, format!("`{}` does not run", link.node));
        Err(error.cause(why).help("take its mode away"))
    }

    /// Spreads [`Checker::skipped`] over required inputs, and puts defaults in the place of the other links.
    fn skip(&mut self, inputs: &mut [Option<Inputs<'a>>]) {
        if self.skipped.is_empty() {
            return;
        }
        let ids = self.graph.nodes.keys();
        let mut takers: HashMap<&str, Vec<&'a str>> = HashMap::new();
        for (id, inputs) in ids.clone().zip(inputs.iter()) {
            for (_, input) in inputs.iter().flatten() {
                if let Checked::Link { link, required: true, .. } = input {
                    takers.entry(&link.node).or_default().push(id);
                }
            }
        }
        let mut next: Vec<&str> = self.skipped.keys().copied().collect();
        while let Some(id) = next.pop() {
            let why = self.skipped[id].clone();
            for taker in takers.remove(id).into_iter().flatten() {
                if !self.skipped.contains_key(taker) {
                    self.skipped.insert(taker, why.clone());
                    next.push(taker);
                }
            }
        }
        for (id, inputs) in ids.zip(inputs) {
            *inputs = inputs.take().filter(|_| !self.skipped.contains_key(id.as_str()));
            let Some(inputs) = inputs else { continue };
            inputs.retain_mut(|(_, input)| match input {
                Checked::Link { link, default, .. } if self.skipped.contains_key(link.node.as_str()) => {
                    let param = default.take();
                    let is_there = param.is_some();
                    param.into_iter().for_each(|param| *input = Checked::Param(param));
                    is_there
                }
                _ => true,
            });
        }
    }

    /// The nodes that have to run, with all that they take from. Reports graphs without an end.
    fn needed(&mut self, inputs: &[Option<Inputs<'a>>], wanted: &[Link]) -> IndexSet<usize> {
        let runs = |node: &usize| inputs[*node].is_some();
        let sinks: Vec<usize> =
            (0..inputs.len()).filter(|&node| self.specs[node].is_some_and(|spec| spec.sink)).collect();
        let wanted = wanted.iter().filter_map(|link| self.graph.nodes.get_index_of(&link.node));
        let mut needed: IndexSet<usize> = sinks.iter().copied().chain(wanted).filter(runs).collect();
        if needed.is_empty() && self.errors.is_empty() {
            let error = Error::new(Code::Invalid, "the graph has nothing to run");
            let error = if sinks.is_empty() {
                error.cause("no node saves or shows anything").help("add an image-io/SaveImage")
            } else {
                let cause = "every node that saves or shows something is muted, or needs one that is muted or missing";
                error.cause(cause).help("take the mode of one of them away")
            };
            self.errors.push((None, error));
        }
        let mut next = 0;
        while let Some(&node) = needed.get_index(next) {
            needed.extend(sources(&inputs[node]));
            next += 1;
        }
        needed
    }
}

/// What each node of a graph is; none where no plugin brings it.
fn specs<'a>(graph: &'a Graph, catalog: &'a Catalog) -> Vec<Option<&'a NodeSpec>> {
    let mut known: HashMap<&str, Option<&NodeSpec>> = HashMap::new();
    let kinds = graph.nodes.values().map(|node| node.kind.as_str());
    kinds.map(|kind| *known.entry(kind).or_insert_with(|| catalog.node(kind))).collect()
}

/// The nodes that a node with these inputs takes from.
fn sources(inputs: &Option<Inputs<'_>>) -> impl Iterator<Item = usize> {
    inputs.iter().flatten().filter_map(|(_, input)| match input {
        Checked::Link { from, .. } => Some(*from),
        Checked::Param(_) => None,
    })
}

fn plan(graph: &Graph, order: &[usize], mut inputs: Vec<Option<Inputs<'_>>>) -> Plan {
    let mut step_of = vec![0; inputs.len()];
    order.iter().enumerate().for_each(|(step, &node)| step_of[node] = step);
    let source = |(name, input): (&str, Checked<'_>)| {
        let source = match input {
            Checked::Link { link, from, .. } => Source::Step { step: step_of[from], output: link.output.clone() },
            Checked::Param(param) => Source::Param(param),
        };
        (name.to_owned(), source)
    };
    let step = |&node: &usize| Step {
        node: graph.nodes.keys()[node].clone(),
        kind: graph.nodes[node].kind.clone(),
        inputs: inputs[node].take().into_iter().flatten().map(source).collect(),
    };
    Plan { steps: order.iter().map(step).collect() }
}

/// Whether values of a kind may hold tensors.
fn dumpable(output: &str, kind: &str) -> Result<(), Error> {
    if !matches!(kind, "TEXT" | "INT" | "FLOAT" | "BOOL") {
        return Ok(());
    }
    let error = Error::new(Code::Usage, format!("`{output}` is {kind}, which holds no tensor"));
    Err(error.help("dump an output such as IMAGE, LATENT, CONDITIONING or MODEL"))
}

#[cfg(test)]
mod tests {
    use plugin_api::{InputKind, NodeSpec};

    use super::*;

    fn catalog() -> Catalog {
        let load = NodeSpec::new("Load", "", "").param("x", InputKind::int(3, (0, 9)), "").output("value", "INT");
        let save = NodeSpec::new("Save", "", "").link("value", "INT", "").sink();
        let pass = NodeSpec::new("Pass", "", "")
            .link("value", "INT", "")
            .param("mode", InputKind::choice(&["fast", "slow"]), "")
            .output("value", "INT");
        Catalog::of("t", vec![load, save, pass])
    }

    fn run(nodes: &str) -> Result<Plan, Vec<Error>> {
        let graph = Graph::parse(&format!("Graph(format: 1, nodes: {{{nodes}}})"), "g").unwrap();
        check(&graph, &catalog(), &Roots::default(), &[])
    }

    #[test]
    fn orders_what_is_needed_and_fills_defaults() {
        let plan = run(r#"
            "s": (kind: "t/Save", inputs: { "value": Link("p.value") }),
            "p": (kind: "t/Pass", inputs: { "value": Link("l.value") }),
            "l": (kind: "t/Load"),
            "unused": (kind: "t/Load"),
        "#)
        .unwrap();
        let order: Vec<&str> = plan.steps().iter().map(|step| step.node.as_str()).collect();
        assert_eq!(order, ["l", "p", "s"]);
        assert!(matches!(&plan.steps()[0].inputs[..], [(_, Source::Param(Param::Int(3)))]));
        assert!(matches!(&plan.steps()[2].inputs[..], [(_, Source::Step { step: 1, .. })]));
    }

    #[test]
    fn all_errors_at_once() {
        let errors = run(r#"
            "a": (kind: "t/Load", inputs: { "x": 10 }),
            "b": (kind: "t/Pass", inputs: { "mode": "fats", "valeu": 1 }),
            "c": (kind: "t/Save", inputs: { "value": Link("nobody.value") }),
            "d": (kind: "t/Lode"),
            "e": (kind: "other/Node"),
        "#)
        .unwrap_err();
        let text: Vec<String> = errors.iter().map(Error::to_string).collect();
        for part in
            ["out of range", "`fast`", "did you mean `value`", "`value` is missing", "`nobody`", "t/Load", "`other`"]
        {
            assert!(text.iter().any(|text| text.contains(part)), "{part} in {text:#?}");
        }
    }

    #[test]
    fn a_cycle_is_shown_in_order() {
        let errors = run(r#"
            "a": (kind: "t/Pass", inputs: { "value": Link("b.value") }),
            "b": (kind: "t/Pass", inputs: { "value": Link("a.value") }),
            "s": (kind: "t/Save", inputs: { "value": Link("a.value") }),
        "#)
        .unwrap_err();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].place.contains('→'), "{}", errors[0].place);
    }

    #[test]
    fn a_long_chain_does_not_recurse() {
        let mut nodes = String::from("\"n0\": (kind: \"t/Load\"),");
        for index in 1..50_000 {
            nodes +=
                &format!("\"n{index}\": (kind: \"t/Pass\", inputs: {{ \"value\": Link(\"n{}.value\") }}),", index - 1);
        }
        nodes += "\"s\": (kind: \"t/Save\", inputs: { \"value\": Link(\"n49999.value\") })";
        assert_eq!(run(&nodes).unwrap().steps().len(), 50_001);
    }
}
