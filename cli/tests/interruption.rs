//! Signals and sudden death in the middle of a transfer: everybody ends, nothing is left.
//!
//! A pipe that is not read or not fed holds the transfer in the middle.

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::process::Child;

use common::{Place, await_end, drain, engine_of, finish, read_some, signal};
use rustix::process::Signal;

/// A backup of `a.db` into `s` and the pipe `p`, in its middle.
fn standing_backup(place: &Place) -> (Child, u32, File) {
    place.database("a.db", "delete");
    place.pipe("p");
    let agent = place.start("backup a.db -o s -o p --max-transfer-size 64K --buffers 2");
    let mut pipe = File::open(place.path("p")).unwrap();
    read_some(&mut pipe, 70_000);
    let engine = engine_of(&agent);
    (agent, engine, pipe)
}

/// A restore from `s1` and the pipe `p` over `old.db`, in its middle.
fn standing_restore(place: &Place) -> (Child, u32, File) {
    place.database("a.db", "delete");
    place.database("old.db", "delete");
    let size = "--max-transfer-size 64K --buffers 2";
    place
        .run(&format!("backup a.db -o s1 -o s2 {size}"))
        .success();
    place.pipe("p");
    let agent = place.start(&format!("restore s1 p -o old.db --replace {size}"));
    let mut pipe = OpenOptions::new()
        .write(true)
        .open(place.path("p"))
        .unwrap();
    // More than the pipe and the buffers hold: when it is written, the restore is in the middle.
    let half = fs::read(place.path("s2")).unwrap();
    pipe.write_all(&half[..1 << 20]).unwrap();
    let engine = engine_of(&agent);
    (agent, engine, pipe)
}

#[test]
fn ctrl_c_at_a_backup() {
    let place = Place::new();
    let (agent, engine, pipe) = standing_backup(&place);
    signal(agent.id(), Signal::INT);
    drain(pipe);
    finish(agent).expect(
        6,
        "interrupted by SIGINT; the device set was aborted, nothing was kept",
    );
    await_end(engine);
    assert_eq!(place.names(), ["a.db", "p"]);
    place.expect_no_sockets();
}

/// A terminal sends the signal to both processes.
#[test]
fn ctrl_c_for_both_processes_at_a_restore() {
    let place = Place::new();
    let (agent, engine, pipe) = standing_restore(&place);
    let old = fs::read(place.path("old.db")).unwrap();
    signal(engine, Signal::INT);
    signal(agent.id(), Signal::INT);
    drop(pipe);
    finish(agent).expect(6, "interrupted by SIGINT");
    await_end(engine);
    assert_eq!(place.names(), ["a.db", "old.db", "p", "s1", "s2"]);
    assert!(fs::read(place.path("old.db")).unwrap() == old);
    place.expect_no_sockets();
}

#[test]
fn termination_of_the_engine_aborts_the_set() {
    let place = Place::new();
    let (agent, engine, pipe) = standing_backup(&place);
    signal(engine, Signal::TERM);
    await_end(engine);
    drain(pipe);
    finish(agent).expect(6, "interrupted by SIGTERM");
    assert_eq!(place.names(), ["a.db", "p"]);
    place.expect_no_sockets();
}

#[test]
fn a_killed_engine_at_a_backup() {
    let place = Place::new();
    let (agent, engine, pipe) = standing_backup(&place);
    signal(engine, Signal::KILL);
    drain(pipe);
    let outcome = finish(agent);
    outcome.expect(
        7,
        "was killed by signal 9 before the statement ended; nothing was kept",
    );
    assert_eq!(place.names(), ["a.db", "p"]);
    place.expect_no_sockets();
}

#[test]
fn a_killed_engine_at_a_restore() {
    let place = Place::new();
    let (agent, engine, pipe) = standing_restore(&place);
    let old = fs::read(place.path("old.db")).unwrap();
    signal(engine, Signal::KILL);
    drop(pipe);
    finish(agent).expect(7, "was killed by signal 9");
    assert_eq!(place.names(), ["a.db", "old.db", "p", "s1", "s2"]);
    assert!(fs::read(place.path("old.db")).unwrap() == old);
    place.expect_no_sockets();
}

#[test]
fn a_killed_agent_at_a_backup() {
    let place = Place::new();
    let (agent, engine, pipe) = standing_backup(&place);
    signal(agent.id(), Signal::KILL);
    assert_eq!(finish(agent).code(), None);
    await_end(engine);
    drop(pipe);
    assert_eq!(place.names(), ["a.db", "p"]);
    // What the dead agent left in the runtime directory does not disturb the next run.
    place.run("backup a.db -o s").success();
}

#[test]
fn a_killed_agent_at_a_restore() {
    let place = Place::new();
    let (agent, engine, pipe) = standing_restore(&place);
    let old = fs::read(place.path("old.db")).unwrap();
    signal(agent.id(), Signal::KILL);
    assert_eq!(finish(agent).code(), None);
    await_end(engine);
    drop(pipe);
    assert_eq!(place.names(), ["a.db", "old.db", "p", "s1", "s2"]);
    assert!(fs::read(place.path("old.db")).unwrap() == old);
}

/// A pipe that nobody reads any more is a failure of the output.
#[test]
fn a_reader_that_goes_away() {
    let place = Place::new();
    let (agent, engine, pipe) = standing_backup(&place);
    drop(pipe);
    finish(agent).expect(4, "cannot write p: Broken pipe");
    await_end(engine);
    assert_eq!(place.names(), ["a.db", "p"]);
    place.expect_no_sockets();
}

/// The rest of a stripe never comes.
#[test]
fn a_feeder_that_goes_away() {
    let place = Place::new();
    let (agent, engine, pipe) = standing_restore(&place);
    drop(pipe);
    finish(agent).expect(5, "p: it is cut off");
    await_end(engine);
    assert_eq!(place.names(), ["a.db", "old.db", "p", "s1", "s2"]);
    place.expect_no_sockets();
}

/// A stripe that cannot appear fails the backup, and the others disappear again.
#[test]
fn a_file_that_appears_in_the_way() {
    let place = Place::new();
    place.database("a.db", "delete");
    place.pipe("p");
    let sizes = "--max-transfer-size 64K --buffers 3";
    let agent = place.start(&format!("backup a.db -o p -o s -o t {sizes}"));
    let mut pipe = File::open(place.path("p")).unwrap();
    read_some(&mut pipe, 70_000);
    fs::write(place.path("t"), "precious").unwrap();
    drain(pipe);
    finish(agent).expect(4, "t exists; --replace gives it up");
    assert_eq!(fs::read(place.path("t")).unwrap(), b"precious");
    assert_eq!(place.names(), ["a.db", "p", "t"]);
}
