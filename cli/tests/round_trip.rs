//! What is backed up comes back, in every shape.

mod common;

use std::fs;
use std::process::Stdio;

use common::{Place, check_items, finish};

/// A backup and a restore. [MOD-05]
#[track_caller]
fn round_trip(stripes: usize, backup: &str, restore: &str) {
    let place = Place::new();
    place.database("a.db", "delete");
    let names: Vec<_> = (0..stripes).map(|k| format!("s{k}")).collect();
    let outputs: String = names.iter().map(|name| format!(" -o {name}")).collect();
    place
        .run(&format!("backup a.db{outputs} {backup}"))
        .success();
    // In another order than at the backup.
    let inputs: Vec<_> = names.iter().rev().map(String::as_str).collect();
    let inputs = inputs.join(" ");
    place
        .run(&format!("restore {inputs} -o b.db {restore}"))
        .success();
    let same = fs::read(place.path("a.db")).unwrap() == fs::read(place.path("b.db")).unwrap();
    assert!(same, "the pages differ");
    assert_eq!(check_items(&place.path("b.db")), 3000);
    let mut expected = names.clone();
    expected.extend(["a.db".into(), "b.db".into()]);
    expected.sort();
    assert_eq!(place.names(), expected);
    place.expect_no_sockets();
}

#[test]
fn one_stripe() {
    round_trip(1, "", "");
}

#[test]
fn four_stripes_in_reverse_order() {
    round_trip(4, "", "");
}

#[test]
fn as_many_stripes_as_devices() {
    round_trip(
        64,
        "--max-transfer-size 64K --buffers 64",
        "--max-transfer-size 64K",
    );
}

#[test]
fn without_the_last_command() {
    round_trip(2, "--complete=off", "");
}

/// The sizes of Reads have nothing to do with those of Writes. [CMD-READ-07]
#[test]
fn larger_reads_than_writes() {
    round_trip(3, "--max-transfer-size 64K", "--max-transfer-size 4M");
}

#[test]
fn smaller_reads_than_writes() {
    round_trip(
        3,
        "--max-transfer-size 4M",
        "--max-transfer-size 64K --buffers 3",
    );
}

/// The block size of the restore is that of the backup.
#[test]
fn smallest_blocks() {
    round_trip(2, "--block-size 512 --max-transfer-size 64K", "");
}

#[test]
fn an_empty_database() {
    let place = Place::new();
    fs::write(place.path("a.db"), "").unwrap();
    place.run("backup a.db -o s1 -o s2").success();
    place.run("restore s2 s1 -o b.db").success();
    assert_eq!(fs::read(place.path("b.db")).unwrap(), b"");
}

#[test]
fn every_page_size() {
    for size in [512, 1024, 65536] {
        let place = Place::new();
        let database = rusqlite::Connection::open(place.path("a.db")).unwrap();
        database.pragma_update(None, "page_size", size).unwrap();
        let fill = "CREATE TABLE t AS SELECT randomblob(300000) AS data";
        database.execute_batch(fill).unwrap();
        drop(database);
        place
            .run("backup a.db -o s1 -o s2 --max-transfer-size 64K")
            .success();
        place.run("restore s1 s2 -o b.db").success();
        assert_eq!(place.digest("a.db"), place.digest("b.db"), "{size}");
    }
}

#[test]
fn through_standard_output_and_input() {
    let place = Place::new();
    place.database("a.db", "delete");
    let mut backup = place.start("backup a.db -o - --quiet");
    let stream = backup.stdout.take().unwrap();
    let mut restore = place.vdi(["restore", "-", "-o", "b.db", "--quiet"]);
    let restore = restore
        .stdin(stream)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(finish(backup).success().stderr, "");
    assert_eq!(finish(restore).success().stderr, "");
    assert_eq!(place.digest("a.db"), place.digest("b.db"));
}

#[test]
fn one_stripe_to_standard_output_and_one_to_a_file() {
    let place = Place::new();
    place.database("a.db", "delete");
    let backup = place.run("backup a.db -o s1 -o -");
    fs::write(place.path("s2"), &backup.success().stdout).unwrap();
    place.run("restore s1 s2 -o b.db").success();
    assert_eq!(place.digest("a.db"), place.digest("b.db"));
}

#[test]
fn replacing_a_database_and_its_backup() {
    let place = Place::new();
    place.database("a.db", "wal");
    place.database("old.db", "wal");
    fs::write(place.path("s"), "an old backup").unwrap();
    place.run("backup a.db -o s --replace").success();
    place.run("restore s -o old.db --replace").success();
    assert_eq!(place.digest("a.db"), place.digest("old.db"));
    assert_eq!(place.names(), ["a.db", "old.db", "s"]);
}

#[test]
fn odd_names() {
    let place = Place::new();
    fs::rename(place.database("a.db", "delete"), place.path("-ä ö?#%.db")).unwrap();
    let run = |args: &[&str]| {
        let mut command = place.vdi(args);
        finish(command.stderr(Stdio::piped()).spawn().unwrap()).success();
    };
    run(&["backup", "--output=-s 'x'", "--", "-ä ö?#%.db"]);
    run(&["restore", "-o", "file:b.db?mode=ro", "--", "-s 'x'"]);
    assert_eq!(check_items(&place.path("file:b.db?mode=ro")), 3000);
}

#[test]
fn digest_is_that_of_the_file_the_backup_and_the_restore() {
    let place = Place::new();
    let file = fs::read(place.database("a.db", "delete")).unwrap();
    let expected = blake3::hash(&file).to_hex().to_string();
    assert_eq!(place.digest("a.db"), expected);
    let backup = place.run("backup a.db -o s --json");
    assert_eq!(backup.success().json()["digest"], expected);
    let restore = place.run("restore s -o b.db --json");
    assert_eq!(restore.success().json()["digest"], expected);
}
