//! The front end for statements: `vdi sqlcmd`, or the program by the name of `sqlcmd` or `osql`.
//!
//! Backup software starts it as it starts the program of that name: the statement comes on the
//! command line, the messages of the engine go to standard output, the exit status tells the rest.

mod batches;
mod catalogue;
mod console;
mod execute;
mod messages;
mod options;

use std::fs::File;
use std::process::ExitCode;

use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::report;
use crate::statement::{self, SyntaxError};

use batches::Batches;
use catalogue::Catalogue;
use console::Console;
use execute::{Engine, Failed};
use messages::Message;
use options::{HELP, Options, Work};

/// Status after an error that ends the program.
const FAILURE: u8 = 1;

/// Executes what the command line asks for.
pub(crate) fn run(words: impl IntoIterator<Item = String>) -> ExitCode {
    match Options::parse(words) {
        Ok(Options {
            work: Work::Help, ..
        }) => {
            report::print(HELP);
            ExitCode::SUCCESS
        }
        Ok(options) => execute(options).unwrap_or_else(|failure| {
            report::say(&format!("Sqlcmd: Error: {failure}"));
            ExitCode::from(FAILURE)
        }),
        Err(wrong) => {
            report::say(&format!("Sqlcmd: {wrong}"));
            ExitCode::from(FAILURE)
        }
    }
}

fn execute(options: Options) -> Result<ExitCode, Failure> {
    let usage = |why: String| Failure::new(Exit::Usage, why);
    let catalogue = match &options.catalogue {
        Some(path) => Catalogue::read(path).map_err(usage)?,
        None => Catalogue::default(),
    };
    let instance = options.instance();
    let instance = instance.map_err(|error| Failure::link("-S", &error))?;
    let output = options.output.as_ref().map(|path| {
        File::create(path).map_err(|error| Failure::output(&path.display().to_string(), &error))
    });
    let mut batches = Batches::of(&options.work)?;
    let interrupt = Interrupt::install()?;
    let server = catalogue.server.clone();
    let mut console = Console::new(
        output.transpose()?,
        options.redirect,
        options.table,
        server.unwrap_or_else(host_name),
    );
    let mut engine = Engine {
        catalogue: &catalogue,
        instance,
        login_timeout: options.login_timeout,
        query_timeout: options.query_timeout,
        user: options.user.unwrap_or_else(user_name),
        interrupt: &interrupt,
        console: &mut console,
        line: 1,
        title: "",
    };
    if let Some(database) = &options.database {
        let used = engine.select(database);
        used.map_err(|message| usage(message.text))?;
    }
    while let Some(batch) = next(&mut batches, &interrupt) {
        let failed = batch_fails(&batch?, &mut engine);
        interrupt.check()?;
        if failed && options.stop {
            return Ok(ExitCode::from(FAILURE));
        }
    }
    match console.trouble() {
        Some(error) => Err(Failure::output("the results", error)),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// The next batch. Nothing is executed while it is awaited, so a signal ends the process at once.
fn next(batches: &mut Batches, interrupt: &Interrupt) -> Option<Result<String, Failure>> {
    interrupt.on_signal(|signal| {
        report::say(&format!("Sqlcmd: Error: interrupted by {signal}"));
        std::process::exit(FAILURE.into());
    });
    let batch = batches.next();
    interrupt.on_signal(|_| ());
    batch
}

/// Executes a batch: nothing of it if any of it is wrong, else one statement after the other.
fn batch_fails(text: &str, engine: &mut Engine) -> bool {
    match statement::parse(text) {
        Ok(statements) => {
            let mut failed = false;
            for statement in &statements {
                failed |= matches!(engine.execute(statement), Err(Failed));
            }
            failed
        }
        Err(error) => {
            explain(&error, text, engine.console);
            true
        }
    }
}

fn explain(error: &SyntaxError, text: &str, console: &mut Console) {
    let message = Message::new(error.number, error.level, &error.text);
    console.message(&message, error.place(text).line);
    report::note(&error.explain(text));
}

/// The name of this machine, which the default instance has.
fn host_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().to_uppercase()
}

fn user_name() -> String {
    std::env::var("USER").unwrap_or_else(|_| rustix::process::getuid().as_raw().to_string())
}
