//! One run of the tool as the person who started it sees it: what is printed, and the exit status.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use crate::agent::{self, Job};
use crate::args::{Output, Transfer};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::progress::{Progress, bytes};
use crate::report::{self, Done, Summary};

/// A backup or restore.
pub(crate) struct Run<'a> {
    operation: &'static str,
    database: &'a Path,
    /// The stripes.
    files: &'a [PathBuf],
    transfer: Transfer,
    output: Output,
    begun: Instant,
}

impl<'a> Run<'a> {
    /// Begins to take the time.
    pub(crate) fn begin(
        operation: &'static str,
        database: &'a Path,
        files: &'a [PathBuf],
        transfer: Transfer,
        output: Output,
    ) -> Self {
        Self {
            operation,
            database,
            files,
            transfer,
            output,
            begun: Instant::now(),
        }
    }

    /// Does the job.
    pub(crate) fn execute(&self, job: Job) -> Result<Done, Failure> {
        let devices = self.files.len() as u32;
        let size = self.transfer.max_transfer_size;
        let buffers = self.transfer.buffers_for(devices);
        let buffers = buffers.map_err(|why| Failure::new(Exit::Usage, why))?;
        let buffer_bytes = u64::from(buffers) * u64::from(size);
        self.say(&format!(
            "{} for {}, {buffers} buffers of {}: {} of shared memory",
            self.operation,
            count(devices, "device"),
            bytes(size.into()),
            bytes(buffer_bytes),
        ));
        let interrupt = Interrupt::install()?;
        let mut progress = Progress::new(self.output.quiet);
        let contents = agent::run(job, &interrupt, &mut progress);
        progress.clear();
        let contents = contents?;
        let seconds = self.begun.elapsed().as_secs_f64();
        let bytes = contents.pages * u64::from(contents.page_size);
        Ok(Done {
            contents,
            bytes,
            stream_bytes: progress.moved(),
            buffer_bytes,
            seconds,
            bytes_per_second: bytes as f64 / seconds.max(1e-9),
        })
    }

    /// Reports the outcome.
    pub(crate) fn end(&self, outcome: Result<Done, Failure>) -> ExitCode {
        let (code, failure, done) = match outcome {
            Ok(done) => (ExitCode::SUCCESS, None, Some(done)),
            Err(failure) => (failure.code(), Some(failure), None),
        };
        if let Some(failure) = &failure {
            report::error(&failure.to_string());
        }
        if let Some(done) = &done {
            self.say(&self.sentence(done));
        }
        if self.output.json {
            let summary = Summary {
                operation: self.operation,
                database: self.database.display().to_string(),
                files: self
                    .files
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect(),
                exit: failure.as_ref().map_or(0, |failure| failure.exit as u8),
                error: failure.map(|failure| failure.to_string()),
                done,
            };
            if self.fills_standard_output() {
                report::line(io::stderr(), &summary);
            } else {
                report::line(io::stdout(), &summary);
            }
        }
        code
    }

    /// Whether standard output carries the backup.
    fn fills_standard_output(&self) -> bool {
        self.operation == "backup" && self.files.iter().any(|path| agent::is_standard(path))
    }

    /// Tells people something, unless they or a program asked for silence.
    fn say(&self, text: &str) {
        if !self.output.quiet && !self.output.json {
            report::note(text);
        }
    }

    fn sentence(&self, done: &Done) -> String {
        format!(
            "{} of {} complete: {} in {}, {:.1} s, {}/s, blake3 {}",
            self.operation,
            self.database.display(),
            bytes(done.bytes),
            count(self.files.len() as u32, "stripe"),
            done.seconds,
            bytes(done.bytes_per_second as u64),
            done.contents.digest,
        )
    }
}

fn count(number: u32, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
