//! Statements WITH SNAPSHOT: writers are held off while the client copies the files.

mod common;

use std::fs;
use std::os::unix::fs::symlink;

use common::client::{self, Client};
use common::statement::{Sql, catalogue};
use common::{Place, check_items, finish, leave_log, until};
use rusqlite::Connection;
use vdi::codes::*;

/// Not a test: the backup program, when the environment asks for it.
#[test]
fn client() {
    client::play();
}

/// [SNAP-04, SNAP-05, SNAP-11, SNAP-12, SNAP-13, SNAP-14, SNAP-15, SNAP-16, SNAP-22, SNAP-30]
#[test]
fn a_snapshot_holds_writers_off() {
    for (features, journal, unknown) in [
        (VDF_SnapshotPrepare | VDF_RequestComplete, "wal", None),
        (VDF_SnapshotPrepare, "delete", Some(VDC_PrepareToFreeze)),
        (0, "wal", None),
    ] {
        let place = Place::new();
        place.database("a.db", journal);
        catalogue(&place, "[database.a]\nsqlite = 'a.db'\n");
        let client = Client {
            hold: Some((VDC_Snapshot, place.path("go"))),
            copy: Some((place.path("a.db"), place.path("copy.db"))),
            unknown: unknown.into_iter().collect(),
            ..Client::new("snap", features)
        };
        let writer = Connection::open(place.path("a.db")).unwrap();
        writer.busy_timeout(std::time::Duration::ZERO).unwrap();
        let insert = || writer.execute("INSERT INTO item (data) VALUES ('new')", []);
        insert().unwrap();
        let serving = client.start(&place);
        let query = format!("BACKUP DATABASE a TO {} WITH SNAPSHOT", client.clauses());
        let running = Sql::start(&place, &["-b", "-l60", "-Q", &query]);
        until(|| place.path("held").exists().then_some(())).expect("the client holds Snapshot");
        assert!(insert().is_err(), "a writer is held off");
        fs::write(place.path("go"), "").unwrap();
        Sql::of(finish(running)).expect_success("BACKUP DATABASE successfully processed");
        finish(serving).success();
        insert().unwrap();
        let prepare: &[i32] = match (features & VDF_SnapshotPrepare, unknown) {
            (0, _) => &[],
            (_, None) => &[VDC_PrepareToFreeze],
            (_, Some(_)) => &[VDC_PrepareToFreeze, VDC_ClearError],
        };
        let complete: &[i32] = match features & VDF_RequestComplete {
            0 => &[],
            _ => &[VDC_Complete],
        };
        let mut expected = vec![VDC_Write];
        expected.extend(prepare);
        expected.push(VDC_Write);
        expected.push(VDC_Snapshot);
        expected.extend(complete);
        expected.dedup();
        assert_eq!(client.codes(&place), expected);

        let list = Sql::run(&place, &client, "RESTORE FILELISTONLY FROM {}");
        list.expect_success("(1 rows affected)").says("a.db");
        // Of the metadata alone no database is made.
        Sql::run(&place, &client, "RESTORE DATABASE a FROM {} WITH REPLACE")
            .expect_errors(&[3135, 3013]);
        Sql::run(&place, &client, "RESTORE DATABASE a FROM {} WITH SNAPSHOT")
            .expect_errors(&[3159, 3013]);
        let restore = "RESTORE DATABASE a FROM {} WITH SNAPSHOT, REPLACE";
        // The database is in use.
        let open = Connection::open(place.path("a.db")).unwrap();
        open.execute_batch("BEGIN IMMEDIATE").unwrap();
        Sql::run(&place, &client, restore).expect_errors(&[3101, 3013]);
        drop((open, writer));
        // What a killed process left of the old database is not applied to the one that is mounted.
        leave_log(&place, "DELETE FROM item");
        let mount = Sql::run(&place, &client, restore);
        mount.expect_success("RESTORE DATABASE successfully processed");
        assert_eq!(*client.codes(&place).last().unwrap(), VDC_MountSnapshot);
        assert_eq!(check_items(&place.path("a.db")), 3001);
        fs::write(place.path("copy.db"), "short").unwrap();
        Sql::run(&place, &client, restore)
            .expect_errors(&[3203, 3013])
            .says("was mounted with");
    }
}

/// When the mount fails, the database that was to be replaced is there again, with its log, and
/// nothing else.
#[test]
fn a_failed_mount_keeps_the_old_database() {
    for linked in [false, true] {
        let place = Place::new();
        place.database("a.db", "wal");
        let path = if linked { "link" } else { "a.db" };
        symlink("a.db", place.path("link")).unwrap();
        catalogue(&place, &format!("[database.a]\nsqlite = '{path}'\n"));
        let client = Client {
            copy: Some((place.path(path), place.path("copy.db"))),
            ..Client::new("mount", 0)
        };
        Sql::run(&place, &client, "BACKUP DATABASE a TO {} WITH SNAPSHOT").expect_success("");
        // This is in the log only.
        leave_log(&place, "DELETE FROM item WHERE id > 7");
        let names = place.names();
        let old = ["a.db", "a.db-wal"].map(|name| fs::read(place.path(name)).unwrap());
        let restore = "RESTORE DATABASE a FROM {} WITH SNAPSHOT, REPLACE";
        let check = |client: &Client, numbers: &[u32]| {
            Sql::run(&place, client, restore).expect_errors(numbers);
            assert_eq!(place.names(), names);
            assert!(old == ["a.db", "a.db-wal"].map(|name| fs::read(place.path(name)).unwrap()));
        };
        let refuses = Client {
            failure: Some((VDC_MountSnapshot, 1, ERROR_IO_DEVICE)),
            ..client.clone()
        };
        check(&refuses, &[18210, 3013]);
        let aborts = Client {
            abort: Some((VDC_MountSnapshot, 1)),
            ..client.clone()
        };
        check(&aborts, &[3271, 3013]);
        // It brings something else.
        let sound = fs::read(place.path("copy.db")).unwrap();
        fs::write(place.path("copy.db"), "short").unwrap();
        check(&client, &[3203, 3013]);
        let mut damaged = sound.clone();
        damaged[4096..12288].fill(9);
        fs::write(place.path("copy.db"), damaged).unwrap();
        check(&client, &[3203, 3013]);

        fs::write(place.path("copy.db"), &sound).unwrap();
        Sql::run(&place, &client, restore).expect_success("");
        assert_eq!(check_items(&place.path("a.db")), 3000);
        assert!(
            fs::symlink_metadata(place.path("link"))
                .unwrap()
                .is_symlink()
        );
        // The old one is given up, and so is its log.
        let left = |name: &&String| name.starts_with(".vdi") || name.ends_with("-wal");
        assert_eq!(place.names().iter().find(left), None);
    }
}

/// Where there was no database, none is left.
#[test]
fn a_failed_mount_without_an_old_database() {
    let place = Place::new();
    place.database("a.db", "delete");
    catalogue(&place, "[database.a]\nsqlite = 'a.db'\n");
    let client = Client {
        copy: Some((place.path("a.db"), place.path("copy.db"))),
        ..Client::new("none", 0)
    };
    Sql::run(&place, &client, "BACKUP DATABASE a TO {} WITH SNAPSHOT").expect_success("");
    fs::remove_file(place.path("a.db")).unwrap();
    let sound = fs::read(place.path("copy.db")).unwrap();
    let mut damaged = sound.clone();
    damaged[4096..12288].fill(9);
    fs::write(place.path("copy.db"), damaged).unwrap();
    let names = place.names();
    let restore = "RESTORE DATABASE a FROM {} WITH SNAPSHOT";
    Sql::run(&place, &client, restore).expect_errors(&[3203, 3013]);
    assert_eq!(place.names(), names);
    fs::write(place.path("copy.db"), sound).unwrap();
    Sql::run(&place, &client, restore).expect_success("");
    assert_eq!(check_items(&place.path("a.db")), 3000);
}

/// A client that dies while it mounts is no different.
#[test]
fn a_mount_that_is_cut_off_keeps_the_old_database() {
    let place = Place::new();
    place.database("a.db", "delete");
    catalogue(&place, "[database.a]\nsqlite = 'a.db'\n");
    let client = Client {
        copy: Some((place.path("a.db"), place.path("copy.db"))),
        hold: Some((VDC_MountSnapshot, place.path("never"))),
        ..Client::new("cut", 0)
    };
    Sql::run(&place, &client, "BACKUP DATABASE a TO {} WITH SNAPSHOT").expect_success("");
    let digest = place.digest("a.db");
    let mut serving = client.start(&place);
    let restore = "RESTORE DATABASE a FROM VIRTUAL_DEVICE='cut' WITH SNAPSHOT, REPLACE";
    let running = Sql::start(&place, &["-b", "-l60", "-Q", restore]);
    until(|| place.path("held").exists().then_some(())).expect("the client holds the mount");
    assert!(!place.path("a.db").exists(), "nobody uses it meanwhile");
    fs::write(place.path("a.db"), "half").unwrap();
    serving.kill().unwrap();
    serving.wait().unwrap();
    Sql::of(finish(running)).expect_errors(&[3271, 3013]);
    assert_eq!(place.digest("a.db"), digest);
}

/// A snapshot on a tape has its filemarks, so that other backups can follow it.
#[test]
fn a_snapshot_among_other_backups() {
    for features in [VDF_LikeTape, VDF_LikeDisk] {
        let place = Place::new();
        place.database("a.db", "wal");
        catalogue(&place, "[database.a]\nsqlite = 'a.db'\n");
        let client = Client {
            copy: Some((place.path("a.db"), place.path("copy.db"))),
            ..Client::new("among", features)
        };
        let run = |statement: &str| Sql::run(&place, &client, statement);
        run("BACKUP DATABASE a TO {}").expect_success("on file 1.");
        run("BACKUP DATABASE a TO {} WITH SNAPSHOT").expect_success("on file 2.");
        run("BACKUP DATABASE a TO {}").expect_success("on file 3.");
        run("RESTORE HEADERONLY FROM {}").expect_success("(3 rows affected)");
        for options in ["FILE = 1", "SNAPSHOT, FILE = 2", "FILE = 3"] {
            let restore = format!("RESTORE DATABASE a FROM {{}} WITH REPLACE, {options}");
            run(&restore).expect_success("");
            assert_eq!(check_items(&place.path("a.db")), 3000);
        }
    }
}

/// [SNAP-02, SNAP-21]
#[test]
fn snapshots_that_are_refused() {
    let place = Place::new();
    place.database("a.db", "wal");
    catalogue(
        &place,
        "[database.a]\nsqlite = 'a.db'\n[database.s]\nsize = 1\n",
    );
    let client = Client {
        failure: Some((VDC_Snapshot, 1, ERROR_OPERATION_ABORTED)),
        ..Client::new("refused", 0)
    };
    let refused = Sql::run(&place, &client, "BACKUP DATABASE a TO {} WITH SNAPSHOT");
    refused
        .expect_errors(&[18210, 3013])
        .says("Snapshot failure on backup device 'refused'");
    let client = Client {
        abort: Some((VDC_PrepareToFreeze, 1)),
        ..Client::new("refused", VDF_SnapshotPrepare)
    };
    let aborted = Sql::run(&place, &client, "BACKUP DATABASE a TO {} WITH SNAPSHOT");
    aborted.expect_errors(&[3271, 3013]);
    let two = "BACKUP DATABASE a TO VIRTUAL_DEVICE='x', VIRTUAL_DEVICE='y' WITH SNAPSHOT";
    Sql::alone(&place, &["-b", "-Q", two]).expect_errors(&[3205, 3013]);
    let synthetic = "BACKUP DATABASE s TO VIRTUAL_DEVICE='x' WITH SNAPSHOT";
    Sql::alone(&place, &["-b", "-Q", synthetic]).expect_errors(&[50000, 3013]);
    // Nobody is held off any more.
    let writer = Connection::open(place.path("a.db")).unwrap();
    writer.execute("DELETE FROM item", []).unwrap();
}
