//! Keeps the specification, the tests and `docs/conformance.md` in step.
//!
//! * `conformance check` fails when a rule has neither a test that cites it nor a reason why there
//!   is none, when something that does not exist is cited, or when the report is out of date.
//! * `conformance report` writes the report.
//! * `conformance mutants [TEXT]` breaks the library in each of the listed ways (or those whose
//!   rule, file or test contains TEXT) and fails when the named test does not notice.
//!
//! Run it from the root of the project.

mod citations;
mod mutants;
mod reasons;
mod report;
mod rules;
mod source;

use anyhow::{Result, bail};
use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

const REPORT: &str = "docs/conformance.md";

/// The mutants shall prove the citations of at least this many rules: as many as they do.
const PROVEN_RULES: usize = 300;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = Path::new(".");
    let result = match arguments[..] {
        ["check"] => check(root),
        ["report"] => write_report(root),
        ["mutants"] => mutants::run(root, ""),
        ["mutants", text] => mutants::run(root, text),
        _ => Err(anyhow::anyhow!(
            "usage: conformance check | report | mutants [TEXT]"
        )),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn check(root: &Path) -> Result<()> {
    let (facts, mut faults) = report::collect(root)?;
    if facts.proven() < PROVEN_RULES {
        faults.push(format!(
            "mutants prove {} rules, fewer than {PROVEN_RULES}",
            facts.proven()
        ));
    }
    if fs::read_to_string(root.join(REPORT)).unwrap_or_default() != facts.to_markdown() {
        faults.push(format!("{REPORT} is out of date: make conformance"));
    }
    for fault in &faults {
        eprintln!("conformance: {fault}");
    }
    if !faults.is_empty() {
        bail!("{} faults", faults.len());
    }
    println!("conformance: {}", facts.summary());
    Ok(())
}

/// Writes what there is, and then says what is wrong with it.
fn write_report(root: &Path) -> Result<()> {
    let (facts, faults) = report::collect(root)?;
    fs::write(root.join(REPORT), facts.to_markdown())?;
    println!("conformance: {}", facts.summary());
    for fault in faults {
        println!("conformance: {fault}");
    }
    Ok(())
}
