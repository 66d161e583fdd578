//! The table of a sweep: a header that names inputs, and a row of values for each picture.

use std::collections::HashSet;
use std::path::Path;

use plugin_api::InputKind;

use super::csv::{self, Cell};
use crate::error::{Code, Error, Result};
use crate::graph::{Graph, Input, Link, describe};
use crate::plugins::Catalog;
use crate::{limits, text};

/// A table that was read, but not held against a graph.
#[derive(Debug)]
pub struct Table {
    /// As messages call it.
    pub name: String,
    columns: Vec<(Link, Cell)>,
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Reads a CSV file.
    ///
    /// # Errors
    /// A file that is not there, no text or no table, with line and column.
    pub fn open(path: &Path) -> Result<Self> {
        let unreadable = |error| {
            Error::reading(Code::Usage, path, &error).help("give a CSV file whose first line names inputs: node.input")
        };
        let name = path.display().to_string();
        if path.metadata().map_err(unreadable)?.len() > limits::TABLE_BYTES {
            let what = format!("{name} is too large for a table: {} MiB is the most", limits::TABLE_BYTES >> 20);
            return Err(Error::new(Code::Usage, what).help("divide it into several tables"));
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            Error::new(Code::Usage, format!("{name} is not text"))
                .cause(format!("the byte at {} is not UTF-8", error.utf8_error().valid_up_to()))
                .help("save the table as CSV in UTF-8")
        })?;
        Self::parse(&text, name)
    }

    fn parse(text: &str, name: String) -> Result<Self> {
        // Spreadsheets put a byte order mark there; it carries nothing.
        let rows = csv::rows(text.strip_prefix('\u{feff}').unwrap_or(text)).map_err(|fault| {
            Error::new(Code::Usage, format!("{name} is no CSV table"))
                .place(format!("{name}:{}:{}", fault.line, fault.column))
                .cause(fault.what)
                .help("put quotes around a value with commas, quotes or line ends, and double the quotes in it")
        })?;
        let mut rows = rows.into_iter();
        let empty = |what: &str| {
            let help = "write a line of inputs, such as `prompt.text,sample.seed`, and below it a row for each picture";
            Error::new(Code::Usage, format!("{name} has no {what}")).help(help)
        };
        let header = rows.next().ok_or_else(|| empty("header"))?;
        let table = Self { columns: columns(header, &name)?, rows: rows.collect(), name: name.clone() };
        if table.rows.is_empty() {
            return Err(empty("row"));
        }
        table.rows.iter().try_for_each(|row| table.check_width(row))?;
        Ok(table)
    }

    fn check_width(&self, row: &[Cell]) -> Result<()> {
        let (cells, columns) = (row.len(), self.columns.len());
        let Some(last) = row.last().filter(|_| cells != columns) else { return Ok(()) };
        let what = format!("a row has {cells} values, but the header names {columns} inputs");
        let place = row.get(columns).unwrap_or(last);
        Err(self
            .fault(what, place)
            .help("put quotes around a value with commas; leave a value empty for that of the graph"))
    }

    fn fault(&self, what: impl Into<String>, at: &Cell) -> Error {
        Error::new(Code::Usage, what).place(self.place(at))
    }

    /// `file:line:column`.
    pub fn place(&self, at: &Cell) -> String {
        format!("{}:{}:{}", self.name, at.line, at.column)
    }

    /// Whether the graph has what the header names.
    ///
    /// # Errors
    /// The first input that it has not.
    pub fn check_header(&self, graph: &Graph, catalog: &Catalog) -> Result<()> {
        for (Link { node: id, output: input }, cell) in &self.columns {
            let Some(node) = graph.nodes.get(id) else {
                let names = graph.nodes.keys().map(String::as_str);
                let error = self.fault(format!("the graph has no node `{id}`"), cell);
                return Err(error.help(text::did_you_mean("its nodes are", id, names)));
            };
            let Some(spec) = catalog.node(&node.kind) else { continue };
            if spec.inputs.iter().all(|known| known.name != *input) {
                let names = spec.inputs.iter().map(|input| input.name.as_str());
                let error = self.fault(format!("{} has no input `{input}`", describe(id, &node.kind)), cell);
                return Err(error.help(text::did_you_mean("its inputs are", input, names)));
            }
        }
        Ok(())
    }

    /// The graph of a row. An empty cell leaves what the graph has.
    pub fn graph(&self, base: &Graph, row: &[Cell], catalog: &Catalog) -> Graph {
        let mut graph = base.clone();
        for ((link, _), cell) in self.columns.iter().zip(row).filter(|(_, cell)| !cell.text.is_empty()) {
            let Some(node) = graph.nodes.get_mut(&link.node) else { continue };
            let spec =
                catalog.node(&node.kind).and_then(|spec| spec.inputs.iter().find(|input| input.name == link.output));
            let input = match spec.map(|input| &input.kind) {
                // A prompt may look like anything.
                Some(InputKind::Text { .. } | InputKind::Prompt { .. }) => Input::text(&cell.text),
                _ => Input::of_flag(&cell.text),
            };
            node.inputs.insert(link.output.clone(), input);
        }
        graph
    }

    /// The value of a row that an error of its graph is about.
    pub fn cell_of<'a>(&self, error: &Error, graph: &Graph, row: &'a [Cell]) -> Option<&'a Cell> {
        let is_about = |((link, _), _): &(&(Link, Cell), &Cell)| {
            let kind = graph.nodes.get(&link.node).map_or("", |node| node.kind.as_str());
            error.place == format!("{}, input `{}`", describe(&link.node, kind), link.output)
        };
        self.columns.iter().zip(row).find(is_about).map(|(_, cell)| cell)
    }

    /// An error of a row's graph with its place in the table: that of the value, where it is about one.
    pub fn locate(&self, mut error: Error, graph: &Graph, row: &[Cell]) -> Error {
        let at = self.cell_of(&error, graph, row).map_or_else(|| self.line(row), |cell| self.place(cell));
        error.place = if error.place.is_empty() { at } else { format!("{at}, {}", error.place) };
        error
    }

    /// `file:line` of a row.
    pub fn line(&self, row: &[Cell]) -> String {
        format!("{}:{}", self.name, row.first().map_or(0, |cell| cell.line))
    }

    /// The values of a row that are not empty, by their inputs.
    pub fn values<'a>(&'a self, row: &'a [Cell]) -> impl Iterator<Item = (String, &'a str)> {
        let cells = self.columns.iter().zip(row).filter(|(_, cell)| !cell.text.is_empty());
        cells.map(|((link, _), cell)| (format!("{}.{}", link.node, link.output), cell.text.as_str()))
    }
}

/// What spreadsheets of some countries, and exports of others, put between values.
fn divider(header: &[Cell]) -> Option<char> {
    let [only] = header else { return None };
    let divides = |divider: &char| {
        let names = only.text.split(*divider);
        names.clone().count() > 1 && names.map(str::trim).all(|name| Link::parse(name).is_some())
    };
    [';', '\t'].into_iter().find(divides)
}

fn columns(header: Vec<Cell>, name: &str) -> Result<Vec<(Link, Cell)>> {
    if let Some(divider) = divider(&header) {
        let what = format!("{name} has {divider:?} between its values, not commas");
        return Err(Error::new(Code::Usage, what).place(format!("{name}:1:1")).help("save it as CSV with commas"));
    }
    let mut seen = HashSet::new();
    let column = |cell: Cell| {
        let fault = |what: String| {
            let place = format!("{name}:{}:{}", cell.line, cell.column);
            Error::new(Code::Usage, what).place(place).help("name each input once, as node.input")
        };
        let input = cell.text.trim();
        let link = Link::parse(input).ok_or_else(|| fault(format!("\"{input}\" in the header names no input")))?;
        if !seen.insert(input.to_owned()) {
            return Err(fault(format!("`{input}` stands in the header twice")));
        }
        Ok((link, cell))
    };
    header.into_iter().map(column).collect()
}
