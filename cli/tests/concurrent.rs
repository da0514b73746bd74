//! Backups of databases that other processes use: this test is the other process.
//!
//! A backup into a pipe stands still while nobody reads the pipe, so what happens in the middle of
//! it is certain and needs no timing.

mod common;

use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::{Place, check_items, drain, finish, read_some};
use rusqlite::Connection;

/// A backup that has sent its header into the pipe `p` and goes on when the pipe is read.
fn standing_backup(place: &Place) -> (Child, File, Vec<u8>) {
    place.pipe("p");
    let mut command = place.vdi("backup a.db -o p --max-transfer-size 64K --buffers 1".split(' '));
    let backup = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = File::open(place.path("p")).unwrap();
    let begin = read_some(&mut pipe, 512);
    (backup, pipe, begin)
}

/// Lets a standing backup end well and restores it as `b.db`.
fn finish_and_restore(place: &Place, (backup, pipe, mut stream): (Child, File, Vec<u8>)) {
    let rest = drain(pipe);
    finish(backup).success();
    stream.extend(rest.join().unwrap());
    fs::write(place.path("s"), stream).unwrap();
    place.run("restore s -o b.db").success();
}

#[test]
fn writers_in_wal_mode_go_on_and_are_not_seen() {
    let place = Place::new();
    let path = place.database("a.db", "wal");
    let writer = Connection::open(&path).unwrap();
    // Only in the log when the backup begins.
    writer
        .execute("INSERT INTO item VALUES (5000, 'before')", [])
        .unwrap();
    let backup = standing_backup(&place);
    for id in 6000..6100 {
        writer
            .execute("INSERT INTO item VALUES (?, randomblob(9000))", [id])
            .unwrap();
    }
    writer
        .execute("DELETE FROM item WHERE id <= 1000", [])
        .unwrap();
    writer
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .unwrap();
    finish_and_restore(&place, backup);
    assert_eq!(check_items(&path), 3000 + 1 + 100 - 1000);
    assert_eq!(check_items(&place.path("b.db")), 3000 + 1);
}

#[test]
fn writers_with_a_rollback_journal_wait() {
    let place = Place::new();
    let path = place.database("a.db", "delete");
    let expected = place.digest("a.db");
    let writer = Connection::open(&path).unwrap();
    writer.busy_timeout(std::time::Duration::ZERO).unwrap();
    let backup = standing_backup(&place);
    writer
        .execute_batch("BEGIN; INSERT INTO item VALUES (5000, 'new')")
        .unwrap();
    let commit = writer.execute_batch("COMMIT").unwrap_err();
    assert_eq!(
        commit.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseBusy)
    );
    finish_and_restore(&place, backup);
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(check_items(&path), 3001);
    assert_eq!(place.digest("b.db"), expected);
}

#[test]
fn a_busy_writer_never_shows_half_a_transaction() {
    let place = Place::new();
    let path = place.database("a.db", "wal");
    let stop = AtomicBool::new(false);
    let setup = Connection::open(&path).unwrap();
    setup
        .execute_batch(
            "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER);
             INSERT INTO account SELECT id, 100 FROM item WHERE id <= 100;",
        )
        .unwrap();
    let total = "SELECT sum(balance) FROM account";
    thread::scope(|scope| {
        scope.spawn(|| {
            let writer = Connection::open(&path).unwrap();
            for round in 0_u32.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let (from, to) = (round % 100 + 1, round * 7 % 100 + 1);
                writer
                    .execute_batch(&format!(
                        "BEGIN;
                         UPDATE account SET balance = balance - 1 WHERE id = {from};
                         UPDATE item SET data = randomblob(900) WHERE id = {from} * 20;
                         UPDATE account SET balance = balance + 1 WHERE id = {to};
                         COMMIT",
                    ))
                    .unwrap();
            }
        });
        for k in 0..3 {
            place
                .run(&format!("backup a.db -o {k}.1 -o {k}.2"))
                .success();
        }
        stop.store(true, Ordering::Relaxed);
    });
    for k in 0..3 {
        place
            .run(&format!("restore {k}.2 {k}.1 -o {k}.db"))
            .success();
        let restored = place.path(&format!("{k}.db"));
        assert_eq!(check_items(&restored), 3000);
        let restored = Connection::open(restored).unwrap();
        assert_eq!(restored.query_row(total, [], |row| row.get(0)), Ok(10_000));
    }
}

/// A database that the last writer did not close, as after a crash.
#[test]
fn a_log_that_nobody_has_open() {
    let place = Place::new();
    let path = place.database("live.db", "wal");
    let live = Connection::open(&path).unwrap();
    live.execute("INSERT INTO item VALUES (5000, 'in the log')", [])
        .unwrap();
    fs::copy(&path, place.path("a.db")).unwrap();
    fs::copy(place.path("live.db-wal"), place.path("a.db-wal")).unwrap();
    drop(live);
    place.run("backup a.db -o s").success();
    place.run("restore s -o b.db").success();
    assert_eq!(check_items(&place.path("b.db")), 3001);
    assert_eq!(place.names(), ["a.db", "b.db", "live.db", "s"]);
}

#[test]
fn a_closed_database_is_not_changed() {
    for journal in ["wal", "delete"] {
        let place = Place::new();
        let before = fs::read(place.database("a.db", journal)).unwrap();
        place.run("backup a.db -o s").success();
        assert!(fs::read(place.path("a.db")).unwrap() == before);
        assert_eq!(place.names(), ["a.db", "s"]);
    }
}
