//! The layers of the library: which module may use which, and where `unsafe` may stand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Module, and the modules of this crate that it may use. The order is that of the layers.
const MAY_USE: &[(&str, &[&str])] = &[
    ("fuzzing", &["protocol", "error"]),
    (
        "ffi",
        &[
            "client",
            "server",
            "participant",
            "protocol",
            "error",
            "panics",
            "sync",
            "sys",
        ],
    ),
    (
        "client",
        &[
            "participant",
            "protocol",
            "queue",
            "shm",
            "link",
            "sync",
            "error",
        ],
    ),
    (
        "server",
        &[
            "participant",
            "protocol",
            "queue",
            "shm",
            "link",
            "sync",
            "error",
        ],
    ),
    (
        "participant",
        &["protocol", "queue", "shm", "link", "sync", "sys", "error"],
    ),
    (
        "link",
        &["protocol", "sync", "sys", "error", "panics", "naps"],
    ),
    ("shm", &["sys", "sync", "error"]),
    ("queue", &["sync", "naps"]),
    ("protocol", &["error"]),
    ("panics", &["sync"]),
    ("sync", &["sys"]),
    ("sys", &[]),
    ("naps", &[]),
    ("error", &[]),
];

/// The only modules in which `unsafe` may stand.
const MAY_BE_UNSAFE: &[&str] = &["ffi", "shm", "sys"];

/// Crates, and the modules that may name them.
const CRATES: &[(&str, &[&str])] = &[("libc", &["sys"]), ("memmap2", &["shm", "sys"])];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All source files, with their tests.
fn files() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    files
}

/// Source files by module, without tests.
fn sources() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let mut found: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (path, text) in files() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_test = name == "tests.rs" || name.ends_with("_tests.rs") || name == "support.rs";
        if name == "lib.rs" || is_test {
            continue;
        }
        let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
        let below = path.strip_prefix(root()).unwrap();
        let module = below.iter().next().unwrap().to_str().unwrap();
        let module = module.trim_end_matches(".rs").to_owned();
        found.entry(module).or_default().push((path, text));
    }
    found
}

/// The code of a file without its comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| match line.find("//") {
        Some(at) => &line[..at],
        None => line,
    })
}

/// Modules that a file names as `crate::module`.
fn used(text: &str) -> BTreeSet<String> {
    code(text)
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

#[test]
fn imports_point_downwards_only() {
    let sources = sources();
    let known: BTreeSet<&str> = MAY_USE.iter().map(|(module, _)| *module).collect();
    let present: BTreeSet<&str> = sources.keys().map(String::as_str).collect();
    assert_eq!(known, present, "the table of layers and the tree differ");
    for (module, allowed) in MAY_USE {
        for (path, text) in &sources[*module] {
            for other in used(text) {
                assert!(
                    other == *module || allowed.contains(&other.as_str()),
                    "{} uses {other}, which the layer {module} may not",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_table_itself_has_no_cycle() {
    for (index, (module, allowed)) in MAY_USE.iter().enumerate() {
        for other in *allowed {
            let below = MAY_USE.iter().position(|(name, _)| name == other).unwrap();
            assert!(
                below > index,
                "{module} uses {other}, which is not below it"
            );
        }
    }
}

#[test]
fn unsafe_code_and_system_crates_stay_in_their_modules() {
    for (module, files) in sources() {
        for (path, text) in files {
            let has = |word: &str| {
                code(&text).any(|line| {
                    line.split(|c: char| !c.is_alphanumeric() && c != '_')
                        .any(|w| w == word)
                })
            };
            if !MAY_BE_UNSAFE.contains(&module.as_str()) {
                assert!(!has("unsafe"), "{} has unsafe code", path.display());
            }
            for (name, allowed) in CRATES {
                let fine = allowed.contains(&module.as_str()) || !has(name);
                assert!(fine, "{} uses {name}", path.display());
            }
        }
    }
}

/// Models put their own versions there. An `Arc` makes nobody wait.
#[test]
fn what_threads_meet_at_comes_from_sync() {
    let above = [
        "client",
        "server",
        "participant",
        "queue",
        "protocol",
        "shm",
    ];
    for (module, files) in sources() {
        let is_watcher = |path: &Path| path.ends_with("link/watcher.rs");
        for (path, text) in files {
            if !above.contains(&module.as_str()) && !is_watcher(&path) {
                continue;
            }
            for line in code(&text) {
                let elsewhere = ["std::thread", "once_cell", "std::sync::"]
                    .iter()
                    .any(|place| line.contains(place) && !line.contains("std::sync::Arc;"));
                assert!(!elsewhere, "{}: {}", path.display(), line.trim());
            }
        }
    }
}

#[test]
fn files_are_short() {
    for (path, text) in files() {
        let lines = text.lines().count();
        assert!(lines <= 400, "{} has {lines} lines", path.display());
    }
}
