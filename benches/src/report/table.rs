//! Tables for people.

use super::figures::{self, in_unit, short};
use crate::cases::{Row, Table, Unit};
use crate::goals::Outcome;
use std::fmt::Write;

pub const COLUMNS: usize = 7;
const GIB: f64 = 1_073_741_824.0;

/// A cell of a row that may be missing.
fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".into())
}

/// Counters of bulk commands are told for a GiB.
pub fn headings(unit: Unit) -> [&'static str; COLUMNS] {
    match unit {
        Unit::Throughput(_) => [
            "",
            "median",
            "least .. most",
            "CPU for a GiB",
            "system calls for a GiB",
            "switches for a GiB",
            "not clean",
        ],
        _ => [
            "",
            "median",
            "least .. most",
            "CPU",
            "system calls",
            "switches",
            "not clean",
        ],
    }
}

/// The cells of a row, as [`headings`] names them.
pub fn cells(table: &Table, row: &Row) -> [String; COLUMNS] {
    let unit = table.unit;
    let (times, digits) = match unit {
        Unit::Throughput(size) => (GIB / size as f64, 0),
        _ => (1.0, 3),
    };
    let time = figures::time(row, unit).filter(|time| time.median > 0.0);
    let spread = time.map(|time| {
        format!(
            "{} .. {}",
            in_unit(time.least, unit),
            in_unit(time.most, unit)
        )
    });
    let cpu = figures::cpu(row).filter(|_| row.counted.is_some());
    let count = |value: f64| format!("{:.digits$}", value * times);
    [
        row.name.to_owned(),
        row.fault().map_or_else(
            || or_dash(time.map(|time| in_unit(time.median, unit))),
            |fault| format!("FAILED: {fault}"),
        ),
        or_dash(spread),
        or_dash(cpu.map(|cpu| amount(cpu.median * times))),
        or_dash(figures::calls(row).map(count)),
        or_dash(
            cpu.and(figures::switches(row))
                .map(|switches| count(switches.median)),
        ),
        format!(
            "{} of {}, {} repeated",
            row.dirty(),
            row.samples.len(),
            row.repeated
        ),
    ]
}

/// CPU time.
fn amount(ns: f64) -> String {
    match ns {
        ns if ns >= 1e6 => format!("{} ms", short(ns / 1e6)),
        ns if ns >= 1e4 => format!("{} us", short(ns / 1e3)),
        ns => format!("{} ns", short(ns)),
    }
}

/// Lines with columns under each other.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].len())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let padded = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}  "));
        let _ = writeln!(text, "{}", padded.collect::<String>().trim_end());
    }
    text
}

/// A table in plain text.
pub fn plain(table: &Table) -> String {
    let mut lines = vec![headings(table.unit).map(str::to_owned).to_vec()];
    lines.extend(table.rows.iter().map(|row| cells(table, row).to_vec()));
    format!("\n== {} [{}]\n{}", table.title, table.id, aligned(&lines))
}

/// A goal, what was reached, and whether that is enough.
pub fn goal(outcome: &Outcome) -> [String; 6] {
    let reached = outcome.reached;
    [
        outcome.id.to_owned(),
        outcome.case.to_owned(),
        outcome.row.to_owned(),
        outcome.what.clone(),
        format!(
            "{} [{} .. {}]",
            figure(reached.median),
            figure(reached.least),
            figure(reached.most)
        ),
        if outcome.passed {
            "reached"
        } else {
            "**missed**"
        }
        .to_owned(),
    ]
}

/// A ratio or a counter.
fn figure(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.1 {
        format!("{value:.4}")
    } else {
        short(value)
    }
}

/// All goals in plain text.
pub fn goals(outcomes: &[Outcome]) -> String {
    let lines: Vec<_> = outcomes
        .iter()
        .map(|outcome| goal(outcome).to_vec())
        .collect();
    format!("\n== Goals\n{}", aligned(&lines))
}
