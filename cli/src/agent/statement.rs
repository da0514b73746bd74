//! The statement: a process of this tool that runs the engine.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

use super::supervisor::Event;
use crate::args::Transfer;
use crate::exit::{Exit, Failure};

/// A statement that is not issued yet.
pub(crate) struct Statement(Command);

impl Statement {
    /// Begins `engine backup` or `engine restore`.
    pub(crate) fn new(kind: &str, transfer: Transfer) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["engine", kind, "--quiet"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut statement = Self(command);
        statement.option(
            "--max-transfer-size",
            transfer.max_transfer_size.to_string(),
        );
        if let Some(buffers) = transfer.buffers {
            statement.option("--buffers", buffers.to_string());
        }
        Ok(statement)
    }

    /// Adds an option with a value.
    pub(crate) fn option(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.0.arg(name).arg(value);
    }

    /// Adds an option without a value.
    pub(crate) fn flag(&mut self, name: &str) {
        self.0.arg(name);
    }

    /// Adds the path of a database, which must not look like an option.
    pub(crate) fn database(&mut self, path: &Path) -> io::Result<()> {
        self.0.arg(std::path::absolute(path)?);
        Ok(())
    }

    /// Starts the engine with the names of the devices, the first of which is that of the set.
    /// What it prints and that it ended come as events.
    pub(crate) fn issue(
        mut self,
        names: &[String],
        events: Sender<Event>,
    ) -> Result<Engine, Failure> {
        for (k, name) in names.iter().enumerate() {
            self.option(if k == 0 { "--set" } else { "--device" }, name);
        }
        let failed =
            |error| Failure::new(Exit::Engine, format!("cannot start the engine: {error}"));
        let mut child = self.0.spawn().map_err(failed)?;
        let output = child.stdout.take();
        thread::spawn(move || {
            let lines = output
                .into_iter()
                .flat_map(|output| BufReader::new(output).lines());
            for line in lines.map_while(Result::ok) {
                if let Ok(line) = serde_json::from_str(&line) {
                    // The supervisor may have given up.
                    let _ = events.send(Event::Statement(line));
                }
            }
            let _ = events.send(Event::EngineEnded);
        });
        Ok(Engine(child))
    }
}

/// The engine process.
pub(crate) struct Engine(Child);

impl Engine {
    /// Ends the process by force.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
    }

    /// Waits for the end; says how the process died.
    pub(crate) fn epitaph(&mut self) -> String {
        let how = match self.0.wait() {
            Ok(status) => how(status),
            Err(error) => error.to_string(),
        };
        format!("the engine (process {}) {how}", self.0.id())
    }
}

fn how(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("was killed by signal {signal}"),
        (None, Some(code)) => format!("ended with exit status {code}"),
        (None, None) => "ended".into(),
    }
}
