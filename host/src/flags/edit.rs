//! Flags of `weft edit`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Common;

/// Flags of `weft edit`.
#[derive(Debug, Args)]
pub struct EditFlags {
    /// A .ron graph, or a picture with a graph or a prompt in it
    pub graph: Option<PathBuf>,
    /// Folder for the pictures
    #[arg(short, long, value_name = "DIR", default_value = "output")]
    pub output: PathBuf,
    /// Write a picture of the window and go on
    #[arg(long, value_name = "FILE")]
    pub screenshot: Option<PathBuf>,
    /// Close the window after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub exit_after: Option<f64>,
    /// Colours of the window
    #[arg(long, value_enum)]
    pub theme: Option<ThemeFlag>,
    /// Size of the window, in points
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: Option<[u16; 2]>,
    /// Run the graph at once
    #[arg(long)]
    pub run: bool,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ThemeFlag {
    Dark,
    Light,
}

/// Up to a day: what a timer can hold is not for the command line to find out.
fn seconds(text: &str) -> std::result::Result<f64, String> {
    const MOST: f64 = 86_400.0;
    let seconds = text.parse().ok().filter(|seconds| (0.0..=MOST).contains(seconds));
    seconds.ok_or_else(|| format!("a number from 0 to {MOST} is needed"))
}

/// `1280x800`.
fn size(text: &str) -> std::result::Result<[u16; 2], String> {
    const SIDES: std::ops::RangeInclusive<u16> = 320..=16_384;
    let side = |text: &str| text.parse().ok().filter(|side| SIDES.contains(side));
    let sides = text.split_once('x').and_then(|(width, height)| Some([side(width)?, side(height)?]));
    sides.ok_or_else(|| format!("two sides from {} to {} are needed, as in 1280x800", SIDES.start(), SIDES.end()))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::super::{Command, Flags};
    use super::*;

    #[test]
    fn edit_takes_what_machines_rely_on() {
        let parse = |line: &str| {
            let flags = Flags::try_parse_from(std::iter::once("weft").chain(line.split(' ')))?;
            let Command::Edit(edit) = flags.command else { panic!("no edit") };
            Ok::<_, clap::Error>(edit)
        };
        let plain = parse("edit").unwrap();
        assert_eq!((plain.output.to_str(), plain.graph, plain.size), (Some("output"), None, None));
        let edit = parse(
            "edit g.ron -o out --screenshot s.png --exit-after 2.5 --theme light --size 1280x800 --run --device cpu \
             --models m --input i --plugins p",
        );
        let edit = edit.unwrap();
        assert_eq!((edit.exit_after, edit.theme), (Some(2.5), Some(ThemeFlag::Light)));
        assert_eq!((edit.size, edit.run), (Some([1280, 800]), true));
        assert_eq!(edit.common.check().unwrap_err().place, "--models");
        for (wrong, says) in [
            ("--size 1280", "1280x800"),
            ("--size 0x0", "from 320"),
            ("--size 99999x800", "to 16384"),
            ("--exit-after NaN", "from 0 to 86400"),
            ("--exit-after=-1", "from 0 to 86400"),
            ("--theme blue", "dark, light"),
        ] {
            let error = parse(&format!("edit {wrong}")).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        let mut program = Flags::command();
        let help = program.find_subcommand_mut("edit").expect("it is there").render_long_help().to_string();
        for flag in ["--screenshot", "--exit-after", "--theme", "--size", "--run", "--input", "[GRAPH]"] {
            assert!(help.contains(flag), "{flag} in {help}");
        }
    }
}
