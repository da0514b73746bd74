//! The database engine: executes a statement as the server of a device set.
//!
//! The engine is a process of its own. It prints what becomes of the statement as JSON lines on
//! standard output, and its exit status says the same.

mod backup;
pub(crate) mod device;
mod pages;
mod restore;
pub(crate) mod session;
pub(crate) mod source;
mod target;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::args::Engine;
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::report::{self, Contents, StatementLine};
use crate::stream::{Digest, Hasher};

use pages::Snapshot;
pub(crate) use target::{tag, unique_tag};

/// Told what the statement is at.
type Progress<'a> = &'a dyn Fn(StatementLine);

/// Executes a statement and reports its result.
pub(crate) fn run(engine: Engine) -> ExitCode {
    let quiet = match &engine {
        Engine::Backup { statement, .. } | Engine::Restore { statement, .. } => statement.quiet,
    };
    match execute(engine) {
        Ok(contents) => {
            report::line(io::stdout(), &StatementLine::Succeeded(contents));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            if !quiet {
                let device = failure
                    .device
                    .map(|device| format!("device {}: ", device + 1));
                report::error(&format!("{}{failure}", device.unwrap_or_default()));
            }
            let code = failure.code();
            report::line(io::stdout(), &StatementLine::Failed(failure));
            code
        }
    }
}

fn execute(engine: Engine) -> Result<Contents, Failure> {
    let interrupt = Interrupt::install()?;
    let progress = |line| report::line(io::stdout(), &line);
    let contents = match engine {
        Engine::Backup {
            database,
            block_size,
            statement,
        } => backup::run(&database, block_size, &statement, &interrupt, &progress),
        Engine::Restore {
            database,
            replace,
            block_size,
            statement,
        } => restore::run(
            &database, replace, block_size, &statement, &interrupt, &progress,
        ),
    };
    contents.map_err(|failure| interrupt.check().err().unwrap_or(failure))
}

/// The digest of a database's pages, and their number and size.
pub(crate) fn digest(database: &Path) -> Result<(Digest, u64, u32), Failure> {
    let snapshot = Snapshot::open(database)?;
    let mut digest = Hasher::new();
    snapshot.each_page(&mut |image| {
        digest.update(image);
        Ok(())
    })?;
    Ok((digest.finish(), snapshot.page_count, snapshot.page_size))
}
