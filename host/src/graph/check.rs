//! Graph and catalogue to plan: every error at once, each with its node and input.

use std::collections::{HashMap, VecDeque};

use plugin_api::{Folder, InputKind, InputSpec};

use super::plan::{Param, Plan, Source, Step};
use super::{Graph, Input, Link, Node, Roots, shorten};
use crate::error::{Code, Error};
use crate::plugins::Catalog;
use crate::text;

/// Checks `graph` and orders what has to run: every sink and every node in `wanted`, with all that they take from.
///
/// # Errors
/// Everything that is wrong, not just the first of it.
pub fn check(graph: &Graph, catalog: &Catalog, roots: &Roots, wanted: &[Link]) -> Result<Plan, Vec<Error>> {
    let mut checker = Checker { graph, catalog, roots, errors: Vec::new() };
    let inputs: HashMap<&str, Vec<(String, Checked)>> =
        graph.nodes.iter().map(|(id, node)| (id.as_str(), checker.node(id, node))).collect();
    for link in wanted {
        if let Err(error) = checker.output(link, None) {
            checker.errors.push(Error { code: Code::Usage, ..error.place("--dump") });
        }
    }
    let order = checker.order(&inputs, wanted);
    if checker.errors.is_empty() { Ok(plan(graph, &order, inputs)) } else { Err(checker.errors) }
}

/// `sample (sampler/Sample)`, as messages name a node.
pub fn describe(id: &str, kind: &str) -> String {
    format!("node `{id}` ({kind})")
}

/// An input that is right by itself; links are still by name.
enum Checked {
    Link(Link),
    Param(Param),
}

struct Checker<'a> {
    graph: &'a Graph,
    catalog: &'a Catalog,
    roots: &'a Roots,
    errors: Vec<Error>,
}

impl Checker<'_> {
    fn node(&mut self, id: &str, node: &Node) -> Vec<(String, Checked)> {
        let place = describe(id, &node.kind);
        let Some(spec) = self.catalog.node(&node.kind) else {
            self.errors.push(self.unknown_kind(&node.kind).place(place));
            return Vec::new();
        };
        for name in node.inputs.keys().filter(|name| spec.inputs.iter().all(|input| input.name != **name)) {
            let names = spec.inputs.iter().map(|input| input.name.as_str());
            let error = Error::new(Code::Invalid, format!("{} has no input `{name}`", node.kind));
            self.errors.push(error.place(place.clone()).help(text::did_you_mean("its inputs are", name, names)));
        }
        let mut checked = Vec::new();
        for input in &spec.inputs {
            match self.input(node, input) {
                Ok(Some(value)) => checked.push((input.name.clone(), value)),
                Ok(None) => {}
                Err(error) => self.errors.push(error.place(format!("{place}, input `{}`", input.name))),
            }
        }
        checked
    }

    fn unknown_kind(&self, kind: &str) -> Error {
        let plugin = kind.split('/').next().unwrap_or(kind);
        let kinds: Vec<String> = self.catalog.nodes().map(|(kind, _)| kind).collect();
        let known = kinds.iter().map(String::as_str);
        let error = Error::new(Code::Invalid, format!("there is no node `{kind}`"));
        let library = |file: &str| file.rsplit('/').next().unwrap_or(file).contains(&plugin.replace('-', "_"));
        if self.catalog.has_plugin(plugin) {
            error.help(text::did_you_mean("`weft nodes` lists all", kind, known))
        } else if let Some(refused) = self.catalog.refused.iter().find(|refused| library(&refused.file)) {
            let cause = format!("the plugin {} was not loaded: {}", refused.file, refused.reason);
            Error {
                code: Code::Plugin,
                ..error.cause(cause).help("install the plugin again, in a version for this Weft")
            }
        } else {
            let near =
                text::nearest(kind, known).map(|near| format!("did you mean `{near}`? Otherwise ")).unwrap_or_default();
            error
                .cause(format!("the plugin `{plugin}` is not loaded"))
                .help(format!("{near}install it and name its folder with --plugins"))
        }
    }

    fn input(&self, node: &Node, spec: &InputSpec) -> Result<Option<Checked>, Error> {
        match node.inputs.get(&spec.name) {
            Some(Input::Link(link)) => {
                self.output(link, Some(spec))?;
                Ok(Some(Checked::Link(link.clone())))
            }
            Some(Input::Value(raw)) => self.value(raw, spec).map(|param| param.map(Checked::Param)),
            None if spec.required => Err(missing(spec)),
            None => Ok(default(&spec.kind).map(Checked::Param)),
        }
    }

    /// Whether `link` names an output, and one that `input` takes.
    fn output(&self, link: &Link, input: Option<&InputSpec>) -> Result<(), Error> {
        let Some(node) = self.graph.nodes.get(&link.node) else {
            let names = self.graph.nodes.keys().map(String::as_str);
            let error =
                Error::new(Code::Invalid, format!("the link goes to `{}`, which is not in the graph", link.node));
            return Err(error.help(text::did_you_mean("the nodes are", &link.node, names)));
        };
        // An unknown kind is an error of its own; what it would put out is not known.
        let Some(spec) = self.catalog.node(&node.kind) else { return Ok(()) };
        let Some(output) = spec.outputs.iter().find(|output| output.name == link.output) else {
            let names = spec.outputs.iter().map(|output| output.name.as_str());
            let error = Error::new(Code::Invalid, format!("{} has no output `{}`", node.kind, link.output));
            return Err(error.help(text::did_you_mean("its outputs are", &link.output, names)));
        };
        match input {
            Some(input) if !fits(&output.kind, &input.kind) => Err(wrong_kind(link, &output.kind, input)),
            _ => Ok(()),
        }
    }

    fn value(&self, raw: &str, spec: &InputSpec) -> Result<Option<Param>, Error> {
        // It was parsed when the file was read; a graph made in memory may still hold anything.
        let value: ron::Value = ron::from_str(raw)
            .map_err(|error| Error::new(Code::Invalid, format!("`{raw}` is not a value")).cause(error.code))?;
        if value == ron::Value::Option(None) {
            return if spec.required { Err(missing(spec)) } else { Ok(default(&spec.kind)) };
        }
        self.param(&value, &spec.kind).map(Some).map_err(|cause| {
            Error::new(Code::Invalid, format!("{} is not what this input takes", shorten(raw)))
                .cause(cause)
                .help(takes(&spec.kind))
        })
    }

    /// The value as the input's kind, or why it is none.
    fn param(&self, value: &ron::Value, kind: &InputKind) -> Result<Param, String> {
        use ron::Value;
        match (kind, value) {
            (InputKind::Link(_), Value::Seq(_)) => Err("it is a list, but an input takes one link".to_owned()),
            (InputKind::Link(kind), _) => Err(format!("it takes a link of the kind {kind}, not a value")),
            (InputKind::Bool { .. }, Value::Bool(value)) => Ok(Param::Bool(*value)),
            (InputKind::Int { range, multiple, .. }, Value::Number(_)) => whole(value, *range, *multiple),
            (InputKind::Seed { .. }, Value::Number(_)) => whole(value, (0, i64::MAX), 1),
            (InputKind::Float { range, .. }, Value::Number(number)) => float(number.into_f64(), *range),
            (InputKind::Text { .. }, Value::String(value)) => Ok(Param::Text(value.clone())),
            (InputKind::Text { .. }, Value::Number(number)) => Ok(Param::Text(plain(number.into_f64()))),
            (InputKind::Choice { options, .. }, value) => choice(value, options),
            (InputKind::File { folder, .. }, Value::String(name)) => self.roots.find(folder, name).map(Param::File),
            (InputKind::Rows { columns }, Value::Seq(rows)) => {
                rows.iter().map(|row| self.row(row, columns)).collect::<Result<_, _>>().map(Param::Rows)
            }
            (_, other) => Err(format!("it is {}", type_name(other))),
        }
    }

    fn row(&self, row: &ron::Value, columns: &[InputSpec]) -> Result<Vec<(String, Param)>, String> {
        let ron::Value::Map(map) = row else { return Err(format!("a row is {}", type_name(row))) };
        let field = |name: &str| map.iter().find(|(key, _)| **key == ron::Value::String(name.to_owned()));
        let mut cells = Vec::new();
        for column in columns {
            let cell = match field(&column.name) {
                Some((_, value)) => {
                    Some(self.param(value, &column.kind).map_err(|why| format!("`{}`: {why}", column.name))?)
                }
                None if column.required => return Err(format!("a row has no `{}`", column.name)),
                None => default(&column.kind),
            };
            cells.extend(cell.map(|cell| (column.name.clone(), cell)));
        }
        let known = |key: &ron::Value| columns.iter().any(|column| *key == ron::Value::String(column.name.clone()));
        match map.iter().find(|(key, _)| !known(key)) {
            Some((key, _)) => Err(format!("a row has no column {}", ron::to_string(key).unwrap_or_default())),
            None => Ok(cells),
        }
    }

    /// The nodes that have to run, each after those it takes from. Reports cycles and graphs without an end.
    fn order(&mut self, inputs: &HashMap<&str, Vec<(String, Checked)>>, wanted: &[Link]) -> Vec<String> {
        let sources = |id: &str| -> Vec<&str> {
            let links = inputs.get(id).into_iter().flatten();
            links
                .filter_map(|(_, input)| if let Checked::Link(link) = input { Some(link.node.as_str()) } else { None })
                .collect()
        };
        let is_sink = |node: &Node| self.catalog.node(&node.kind).is_some_and(|spec| spec.sink);
        let mut needed: indexmap::IndexSet<&str> =
            self.graph.nodes.iter().filter(|(_, node)| is_sink(node)).map(|(id, _)| id.as_str()).collect();
        needed.extend(wanted.iter().map(|link| link.node.as_str()));
        if needed.is_empty() && self.errors.is_empty() {
            let error = Error::new(Code::Invalid, "the graph has nothing to run");
            self.errors.push(error.cause("no node saves or shows anything").help("add an image-io/SaveImage"));
        }
        let mut next = 0;
        while let Some(id) = needed.get_index(next).copied() {
            needed.extend(sources(id));
            next += 1;
        }
        sort(&needed, sources).unwrap_or_else(|cycle| {
            let error = Error::new(Code::Invalid, "the graph has a cycle: a node takes its own output");
            self.errors.push(error.place(cycle.join(" → ")).help("remove one of these links"));
            Vec::new()
        })
    }
}

/// Kahn's algorithm: no recursion, so a chain of 200 000 nodes is as safe as one of two. A cycle is returned in order.
fn sort<'a>(
    needed: &indexmap::IndexSet<&'a str>,
    sources: impl Fn(&str) -> Vec<&'a str>,
) -> Result<Vec<String>, Vec<String>> {
    let mut waiting: HashMap<&str, usize> = HashMap::new();
    let mut takers: HashMap<&str, Vec<&str>> = HashMap::new();
    for id in needed {
        let from: Vec<&str> = sources(id).into_iter().filter(|source| needed.contains(source)).collect();
        waiting.insert(id, from.len());
        for source in from {
            takers.entry(source).or_default().push(id);
        }
    }
    let mut ready: VecDeque<&str> = needed.iter().filter(|id| waiting[**id] == 0).copied().collect();
    let mut order = Vec::with_capacity(needed.len());
    while let Some(id) = ready.pop_front() {
        order.push(id.to_owned());
        for taker in takers.get(id).into_iter().flatten() {
            let left = waiting.get_mut(taker).expect("every taker is counted");
            *left -= 1;
            if *left == 0 {
                ready.push_back(taker);
            }
        }
    }
    if order.len() == needed.len() {
        return Ok(order);
    }
    // Every node that is left takes from another one that is left; walking back must meet itself.
    let left = |id: &&&str| waiting[**id] > 0;
    let mut path: Vec<&str> = needed.iter().find(left).copied().into_iter().collect();
    loop {
        let last = path.last().copied().unwrap_or_default();
        let Some(back) = sources(last).into_iter().find(|source| waiting.get(source).is_some_and(|count| *count > 0))
        else {
            return Err(path.into_iter().map(str::to_owned).collect());
        };
        if let Some(start) = path.iter().position(|id| *id == back) {
            let mut cycle: Vec<String> = path[start..].iter().rev().map(|id| (*id).to_owned()).collect();
            cycle.push(cycle[0].clone());
            return Err(cycle);
        }
        path.push(back);
    }
}

fn plan(graph: &Graph, order: &[String], mut inputs: HashMap<&str, Vec<(String, Checked)>>) -> Plan {
    let index: HashMap<&str, usize> = order.iter().enumerate().map(|(index, id)| (id.as_str(), index)).collect();
    let source = |input: Checked| match input {
        Checked::Link(link) => Source::Step { step: index[link.node.as_str()], output: link.output },
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

/// Whether an output of the kind `from` may go into `input`.
pub fn fits(from: &str, input: &InputKind) -> bool {
    match input.link() {
        Some("FLOAT") => matches!(from, "FLOAT" | "INT" | "*"),
        Some(kind) => kind == from || kind == "*" || from == "*",
        None => false,
    }
}

fn missing(spec: &InputSpec) -> Error {
    let what = format!("the input `{}` is missing", spec.name);
    Error::new(Code::Invalid, what).help(takes(&spec.kind))
}

fn wrong_kind(link: &Link, from: &str, input: &InputSpec) -> Error {
    let takes = input.kind.link().unwrap_or("no link");
    Error::new(Code::Invalid, format!("`{}.{}` is {from}, but {takes} is needed", link.node, link.output))
        .help(format!("link an output of the kind {takes}"))
}

/// What an input gets that nobody set. A file input without a default stays empty.
fn default(kind: &InputKind) -> Option<Param> {
    match kind {
        InputKind::Link(_) | InputKind::File { .. } => None,
        InputKind::Bool { default } => Some(Param::Bool(*default)),
        InputKind::Int { default, .. } | InputKind::Seed { default } => Some(Param::Int(*default)),
        InputKind::Float { default, .. } => Some(Param::Float(*default)),
        InputKind::Text { default, .. } | InputKind::Choice { default, .. } => Some(Param::Text(default.clone())),
        InputKind::Rows { .. } => Some(Param::Rows(Vec::new())),
    }
}

/// "it takes a whole number from 1 to 1000": the help for a value that does not fit.
fn takes(kind: &InputKind) -> String {
    match kind {
        InputKind::Link(kind) => format!("it takes a link of the kind {kind}"),
        InputKind::Bool { .. } => "it takes true or false".to_owned(),
        InputKind::Int { range: (low, high), multiple: 1, .. } => {
            format!("it takes a whole number from {low} to {high}")
        }
        InputKind::Int { range: (low, high), multiple, .. } => {
            format!("it takes a multiple of {multiple} from {low} to {high}")
        }
        InputKind::Float { range: (low, high), .. } => format!("it takes a number from {low} to {high}"),
        InputKind::Text { .. } => "it takes text in quotes".to_owned(),
        InputKind::Choice { options, .. } => format!("it takes one of {}", text::list(options)),
        InputKind::File { folder: Folder::Input, .. } => {
            "it takes the path of a file in quotes, below the graph's folder or one that --input names".to_owned()
        }
        InputKind::File { .. } => {
            "it takes a path in quotes, below models/ or a folder that --models or WEFT_MODELS names".to_owned()
        }
        InputKind::Seed { .. } => "it takes a whole number from 0".to_owned(),
        InputKind::Rows { .. } => "it takes a list of rows: [(…), (…)]".to_owned(),
    }
}

fn whole(value: &ron::Value, (low, high): (i64, i64), multiple: i64) -> Result<Param, String> {
    let number: i64 = value.clone().into_rust().map_err(|_| match value {
        ron::Value::Number(number) if number.into_f64().abs() >= i64::MAX as f64 => "it is out of range".to_owned(),
        _ => "it is not a whole number".to_owned(),
    })?;
    if !(low..=high).contains(&number) {
        return Err("it is out of range".to_owned());
    }
    if number % multiple != 0 {
        let below = number - number % multiple;
        return Err(format!("it is not a multiple of {multiple}; near are {below} and {}", below + multiple));
    }
    Ok(Param::Int(number))
}

fn float(number: f64, (low, high): (f64, f64)) -> Result<Param, String> {
    match number {
        number if !number.is_finite() => Err("it is not finite".to_owned()),
        number if number < low || number > high => Err("it is out of range".to_owned()),
        number => Ok(Param::Float(number)),
    }
}

fn choice(value: &ron::Value, options: &[String]) -> Result<Param, String> {
    let name = match value {
        ron::Value::String(name) => name.clone(),
        ron::Value::Number(number) => plain(number.into_f64()),
        other => return Err(format!("it is {}", type_name(other))),
    };
    if options.contains(&name) {
        return Ok(Param::Text(name));
    }
    let near = text::nearest(&name, options.iter().map(String::as_str));
    Err(near.map_or("it is no choice".to_owned(), |near| format!("it is no choice; `{near}` is")))
}

/// 8 for 8.0: a number where a word is taken.
fn plain(number: f64) -> String {
    format!("{number}")
}

fn type_name(value: &ron::Value) -> &'static str {
    match value {
        ron::Value::Bool(_) => "true or false",
        ron::Value::Number(_) => "a number",
        ron::Value::String(_) | ron::Value::Char(_) => "text",
        ron::Value::Seq(_) => "a list",
        ron::Value::Map(_) => "a map",
        _ => "of another type",
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::NodeSpec;

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
