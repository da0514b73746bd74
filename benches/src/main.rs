//! Measures libvdi beside its alternatives and the limits of the machine.

mod bulk;
mod cases;
mod cell;
mod digest;
mod machine;
mod options;
mod os;
mod report;
mod shared;
mod side;
mod syscalls;
mod transports;
mod vdi_c;

use cell::Rules;
use options::Options;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::{fs, io};

/// A directory of this run, for the rendezvous of the sets; gone with this value.
struct Directory(PathBuf);

impl Directory {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("vdi-bench-{}", std::process::id()));
        fs::create_dir(&path)?;
        // SAFETY: this process has one thread.
        unsafe { std::env::set_var("VDI_RUNTIME_DIR", &path) };
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Best effort: what is left there is an empty file of a set that failed.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(options: &Options) -> io::Result<bool> {
    let _directory = Directory::new()?;
    let processors = os::processors();
    let [first, second, ..] = processors[..] else {
        return Err(io::Error::other("needs two processors"));
    };
    let rules = Rules {
        patience: options.patience,
        window: options.window,
        warm_up: options.warm_up,
        source: Arc::new(shared::Bytes::filled(options.source)?),
        processors: [first, second],
    };
    let mut cases = cases::round_trip::cases();
    cases.extend(cases::bulk::cases(options.source));
    let mut good = true;
    for case in cases.iter().filter(|case| options.wants(case.id)) {
        let table = case.run(&rules, options.rounds);
        good &= table.rows.iter().all(|row| row.fault().is_none());
        print!("{}", report::table::plain(&table));
    }
    Ok(good)
}

fn main() -> ExitCode {
    let options = match Options::from_command_line() {
        Ok(options) => options,
        Err(text) => {
            eprintln!("vdi-bench: {text}\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("vdi-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
