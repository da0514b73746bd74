//! What is compared with what.

pub mod bulk;
pub mod ends;
pub mod external;
pub mod round_trip;
pub mod spoilt;
pub mod tool;
pub mod validation;
pub mod whole;

use crate::cell::{self, Rules, Sample};
use crate::side::{Job, Sink};
use crate::transports::{Make, Pair, boxed};
use std::{fs, io};

/// What the figures of a table are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// Time of one command.
    Command,
    /// Bytes in a time, for commands of that many bytes.
    Throughput(usize),
    /// Time of a whole.
    Whole,
}

/// One way in which a sample is taken; and how often the cell had to be run for it.
type Measure = dyn Fn(&Rules, bool) -> (Sample, u32);

/// A row of a table.
pub struct Entry {
    pub name: &'static str,
    measure: Box<Measure>,
    /// Whether system calls are counted in a pass of their own.
    countable: bool,
}

impl Entry {
    /// A transport with a task.
    pub fn cell<P: Pair + 'static>(
        name: &'static str,
        job: &Job,
        make: impl Fn(&Job) -> io::Result<P> + 'static,
    ) -> Self {
        let (make, job): (Box<Make>, _) = (boxed(make), job.clone());
        let countable = job.total.is_none() && job.hogs == 0;
        let measure = move |rules: &Rules, count| {
            let measured = cell::measure(&make, &job, rules, count);
            if let Sink::File { path, .. } = &job.sink {
                // Only there after a failure, which is told already.
                let _ = fs::remove_file(path);
            }
            measured
        };
        Self {
            name,
            measure: Box::new(measure),
            countable,
        }
    }

    /// Anything else.
    pub fn other(name: &'static str, measure: impl Fn(&Rules) -> (Sample, u32) + 'static) -> Self {
        Self {
            name,
            measure: Box::new(move |rules, _| measure(rules)),
            countable: false,
        }
    }
}

/// A table to be measured.
pub struct Case {
    pub id: &'static str,
    pub title: &'static str,
    pub unit: Unit,
    /// Rounds after which it is enough, for what takes long.
    pub most_rounds: usize,
    pub entries: Vec<Entry>,
}

/// What the names of the cases begin with that need files.
pub const WITH_FILES: [&str; 4] = ["ready", "whole", "file", "tool"];

/// What was measured of an entry.
pub struct Row {
    pub name: &'static str,
    /// By round.
    pub samples: Vec<Sample>,
    /// With system calls counted.
    pub counted: Option<Sample>,
    /// Runs that were repeated because the machine was not quiet.
    pub repeated: u32,
}

impl Row {
    /// What is wrong with it, if something is.
    pub fn fault(&self) -> Option<&str> {
        self.samples
            .iter()
            .chain(&self.counted)
            .find_map(|sample| sample.fault.as_deref())
    }

    /// Samples that were accepted although the machine was never quiet.
    pub fn dirty(&self) -> usize {
        self.samples
            .iter()
            .filter(|sample| !sample.disturbance.is_clean())
            .count()
    }
}

/// A table that was measured.
pub struct Table {
    pub id: &'static str,
    pub title: &'static str,
    pub unit: Unit,
    pub rows: Vec<Row>,
}

impl Table {
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}

impl Case {
    /// Measures all entries, round by round, and then counts.
    pub fn run(&self, rules: &Rules, rounds: usize) -> Table {
        let row = |entry: &Entry| Row {
            name: entry.name,
            samples: Vec::new(),
            counted: None,
            repeated: 0,
        };
        let mut rows: Vec<Row> = self.entries.iter().map(row).collect();
        for _ in 0..rounds {
            for (entry, row) in self.entries.iter().zip(&mut rows) {
                let (sample, runs) = (entry.measure)(rules, false);
                row.samples.push(sample);
                row.repeated += runs - 1;
            }
        }
        for (entry, row) in self.entries.iter().zip(&mut rows) {
            row.counted = entry.countable.then(|| (entry.measure)(rules, true).0);
        }
        Table {
            id: self.id,
            title: self.title,
            unit: self.unit,
            rows,
        }
    }
}
