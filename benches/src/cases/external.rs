//! Programs as contenders, and the files that they read and write.

use super::Entry;
use crate::cell::{Rules, Sample};
use crate::digest::checksum;
use crate::machine::{self, Observer};
use crate::os;
use crate::shared::Bytes;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

/// A directory for files.
pub struct Scratch {
    directory: PathBuf,
    source_size: usize,
    source_sum: u64,
}

impl Scratch {
    /// In a directory that exists; holds a file with the bytes of the source.
    pub fn new(directory: &Path, source: &Bytes) -> io::Result<Rc<Self>> {
        let directory = directory.to_owned();
        let all = source.part(0, source.len());
        let scratch = Self {
            directory,
            source_size: all.len(),
            source_sum: checksum(all),
        };
        fs::write(scratch.source(), all)?;
        Ok(Rc::new(scratch))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn source(&self) -> PathBuf {
        self.path("source")
    }

    pub fn source_size(&self) -> usize {
        self.source_size
    }

    /// Where a contender makes its file; it is removed after each sample.
    pub fn new_file(&self) -> PathBuf {
        self.path("new")
    }
}

/// A program to run.
#[derive(Clone)]
pub struct Program {
    name: OsString,
    arguments: Vec<OsString>,
}

impl Program {
    pub fn new(name: impl Into<OsString>) -> Self {
        Self {
            name: name.into(),
            arguments: Vec::new(),
        }
    }

    /// A line for the shell.
    pub fn shell(line: String) -> Self {
        Self::new("sh").argument("-c").argument(line)
    }

    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub fn argument_path(self, before: &str, path: impl AsRef<Path>) -> Self {
        let mut argument = OsString::from(before);
        argument.push(path.as_ref());
        self.argument(argument)
    }

    /// Runs it to its end; the nanoseconds that it took.
    fn run(&self) -> Result<u64, String> {
        let start = os::now();
        let output = Command::new(&self.name)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output();
        let took = os::now() - start;
        let output = output.map_err(|error| format!("{}: {error}", self.name.display()))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(took)
    }

    /// As a row: makes the new file of the scratch directory out of its source.
    pub fn entry(self, name: &'static str, scratch: &Rc<Scratch>, commands: u64) -> Entry {
        let scratch = Rc::clone(scratch);
        let check = move || {
            let file = scratch.new_file();
            let bytes = fs::read(&file).map_err(|error| error.to_string())?;
            let removed = fs::remove_file(&file).map_err(|error| error.to_string());
            if bytes.len() != scratch.source_size || checksum(&bytes) != scratch.source_sum {
                return Err("the file differs from the source".into());
            }
            removed
        };
        self.measured(name, commands, check)
    }

    /// As a row, with what must be true, and be tidied, after each run.
    pub fn measured(
        self,
        name: &'static str,
        commands: u64,
        check: impl Fn() -> Result<(), String> + 'static,
    ) -> Entry {
        Entry::other(name, move |rules| self.sample(rules, commands, &check))
    }

    fn sample(
        &self,
        rules: &Rules,
        commands: u64,
        check: &dyn Fn() -> Result<(), String>,
    ) -> (Sample, u32) {
        let mut best: Option<Sample> = None;
        let mut runs = 0;
        while runs < rules.patience.tries.clamp(1, 2) {
            runs += 1;
            machine::wait_until_quiet(&rules.patience);
            let observer = Observer::new();
            let outcome = self.run();
            let disturbance = observer.end(0);
            let outcome = outcome.and_then(|ns| check().map(|()| ns));
            let ns = *outcome.as_ref().unwrap_or(&0);
            let sample = Sample {
                commands,
                ns,
                disturbance,
                fault: outcome.err(),
                ..Sample::default()
            };
            let clean = sample.disturbance.is_clean() && sample.fault.is_none();
            if best
                .as_ref()
                .is_none_or(|best| disturbance.weight() < best.disturbance.weight())
            {
                best = Some(sample);
            }
            if clean {
                break;
            }
        }
        (best.unwrap_or_default(), runs)
    }
}
