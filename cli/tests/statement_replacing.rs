//! What becomes of the database that a restore replaces, above all when the restore fails.

mod common;

use std::fs;

use common::client::{self, Client};
use common::statement::{Sql, sqlite};
use common::{Place, check_items, leave_log};

/// Not a test: the backup program, when the environment asks for it.
#[test]
fn client() {
    client::play();
}

/// A restore that fails leaves no mark by which the next one could replace the database.
#[test]
fn a_failed_restore_does_not_begin_one() {
    let place = Place::new();
    sqlite(&place);
    place.database("b.db", "delete");
    let client = Client::new("begun", 0);
    let run = |statement: &str| Sql::run(&place, &client, statement);
    run("BACKUP DATABASE b TO {}").expect_success("");
    let from_b = Client::new("other", 0);
    Sql::run(&place, &from_b, "BACKUP DATABASE a TO {}").expect_success("");
    // A directory has the name of a file that must be removed, so the restore fails at its end.
    fs::create_dir(place.path("b.db-journal")).unwrap();
    run("RESTORE DATABASE b FROM {} WITH REPLACE, NORECOVERY").expect_errors(&[3202, 3013]);
    fs::remove_dir(place.path("b.db-journal")).unwrap();
    assert!(!place.path("b.db.restoring").exists());
    run("RESTORE DATABASE b FROM {}").expect_errors(&[3159, 3013]);

    // What continues a restore is a backup of the same database.
    run("RESTORE DATABASE b FROM {} WITH REPLACE, NORECOVERY").expect_success("");
    let other = Sql::run(&place, &from_b, "RESTORE DATABASE b FROM {}");
    other.expect_errors(&[3154, 3013]);
    run("RESTORE DATABASE b FROM {}").expect_success("");
    run("RESTORE DATABASE b FROM {}").expect_errors(&[3159, 3013]);
}

/// What a killed restore left does not keep the next one from the name that it needs.
#[test]
fn a_leftover_is_not_in_the_way() {
    let place = Place::new();
    sqlite(&place);
    let client = Client::new("left", 0);
    let run = |statement: &str| Sql::run(&place, &client, statement);
    run("BACKUP DATABASE a TO {}").expect_success("");
    leave_log(&place, "DELETE FROM item");
    fs::write(place.path(".vdi-left.partial"), "").unwrap();
    run("RESTORE DATABASE a FROM {} WITH REPLACE").expect_success("");
    assert_eq!(check_items(&place.path("a.db")), 3000);
}
