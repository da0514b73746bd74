//! What the command line and the environment ask for.

use crate::machine::Patience;
use std::env;
use std::path::PathBuf;
use std::time::Duration;

pub const USAGE: &str = "\
usage: vdi-bench [--quick] [--rounds N] [--case PREFIX]... [--patience SECONDS] [--disk DIRECTORY]
                 [--output DIRECTORY] [--report]
  --quick       one round, short; good for counters and digests, not for times
  --rounds      rounds of each comparison
  --case        only the comparisons with this name or beginning of a name; may be repeated
  --disk        a directory on a disk, for files
  --output      a directory for results.json; not written otherwise
  --report      writes docs/performance.md and its plots, too
  --patience    longest wait for a quiet moment before each cell, 2 if not given; all waits and
                repetitions together take at most 90 times as long; 0 repeats nothing
VDI_LIBRARY names the libvdi.so to measure.";

/// What the names of the comparisons begin with that are made when it must be quick: every transport is there.
const QUICK: [&str; 17] = [
    "depth-1",
    "depth-16",
    "one-processor",
    "work-200-depth-4",
    "hogs-work-20",
    "devices-4",
    "devices-64",
    "bulk-64k-4",
    "validation-4k",
    "bulk-1m-4",
    "ready-1m",
    "ready-64m",
    "whole-64m",
    "file-tmpfs",
    "tool-tmpfs",
    "death",
    "idle",
];

/// How the harness runs.
pub struct Options {
    pub quick: bool,
    pub rounds: usize,
    pub patience: Patience,
    pub window: Duration,
    pub warm_up: Duration,
    /// Bytes of the source of bulk commands.
    pub source: usize,
    /// MiB of the databases.
    pub database: usize,
    /// Where files on disk may be made.
    pub disk: PathBuf,
    /// Where the results go.
    pub output: Option<PathBuf>,
    /// Whether the document is written.
    pub report: bool,
    cases: Vec<String>,
}

impl Options {
    pub fn from_command_line() -> Result<Self, String> {
        let (mut quick, mut rounds, mut cases) = (false, None, Vec::new());
        let (mut patience, mut output, mut report) = (None, None, false);
        let mut disk = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target"));
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            let number = |text: String| {
                text.parse::<f64>()
                    .map_err(|_| format!("{text} is no number"))
            };
            match argument.as_str() {
                "--quick" => quick = true,
                "--rounds" => rounds = Some(number(value()?)? as usize),
                "--case" => cases.push(value()?),
                "--disk" => disk = value()?.into(),
                "--output" => output = Some(value()?.into()),
                "--report" => report = true,
                "--patience" => patience = Some(number(value()?)?),
                _ => return Err(format!("{argument} is unknown")),
            }
        }
        let patience = patience.unwrap_or(if quick { 0.0 } else { 2.0 });
        if quick && cases.is_empty() {
            cases = QUICK.map(str::to_owned).to_vec();
        }
        Ok(Self {
            quick,
            rounds: rounds.unwrap_or(if quick { 1 } else { 7 }),
            patience: Patience {
                wait: Duration::from_secs_f64(patience),
                tries: if patience > 0.0 { 4 } else { 1 },
                total: Duration::from_secs_f64(patience * 90.0),
            },
            window: Duration::from_millis(if quick { 20 } else { 100 }),
            warm_up: Duration::from_millis(5),
            source: if quick { 64 << 20 } else { 256 << 20 },
            database: if quick { 64 } else { 1024 },
            disk,
            output,
            report,
            cases,
        })
    }

    /// Whether a comparison is asked for.
    pub fn wants(&self, id: &str) -> bool {
        let begins = |prefix: &String| {
            let rest = id.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        self.cases.is_empty() || self.cases.iter().any(begins)
    }

    /// Whether one of these groups of comparisons, or a part of one, is asked for.
    pub fn wants_one_of(&self, groups: &[&str]) -> bool {
        let part = |group: &&str| {
            self.wants(group) || self.cases.iter().any(|prefix| prefix.starts_with(*group))
        };
        groups.iter().any(part)
    }
}
