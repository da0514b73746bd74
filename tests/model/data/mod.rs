//! Whatever the sizes, depths, orders and processes: the bytes arrive, each in its place.
//!
//! A case is a backup and a restore of random streams, one for each device. The server knows what
//! it has written and compares what it reads; the client re-blocks.

mod client;
mod plan;
mod server;

use crate::{directory, replay};
use plan::Plan;
use proptest::test_runner::{Config, TestError};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{env, process, thread};

/// Long enough for any machine; what takes this long does not come any more.
const STUCK: Duration = Duration::from_secs(60);

/// The client as a process of its own: this program again.
struct Process(Child);

impl Process {
    fn start(set: &str, plan: &Plan, created: UnixStream) -> Self {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "data::client_role", "--nocapture"])
            .env("VDI_TEST_SET", set)
            .env("VDI_TEST_PLAN", plan.encode())
            .stdin(OwnedFd::from(created))
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    fn succeeds(mut self) {
        assert!(self.0.wait().unwrap().success(), "the client has failed");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "a role of the test below"]
fn client_role() {
    let plan = Plan::decode(&env::var("VDI_TEST_PLAN").unwrap());
    let set = env::var("VDI_TEST_SET").unwrap();
    // The socket of the parent; a copy, because the standard input stays open.
    let created = io::stdin().as_fd().try_clone_to_owned().unwrap();
    watched(&plan, || client::run(&set, &plan, created.into()));
}

/// Aborts the set when its thread fails, so that nobody waits for it.
struct OnPanic<F: Fn() -> vdi::Result<()>>(F);

impl<F: Fn() -> vdi::Result<()>> Drop for OnPanic<F> {
    fn drop(&mut self) {
        if thread::panicking() {
            // The failure itself is reported already.
            let _ = self.0();
        }
    }
}

/// Ends the process if something takes too long.
fn watched(plan: &Plan, work: impl FnOnce()) {
    let text = format!("{plan:?}");
    let (done, wait) = mpsc::channel::<()>();
    thread::spawn(move || {
        if wait.recv_timeout(STUCK) == Err(RecvTimeoutError::Timeout) {
            eprintln!("the transfer is stuck: {text}\n{}", replay::hint());
            process::abort();
        }
    });
    work();
    drop(done);
}

/// One backup and one restore.
fn transfer(plan: &Plan) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let set = format!("d{}-{number}", process::id());
    watched(plan, || {
        // The client tells by a byte that it has created a set.
        let (created, told) = UnixStream::pair().unwrap();
        if plan.other_process {
            let client = Process::start(&set, plan, created);
            server::run(&set, plan, &told);
            client.succeeds();
        } else {
            thread::scope(|scope| {
                // It owns its end, so that its failure ends the wait as well.
                scope.spawn(|| client::run(&set, plan, created));
                server::run(&set, plan, &told);
            });
        }
    });
}

/// [DATA-01, DATA-03, DATA-05, DATA-06, MOD-05, CMD-READ-06, CMD-READ-07, CDEV-COMPLETE-12, CDEV-COMPLETE-14, PROC-11]
/// [BUF-04, BUF-05, BUF-09, BUF-10, BUF-11, CDEV-GETCMD-08, CDEV-GETCMD-09, AMB-23]
#[test]
fn streams_come_back_exactly_as_they_were_written() {
    directory();
    let cases = env::var("PROPTEST_CASES").map_or(48, |cases| cases.parse::<u32>().unwrap() / 8);
    let config = Config {
        cases: cases.max(1),
        max_shrink_time: 60_000,
        failure_persistence: None,
        ..Config::default()
    };
    let result = replay::runner(config).run(&plan::plans(), |plan| {
        transfer(&plan);
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, plan)) => panic!("{}\n{why}\n{plan:?}", replay::hint()),
        Err(TestError::Abort(why)) => panic!("{}\n{why}", replay::hint()),
    }
}
