//! `docs/performance.md`: what is written by hand in a template, and the figures put into it.

use super::machine::Machine;
use super::{missed, svg, table};
use crate::cases::Table;
use crate::goals::Outcome;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

const TEMPLATE: &str = include_str!("../../performance.template.md");
/// In the template: a table, by its name.
const TABLE: &str = "{{table ";

/// Writes the document, and a plot for each table.
pub fn write(
    docs: &Path,
    tables: &[Table],
    outcomes: &[Outcome],
    machine: &Machine,
) -> io::Result<()> {
    let plots = docs.join("performance");
    fs::create_dir_all(&plots)?;
    for table in tables {
        if let Some(plot) = svg::plot(table) {
            fs::write(plots.join(format!("{}.svg", table.id)), plot)?;
        }
    }
    let text = TEMPLATE
        .replace("{{machine}}", &about(machine))
        .replace("{{goals}}", &goals(outcomes))
        .replace("{{missed}}", &missed(outcomes).count().to_string())
        .replace("{{judged}}", &outcomes.len().to_string());
    fs::write(docs.join("performance.md"), with_tables(&text, tables))
}

fn about(machine: &Machine) -> String {
    let Machine {
        processor,
        processors,
        memory_mib,
        kernel,
        revision,
        date,
    } = machine;
    format!(
        "{date}, revision {revision}, {kernel}, {processors} processors of {processor}, {} GiB of memory",
        memory_mib.div_ceil(1024)
    )
}

/// Puts the tables where the template names them.
fn with_tables(template: &str, tables: &[Table]) -> String {
    let mut text = String::new();
    for line in template.lines() {
        let named = line
            .strip_prefix(TABLE)
            .and_then(|rest| rest.strip_suffix("}}"));
        match named.map(|id| tables.iter().find(|table| table.id == id)) {
            None => text.push_str(line),
            Some(None) => text.push_str("Not measured in this run."),
            Some(Some(table)) => text.push_str(one(table).trim_end()),
        }
        text.push('\n');
    }
    text
}

fn one(table: &Table) -> String {
    let mut text = format!("![{0}](performance/{1}.svg)\n\n", table.title, table.id);
    let _ = writeln!(
        text,
        "| {} |\n|{}",
        table::headings(table.unit).join(" | "),
        "---|".repeat(table::COLUMNS)
    );
    for row in &table.rows {
        let _ = writeln!(text, "| {} |", table::cells(table, row).join(" | "));
    }
    text
}

fn goals(outcomes: &[Outcome]) -> String {
    let mut text =
        String::from("| | case | what | goal | reached | |\n|---|---|---|---|---|---|\n");
    for outcome in outcomes {
        let _ = writeln!(text, "| {} |", table::goal(outcome).join(" | "));
    }
    text.trim_end().to_owned()
}
