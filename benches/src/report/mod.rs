//! What is told of the measurements.

pub mod figures;
pub mod json;
pub mod machine;
pub mod markdown;
pub mod svg;
pub mod table;

use crate::cases::Table;
use crate::goals::{self, Outcome};
use crate::options::Options;
use machine::Machine;
use std::fs;
use std::io;
use std::path::Path;

/// Prints the goals, and writes what is asked for. Whether nothing is wrong: every transport has worked and
/// has carried the right bytes, and the counters of libvdi are as they should be. Times prove nothing here.
pub fn write(tables: &[Table], options: &Options) -> io::Result<bool> {
    let outcomes = goals::judge(tables);
    let machine = Machine::look();
    print!("{}", table::goals(&outcomes));
    if let Some(directory) = &options.output {
        fs::create_dir_all(directory)?;
        let text = json::text(tables, &outcomes, &machine);
        fs::write(directory.join("results.json"), text)?;
    }
    if options.report {
        let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"));
        markdown::write(docs, tables, &outcomes, &machine)?;
    }
    if crate::syscalls::tracepoint().is_none() {
        println!(
            "\nSystem calls were NOT counted: the kernel's tracepoint needs root, or perf_event_paranoid below 0"
        );
    }
    let faults = tables
        .iter()
        .flat_map(|table| &table.rows)
        .filter(|row| row.fault().is_some())
        .count();
    let counters = outcomes
        .iter()
        .filter(|outcome| outcome.is_counter && !outcome.passed)
        .count();
    println!("\n{faults} contenders failed; {counters} counters of libvdi are too high");
    Ok(faults == 0 && counters == 0)
}

/// The goals about times that were missed.
pub fn missed(outcomes: &[Outcome]) -> impl Iterator<Item = &Outcome> {
    outcomes.iter().filter(|outcome| !outcome.passed)
}
