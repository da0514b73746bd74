//! BACKUP and RESTORE statements, executed by `sqlcmd` for a backup program that is not ours:
//! every kind of database, and what is printed.

mod common;

use std::fs;

use common::client::{self, Client};
use common::statement::{Sql, catalogue, sqlite};
use common::{Place, check_items, finish};
use vdi::codes::*;

const NAME: &str = "{9c5b94b1-35ad-49bb-b118-8e8fc24abf80}";

/// Not a test: the backup program, when the environment asks for it.
#[test]
fn client() {
    client::play();
}

/// [TSQL-01, NAME-05, MOD-05, DATA-01, CMPL-03, CMPL-06]
#[test]
fn a_sqlite_database_goes_and_comes_back() {
    let place = Place::new();
    sqlite(&place);
    let client = Client::new(NAME, VDF_RequestComplete);
    let backup = Sql::run(&place, &client, "BACKUP DATABASE a TO {} WITH STATS = 25");
    backup.expect_success("BACKUP DATABASE successfully processed ");
    backup.says("25 percent processed.\n50 percent processed.\n75 percent processed.\n100 percent");
    backup.says(" pages for database 'a', file 'a' on file 1.\n");
    assert_eq!(client.log(&place), ["0 2", "0 12", "0 19"]);
    let restore = Sql::run(&place, &client, "RESTORE DATABASE b FROM {}");
    restore.expect_success("RESTORE DATABASE successfully processed ");
    assert_eq!(place.digest("b.db"), place.digest("a.db"));
    check_items(&place.path("b.db"));
    place.expect_no_sockets();
}

/// [MOD-04, NAME-07, NAME-08, DATA-03, DATA-04, TSQL-02, TSQL-03, TSQL-04]
#[test]
fn stripes_of_any_sizes() {
    let place = Place::new();
    sqlite(&place);
    let client = Client {
        devices: 3,
        ..Client::new("stripe/'", 0)
    };
    let sizes = "BLOCKSIZE=4096, MAXTRANSFERSIZE=131072, BUFFERCOUNT=1";
    let backup = format!("backup database [A] to {{}} with format, {sizes}");
    Sql::run(&place, &client, &backup).expect_success("BACKUP DATABASE successfully");
    let other = "RESTORE DATABASE b FROM {} WITH BLOCKSIZE=4096, MAXTRANSFERSIZE=1048576";
    Sql::run(&place, &client, other).expect_success("RESTORE DATABASE successfully");
    assert_eq!(place.digest("b.db"), place.digest("a.db"));
    // The block size is that of the backup. [DATA-02, TSQL-08]
    let wrong = Sql::run(&place, &client, "RESTORE DATABASE b FROM {} WITH REPLACE");
    wrong
        .expect_errors(&[3272, 3013])
        .says("sector size of 4096");
    // All devices, and no others.
    let fewer = Client {
        devices: 2,
        ..client.clone()
    };
    let restore = "RESTORE DATABASE b FROM {} WITH REPLACE, BLOCKSIZE=4096";
    let missing = Sql::run(&place, &fewer, restore);
    missing
        .expect_errors(&[3132, 3013])
        .says("3 media families but only 2");
    fs::copy(place.path("stripe__.0.0"), place.path("stripe__.1.0")).unwrap();
    Sql::run(&place, &client, restore).expect_errors(&[3258, 3013]);
    // The statement and the set agree on the number. [AMB-25]
    let words = [
        "-b",
        "-l60",
        "-QBACKUP DATABASE a TO VIRTUAL_DEVICE='stripe/'''",
    ];
    let serving = client.start(&place);
    let one = Sql::alone(&place, &words);
    one.expect_errors(&[3201, 3013])
        .says("the set has 3 devices, the statement names 1");
    finish(serving).success();
}

#[test]
fn files_commands_and_synthetic_databases() {
    let place = Place::new();
    let data: Vec<u8> = (0..300_001_u32)
        .map(|k| (k.wrapping_mul(k) >> 7) as u8)
        .collect();
    fs::write(place.path("notes"), &data).unwrap();
    catalogue(
        &place,
        "[database.notes]\nfile = 'notes'\n[database.copy]\nfile = 'copy'\n\
         [database.pipe]\nbackup = ['cat', 'notes']\nrestore = ['tee', 'piped']\n\
         [database.bad]\nbackup = ['sh', '-c', 'cat notes; exit 3']\nrestore = ['false']\n\
         [database.big]\nsize = '3M'\nseed = 7\n[database.other]\nsize = '3M'\nseed = 8\n\
         [database.small]\nsize = '2M'\nseed = 7\n[database.empty]\nsize = 0\n",
    );
    let client = Client {
        devices: 2,
        ..Client::new("kinds", 0)
    };
    let run = |statement: &str| Sql::run(&place, &client, statement);
    run("BACKUP DATABASE notes TO {}").expect_success("processed 37 pages");
    run("RESTORE DATABASE copy FROM {}").expect_success("processed 37 pages");
    assert!(fs::read(place.path("copy")).unwrap() == data);
    run("BACKUP DATABASE pipe TO {} WITH STATS").expect_success("100 percent processed.");
    run("RESTORE DATABASE pipe FROM {}").expect_success("processed 37 pages");
    assert!(fs::read(place.path("piped")).unwrap() == data);
    // A program that fails is no backup, and no restore.
    let failed = run("BACKUP DATABASE bad TO {}");
    failed.expect_errors(&[3203, 3013]).says("exit status: 3");
    // The client learns why. [ABT-12]
    assert!(
        client
            .log(&place)
            .iter()
            .any(|line| line.contains("aborted: command sh: exit status: 3"))
    );
    run("BACKUP DATABASE notes TO {}").expect_success("");
    run("RESTORE DATABASE bad FROM {}").expect_errors(&[3154, 3013]);
    let failed = run("RESTORE DATABASE bad FROM {} WITH REPLACE");
    failed
        .expect_errors(&[3202, 3013])
        .says("Write on \"bad\" failed: command false: ");
    run("BACKUP DATABASE big TO {}").expect_success("processed 384 pages");
    run("RESTORE DATABASE big FROM {}").expect_success("processed 384 pages");
    for other in ["other", "small"] {
        let failed = run(&format!("RESTORE DATABASE {other} FROM {{}}"));
        failed
            .expect_errors(&[3203, 3013])
            .says("the backup differs from its seed and size");
    }
    run("BACKUP DATABASE empty TO {}").expect_success("processed 0 pages");
    run("RESTORE DATABASE empty FROM {}").expect_success("processed 0 pages");
    run("RESTORE DATABASE big FROM {}")
        .expect_errors(&[3203, 3013])
        .says("ends at byte 0");
    place.expect_no_sockets();
}

/// Only the beginning is read. [CMD-READ-07]
#[test]
fn what_is_on_a_medium() {
    let place = Place::new();
    sqlite(&place);
    let client = Client {
        devices: 2,
        ..Client::new("looks", 0)
    };
    let backup = "BACKUP DATABASE a TO {} WITH NAME='nightly', DESCRIPTION='all of ''it''', \
        MEDIANAME='m', MEDIADESCRIPTION='box 7', COPY_ONLY, MAXTRANSFERSIZE=131072";
    Sql::run(&place, &client, backup).expect_success("");
    let look = |statement: &str| {
        let looked = Sql::run(&place, &client, statement);
        looked.expect_success("(1 rows affected)");
        assert_eq!(client.log(&place), ["0 1", "1 1"]);
        assert_eq!(client.count(&place, VDC_Read), 2);
        looked
    };
    let header = look("RESTORE HEADERONLY FROM {} WITH MAXTRANSFERSIZE=131072");
    header
        .says("BackupName")
        .says("nightly")
        .says("all of 'it'")
        .says("Database")
        .says("-----");
    look("RESTORE FILELISTONLY FROM {}")
        .says("LogicalName")
        .says("a.db")
        .says("PRIMARY");
    look("RESTORE LABELONLY FROM {}")
        .says("FamilyCount")
        .says("box 7");
    let verify = Sql::run(&place, &client, "RESTORE VERIFYONLY FROM {} WITH STATS=50");
    verify
        .expect_success("The backup set on file 1 is valid.")
        .says("50 percent processed.");
    let wrong = "RESTORE DATABASE b FROM {} WITH MEDIANAME='x'";
    Sql::run(&place, &client, wrong).expect_errors(&[3258, 3013]);
    // One byte of the second stripe changes.
    let mut bytes = fs::read(place.path("looks.1.0")).unwrap();
    *bytes.last_mut().unwrap() = 1;
    fs::write(place.path("looks.1.0"), &bytes).unwrap();
    let damaged = Sql::run(&place, &client, "RESTORE VERIFYONLY FROM {}");
    damaged
        .expect_errors(&[3189, 3013])
        .says("VERIFY DATABASE is terminating abnormally.");
    bytes.truncate(bytes.len() - 512);
    fs::write(place.path("looks.1.0"), &bytes).unwrap();
    let cut = Sql::run(&place, &client, "RESTORE DATABASE b FROM {}");
    cut.expect_errors(&[3203, 3013])
        .says("38(Reached the end of the file.)");
    fs::write(place.path("looks.1.0"), b"no label").unwrap();
    let foreign = Sql::run(&place, &client, "RESTORE HEADERONLY FROM {}");
    foreign
        .expect_errors(&[3241, 3013])
        .says("RESTORE HEADERONLY is terminating abnormally.");
    assert!(!place.path("b.db").exists());
}

#[test]
fn backups_of_the_tool_are_restored() {
    let place = Place::new();
    sqlite(&place);
    place
        .run("backup a.db -o tool.0.0 -o tool.1.0 --block-size 4K")
        .success();
    let client = Client {
        devices: 2,
        ..Client::new("tool", 0)
    };
    let header = Sql::run(&place, &client, "RESTORE FILELISTONLY FROM {}");
    header.expect_success("a.db");
    let verify = "RESTORE VERIFYONLY FROM {} WITH BLOCKSIZE=4096";
    Sql::run(&place, &client, verify).expect_success("is valid");
    let restore = "RESTORE DATABASE b FROM {} WITH BLOCKSIZE=4096, MOVE 'a' TO 'c.db'";
    Sql::run(&place, &client, restore).expect_success("");
    assert_eq!(place.digest("c.db"), place.digest("a.db"));
    let mut bytes = fs::read(place.path("tool.1.0")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(place.path("tool.1.0"), &bytes).unwrap();
    Sql::run(&place, &client, verify).expect_errors(&[3189, 3013]);
}

#[test]
fn where_a_restore_goes() {
    let place = Place::new();
    sqlite(&place);
    let client = Client::new("places", 0);
    let run = |statement: &str| Sql::run(&place, &client, statement);
    run("BACKUP DATABASE a TO {}").expect_success("");
    run("RESTORE DATABASE a FROM {}").expect_errors(&[3159, 3013]);
    run("RESTORE DATABASE a FROM {} WITH REPLACE").expect_success("");
    run("RESTORE DATABASE b FROM {}").expect_success("");
    run("RESTORE DATABASE b FROM {}").expect_errors(&[3154, 3013]);
    run("RESTORE DATABASE new FROM {} WITH MOVE 'a' TO 'new.db'").expect_success("");
    assert_eq!(place.digest("new.db"), place.digest("a.db"));
    run("RESTORE DATABASE new FROM {} WITH MOVE 'x' TO 'y.db'").expect_errors(&[3234, 3013]);
    assert!(!place.path("y.db").exists());
    let open = rusqlite::Connection::open(place.path("b.db")).unwrap();
    open.execute_batch("BEGIN IMMEDIATE; DELETE FROM item")
        .unwrap();
    run("RESTORE DATABASE b FROM {} WITH REPLACE").expect_errors(&[3101, 3013]);
}

#[test]
fn logs_and_differentials_follow_a_restore_without_recovery() {
    let place = Place::new();
    sqlite(&place);
    let full = Client::new("full", 0);
    let log = Client::new("log", 0);
    let insert = |rows: &str| {
        let database = rusqlite::Connection::open(place.path("a.db")).unwrap();
        database
            .execute_batch(&format!("INSERT INTO item (data) VALUES {rows}"))
            .unwrap();
    };
    Sql::run(&place, &full, "BACKUP DATABASE a TO {}").expect_success("");
    insert("('later')");
    Sql::run(&place, &log, "BACKUP LOG a TO {}").expect_success("BACKUP LOG successfully");
    Sql::run(&place, &log, "RESTORE DATABASE b FROM {}").expect_errors(&[3135, 3013]);
    Sql::run(&place, &log, "RESTORE LOG b FROM {}").expect_errors(&[3117, 3013]);
    let restore = "RESTORE DATABASE b FROM {} WITH NORECOVERY";
    Sql::run(&place, &full, restore).expect_success("");
    Sql::run(&place, &full, "RESTORE LOG b FROM {}").expect_errors(&[3135, 3013]);
    let locked = Sql::alone(
        &place,
        &["-b", "-Q", "BACKUP DATABASE b TO VIRTUAL_DEVICE='x'"],
    );
    locked.expect_errors(&[927, 3013]);
    Sql::run(&place, &log, "RESTORE LOG b FROM {} WITH NORECOVERY").expect_success("");
    assert_eq!(check_items(&place.path("b.db")), 3001);
    insert("('last')");
    Sql::run(&place, &log, "BACKUP DATABASE a TO {} WITH DIFFERENTIAL").expect_success("");
    let header = Sql::run(&place, &log, "RESTORE HEADERONLY FROM {}");
    header.expect_success("Database Differential");
    Sql::run(&place, &log, restore).expect_success("");
    assert_eq!(check_items(&place.path("b.db")), 3002);
    let recover = ["-b", "-Q", "RESTORE DATABASE b WITH RECOVERY"];
    Sql::alone(&place, &recover).expect_success("RESTORE DATABASE successfully processed 0 pages");
    Sql::alone(&place, &recover).expect_errors(&[3153, 3013]);
}
