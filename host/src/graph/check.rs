//! Graph and catalogue to plan: every error at once, each with its node and input.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexSet;
use plugin_api::InputSpec;

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
enum Checked {
    /// Where nothing comes from there, an input that is not required has a default.
    Link {
        link: Link,
        required: bool,
        default: Option<Param>,
    },
    Param(Param),
}

type Inputs = Vec<(String, Checked)>;

struct Checker<'a> {
    graph: &'a Graph,
    catalog: &'a Catalog,
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
        let named = graph.named_plugins();
        Self { graph, catalog, roots, passing, named, errors: Vec::new(), skipped: HashMap::new() }
    }

    fn check(mut self, wanted: &[Link]) -> Partly {
        let graph = self.graph;
        let mut inputs: HashMap<&str, Inputs> = HashMap::new();
        for (id, node) in &graph.nodes {
            if let Err(error) = Mode::of(node) {
                self.fail(id, error.place(describe(id, &node.kind)));
            }
            if self.passing.runs(id) {
                inputs.insert(id, self.node(id, node));
            }
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
        let order = sort(&needed, |id| sources(&inputs, id)).unwrap_or_else(|cycle| {
            let error = Error::new(Code::Invalid, "the graph has a cycle: a node takes its own output");
            let error = error.place(cycle.join(" → ")).help("remove one of these links");
            self.errors.push((cycle.first().cloned(), error));
            in_the_way = true;
            Vec::new()
        });
        in_the_way |= self.errors.iter().any(|(id, _)| id.as_deref().is_none_or(|id| needed.contains(id)));
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

    fn node(&mut self, id: &'a str, node: &'a Node) -> Inputs {
        let place = || describe(id, &node.kind);
        let Some(spec) = self.catalog.node(&node.kind) else {
            let error = unknown_kind(&node.kind, self.catalog, &self.named).place(place());
            self.fail(id, error);
            return Vec::new();
        };
        for name in node.inputs.keys().filter(|name| spec.inputs.iter().all(|input| input.name != **name)) {
            let names = spec.inputs.iter().map(|input| input.name.as_str());
            let error = Error::new(Code::Invalid, format!("{} has no input `{name}`", node.kind));
            self.fail(id, error.place(place()).help(text::did_you_mean("its inputs are", name, names)));
        }
        let mut checked = Vec::new();
        for input in &spec.inputs {
            match self.input(id, node, input) {
                Ok(Some(value)) => checked.push((input.name.clone(), value)),
                Ok(None) => {}
                Err(error) => self.fail(id, error.place(format!("{}, input `{}`", place(), input.name))),
            }
        }
        checked
    }

    fn input(&mut self, id: &'a str, node: &Node, spec: &InputSpec) -> Result<Option<Checked>, Error> {
        match node.inputs.get(&spec.name) {
            Some(Input::Link(link)) => {
                self.output(link)?;
                let link = match self.passing.target(link) {
                    Target::Output(link) => link,
                    Target::Nothing(why) if spec.required => {
                        self.skipped.entry(id).or_insert(why);
                        return Ok(None);
                    }
                    Target::Nothing(_) => return Ok(default(&spec.kind).map(Checked::Param)),
                };
                if let Some(from) =
                    self.output(&link)?.filter(|from| !spec.kind.link().is_some_and(|wanted| fits(from, wanted)))
                {
                    return Err(wrong_kind(&link, from, spec));
                }
                Ok(Some(Checked::Link { link, required: spec.required, default: default(&spec.kind) }))
            }
            Some(Input::Value(raw)) => self.value(raw, spec).map(|param| param.map(Checked::Param)),
            None if spec.required => Err(missing(spec)),
            None => Ok(default(&spec.kind).map(Checked::Param)),
        }
    }

    /// The kind of the output that `link` names. An unknown node is an error of its own; what it would put out is not
    /// known.
    fn output(&self, link: &Link) -> Result<Option<&'a str>, Error> {
        let Some(node) = self.graph.nodes.get(&link.node) else {
            let names = self.graph.nodes.keys().map(String::as_str);
            let error =
                Error::new(Code::Invalid, format!("the link goes to `{}`, which is not in the graph", link.node));
            return Err(error.help(text::did_you_mean("the nodes are", &link.node, names)));
        };
        let Some(spec) = self.catalog.node(&node.kind) else { return Ok(None) };
        let Some(output) = spec.outputs.iter().find(|output| output.name == link.output) else {
            let names = spec.outputs.iter().map(|output| output.name.as_str());
            let error = Error::new(Code::Invalid, format!("{} has no output `{}`", node.kind, link.output));
            return Err(error.help(text::did_you_mean("its outputs are", &link.output, names)));
        };
        Ok(Some(&output.kind))
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

    /// Whether something comes from the output that is to be written.
    fn wanted(&self, link: &Link) -> Result<(), Error> {
        self.output(link)?;
        if self.passing.runs(&link.node) && !self.skipped.contains_key(link.node.as_str()) {
            return Ok(());
        }
        let why = self.skipped.get(link.node.as_str()).map(|why| format!("it needs {why}"));
        let why = why.or_else(|| self.passing.why(&link.node)).unwrap_or_else(|| "it is bypassed".to_owned());
        let error = Error::new(Code::Usage, format!("`{}` does not run", link.node));
        Err(error.cause(why).help("take its mode away"))
    }

    /// Spreads [`Checker::skipped`] over required inputs, and puts defaults in the place of the other links.
    fn skip(&mut self, inputs: &mut HashMap<&'a str, Inputs>) {
        if self.skipped.is_empty() {
            return;
        }
        let mut takers: HashMap<String, Vec<&'a str>> = HashMap::new();
        for (id, inputs) in inputs.iter() {
            for (_, input) in inputs {
                if let Checked::Link { link, required: true, .. } = input {
                    takers.entry(link.node.clone()).or_default().push(id);
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
        inputs.retain(|id, _| !self.skipped.contains_key(id));
        for inputs in inputs.values_mut() {
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

    /// The nodes that have to run. Reports graphs without an end.
    fn needed<'b>(&mut self, inputs: &'b HashMap<&'b str, Inputs>, wanted: &'b [Link]) -> IndexSet<&'b str>
    where
        'a: 'b,
    {
        let is_sink = |node: &Node| self.catalog.node(&node.kind).is_some_and(|spec| spec.sink);
        let sinks = || self.graph.nodes.iter().filter(|(_, node)| is_sink(node)).map(|(id, _)| id.as_str());
        let mut needed: IndexSet<&str> = sinks().filter(|id| inputs.contains_key(id)).collect();
        needed.extend(wanted.iter().map(|link| link.node.as_str()).filter(|id| inputs.contains_key(id)));
        if needed.is_empty() && self.errors.is_empty() {
            let error = Error::new(Code::Invalid, "the graph has nothing to run");
            let error = if sinks().next().is_none() {
                error.cause("no node saves or shows anything").help("add an image-io/SaveImage")
            } else {
                let cause = "every node that saves or shows something is muted, or needs one that is muted or missing";
                error.cause(cause).help("take the mode of one of them away")
            };
            self.errors.push((None, error));
        }
        let mut next = 0;
        while let Some(id) = needed.get_index(next).copied() {
            needed.extend(sources(inputs, id));
            next += 1;
        }
        needed
    }
}

/// The nodes that a node takes from.
fn sources<'b>(inputs: &'b HashMap<&str, Inputs>, id: &str) -> Vec<&'b str> {
    let source = |(_, input): &'b (String, Checked)| match input {
        Checked::Link { link, .. } => Some(link.node.as_str()),
        Checked::Param(_) => None,
    };
    inputs.get(id).into_iter().flatten().filter_map(source).collect()
}

fn plan(graph: &Graph, order: &[String], mut inputs: HashMap<&str, Inputs>) -> Plan {
    let index: HashMap<&str, usize> = order.iter().enumerate().map(|(index, id)| (id.as_str(), index)).collect();
    let source = |input: Checked| match input {
        Checked::Link { link, .. } => Source::Step { step: index[link.node.as_str()], output: link.output },
        Checked::Param(param) => Source::Param(param),
    };
    let steps = order
        .iter()
        .map(|id| Step {
            node: id.clone(),
            kind: graph.nodes[id].kind.clone(),
            inputs: inputs
                .remove(id.as_str())
                .into_iter()
                .flatten()
                .map(|(name, input)| (name, source(input)))
                .collect(),
        })
        .collect();
    Plan { steps }
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
