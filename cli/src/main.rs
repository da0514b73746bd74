//! `vdi` backs databases up through virtual devices and brings them back.
//!
//! Two processes meet through the library, as they do with a database server:
//!
//! * the **agent** ([`agent`]) is the backup software. It creates the device set, issues the
//!   statement and stores or delivers the stripes;
//! * the **engine** ([`engine`]) is the database. It opens the set, reads or writes the database
//!   and moves it through the devices in the format of [`stream`].
//!
//! The engine also executes statements ([`sqlcmd`]), for backup software that is not ours. It
//! then writes [`media`].

mod agent;
mod args;
mod durable;
mod engine;
mod exit;
mod interrupt;
mod media;
mod progress;
mod report;
mod run;
mod sqlcmd;
mod statement;
mod stream;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, Digest};
use exit::Exit;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        report::error(&format!("internal error, please report it: {panic}"));
        // The process must not linger without the thread that panicked: its end aborts the set.
        std::process::exit(Exit::Internal as i32);
    }));
    if is_sqlcmd() {
        return sqlcmd::run(words(1));
    }
    match Cli::parse().command {
        Command::Backup(args) => agent::backup(args),
        Command::Restore(args) => agent::restore(args),
        Command::Digest(args) => digest(&args),
        Command::Engine(engine) => engine::run(engine),
        Command::Sqlcmd { words } => sqlcmd::run(words),
    }
}

/// Whether the program was called by the name of the one that backup software starts.
fn is_sqlcmd() -> bool {
    let name = words(0).next().unwrap_or_default();
    let name = Path::new(&name).file_name().unwrap_or_default();
    name == "sqlcmd" || name == "osql"
}

/// The words of the command line; what is no text is not understood anyway.
fn words(skip: usize) -> impl Iterator<Item = String> {
    std::env::args_os()
        .skip(skip)
        .map(|word| word.to_string_lossy().into_owned())
}

fn digest(args: &Digest) -> ExitCode {
    let shown = args.database.display().to_string();
    match engine::digest(&args.database) {
        Ok((digest, pages, page_size)) if args.json => {
            let value = serde_json::json!({
                "database": shown,
                "digest": digest.to_string(),
                "pages": pages,
                "page_size": page_size,
            });
            report::line(io::stdout(), &value);
            ExitCode::SUCCESS
        }
        Ok((digest, ..)) => {
            report::print(&format!("{digest}  {shown}"));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            report::error(&failure.to_string());
            failure.code()
        }
    }
}
