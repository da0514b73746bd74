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
mod worker;

use cases::Case;
use cases::external::Scratch;
use cell::Rules;
use options::Options;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use worker::Places;

fn run(options: &Options, places: &Places) -> io::Result<bool> {
    // SAFETY: this process has one thread.
    unsafe { std::env::set_var("VDI_RUNTIME_DIR", &places.runtime) };
    let processors = os::processors();
    let [first, second, ..] = processors[..] else {
        return Err(io::Error::other("needs two processors"));
    };
    let rules = Rules {
        patience: options.patience,
        window: options.window,
        warm_up: options.warm_up,
        limit: Duration::from_secs(60),
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
    all.extend(cases::validation::cases(options.source));
    all.extend(cases::ends::cases(options.quick));
    all.iter().for_each(&mut measure);
    if options.wants_one_of(&cases::WITH_FILES) {
        let tmpfs = Scratch::new(&places.tmpfs, &rules.source)?;
        let disk = Scratch::new(&places.disk, &rules.source)?;
        cases::whole::cases(&tmpfs, &disk, options.quick)
            .iter()
            .for_each(&mut measure);
        if options.wants_one_of(&["tool"]) {
            for case in
                cases::tool::cases(&tmpfs, &disk, options.database).map_err(io::Error::other)?
            {
                measure(&case);
            }
        }
    }
    if tables.is_empty() {
        return Err(io::Error::other("no comparison has such a name"));
    }
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
    let work = |places: &Places| match run(&options, places) {
        Ok(good) => good,
        Err(error) => {
            eprintln!("vdi-bench: {error}");
            false
        }
    };
    match worker::run(&options.disk, work) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("vdi-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
