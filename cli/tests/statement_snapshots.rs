//! Statements WITH SNAPSHOT: writers are held off while the client copies the files.

mod common;

use std::fs;

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
