//! What the tests of this module share, and those of others that need a connection.

use super::access::Access;
use super::address::Address;
use super::channel::Channel;
use super::rendezvous::{Listener, connect};
use super::runtime_dir::Places;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;
use std::{env, fs, thread};

/// A directory of one test, removed at its end. Its path is short, since sockets go there.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(format!("/tmp/vdi-t{}-{count}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The names of the files in it.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    pub(crate) fn address(&self, name: &str) -> Address {
        address_in(&self.0, name)
    }

    /// Both ends of a connection inside this process: of the one who asked, and of the listener.
    pub(crate) fn channels(&self) -> (Channel, Channel) {
        let address = self.address("pair");
        let listener = Listener::bind(&address, Access::default()).unwrap();
        let near = connect(&address).unwrap().unwrap();
        let far = listener.accept().unwrap().unwrap();
        (near, far)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn address_in(directory: &Path, name: &str) -> Address {
    let mut places = Places::current();
    places.chosen = Some(directory.into());
    Address::at(&places, b"", name.as_bytes()).unwrap()
}

/// Ends the test program if a test hangs.
pub(crate) struct Watchdog(#[expect(dead_code, reason = "dropping it is the signal")] Sender<()>);

impl Watchdog {
    pub(crate) fn start() -> Self {
        let (sender, receiver) = mpsc::channel::<()>();
        let test = thread::current().name().unwrap_or("?").to_owned();
        thread::spawn(move || {
            if receiver.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{test} hangs");
                std::process::abort();
            }
        });
        Self(sender)
    }
}

/// Tells a role where its test works.
pub(super) const ROLE_DIRECTORY: &str = "VDI_TEST_DIRECTORY";

/// How this program runs one ignored test, named by its path.
pub(super) fn role_arguments(test: &str) -> [&str; 4] {
    // The program knows its tests without the name of the crate.
    let (_, name) = test.split_once("::").unwrap();
    ["--exact", name, "--ignored", "--nocapture"]
}

/// Another process that runs one ignored test of this program as its role; killed at the end.
pub(super) struct Role(Child);

impl Role {
    /// Starts a role and waits until it calls [`Role::ready`].
    pub(super) fn start(test: &str, directory: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(role_arguments(test))
            .env(ROLE_DIRECTORY, directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let role = Self(child);
        let said = output.lines().map_while(Result::ok);
        assert!(
            said.into_iter().any(|line| line.ends_with("ready")),
            "{test} did not start"
        );
        role
    }

    /// In the role: the directory of the test that started it, None if nobody did.
    pub(super) fn directory() -> Option<PathBuf> {
        env::var_os(ROLE_DIRECTORY).map(PathBuf::from)
    }

    /// In the role: lets the test go on and waits to be killed or released.
    pub(super) fn ready() {
        println!("ready");
        let _ = std::io::stdin().read_line(&mut String::new());
    }

    pub(super) fn pid(&self) -> i32 {
        self.0.id().try_into().unwrap()
    }

    /// Kills the process. What else reads its input goes on until the role is dropped.
    pub(super) fn kill(&mut self) {
        self.0.kill().unwrap();
        // `wait` closes the input first.
        let input = self.0.stdin.take();
        self.0.wait().unwrap();
        self.0.stdin = input;
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
