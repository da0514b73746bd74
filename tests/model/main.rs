//! Property tests: random sequences of calls against a model of the specification, and random data
//! through real threads and processes.

mod agent;
mod binding;
mod calls;
mod data;
mod generate;
mod library;
mod replay;
mod world;

use calls::{CLIENTS, Call, ServerCall};
use generate::Calls;
use library::Library;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError};
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
        // A short path: that of a socket has at most 107 bytes.
        let directory = tempfile::Builder::new().prefix("vdi").tempdir_in("/tmp");
        let directory = directory.unwrap().keep();
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

/// Only what no other test shows as plainly, or what a listed fault proves; the model itself names the
/// rules that it follows.
///
/// Configuration: [CFG-27, CFG-65, CMPL-11, AMB-10, AMB-11, AMB-12, BUF-03, BUF-05]
///
/// Client sets: [CSET-OPENDEV-04, CSET-CLOSE-08, CSET-SECOND-03, CSET-BUFH-07, ST-41, AMB-03, AMB-04, AMB-06]
///
/// Client devices: [CDEV-COMPLETE-04, AMB-17, AMB-21, AMB-34, AMB-39]
///
/// The IO-ERROR state: [ERR-02, ERR-03, ERR-05, ERR-07, ERR-12, ERR-13, AMB-49]
///
/// Server: [SSET-AGENT-05, SSET-AGENT-09, SSET-OPENDEV-04, SSET-FREE-02, SSET-FREE-03, SSET-SHARED-01, SDEV-SEND-04]
/// [AMB-07, AMB-08, AMB-09, AMB-22, AMB-25, AMB-27, AMB-28]
///
/// Endings: [ABT-08, AMB-50]
#[test]
fn sequences_of_calls_end_as_the_specification_says() {
    directory();
    let config = Config {
        cases: std::env::var("PROPTEST_CASES").map_or(600, |cases| cases.parse().unwrap()),
        max_shrink_time: 60_000,
        max_shrink_iters: 20_000,
        // A failure prints its sequence and its seed; a file of seeds would not survive the next model.
        failure_persistence: None,
        ..Config::default()
    };
    let sequences = Calls::sequential_strategy(20..120);
    let result = replay::runner(config).run(&sequences, |(mut world, calls, seen)| {
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
        Err(TestError::Fail(why, _)) => {
            panic!(
                "{}\nthe shortest sequence that fails:\n{why}",
                replay::hint()
            )
        }
        Err(TestError::Abort(why)) => panic!("{}\n{why}", replay::hint()),
    }
}
