//! `weft run --sweep`: a picture for each row of a table, by one engine, so that models stay loaded. Rows that are finished
//! are told by their hash and skipped, so a sweep that was stopped goes on, and shards of it may write into one folder.

mod csv;
mod row;
mod table;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::caching::Caching;
use super::run::{Signals, Watch};
use super::{Failure, Outcome, hashing, open, print, say, warn_of_others, warn_of_refused};
use crate::engine::protocol::Job;
use crate::engine::{self, Engine};
use crate::error::{Code, Error, Result};
use crate::flags::RunFlags;
use crate::graph::{Graph, Plan, Roots, check};
use crate::library::Hashes;
use crate::new_folder::NewFolder;
use csv::Cell;
use row::Id;
use table::Table;

pub fn sweep(flags: &RunFlags, file: &Path) -> Outcome {
    let mut graph = open(&flags.graph)?;
    flags.common.check()?;
    for assignment in &flags.set {
        graph.set(assignment)?;
    }
    let table = Table::open(file)?;
    let engine = Engine::start(&flags.common.engine())?;
    let signals = Signals::install()?;
    warn_of_refused(&engine);
    let (roots, hashes) = (flags.common.roots(&flags.graph)?, Hashes::of_user());
    hashing::find_files(&mut graph, &engine.catalog, &roots, &hashes);
    let warnings = warn_of_others(&graph, &engine);
    table.check_header(&graph, &engine.catalog)?;
    let caching = Caching::begin(&flags.cache, &engine.catalog, &hashes)?;
    let output = engine::prepare_output(&flags.output)?;
    let mut sweep = Sweep { flags, table: &table, graph, engine, signals, roots, hashes, caching, output };
    let rows = sweep.rows()?;
    let (told, errors) = sweep.run(&rows);
    let done = json!({ "device": sweep.engine.device.name(), "rows": told, "warnings": warnings });
    if errors.is_empty() {
        flags.common.json.then(|| print(&done.to_string()));
        return Ok(());
    }
    Err(Failure { errors, done })
}

struct Sweep<'a> {
    flags: &'a RunFlags,
    table: &'a Table,
    /// Without the values of any row.
    graph: Graph,
    engine: Engine,
    signals: Signals,
    roots: Roots,
    hashes: Hashes,
    caching: Option<Caching>,
    output: PathBuf,
}

/// A row of this shard. Its graph is made when it is its turn: a table may have many.
struct Row<'a> {
    /// Counted from 0 in the whole table.
    number: usize,
    cells: &'a [Cell],
}

/// How a row came out.
enum Done {
    /// By an earlier run, or by another process.
    Before(Vec<PathBuf>),
    Now(Vec<PathBuf>, Box<Watch>),
}

/// Of what is wrong with one row, the first.
fn first(errors: Vec<Error>) -> Error {
    errors.into_iter().next().unwrap_or_else(|| Error::new(Code::Internal, "a row failed without a reason"))
}

/// Whether somebody stopped the whole sweep.
fn is_stop(error: &Error) -> bool {
    matches!(error.code, Code::Interrupted | Code::Terminated)
}

impl<'a> Sweep<'a> {
    /// The rows of this shard. Nothing runs while one of them cannot.
    fn rows(&self) -> std::result::Result<Vec<Row<'a>>, Vec<Error>> {
        let rows = self.table.rows.iter().enumerate().filter(|(number, _)| self.is_mine(*number));
        let rows: Vec<Row<'a>> = rows.map(|(number, cells)| Row { number, cells }).collect();
        let (mut errors, mut said) = (Vec::new(), HashSet::new());
        for row in &rows {
            let Err(found) = self.planned(row) else { continue };
            // What is wrong with the graph of every row is told once.
            let is_new = |error: &Error| {
                self.table.cell_of(error, &self.graph, row.cells).is_some() || said.insert(error.to_string())
            };
            let new: Vec<Error> = found.into_iter().filter(is_new).collect();
            errors.extend(new.into_iter().map(|error| self.locate(error, row)));
        }
        if errors.is_empty() { Ok(rows) } else { Err(errors) }
    }

    fn planned(&self, row: &Row<'_>) -> std::result::Result<(Graph, Plan), Vec<Error>> {
        let graph = self.table.graph(&self.graph, row.cells, &self.engine.catalog);
        let plan = check(&graph, &self.engine.catalog, &self.roots, &[])?;
        Ok((graph, plan))
    }

    fn locate(&self, error: Error, row: &Row<'_>) -> Error {
        self.table.locate(error, &self.graph, row.cells)
    }

    fn is_mine(&self, number: usize) -> bool {
        self.flags.shard.is_none_or(|shard| shard.has(number))
    }

    /// All rows, whatever becomes of each; what there is to tell of them, and what went wrong.
    fn run(&mut self, rows: &[Row<'_>]) -> (Vec<Value>, Vec<Error>) {
        let (mut told, mut errors) = (Vec::new(), Vec::new());
        for (index, row) in rows.iter().enumerate() {
            let counted = format!("row {} of {} ({})", index + 1, rows.len(), self.table.line(row.cells));
            let result = self.row(row, &counted);
            told.push(self.tell(row, result.as_ref()));
            let Err(error) = result else { continue };
            if is_stop(&error) {
                // What came before is no longer what ended the sweep.
                errors.insert(0, error);
                break;
            }
            self.say(&format!("{counted} failed: {}", error.what));
            errors.push(self.locate(error, row));
            if let Err(error) = self.revive() {
                errors.push(error);
                break;
            }
        }
        let count = |state: &str| told.iter().filter(|row: &&Value| row["state"] == state).count();
        let [made, before, failed] = ["made", "finished", "failed"].map(count);
        self.say(&format!("{} rows: {made} made, {before} finished before, {failed} failed", rows.len()));
        (told, errors)
    }

    fn row(&mut self, row: &Row<'_>, counted: &str) -> Result<Done> {
        self.signals.check("the sweep")?;
        // It was right when the sweep began; a file may have gone since.
        let (mut graph, plan) = self.planned(row).map_err(first)?;
        let (catalog, roots, hashes) = (&self.engine.catalog, &self.roots, &self.hashes);
        let contents = hashing::contents(&graph, &plan, catalog, roots, hashes, &self.signals);
        // Without all contents it would be another row.
        self.signals.check("the sweep")?;
        let id = Id::of(&plan, &contents);
        if let Some(files) = id.finished(&self.output)? {
            return Ok(Done::Before(files));
        }
        self.say(counted);
        let folder = NewFolder::begin(&self.output)?;
        if self.flags.hash {
            hashing::write_identities(&mut graph, catalog, roots, hashes);
        }
        let job = Job::prepare(plan, &graph, catalog, roots, folder.path())?;
        let cache = self.caching.as_ref().map(|caching| caching.with(contents));
        self.engine.run(Job { cache, ..job });
        let mut watch = Watch::new(&graph, self.flags.quiet);
        watch.follow(&mut self.engine, &self.signals)?;
        let values = self.table.values(row.cells).map(|(input, text)| (input, text.to_owned())).collect();
        Ok(Done::Now(id.finish(folder, &self.output, values)?, Box::new(watch)))
    }

    /// A new engine where a row ended the last one.
    fn revive(&mut self) -> Result<()> {
        if !self.engine.is_running() {
            self.engine = Engine::start(&self.flags.common.engine())?;
        }
        Ok(())
    }

    /// Paths on standard output as soon as they are there; the row as `--json` gives it.
    fn tell(&self, row: &Row<'_>, result: std::result::Result<&Done, &Error>) -> Value {
        let (state, files, mut object) = match result {
            Ok(Done::Before(files)) => ("finished", files.as_slice(), json!({})),
            Ok(Done::Now(files, watch)) => ("made", files.as_slice(), watch.to_json(self.engine.device, &[])),
            Err(error) if is_stop(error) => ("stopped", &[][..], json!({})),
            Err(_) => ("failed", &[][..], json!({})),
        };
        if !self.flags.common.json {
            files.iter().for_each(|path| print(&path.display().to_string()));
        }
        if let (Ok(Done::Now(_, watch)), true) = (result, self.flags.time) {
            watch.report_times();
        }
        let values: serde_json::Map<String, Value> =
            self.table.values(row.cells).map(|(input, text)| (input, text.into())).collect();
        object["row"] = row.number.into();
        object["values"] = values.into();
        object["state"] = state.into();
        object["files"] = json!(files);
        object
    }

    fn say(&self, line: &str) {
        if !self.flags.quiet {
            say(&crate::text::printable(line));
        }
    }
}
