//! Tables for people.

use super::figures::{self, in_unit, short};
use crate::cases::{Row, Table};
use std::fmt::Write;

/// A cell of a row that may be missing.
fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".into())
}

pub const HEADINGS: [&str; 7] = ["", "median", "least .. most", "CPU", "system calls", "switches", "not clean"];

/// The cells of a row, as [`HEADINGS`] names them.
pub fn cells(table: &Table, row: &Row) -> [String; 7] {
    let time = figures::time(row, table.unit);
    let spread = time.map(|time| {
        let (low, high) = (in_unit(time.least, table.unit), in_unit(time.most, table.unit));
        format!("{low} .. {high}")
    });
    let cpu = figures::cpu(row).filter(|cpu| cpu.median > 0.0);
    [
        row.name.to_owned(),
        row.fault().map_or_else(
            || or_dash(time.map(|time| in_unit(time.median, table.unit))),
            |fault| format!("FAILED: {fault}"),
        ),
        or_dash(spread),
        or_dash(cpu.map(|cpu| format!("{} ns", short(cpu.median)))),
        or_dash(figures::calls(row).map(|calls| format!("{calls:.3}"))),
        or_dash(cpu.and(figures::switches(row)).map(|switches| format!("{:.3}", switches.median))),
        format!("{} of {}, {} repeated", row.dirty(), row.samples.len(), row.repeated),
    ]
}

/// A table in plain text.
pub fn plain(table: &Table) -> String {
    let mut lines: Vec<[String; 7]> = vec![HEADINGS.map(str::to_owned)];
    lines.extend(table.rows.iter().map(|row| cells(table, row)));
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let mut text = format!("\n== {} [{}]\n", table.title, table.id);
    for line in &lines {
        let padded = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  "));
        let _ = writeln!(text, "{}", padded.collect::<String>().trim_end());
    }
    text
}
