//! Property tests: random sequences of calls against a model of the specification, and random data
//! through real threads and processes.

mod agent;
mod binding;
mod calls;
mod data;
mod generate;
mod library;
mod world;

use calls::{CLIENTS, Call, ServerCall};
use generate::Calls;
use library::Library;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use proptest_state_machine::ReferenceStateMachine;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use world::World;

/// The runtime directory of this process.
static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();

/// Makes the runtime directory; every test begins with this.
fn directory() {
    DIRECTORY.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap().keep();
        // SAFETY: no test has threads of its own yet, and nobody else changes the environment.
        unsafe { std::env::set_var("VDI_RUNTIME_DIR", &directory) };
        // SAFETY: the function is there until the end.
        let registered = unsafe { libc::atexit(remove_directory) };
        assert_eq!(registered, 0);
        directory
    });
}

/// Removes the directory, which is empty unless something was left behind.
extern "C" fn remove_directory() {
    if let Some(directory) = DIRECTORY.get() {
        if let Err(error) = std::fs::remove_dir(directory) {
            eprintln!("{}: {error}", directory.display());
        }
    }
}

/// A call that both make, and what the model says about it.
fn step(world: World, library: &mut Library, call: Call) -> World {
    let before = world.clone();
    let world = Calls::apply(world, &call);
    library.perform(&call, &before, &world);
    world
}

/// States: [ST-02, ST-04, ST-06, ST-21, ST-32, ST-41, DEV-01, DEV-02, DEV-03] [AMB-02, AMB-07, AMB-41, AMB-48]
///
/// Configuration: [CFG-08, CFG-27, CFG-28, CFG-40, CFG-44, CFG-47, CFG-60, CFG-61, CFG-62, CFG-65, CMPL-11]
/// [SSET-GETCFG-01, SSET-GETCFG-02, SSET-GETCFG-03, SSET-BEGIN-02, SSET-BEGIN-03, SSET-BEGIN-04, SSET-BEGIN-05]
/// [SSET-END-02, SSET-END-04, SSET-END-05, AMB-10, AMB-11, AMB-12]
///
/// Client sets: [CSET-CREATE-03, CSET-CREATE-04, CSET-CREATE-05, CSET-GETCFG-02, CSET-GETCFG-03, CSET-GETCFG-05]
/// [CSET-GETCFG-06, CSET-GETCFG-08, CSET-OPENDEV-04, CSET-OPENDEV-05, CSET-OPENDEV-06, CSET-OPENDEV-07, CSET-OPENDEV-08]
/// [CSET-OPENDEV-09, CSET-OPENDEV-10, CSET-ABORT-03, CSET-ABORT-04, CSET-ABORT-05, CSET-ABORT-07, CSET-CLOSE-02]
/// [CSET-CLOSE-03, CSET-CLOSE-04, CSET-CLOSE-06, CSET-CLOSE-08, CSET-CLOSE-09, CSET-SECOND-02, CSET-SECOND-03]
/// [CSET-SECOND-04, CSET-SECOND-07, CSET-SECOND-08, CSET-BUFH-01, CSET-BUFH-02, CSET-BUFH-03, CSET-BUFH-04, CSET-BUFH-07]
/// [AMB-03, AMB-04, AMB-06, AMB-16]
///
/// Client devices: [CDEV-GETCMD-02, CDEV-GETCMD-03, CDEV-GETCMD-04, CDEV-GETCMD-05, CDEV-GETCMD-06, CDEV-GETCMD-08]
/// [CDEV-GETCMD-09, CDEV-GETCMD-11, CDEV-GETCMD-12, CDEV-GETCMD-13, CDEV-COMPLETE-02, CDEV-COMPLETE-04, CDEV-COMPLETE-05]
/// [CDEV-COMPLETE-06, CDEV-COMPLETE-07, CDEV-COMPLETE-08, CDEV-COMPLETE-09, CDEV-COMPLETE-13, CDEV-COMPLETE-14]
/// [PROC-11, CMD-02, CMD-04, CC-30, AMB-21, AMB-34, AMB-39]
///
/// The IO-ERROR state: [ERR-01, ERR-02, ERR-03, ERR-04, ERR-05, ERR-06, ERR-07, ERR-08, ERR-10, ERR-12, ERR-13, ERR-14]
/// [ERR-15, ERR-16, AMB-30, AMB-49]
///
/// Server: [SSET-OPEN-03, SSET-OPEN-04, SSET-OPEN-06, SSET-OPEN-07, SSET-REQBUF-02, SSET-REQBUF-03, SSET-REQBUF-05]
/// [SSET-AGENT-04, SSET-AGENT-05, SSET-AGENT-06, SSET-AGENT-09, SSET-AGENT-10, SSET-OPENDEV-01, SSET-OPENDEV-03]
/// [SSET-OPENDEV-04, SSET-ALLOC-02, SSET-ALLOC-03, SSET-FREE-01, SSET-FREE-02, SSET-FREE-03, SSET-SHARED-01]
/// [SSET-ABORT-01, SSET-ABORT-02, SSET-CLOSE-01, SSET-CLOSE-02, SSET-CLOSE-03, SSET-CLOSE-04, SSET-CLOSE-05]
/// [SDEV-SEND-03, SDEV-SEND-04, SDEV-SEND-06, SDEV-SEND-07, SDEV-SEND-08, SDEV-CLOSE-01, SDEV-CLOSE-02, SDEV-CLOSE-05]
/// [SDEV-CLOSE-06, BUF-03, BUF-05, BUF-08, BUF-09, AMB-08, AMB-09, AMB-17, AMB-22, AMB-25, AMB-27, AMB-28, AMB-40]
///
/// Endings: [NT-03, NT-04, NT-05, ABT-01, ABT-04, ABT-05, ABT-06, ABT-08, ABT-09, ABT-13, ABT-15, AMB-50]
#[test]
fn sequences_of_calls_end_as_the_specification_says() {
    directory();
    let config = Config {
        cases: std::env::var("PROPTEST_CASES").map_or(600, |cases| cases.parse().unwrap()),
        max_shrink_time: 60_000,
        max_shrink_iters: 20_000,
        // A failure prints its sequence; the seed of one means another with the next model.
        failure_persistence: None,
        ..Config::default()
    };
    let sequences = Calls::sequential_strategy(20..120);
    let result = TestRunner::new(config).run(&sequences, |(mut world, calls, seen)| {
        let mut library = Library::new();
        for call in calls {
            if let Some(seen) = &seen {
                seen.fetch_add(1, Ordering::SeqCst);
            }
            world = step(world, &mut library, call);
        }
        // Everybody leaves; what is outstanding then ends as well.
        world = step(world, &mut library, Call::Server(ServerCall::Close));
        for client in 0..CLIENTS {
            world = step(world, &mut library, Call::Close { client });
        }
        prop_assert!(world.commands.iter().all(|command| !command.outstanding));
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, _)) => panic!("the shortest sequence that fails:\n{why}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}
