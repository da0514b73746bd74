//! Faults that a named test must notice: `conformance/mutants/*.toml`.
//!
//! Each one shows that a citation is worth something: with the fault in the library the test fails,
//! without it the test passes.

use crate::reasons::read_folder;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use walkdir::WalkDir;

/// A program that runs longer hangs, which is a failure, too.
const HANG_SECONDS: &str = "20";

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
    /// The test that fails: a C program, `lib:` and part of a unit test's path, or a Rust test.
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
    let survivors = thread::scope(|scope| {
        let workers: Vec<_> = workshops
            .iter()
            .map(|workshop| scope.spawn(|| workshop.try_all(&chosen, &next)))
            .collect();
        let joined = workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"));
        joined.sum::<Result<usize>>()
    })?;
    println!(
        "mutants: {} killed, {survivors} survived",
        chosen.len() - survivors
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
        ensure!(
            workshop.programs.is_dir(),
            "{} is missing: build the C tests first",
            workshop.programs.display()
        );
        copy_tree(&root, &workshop.tree)?;
        Ok(workshop)
    }

    /// Without a change every test passes; otherwise a failure would say nothing.
    fn check_unchanged(&self, mutants: &[&Mutant]) -> Result<()> {
        ensure!(self.build()?.success(), "the library does not build");
        let tests: BTreeSet<_> = mutants.iter().map(|mutant| &mutant.test).collect();
        for test in tests {
            ensure!(
                self.test(test)?.success(),
                "{test} fails without any change"
            );
        }
        Ok(())
    }

    /// Takes mutants until none is left; the number of those that survived.
    fn try_all(&self, mutants: &[&Mutant], next: &AtomicUsize) -> Result<usize> {
        let mut survivors = 0;
        while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
            let killed = self.try_mutant(mutant)?;
            survivors += usize::from(!killed);
            let verdict = if killed { "killed  " } else { "SURVIVED" };
            println!("{verdict} {} by {}", mutant.name(), mutant.test);
        }
        Ok(survivors)
    }

    /// True if the mutant's test fails.
    fn try_mutant(&self, mutant: &Mutant) -> Result<bool> {
        let path = self.tree.join(&mutant.file);
        let source = fs::read_to_string(&path)?;
        fs::write(&path, source.replacen(&mutant.old, &mutant.new, 1))?;
        let outcome = self.build_and_test(mutant);
        fs::write(&path, source)?;
        Ok(!outcome?.success())
    }

    fn build_and_test(&self, mutant: &Mutant) -> Result<ExitStatus> {
        if !self.build()?.success() {
            bail!("{}: does not compile", mutant.name());
        }
        self.test(&mutant.test)
    }

    fn build(&self) -> Result<ExitStatus> {
        self.cargo(&["build", "--lib"])
    }

    fn test(&self, test: &str) -> Result<ExitStatus> {
        if let Some(path) = test.strip_prefix("lib:") {
            return self.cargo(&["test", "--lib", path]);
        }
        if !test.starts_with("test_") {
            return self.cargo(&["test", "--test", test]);
        }
        let program = self.programs.join(test);
        Command::new(&program)
            .env("LD_PRELOAD", self.target.join("debug/libvdi.so"))
            .env("VDI_TEST_SECONDS", HANG_SECONDS)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .with_context(|| program.display().to_string())
    }

    fn cargo(&self, arguments: &[&str]) -> Result<ExitStatus> {
        Command::new("cargo")
            .args(arguments)
            .args(["--quiet", "--locked"])
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("RUSTFLAGS", "-Awarnings")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context("cargo")
    }
}

/// Copies what differs, so that a second run builds little.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    let skipped = ["target", "build", ".git"];
    let walk = WalkDir::new(from).into_iter().filter_entry(|entry| {
        entry.depth() != 1 || !skipped.iter().any(|name| entry.file_name() == *name)
    });
    for entry in walk {
        let entry = entry?;
        let copy = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            fs::create_dir_all(&copy)?;
        } else if entry.file_type().is_file() && !same(entry.path(), &copy) {
            fs::copy(entry.path(), &copy)?;
        }
    }
    Ok(())
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}
