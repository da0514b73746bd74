//! Media of other backups: found behind what is asked for, or put in where it goes on.

mod common;

use std::fs;

use common::Place;
use common::client::{self, Client};
use common::statement::{Sql, place_with};
use vdi::codes::*;

/// Not a test: the backup program, when the environment asks for it.
#[test]
fn client() {
    client::play();
}

/// Databases `one`, and `two`, which is small.
fn databases() -> Place {
    place_with("[database.one]\nsize = '700K'\nseed = 1\n[database.two]\nsize = '200K'\nseed = 2\n")
}

/// A tape drive with many media of 500 KiB: `one` begins on the first and ends on the second, on
/// which there is room for `two`.
fn drive(name: &str) -> Client {
    Client {
        capacity: 500 << 10,
        media: 9,
        ..Client::new(name, VDF_LikeTape)
    }
}

/// Puts a medium of one drive in the place of one of another.
fn swap(place: &Place, from: &str, to: &str) {
    for suffix in ["", ".marks"] {
        let path = |medium: &str| place.path(&format!("{medium}{suffix}"));
        fs::copy(path(from), path(to)).unwrap();
    }
}

/// Backs `one` up, then `two` behind it.
fn fill(place: &Place, client: &Client) {
    Sql::run(place, client, "BACKUP DATABASE one TO {}").expect_success("on file 1.");
    Sql::run(place, client, "BACKUP DATABASE two TO {}").expect_success("on file 2.");
}

/// The second medium in the drive is of another set, which has a backup of the same number there.
#[test]
fn a_medium_of_another_media_set() {
    let place = databases();
    let (ours, theirs) = (drive("ours"), drive("theirs"));
    fill(&place, &ours);
    fill(&place, &theirs);
    let run = |statement: &str| Sql::run(&place, &ours, statement);
    run("RESTORE DATABASE two FROM {} WITH FILE = 2").expect_success("");
    swap(&place, "theirs.0.1", "ours.0.1");
    let bytes = || fs::read(place.path("ours.0.1")).unwrap();
    let (before, names) = (bytes(), place.names());
    let header = run("RESTORE HEADERONLY FROM {}");
    header.expect_success("(1 rows affected)");
    header.expect_success("*** INCOMPLETE ***");
    assert!(
        header
            .outcome
            .stderr
            .contains("the next medium does not go on with it"),
        "{}",
        header.outcome.stderr
    );
    for (statement, numbers) in [
        ("RESTORE DATABASE two FROM {} WITH FILE = 2", [3258, 3013]),
        ("RESTORE DATABASE one FROM {}", [3189, 3013]),
        ("BACKUP DATABASE two TO {}", [3258, 3013]),
    ] {
        run(statement).expect_errors(&numbers);
    }
    // Where the label of the first backup is damaged, no other medium can be known to go on with it.
    let path = place.path("ours.0.0");
    let mut hurt = fs::read(&path).unwrap();
    hurt[20] ^= 1;
    fs::write(&path, hurt).unwrap();
    run("RESTORE DATABASE two FROM {} WITH FILE = 2").expect_errors(&[3189, 3013]);
    assert!(before == bytes() && names == place.names());
}

/// A tape that cannot be rewound is put in at its beginning.
#[test]
fn a_tape_without_rewind_is_looked_at() {
    let place = databases();
    let tape = Client::new("forward", VDF_LikeTape & !VDF_Rewind);
    fill(&place, &tape);
    for (name, position) in [("one", 1), ("two", 2)] {
        let restore = format!("RESTORE DATABASE {name} FROM {{}} WITH FILE = {position}");
        Sql::run(&place, &tape, &restore).expect_success("");
    }
}

/// A label is torn, and on the next medium are two backups of another set: neither is taken for the
/// second one behind the torn label.
#[test]
fn a_torn_label_leads_to_no_other_medium() {
    let place = databases();
    let theirs = Client::new("theirs", VDF_LikeTape);
    fill(&place, &theirs);
    let run = |statement: &str| Sql::run(&place, &drive("ours"), statement);
    let long = "x".repeat(200);
    let first = format!("BACKUP DATABASE two TO {{}} WITH DESCRIPTION = '{long}'");
    run(&first).expect_success("");
    let path = place.path("ours.0.0");
    let label = fs::read(&path).unwrap();
    fs::write(&path, &label[..512]).unwrap();
    fs::write(place.path("ours.0.0.marks"), "").unwrap();
    swap(&place, "theirs.0.0", "ours.0.1");
    run("RESTORE DATABASE two FROM {} WITH FILE = 2").expect_errors(&[3189, 3013]);
}

/// Three backups behind another one, and all of them restored.
fn append_and_restore(place: &Place, client: &Client, options: &str) {
    let run = |statement: &str| Sql::run(place, client, statement);
    let all = [(1, "one"), (2, "two"), (3, "one"), (4, "two")];
    for (position, name) in &all[1..] {
        let long = "x".repeat(200);
        let backup = format!("BACKUP DATABASE {name} TO {{}} {options}, DESCRIPTION = '{long}'");
        run(&backup).expect_success(&format!("on file {position}."));
    }
    for (position, name) in all {
        let restore = format!("RESTORE DATABASE {name} FROM {{}} {options}, FILE = {position}");
        run(&restore).expect_success("");
    }
    let header = run("RESTORE HEADERONLY FROM {}");
    header.expect_success("(4 rows affected)");
}

#[test]
fn a_record_that_takes_several_media() {
    let place = databases();
    let client = Client {
        capacity: 100 << 10,
        media: 30,
        ..drive("small")
    };
    let options = "WITH MAXTRANSFERSIZE = 1048576";
    let first = format!("BACKUP DATABASE one TO {{}} {options}");
    Sql::run(&place, &client, &first).expect_success("on file 1.");
    append_and_restore(&place, &client, options);
}

/// A medium ends in the middle of a label, or right behind it.
#[test]
fn a_label_at_the_end_of_a_medium() {
    for features in [VDF_LikeTape, VDF_LikeDisk | VDF_Removable] {
        for (block, is_whole) in [(4096, true), (512, false)] {
            let place = databases();
            let client = Client::new("cut", features);
            let options = format!("WITH BLOCKSIZE = {block}");
            let first = format!("BACKUP DATABASE one TO {{}} {options}");
            Sql::run(&place, &client, &first).expect_success("on file 1.");
            // There is room for another block.
            let full = fs::read(place.path("cut.0.0")).unwrap().len();
            let client = Client {
                capacity: full + block,
                media: 9,
                ..client
            };
            append_and_restore(&place, &client, &options);
            let first = fs::read(place.path("cut.0.0")).unwrap();
            assert!(first[full..].starts_with(b"vdi-labl"));
            let second = fs::read(place.path("cut.0.1")).unwrap();
            assert_eq!(second.starts_with(b"vdi-data"), is_whole);
        }
    }
}

/// A backup that was cut off behind its label, and a whole one of another set on the next medium:
/// its filemarks are not counted as those of the first.
#[test]
fn the_next_medium_does_not_end_a_backup() {
    let place = databases();
    let theirs = Client::new("theirs", VDF_LikeTape);
    Sql::run(&place, &theirs, "BACKUP DATABASE two TO {}").expect_success("");
    let torn = Client {
        failure: Some((VDC_WriteMark, 1, ERROR_IO_DEVICE)),
        ..drive("ours")
    };
    Sql::run(&place, &torn, "BACKUP DATABASE one TO {}").expect_errors(&[18210, 3013]);
    swap(&place, "theirs.0.0", "ours.0.1");
    let before = fs::read(place.path("ours.0.1")).unwrap();
    let run = |statement: &str| Sql::run(&place, &drive("ours"), statement);
    run("BACKUP DATABASE two TO {}").expect_errors(&[3266, 3013]);
    run("RESTORE HEADERONLY FROM {}").expect_success("*** INCOMPLETE ***");
    assert!(fs::read(place.path("ours.0.1")).unwrap() == before);
}

/// A drive to which the same medium comes again and again, or empty ones.
#[test]
fn media_without_end() {
    for (again, append) in [(true, 3258), (false, 3266)] {
        let place = databases();
        let few = Client {
            media: 1,
            ..drive("few")
        };
        Sql::run(&place, &few, "BACKUP DATABASE one TO {}").expect_errors(&[18210, 3013]);
        let endless = Client {
            endless: Some(again),
            ..few
        };
        let run = |statement: &str| Sql::run(&place, &endless, statement);
        run("BACKUP DATABASE two TO {}").expect_errors(&[append, 3013]);
        run("RESTORE HEADERONLY FROM {}").expect_success("*** INCOMPLETE ***");
    }
    // The second medium of a backup, which belongs to it, again and again.
    let place = databases();
    let tape = Client {
        capacity: 250 << 10,
        ..drive("tape")
    };
    Sql::run(&place, &tape, "BACKUP DATABASE one TO {}").expect_success("");
    let endless = Client {
        media: 2,
        endless: Some(true),
        ..tape
    };
    Sql::run(&place, &endless, "BACKUP DATABASE two TO {}").expect_errors(&[3258, 3013]);
}

/// What cannot be looked at, or is something else, does not count as empty. [CMD-READ-01]
#[test]
fn a_medium_that_only_seems_to_be_empty() {
    let place = databases();
    let append = "BACKUP DATABASE two TO {}";
    for (features, code, system) in [
        (VDF_LikeDisk, ERROR_NOT_SUPPORTED, "50("),
        (VDF_LikeTape, ERROR_NOT_SUPPORTED, "50("),
        (VDF_LikeDisk, ERROR_SUCCESS, "38("),
        (VDF_LikeTape, ERROR_SUCCESS, "38("),
    ] {
        let whole = Client::new("seems", features);
        let initial = format!("{append} WITH INIT");
        Sql::run(&place, &whole, &initial).expect_success("on file 1.");
        let before = fs::read(place.path("seems.0.0")).unwrap();
        let client = Client {
            failure: Some((VDC_Read, 1, code)),
            ..whole
        };
        let refused = Sql::run(&place, &client, append);
        refused.expect_errors(&[3203, 3013]).says(system);
        assert!(refused.outcome.stderr.contains("WITH INIT and WITH FORMAT"));
        assert!(fs::read(place.path("seems.0.0")).unwrap() == before);
        Sql::run(&place, &client, &initial).expect_success("on file 1.");
    }
    // A tape that begins with a filemark, and one with two of them behind its backup.
    let tape = Client::new("marked", VDF_LikeTape);
    let run = |statement: &str| Sql::run(&place, &tape, statement);
    let path = place.path("marked.0.0.marks");
    run(append).expect_success("on file 1.");
    let marks = fs::read_to_string(&path).unwrap();
    let end = fs::read(place.path("marked.0.0")).unwrap().len();
    fs::write(&path, format!("{marks}{end}\n")).unwrap();
    run(append).expect_errors(&[3266, 3013]);
    run("RESTORE DATABASE two FROM {}").expect_success("");
    fs::write(&path, format!("0\n{marks}")).unwrap();
    run(append).expect_errors(&[3241, 3013]);
    run("RESTORE HEADERONLY FROM {}").expect_errors(&[3241, 3013]);
    assert_eq!(fs::read(place.path("marked.0.0")).unwrap().len(), end);
}

/// Backups of another block size are told apart by their first label, and can be looked at.
/// [BUF-20]
#[test]
fn another_block_size() {
    let place = databases();
    for features in [VDF_LikeDisk, VDF_LikeTape] {
        for (written, given) in [(512, 4096), (65536, 512)] {
            let client = Client::new("blocks", features);
            let run = |statement: &str| Sql::run(&place, &client, statement);
            let with = |size| format!("WITH BLOCKSIZE = {size}");
            let backup = "BACKUP DATABASE two TO {}";
            run(&format!("{backup} {}, FORMAT", with(written))).expect_success("");
            run(&format!("{backup} {}", with(written))).expect_success("on file 2.");
            let refused = run(&format!("{backup} {}", with(given)));
            refused.expect_errors(&[3272, 3013]);
            assert!(refused.outcome.stderr.contains(&with(written)));
            assert_eq!(client.count(&place, VDC_Read), 1);
            let header = run(&format!("RESTORE HEADERONLY FROM {{}} {}", with(given)));
            header.expect_success("(2 rows affected)");
            run(&format!("RESTORE VERIFYONLY FROM {{}} {}", with(given)))
                .expect_errors(&[3272, 3013]);
        }
    }
}

/// INIT does not read a tape, which would have to be rewound afterwards.
#[test]
fn a_tape_that_cannot_rewind() {
    let place = databases();
    let tape = Client {
        unknown: vec![VDC_Rewind],
        ..Client::new("stays", VDF_LikeTape)
    };
    let run = |statement: &str| Sql::run(&place, &tape, statement);
    for _ in 0..2 {
        run("BACKUP DATABASE two TO {} WITH INIT").expect_success("on file 1.");
        assert_eq!(tape.count(&place, VDC_Read), 0);
        run("RESTORE DATABASE two FROM {}").expect_success("");
    }
}

/// INIT writes over two backups and fails before the Flush that cuts off the second one, which then
/// stands behind a whole backup of the same length. [CMD-FLUSH-02]
#[test]
fn what_an_overwritten_disk_still_shows() {
    let place = databases();
    let disk = Client::new("old", VDF_LikeDisk);
    let run = |statement: &str| Sql::run(&place, &disk, statement);
    run("BACKUP DATABASE one TO {}").expect_success("");
    let first = fs::read(place.path("old.0.0")).unwrap().len();
    run("BACKUP DATABASE two TO {}").expect_success("on file 2.");
    let both = fs::read(place.path("old.0.0")).unwrap().len();
    let unflushed = Client {
        failure: Some((VDC_Flush, 1, ERROR_IO_DEVICE)),
        ..disk.clone()
    };
    Sql::run(&place, &unflushed, "BACKUP DATABASE one TO {} WITH INIT")
        .expect_errors(&[18210, 3013]);
    let written = fs::read(place.path("old.0.0")).unwrap();
    assert_eq!(written.len(), both);
    assert!(written[first..].starts_with(b"vdi-labl"));
    let header = run("RESTORE HEADERONLY FROM {}");
    header.expect_success("(1 rows affected)");
    for statement in ["DATABASE two", "HEADERONLY", "FILELISTONLY"] {
        let statement = format!("RESTORE {statement} FROM {{}} WITH FILE = 2");
        run(&statement).expect_errors(&[3258, 3013]);
    }
    run("BACKUP DATABASE one TO {}").expect_errors(&[3266, 3013]);
    // A whole one cuts off the rest.
    run("BACKUP DATABASE one TO {} WITH INIT").expect_success("on file 1.");
    assert_eq!(fs::read(place.path("old.0.0")).unwrap().len(), first);
}
