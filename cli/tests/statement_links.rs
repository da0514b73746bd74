//! Databases and catalogues that are reached by symbolic links.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use common::client::{self, Client};
use common::statement::{Sql, catalogue};
use common::{Place, check_items, finish, leave_log};

/// Not a test: the backup program, when the environment asks for it.
#[test]
fn client() {
    client::play();
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).unwrap().is_symlink()
}

/// The database is where the link leads, and so is all that belongs to it; the link stays.
#[test]
fn a_database_behind_a_link() {
    let place = Place::new();
    fs::create_dir(place.path("far")).unwrap();
    place.database("a.db", "wal");
    fs::rename(place.path("a.db"), place.path("far/real.db")).unwrap();
    symlink("far/real.db", place.path("a.db")).unwrap();
    catalogue(&place, "[database.a]\nsqlite = 'a.db'\n");
    let client = Client::new("link", 0);
    let run = |statement: &str| Sql::run(&place, &client, statement);
    run("BACKUP DATABASE a TO {}").expect_success("");
    run("RESTORE DATABASE a FROM {}").expect_errors(&[3159, 3013]);
    run("RESTORE DATABASE a FROM {} WITH REPLACE, NORECOVERY").expect_success("");
    assert!(is_link(&place.path("a.db")) && place.path("far/real.db.restoring").exists());
    run("RESTORE DATABASE a FROM {}").expect_success("");
    assert_eq!(common::names(&place.path("far")), ["real.db"]);
    // A log that was left is not applied to what is restored.
    fs::remove_file(place.path("a.db")).unwrap();
    fs::rename(place.path("far/real.db"), place.path("a.db")).unwrap();
    leave_log(&place, "DELETE FROM item");
    for end in ["", "-wal"] {
        let far = place.path(&format!("far/real.db{end}"));
        fs::rename(place.path(&format!("a.db{end}")), far).unwrap();
    }
    symlink("far/real.db", place.path("a.db")).unwrap();
    run("RESTORE DATABASE a FROM {} WITH REPLACE").expect_success("");
    assert_eq!(common::names(&place.path("far")), ["real.db"]);
    assert_eq!(check_items(&place.path("a.db")), 3000);
}

/// A link that leads nowhere is a database that exists and cannot be read. It is replaced itself.
#[test]
fn a_link_that_leads_nowhere() {
    let place = Place::new();
    place.database("a.db", "delete");
    symlink("no/where", place.path("b.db")).unwrap();
    symlink("no/where", place.path("notes")).unwrap();
    catalogue(
        &place,
        "[database.a]\nsqlite = 'a.db'\n[database.b]\nsqlite = 'b.db'\n\
         [database.notes]\nfile = 'notes'\n",
    );
    let client = Client::new("nowhere", 0);
    let run = |statement: &str| Sql::run(&place, &client, statement);
    for name in ["b", "notes"] {
        let backup = format!("BACKUP DATABASE {name} TO VIRTUAL_DEVICE='x'");
        let failed = Sql::alone(&place, &["-b", "-Q", &backup]);
        failed.expect_errors(&[3203, 3013]).says("cannot read");
    }
    run("BACKUP DATABASE a TO {}").expect_success("");
    for name in ["b", "notes"] {
        run(&format!("RESTORE DATABASE {name} FROM {{}}")).expect_errors(&[3154, 3013]);
        run(&format!("RESTORE DATABASE {name} FROM {{}} WITH REPLACE")).expect_success("");
    }
    for name in ["b.db", "notes"] {
        assert!(!is_link(&place.path(name)));
        assert_eq!(check_items(&place.path(name)), 3000);
    }
}

/// Paths in a catalogue count from where its name lies, not from where a link leads.
#[test]
fn a_catalogue_behind_a_link() {
    let place = Place::new();
    let client = Client::new("catalogue", 0);
    fs::create_dir(place.path("far")).unwrap();
    fs::write(
        place.path("far/real.toml"),
        "[database.a]\nfile = 'notes'\n",
    )
    .unwrap();
    symlink("far/real.toml", place.path("catalogue.toml")).unwrap();
    fs::write(place.path("notes"), "near").unwrap();
    fs::write(place.path("far/notes"), "farther away").unwrap();
    Sql::run(&place, &client, "BACKUP DATABASE a TO {}").expect_success("");
    let list = Sql::run(&place, &client, "RESTORE FILELISTONLY FROM {}");
    list.expect_success(" 4 ");
    fs::remove_file(place.path("far/real.toml")).unwrap();
    let mut command = place.vdi(["sqlcmd", "--catalogue", "catalogue.toml", "-Q", "USE a"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap()).expect(1, "catalogue.toml: No such file");
}
