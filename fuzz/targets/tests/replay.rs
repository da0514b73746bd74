//! Runs the targets on the seeds and on every case that was found, as the fuzzer would.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use vdi_fuzz_targets::{attach, calls, rewrite, seeds, stream};

fn folder(kind: &str, target: &str) -> PathBuf {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fuzz.join(kind).join(target)
}

/// The files of a folder by name; none if there is no such folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let files = entries.map(|entry| entry.unwrap());
    files
        .map(|file| {
            let name = file.file_name().into_string().unwrap();
            (name, fs::read(file.path()).unwrap())
        })
        .collect()
}

/// The targets count descriptors, so nothing else may be open meanwhile.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn replay(name: &str, target: fn(&[u8])) {
    let _alone = alone();
    for kind in ["seeds", "found"] {
        let cases = files(&folder(kind, name));
        assert!(kind == "found" || !cases.is_empty(), "no seeds of {name}");
        for (case, bytes) in cases {
            println!("{kind}/{name}/{case}");
            target(&bytes);
        }
    }
}

#[test]
fn fuzzed_calls_keep_their_promises() {
    replay("calls", calls);
}

#[test]
fn fuzzed_segments_are_refused_or_harmless() {
    replay("attach", attach);
}

#[test]
fn fuzzed_rewriting_is_harmless() {
    replay("rewrite", rewrite);
}

#[test]
fn fuzzed_streams_are_refused_or_as_written() {
    replay("stream", stream);
}

#[test]
fn the_seeds_are_those_of_the_source() {
    let _alone = alone();
    let mut made: BTreeMap<&str, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
    for seed in seeds() {
        let of_target = made.entry(seed.target).or_default();
        let other = of_target.insert(seed.name.to_owned(), seed.bytes);
        assert!(other.is_none(), "{} twice", seed.name);
    }
    for (target, seeds) in made {
        let same = files(&folder("seeds", target)) == seeds;
        assert!(same, "{target}: cargo run --package vdi-fuzz-targets");
    }
}
