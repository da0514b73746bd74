//! Measures libvdi beside its alternatives and the limits of the machine.

mod bulk;
mod cases;
mod cell;
mod digest;
mod goals;
mod machine;
mod options;
mod os;
mod report;
mod shared;
mod side;
mod syscalls;
mod transports;
mod vdi_c;

use cases::Case;
use cases::external::Scratch;
use cell::Rules;
use options::Options;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};
use transports::iceoryx;

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
        limit: Duration::from_secs(30),
        source: Arc::new(shared::Bytes::filled(options.source)?),
        processors: [first, second],
    };
    cases::spoilt::all_are_noticed(&rules).map_err(io::Error::other)?;
    let mut tables = Vec::new();
    let mut measure = |case: &Case| {
        if options.wants(case.id) {
            let table = case.run(&rules, options.rounds.min(case.most_rounds));
            print!("{}", report::table::plain(&table));
            tables.push(table);
        }
    };
    let mut all = cases::round_trip::cases();
    all.extend(cases::bulk::cases(options.source));
    all.extend(cases::ends::cases(options.quick));
    all.iter().for_each(&mut measure);
    if options.wants_one_of(&cases::WITH_FILES) {
        let tmpfs = Scratch::new(Path::new("/dev/shm"), &rules.source)?;
        let disk = Scratch::new(&options.disk, &rules.source)?;
        cases::whole::cases(&tmpfs, &disk, options.quick)
            .iter()
            .for_each(&mut measure);
        if options.wants("tool") {
            for case in
                cases::tool::cases(&tmpfs, &disk, options.database).map_err(io::Error::other)?
            {
                measure(&case);
            }
        }
    }
    iceoryx::sweep();
    report::write(&tables, options)
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
