//! What all tests of the tool share: a place of its own for each, databases, and runs that end.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod client;
mod medium;
pub(crate) mod statement;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

/// Ends a test that hangs. No normal run comes near.
const WATCHDOG: Duration = Duration::from_secs(120);

/// A directory for files and one for the sockets of the library, removed at the end.
pub(crate) struct Place {
    files: TempDir,
    runtime: TempDir,
}

/// How a run ended.
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Asserts an exit status and a part of the message.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, message: &str) -> &Self {
        assert_eq!(self.code(), Some(code), "{}", self.stderr);
        assert!(self.stderr.contains(message), "{}", self.stderr);
        assert!(!self.stderr.contains("panicked") && !self.stderr.contains("backtrace"));
        self
    }

    #[track_caller]
    pub(crate) fn success(&self) -> &Self {
        self.expect(0, "")
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap()
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        let short = || {
            tempfile::Builder::new()
                .prefix("v")
                .tempdir_in("/tmp")
                .unwrap()
        };
        Self {
            files: short(),
            runtime: short(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Names of the files, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.files.path())
    }

    /// Asserts that no socket is left.
    #[track_caller]
    pub(crate) fn expect_no_sockets(&self) {
        use std::os::unix::fs::FileTypeExt;
        let sockets: Vec<_> = walk(self.runtime.path())
            .into_iter()
            .filter(|path| fs::symlink_metadata(path).unwrap().file_type().is_socket())
            .collect();
        assert_eq!(sockets, [""; 0].map(PathBuf::from));
    }

    /// The tool, to be run in this place.
    pub(crate) fn vdi<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vdi"));
        self.prepare(&mut command);
        command.args(args);
        command
    }

    /// Lets any command run in this place.
    pub(crate) fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.files.path())
            .env("VDI_RUNTIME_DIR", self.runtime.path())
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null());
    }

    /// Runs the tool to its end. The arguments are separated by blanks.
    pub(crate) fn run(&self, args: &str) -> Outcome {
        finish(self.start(args))
    }

    /// Starts the tool.
    pub(crate) fn start(&self, args: &str) -> Child {
        let mut command = self.vdi(args.split_whitespace());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Makes a named pipe.
    pub(crate) fn pipe(&self, name: &str) -> PathBuf {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let path = self.path(name);
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        path
    }

    /// Makes a database of some megabytes.
    pub(crate) fn database(&self, name: &str, journal: &str) -> PathBuf {
        let path = self.path(name);
        let database = Connection::open(&path).unwrap();
        database
            .pragma_update(None, "journal_mode", journal)
            .unwrap();
        database
            .execute_batch(
                "CREATE TABLE item (id INTEGER PRIMARY KEY, data BLOB);
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                 INSERT INTO item SELECT i, randomblob(900) FROM n;",
            )
            .unwrap();
        path
    }

    /// BLAKE3 of the pages, as the tool says.
    #[track_caller]
    pub(crate) fn digest(&self, name: &str) -> String {
        let outcome = self.run(&format!("digest {name}"));
        outcome.success();
        String::from_utf8(outcome.stdout).unwrap()[..64].to_owned()
    }
}

/// Waits for the end of a run; its outputs are read meanwhile.
pub(crate) fn finish(mut child: Child) -> Outcome {
    let stdout = child.stdout.take().map(drain);
    let stderr = child.stderr.take().map(drain);
    let status = wait(&mut child);
    let collect = |reader: Option<thread::JoinHandle<Vec<u8>>>| {
        reader
            .map(|reader| reader.join().unwrap())
            .unwrap_or_default()
    };
    Outcome {
        status,
        stdout: collect(stdout),
        stderr: String::from_utf8_lossy(&collect(stderr)).into_owned(),
    }
}

/// Reads to the end on a thread of its own.
pub(crate) fn drain(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// Waits for a process of ours; kills it if it hangs.
#[track_caller]
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let status = until(|| child.try_wait().unwrap());
    status.unwrap_or_else(|| {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("the process hangs")
    })
}

/// Waits until there is something; none if it does not come.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    while begun.elapsed() < WATCHDOG {
        if let Some(value) = look() {
            return Some(value);
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}

/// The engine process that an agent has started.
#[track_caller]
pub(crate) fn engine_of(agent: &Child) -> u32 {
    until(|| children_of(agent.id()).first().copied()).expect("an engine process")
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| parent_of(*pid) == Some(parent))
        .collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the fields behind it are state and parent.
    stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()
}

/// Sends a signal to a process that this test started.
pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Waits until a process has ended.
#[track_caller]
pub(crate) fn await_end(pid: u32) {
    let ended = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        let dead = stat.map_or(true, |stat| stat.contains(") Z "));
        dead.then_some(())
    };
    assert_eq!(until(ended), Some(()), "process {pid} is still there");
}

/// Names of the files in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let name =
        |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(directory).unwrap().map(name).collect();
    names.sort();
    names
}

fn walk(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(walk(&path));
        }
        all.push(path);
    }
    all
}

/// Asserts that a database is sound and counts the rows of `item`.
#[track_caller]
pub(crate) fn check_items(path: &Path) -> i64 {
    let database = Connection::open(path).unwrap();
    let verdict: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    database
        .query_row("SELECT count(*) FROM item", [], |row| row.get(0))
        .unwrap()
}

/// Changes the database `a.db`, which keeps a log, and leaves the log beside it as a killed process
/// does.
pub(crate) fn leave_log(place: &Place, statement: &str) {
    let names = ["a.db", "a.db-wal"];
    let database = Connection::open(place.path(names[0])).unwrap();
    database.pragma_update(None, "journal_mode", "wal").unwrap();
    database.execute_batch(statement).unwrap();
    let kept = |name: &str| place.path(&format!("{name}.kept"));
    for name in names {
        fs::copy(place.path(name), kept(name)).unwrap();
    }
    drop(database);
    for name in names {
        fs::rename(kept(name), place.path(name)).unwrap();
    }
    assert!(fs::metadata(place.path(names[1])).unwrap().len() > 0);
}

/// Reads exactly `count` bytes.
pub(crate) fn read_some(file: &mut File, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    file.read_exact(&mut bytes).unwrap();
    bytes
}
