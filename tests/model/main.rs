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
use std::sync::atomic::Ordering;
use std::sync::{Once, OnceLock};
use world::World;

/// A runtime directory of this process.
fn directory() {
    static DIRECTORY: OnceLock<tempfile::TempDir> = OnceLock::new();
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let directory = DIRECTORY.get_or_init(|| tempfile::tempdir().unwrap());
        // SAFETY: every test begins with this, before it has threads.
        unsafe { std::env::set_var("VDI_RUNTIME_DIR", directory.path()) };
    });
}

/// A call that both make, and what the model says about it.
fn step(world: World, library: &mut Library, call: Call) -> World {
    let before = world.clone();
    let world = Calls::apply(world, &call);
    library.perform(&call, &before, &world);
    world
}

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
