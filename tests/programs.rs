//! The C tests against the library of this build, for the runs that change the library and want to
//! see a test fail: `ci/all-mutants.sh`, `ci/coverage.sh`.

use std::collections::VecDeque;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// These wait for something that shall not happen, so they come last.
const SLOW: &[&str] = &[
    "test_stopped_primary",
    "test_server_timeout",
    "test_close_race",
    "test_patience",
    "test_wake",
];

/// The directory with the programs that CMake built.
fn programs() -> Vec<PathBuf> {
    let directory = env::var_os("VDI_C_TESTS").expect("VDI_C_TESTS names the built C tests");
    let mut programs: Vec<_> = fs::read_dir(directory)
        .expect("VDI_C_TESTS can be read")
        .map(|entry| entry.expect("VDI_C_TESTS can be read").path())
        .filter(|path| is_program(path))
        .collect();
    programs.sort_by_key(|path| (SLOW.contains(&name(path)), path.clone()));
    for slow in SLOW {
        let exists = programs.iter().any(|path| name(path) == *slow);
        assert!(exists, "{slow} is not among the programs");
    }
    programs
}

fn is_program(path: &Path) -> bool {
    // The first two load the library that their environment names, and no other. The next knows what
    // the library imports, which counters and changes of it may add to. The last lets munmap() fail, at
    // which a library with assertions stops.
    let not_these = [
        "test_dlopen",
        "test_two_copies",
        "test_imports",
        "test_nth_call",
    ];
    name(path).starts_with("test_")
        && !not_these.contains(&name(path))
        && fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("")
}

/// The shared library that lies beside this test.
fn library() -> PathBuf {
    let test = env::current_exe().expect("the test has a path");
    let library = test.with_file_name("libvdi.so");
    assert!(library.exists(), "{} is missing", library.display());
    library
}

/// `Err` with the output if the program failed.
fn run(program: &Path, library: &Path) -> Result<(), String> {
    let output = Command::new(program)
        .env("LD_PRELOAD", library)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    // 77: skipped, as for ctest.
    if output.status.success() || output.status.code() == Some(77) {
        return Ok(());
    }
    Err(format!(
        "{}: {}\n{}",
        name(program),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    ))
}

#[test]
#[ignore = "needs VDI_C_TESTS, see ci/all-mutants.sh"]
fn all_programs_succeed() {
    let library = library();
    // Enough for a change that is to be noticed; not for what wants to see all that the tests reach.
    let stops = env::var_os("VDI_TEST_KEEP_GOING").is_none();
    let queue = Mutex::new(VecDeque::from(programs()));
    let failed = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !(stops && failed.load(Ordering::Relaxed)) {
                    let Some(program) = queue.lock().unwrap().pop_front() else {
                        return;
                    };
                    if let Err(report) = run(&program, &library) {
                        eprintln!("{report}");
                        failed.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(!failed.load(Ordering::Relaxed), "a program failed");
}
