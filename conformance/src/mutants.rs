//! Faults that a named test must notice: `conformance/mutants/*.toml`.
//!
//! Each one shows that a citation is worth something: with the fault in the library the test fails,
//! without it the test passes.

use crate::reasons::read_folder;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A program that runs longer hangs, which is a failure, too.
const HANG_SECONDS: &str = "30";
/// The same for a test that cargo runs; those that make many random cases take half a minute.
const CARGO_HANG_SECONDS: &str = "300";
/// Exit status of a C program that cannot run here, for example because it needs root.
const SKIPPED: i32 = 77;
/// That of `timeout`, and of a C program that its watchdog ends.
const TIMED_OUT: i32 = 124;

/// A change of one place in the library.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mutant {
    /// The rules that the change breaks.
    pub(crate) rules: Vec<String>,
    /// The file, from the root of the project.
    pub(crate) file: PathBuf,
    /// Text that occurs once in the file.
    pub(crate) old: String,
    /// What stands there in the mutant.
    pub(crate) new: String,
    /// The test that fails: a C program, `lib:` and part of a unit test's path, `models:` and the name
    /// of a model, or a Rust test.
    pub(crate) test: String,
}

impl Mutant {
    fn name(&self) -> String {
        let line = self.new.lines().next().unwrap_or("").trim();
        format!(
            "{} {} -> `{line}`",
            self.rules.join(" "),
            self.file.display()
        )
    }

    fn mentions(&self, text: &str) -> bool {
        format!("{} {}", self.name(), self.test).contains(text)
    }

    /// The program or test target, as citations name it.
    pub(crate) fn target(&self) -> &str {
        self.test.split(':').next().unwrap_or(&self.test)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mutant: Vec<Mutant>,
}

/// The list, and the entries that do not fit the sources.
pub(crate) fn read(root: &Path) -> Result<(Vec<Mutant>, Vec<String>)> {
    let mut mutants = Vec::new();
    let mut faults = Vec::new();
    for (path, text) in read_folder(&root.join("conformance/mutants"))? {
        let file: File = toml::from_str(&text).with_context(|| path.clone())?;
        for mutant in file.mutant {
            let source = fs::read_to_string(root.join(&mutant.file)).unwrap_or_default();
            let places = source.matches(&mutant.old).count();
            if places != 1 {
                faults.push(format!("{path}: {}: {places} places", mutant.name()));
            }
            mutants.push(mutant);
        }
    }
    Ok((mutants, faults))
}

/// How many mutants break each rule.
pub(crate) fn by_rule(mutants: &[Mutant]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for rule in mutants.iter().flat_map(|mutant| &mutant.rules) {
        *counts.entry(rule.as_str()).or_default() += 1;
    }
    counts
}

/// What became of a mutant or a test.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Passed,
    Failed,
    TimedOut,
    Skipped,
}

/// Applies the mutants and runs their tests, in as many workshops as there are processors.
pub(crate) fn run(root: &Path, text: &str) -> Result<()> {
    let (mutants, faults) = read(root)?;
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    let chosen: Vec<_> = mutants
        .iter()
        .filter(|mutant| mutant.mentions(text))
        .collect();
    let count = thread::available_parallelism().map_or(1, usize::from);
    let workshops: Vec<_> = (0..count)
        .map(|n| Workshop::new(root, n))
        .collect::<Result<_>>()?;
    workshops[0].check_unchanged(&chosen)?;
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let workers: Vec<_> = workshops
            .iter()
            .map(|workshop| scope.spawn(|| workshop.try_all(&chosen, &next)))
            .collect();
        let joined = workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"));
        joined.collect::<Result<Vec<_>>>()
    })?
    .concat();
    let count = |wanted| {
        outcomes
            .iter()
            .filter(|outcome| **outcome == wanted)
            .count()
    };
    let (late, survivors) = (count(Outcome::TimedOut), count(Outcome::Passed));
    println!(
        "mutants: {} killed, {late} of them by time-out, {survivors} survived, {} skipped",
        count(Outcome::Failed) + late,
        count(Outcome::Skipped)
    );
    ensure!(survivors == 0, "{survivors} mutants survived");
    Ok(())
}

/// A copy of the project in which the library is broken.
struct Workshop {
    tree: PathBuf,
    target: PathBuf,
    programs: PathBuf,
}

impl Workshop {
    fn new(root: &Path, number: usize) -> Result<Self> {
        let root = root.canonicalize()?;
        let place = root.join(format!("target/conformance/{number}"));
        let workshop = Self {
            tree: place.join("tree"),
            target: place.join("target"),
            programs: root.join("build/c-tests"),
        };
        copy_tree(&root, &workshop.tree)?;
        Ok(workshop)
    }

    /// Without a change no test fails; otherwise a failure would say nothing.
    fn check_unchanged(&self, mutants: &[&Mutant]) -> Result<()> {
        let tests: BTreeSet<_> = mutants.iter().map(|mutant| &mutant.test).collect();
        ensure!(
            self.programs.is_dir() || tests.iter().all(|test| cargo_test(test).is_some()),
            "{} is missing: build the C tests first",
            self.programs.display()
        );
        for test in tests {
            self.build(test)?;
            ensure!(
                matches!(self.test(test)?, Outcome::Passed | Outcome::Skipped),
                "{test} fails without any change"
            );
        }
        Ok(())
    }

    /// Takes mutants until none is left.
    fn try_all(&self, mutants: &[&Mutant], next: &AtomicUsize) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = self.try_mutant(mutant)?;
            let verdict = match outcome {
                Outcome::Passed => "SURVIVED",
                Outcome::Failed => "killed  ",
                Outcome::TimedOut => "time-out",
                Outcome::Skipped => "skipped ",
            };
            println!("{verdict} {} by {}", mutant.name(), mutant.test);
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    fn try_mutant(&self, mutant: &Mutant) -> Result<Outcome> {
        let path = self.tree.join(&mutant.file);
        let source = fs::read_to_string(&path)?;
        fs::write(&path, source.replacen(&mutant.old, &mutant.new, 1))?;
        let built = self.build(&mutant.test).with_context(|| mutant.name());
        let outcome = built.and_then(|()| self.test(&mutant.test));
        fs::write(&path, source)?;
        outcome
    }

    /// Builds what the test needs. A mutant that does not compile proves nothing.
    fn build(&self, test: &str) -> Result<()> {
        let mut cargo = self.cargo("cargo");
        match cargo_test(test) {
            None => cargo.args(["build", "--lib", "--package", library(test)]),
            Some(arguments) => cargo.args(arguments).arg("--no-run"),
        };
        let status = cargo
            .args(["--quiet", "--locked"])
            .status()
            .context("cargo")?;
        ensure!(status.success(), "{test} does not build");
        Ok(())
    }

    fn test(&self, test: &str) -> Result<Outcome> {
        let mut command = match cargo_test(test) {
            None => self.program(test),
            Some(arguments) => {
                let mut command = self.cargo("timeout");
                command.args([CARGO_HANG_SECONDS, "cargo"]).args(arguments);
                command.args(["--quiet", "--locked"]);
                command
            }
        };
        let status = command.status().with_context(|| test.to_owned())?;
        Ok(match status.code() {
            Some(0) => Outcome::Passed,
            Some(SKIPPED) => Outcome::Skipped,
            Some(TIMED_OUT) => Outcome::TimedOut,
            _ => Outcome::Failed,
        })
    }

    /// A C program, or one in C++ for the drop-in library, with the library of this workshop.
    fn program(&self, test: &str) -> Command {
        let library = library(test);
        let folder = match library {
            DROP_IN => self.programs.join(DROP_IN),
            _ => self.programs.clone(),
        };
        let mut command = quiet(Command::new(folder.join(test)));
        let library = self.target.join(format!("debug/lib{library}.so"));
        command
            .env("LD_PRELOAD", library)
            // Cargo's, which may lead to an older library of the other end.
            .env_remove("LD_LIBRARY_PATH")
            .env("VDI_TEST_SECONDS", HANG_SECONDS);
        command
    }

    /// A command that runs cargo in the tree of this workshop.
    fn cargo(&self, name: &str) -> Command {
        let mut command = quiet(Command::new(name));
        command
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("RUSTFLAGS", "-Awarnings");
        command
    }
}

/// The package of the drop-in library, and the folder of its tests.
const DROP_IN: &str = "sqlvdi";

/// The package of the library that a C program tests.
fn library(test: &str) -> &'static str {
    if test.starts_with("test_sqlvdi_") {
        DROP_IN
    } else {
        "vdi"
    }
}

/// The arguments of cargo for a Rust test; `None` for a C program.
fn cargo_test(test: &str) -> Option<Vec<&str>> {
    match test.strip_prefix("lib:") {
        Some(path) => Some(vec!["test", "--lib", path]),
        None if test.starts_with("test_") => None,
        None => Some(match test.strip_prefix("models:") {
            Some(name) => [&MODELS[..], &[name]].concat(),
            None => vec!["test", "--test", test],
        }),
    }
}

/// The arguments of cargo for the models.
const MODELS: [&str; 7] = [
    "test",
    "--manifest-path",
    "models/Cargo.toml",
    "--features",
    "loom",
    "--test",
    "exhaustive",
];

fn quiet(mut command: Command) -> Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Copies what differs, so that a second run builds little, and nothing that git ignores.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    let arguments = "ls-files -z --cached --others --exclude-standard";
    let listed = Command::new("git")
        .args(arguments.split(' '))
        .current_dir(from)
        .output()
        .context("git")?;
    ensure!(
        listed.status.success(),
        "git does not know the files of {}",
        from.display()
    );
    let names = String::from_utf8(listed.stdout)?;
    for name in names.split_terminator('\0') {
        let (source, copy) = (from.join(name), to.join(name));
        // One that has been removed may still be listed.
        if source.is_file() && !same(&source, &copy) {
            fs::create_dir_all(copy.parent().unwrap_or(to))?;
            fs::copy(&source, &copy)?;
        }
    }
    Ok(())
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}
