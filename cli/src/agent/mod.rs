//! The backup agent: the client of a device set, as backup software is.
//!
//! It creates the set, issues the statement (starts the engine process), watches it, serves every
//! device on a thread of its own, and believes in success only if the statement and all devices
//! ended well.
#![allow(
    non_upper_case_globals,
    reason = "the published names of commands are mixed case"
)]

mod media;
mod sink;
mod source;
mod statement;
mod supervisor;

use std::fs;
use std::io::{self, IsTerminal};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::args::{Backup, Restore, Switch};
use crate::exit::{Exit, Failure};
use crate::run::Run;

use media::Medium;
use sink::Sink;
use source::Source;
use statement::Statement;
pub(crate) use supervisor::{Job, run};

/// Block size when no header says one.
const DEFAULT_BLOCK_SIZE: u32 = 65536;
/// Most devices of a set.
const MAX_DEVICES: usize = vdi::codes::VDI_MAX_DEVICES as usize;

/// Backs a database up.
pub(crate) fn backup(args: Backup) -> ExitCode {
    let run = Run::begin(
        "backup",
        &args.database,
        &args.outputs,
        args.transfer,
        args.output,
    );
    run.end(backup_job(&args).and_then(|job| run.execute(job)))
}

fn backup_job(args: &Backup) -> Result<Job, Failure> {
    check_files(&args.outputs, &args.database, "output")?;
    check_outputs(&args.outputs)?;
    let mut statement = Statement::new("backup", args.transfer)?;
    statement.option("--block-size", args.block_size.to_string());
    statement.database(&args.database)?;
    let tag = uuid::Uuid::new_v4().simple().to_string();
    let open = |(k, path): (usize, &PathBuf)| -> Result<Box<dyn Medium>, Failure> {
        Ok(Box::new(if is_standard(path) {
            if io::stdout().is_terminal() {
                return Err(usage(
                    "a backup is not for a terminal: redirect standard output",
                ));
            }
            Sink::standard()?
        } else {
            Sink::open(path, args.replace, &format!("{tag}-{k}"))?
        }))
    };
    let media = args.outputs.iter().enumerate().map(open);
    Ok(Job {
        statement,
        media: media.collect::<Result<_, _>>()?,
        request_complete: args.complete == Switch::On,
        restored: None,
    })
}

/// Brings a database back.
pub(crate) fn restore(args: Restore) -> ExitCode {
    let run = Run::begin(
        "restore",
        &args.database,
        &args.inputs,
        args.transfer,
        args.output,
    );
    run.end(restore_job(&args).and_then(|job| run.execute(job)))
}

fn restore_job(args: &Restore) -> Result<Job, Failure> {
    check_files(&args.inputs, &args.database, "stripe")?;
    let mut sources = args
        .inputs
        .iter()
        .map(|path| {
            if !is_standard(path) {
                return Source::open(path);
            }
            if io::stdin().is_terminal() {
                return Err(usage(
                    "a backup does not come from a terminal: redirect standard input",
                ));
            }
            Ok(Source::standard()?)
        })
        .collect::<Result<Vec<_>, _>>()?;
    // The block size at the restore is that at the backup (DATA-02).
    let header = sources[0].peek()?;
    let block_size = header.map_or(DEFAULT_BLOCK_SIZE, |header| header.geometry.block_size);
    let mut statement = Statement::new("restore", args.transfer)?;
    statement.option("--block-size", block_size.to_string());
    statement.option("--output", std::path::absolute(&args.database)?);
    if args.replace {
        statement.flag("--replace");
    }
    let boxed = |source| -> Box<dyn Medium> { Box::new(source) };
    Ok(Job {
        statement,
        media: sources.into_iter().map(boxed).collect(),
        request_complete: false,
        restored: Some(args.database.clone()),
    })
}

/// Refuses files that would destroy one another.
fn check_files(files: &[PathBuf], database: &Path, what: &str) -> Result<(), Failure> {
    if files.len() > MAX_DEVICES {
        return Err(usage(&format!(
            "a set has at most {MAX_DEVICES} devices, one for each {what}"
        )));
    }
    if files.iter().filter(|path| is_standard(path)).count() > 1 {
        return Err(usage(&format!("only one {what} can be -")));
    }
    if is_standard(database) {
        return Err(usage("the database must be a file, not -"));
    }
    if files.iter().any(|path| is_same(path, database)) {
        return Err(usage(&format!(
            "{} is both database and {what}",
            database.display()
        )));
    }
    Ok(())
}

/// Refuses to store two stripes in one file. Devices such as `/dev/null` take any number.
fn check_outputs(outputs: &[PathBuf]) -> Result<(), Failure> {
    for (k, path) in outputs.iter().enumerate() {
        let is_file = fs::metadata(path).map_or(true, |metadata| metadata.is_file());
        if is_file && outputs[..k].iter().any(|other| is_same(path, other)) {
            return Err(usage(&format!("{} is given twice", path.display())));
        }
    }
    Ok(())
}

pub(crate) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether two paths name one existing file, or are the same.
fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    let whole = |path| std::path::absolute(path).ok();
    match identity(one) {
        Some(one) => identity(other) == Some(one),
        None => whole(one) == whole(other),
    }
}

fn usage(message: &str) -> Failure {
    Failure::new(Exit::Usage, message)
}
