//! `weft calibrate`: measures for a graph's model which steps LeMiCa may skip, and writes a schedule that its node takes.

mod done;
mod made_with;
mod subject;

use std::path::Path;

use serde_json::json;
use weft_formats::lemica::Calibration;

use super::run::{Signals, Watch};
use super::{Outcome, hashing, open, print, say, warn_of_others, warn_of_refused};
use crate::atomic;
use crate::engine::Engine;
use crate::engine::protocol::Job;
use crate::error::{Code, Error, Result, io_cause};
use crate::flags::CalibrateFlags;
use crate::graph::check;
use crate::library::Hashes;
use done::{Done, Measured, Picture};
use subject::Subject;

pub fn calibrate(flags: &CalibrateFlags) -> Outcome {
    let pictures = pictures(flags)?;
    let mut subject = Subject::of(open(&flags.graph)?)?;
    flags.common.check()?;
    let mut engine = Engine::start(&flags.common.engine())?;
    let signals = Signals::install()?;
    warn_of_refused(&engine);
    warn_of_others(&subject.graph, &engine);
    let roots = flags.common.roots(&flags.graph)?;
    hashing::find_files(&mut subject.graph, &engine.catalog, &roots, &Hashes::of_user());
    let plan = check(&subject.graph, &engine.catalog, &roots, &[])?;
    say("reading the model's files for their hashes");
    let made_with = made_with::files(&plan, &roots)?;
    let mut done = Done::open(&flags.output, &subject.graph.to_ron(), &made_with)?;
    let folder = flags.output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for (index, picture) in pictures.iter().enumerate() {
        if done.has(picture) {
            continue;
        }
        signals.check("the calibration")?;
        say(&format!("picture {} of {}: seed {}, {}", index + 1, pictures.len(), picture.seed, picture.prompt));
        subject.set(picture);
        let plan = check(&subject.graph, &engine.catalog, &roots, &[])?;
        let job = Job::prepare(plan, &subject.graph, &engine.catalog, &roots, folder)?;
        let mut watch = Watch::new(&subject.graph, true);
        engine.run(job);
        watch.follow(&mut engine, &signals)?;
        done.add(picture.clone(), Measured::read(&watch.reports)?)?;
    }
    let calibration = done.mean(&pictures, made_with, &flags.budget)?;
    write(&flags.output, &calibration)?;
    done.forget();
    tell(flags, &calibration);
    Ok(())
}

/// Every prompt with every seed.
fn pictures(flags: &CalibrateFlags) -> Result<Vec<Picture>> {
    let shown = flags.prompts.display();
    let text = std::fs::read_to_string(&flags.prompts).map_err(|error| {
        Error::new(Code::Usage, format!("the prompts {shown} cannot be read"))
            .cause(io_cause(&error))
            .help("give a text file with a prompt on each line")
    })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let of_seed =
        |prompt: &str| (0..flags.seeds).map(|seed| Picture { prompt: prompt.to_owned(), seed }).collect::<Vec<_>>();
    let pictures: Vec<Picture> = lines.flat_map(of_seed).collect();
    if pictures.is_empty() {
        return Err(Error::new(Code::Usage, format!("{shown} has no prompt")).help("write a prompt on each line"));
    }
    Ok(pictures)
}

fn write(path: &Path, calibration: &Calibration) -> Result<()> {
    let text = serde_json::to_string_pretty(calibration).unwrap_or_default();
    atomic::replace(path, text.as_bytes()).map_err(|error| {
        Error::new(Code::Output, format!("{} was not written", path.display()))
            .cause(io_cause(&error))
            .help("make room, or choose another place with -o")
    })
}

fn tell(flags: &CalibrateFlags, calibration: &Calibration) {
    let path = flags.output.display().to_string();
    if flags.common.json {
        return print(
            &json!({ "file": path, "pictures": calibration.pictures, "schedules": calibration.schedules }).to_string(),
        );
    }
    print(&path);
    for (budget, steps) in &calibration.schedules {
        let steps: Vec<String> = steps.iter().map(|step| (step + 1).to_string()).collect();
        say(&format!("{budget} of {} steps: {}", calibration.steps(), steps.join(" ")));
    }
}
