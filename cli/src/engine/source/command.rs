//! A database behind a program: what it prints is the backup, what it reads is the restore.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ExitStatus, Stdio};

use rustix::event::PollFlags;
use rustix::fs::OFlags;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::child::{bound, ready};
use super::{Source, Take, Target, Watch};
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
        let mut command = std::process::Command::new(program);
        command.args(arguments).stdin(input).stdout(output);
        bound(&mut command)
            .spawn()
            .map_err(|error| Failure::new(exit, format!("cannot start {program}: {error}")))
    }

    fn failed(&self, exit: Exit, what: &dyn std::fmt::Display) -> Failure {
        let program = self.words.first().map_or("", String::as_str);
        Failure::new(exit, format!("command {program}: {what}"))
    }

    /// Waits for the end, which must be a success.
    fn end(&self, exit: Exit, running: &mut Running, watch: Watch) -> Result<(), Failure> {
        let failed = |error| self.failed(exit, &error);
        let status = running.wait(watch)?.map_err(failed)?;
        match status.success() {
            true => Ok(()),
            false => Err(self.failed(exit, &status)),
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

    fn read(&mut self, watch: Watch, take: Take) -> Result<(), Failure> {
        let mut running = Running(self.start(Stdio::null(), Stdio::piped(), Exit::Input)?);
        let mut part = vec![0; PART];
        if let Some(mut output) = running.0.stdout.take() {
            let failed = |error| self.failed(Exit::Input, &error);
            loop {
                ready(&output, PollFlags::IN, watch)?.map_err(failed)?;
                match output.read(&mut part) {
                    Ok(0) => break,
                    Ok(count) => take(&part[..count])?,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(failed(error)),
                }
            }
        }
        self.end(Exit::Input, &mut running, watch)
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
        let target = Self {
            command,
            running: Running(child),
            input,
        };
        // A program that reads nothing must not hold up the end of the statement.
        let waits = target.input.iter().try_for_each(|input| {
            let flags = rustix::fs::fcntl_getfl(input)?;
            rustix::fs::fcntl_setfl(input, flags | OFlags::NONBLOCK)
        });
        waits.map_err(|error| target.command.failed(Exit::Output, &error))?;
        Ok(target)
    }
}

impl Target for CommandTarget {
    fn write(&mut self, watch: Watch, mut bytes: &[u8]) -> Result<(), Failure> {
        let failed = |error| self.command.failed(Exit::Output, &error);
        let Some(input) = &mut self.input else {
            return Ok(());
        };
        while !bytes.is_empty() {
            ready(&*input, PollFlags::OUT, watch)?.map_err(failed)?;
            match input.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>, watch: Watch) -> Result<(), Failure> {
        drop(self.input.take());
        self.command.end(Exit::Output, &mut self.running, watch)
    }
}

/// A program that does not outlive its use.
struct Running(Child);

impl Running {
    fn wait(&mut self, watch: Watch) -> Result<io::Result<ExitStatus>, Failure> {
        let end = pidfd_open(Pid::from_child(&self.0), PidfdFlags::empty());
        Ok(match end.map_err(io::Error::from) {
            Ok(end) => ready(end.as_fd(), PollFlags::IN, watch)?.and_then(|()| self.0.wait()),
            Err(error) => Err(error),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended, and been waited for, already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
