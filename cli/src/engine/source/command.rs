//! A database behind a program: what it prints is the backup, what it reads is the restore.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ExitStatus, Stdio};

use super::{Source, Take, Target};
use crate::exit::{Exit, Failure};
use crate::media::{File, Kind};

/// Bytes that are read at a time.
const PART: usize = 64 << 10;

/// A program and its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) words: Vec<String>,
}

impl Command {
    fn start(&self, input: Stdio, output: Stdio, exit: Exit) -> Result<Child, Failure> {
        let (program, arguments) = match self.words.split_first() {
            Some(words) => words,
            None => return Err(Failure::new(Exit::Usage, "a command without a program")),
        };
        std::process::Command::new(program)
            .args(arguments)
            .stdin(input)
            .stdout(output)
            .spawn()
            .map_err(|error| Failure::new(exit, format!("cannot start {program}: {error}")))
    }

    fn failed(&self, exit: Exit, what: &dyn std::fmt::Display) -> Failure {
        let program = self.words.first().map_or("", String::as_str);
        Failure::new(exit, format!("command {program}: {what}"))
    }

    fn ended(&self, exit: Exit, status: io::Result<ExitStatus>) -> Result<(), Failure> {
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.failed(exit, &status)),
            Err(error) => Err(self.failed(exit, &error)),
        }
    }
}

impl Source for Command {
    fn kind(&self) -> Kind {
        Kind::Command
    }

    fn files(&self) -> Vec<File> {
        vec![File {
            logical: self.name.clone(),
            physical: self.words.join(" "),
            size: None,
        }]
    }

    fn read(&mut self, take: Take) -> Result<(), Failure> {
        let mut running = Running(self.start(Stdio::null(), Stdio::piped(), Exit::Input)?);
        let mut part = vec![0; PART];
        if let Some(mut output) = running.0.stdout.take() {
            loop {
                match output.read(&mut part) {
                    Ok(0) => break,
                    Ok(count) => take(&part[..count])?,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(self.failed(Exit::Input, &error)),
                }
            }
        }
        self.ended(Exit::Input, running.0.wait())
    }
}

/// The program that takes a restore. It sees the end of its input only when everything is
/// verified; before that, it is killed.
pub(crate) struct CommandTarget {
    command: Command,
    running: Running,
    input: Option<ChildStdin>,
}

impl CommandTarget {
    pub(crate) fn start(command: Command) -> Result<Self, Failure> {
        let mut child = command.start(Stdio::piped(), Stdio::null(), Exit::Output)?;
        let input = child.stdin.take();
        Ok(Self {
            command,
            running: Running(child),
            input,
        })
    }
}

impl Target for CommandTarget {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let input = self
            .input
            .iter_mut()
            .try_for_each(|input| input.write_all(bytes));
        input.map_err(|error| self.command.failed(Exit::Output, &error))
    }

    fn commit(mut self: Box<Self>) -> Result<(), Failure> {
        drop(self.input.take());
        self.command.ended(Exit::Output, self.running.0.wait())
    }
}

/// A program that does not outlive its use.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended, and been waited for, already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
