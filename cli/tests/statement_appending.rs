//! Several backups on the same media: one behind the other, and each found again.

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

/// Databases `one`, `two` and `three`, which differ, and `big`.
fn databases() -> Place {
    place_with(
        "[database.one]\nsize = '700K'\nseed = 1\n[database.two]\nsize = '1M'\nseed = 2\n\
         [database.three]\nsize = '300001'\nseed = 3\n[database.big]\nsize = '8M'\nseed = 4\n",
    )
}

const THREE: [&str; 3] = ["one", "two", "three"];

/// Backs the three up, one behind the other.
#[track_caller]
fn append_three(place: &Place, client: &Client) {
    for (position, name) in (1..).zip(THREE) {
        // The sizes of the transfers may change.
        let size = position * 65536;
        let backup = format!("BACKUP DATABASE {name} TO {{}} WITH MAXTRANSFERSIZE = {size}");
        let done = Sql::run(place, client, &backup);
        done.expect_success(&format!("file '{name}' on file {position}.\n"));
    }
}

/// Restores one of the three; a synthetic database is compared with what it should be.
#[track_caller]
fn restore(place: &Place, client: &Client, position: usize) -> Sql {
    let name = THREE[position - 1];
    let restore = format!("RESTORE DATABASE {name} FROM {{}} WITH FILE = {position}");
    Sql::run(place, client, &restore)
}

/// [TSQL-10, CMD-SMARK-01, CMD-SMARK-02]
#[test]
fn three_backups_on_media_of_every_kind() {
    let skips_no_marks = vec![VDC_SkipMarks];
    for (features, devices, capacity, unknown) in [
        (VDF_LikeDisk, 1, 0, vec![]),
        (VDF_LikeDisk, 2, 0, vec![]),
        (VDF_LikeTape, 1, 0, vec![]),
        (VDF_LikeTape, 2, 0, vec![]),
        (VDF_LikeTape, 1, 0, skips_no_marks.clone()),
        // Each backup ends on another medium than it begins.
        (VDF_LikeTape, 1, 500 << 10, vec![]),
        (VDF_LikeTape, 2, 300 << 10, skips_no_marks),
        (VDF_LikeDisk | VDF_Removable, 1, 0, vec![]),
        (VDF_LikeDisk | VDF_Removable, 2, 300 << 10, vec![]),
    ] {
        let place = databases();
        let client = Client {
            devices,
            capacity,
            media: if capacity == 0 { 1 } else { 9 },
            unknown,
            ..Client::new("three", features)
        };
        let run = |statement: &str| Sql::run(&place, &client, statement);
        append_three(&place, &client);
        for position in 1..=3 {
            restore(&place, &client, position).expect_success("on file ");
            assert_eq!(client.count(&place, VDC_Load) > 0, capacity > 0);
        }
        run("RESTORE DATABASE one FROM {}").expect_success("on file 1.");
        run("RESTORE DATABASE one FROM {} WITH FILE = 2").expect_errors(&[3203, 3013]);
        run("RESTORE DATABASE one FROM {} WITH FILE = 4")
            .expect_errors(&[50000, 3013])
            .says("Cannot find file ID 4 on device 'three'.");
        run("RESTORE VERIFYONLY FROM {} WITH FILE = 3").expect_success("set on file 3 is valid.");
        let header = run("RESTORE HEADERONLY FROM {}");
        header.expect_success("(3 rows affected)");
        let header = run("RESTORE HEADERONLY FROM {} WITH FILE = 2");
        header.expect_success("(1 rows affected)").says(" two ");
        let files = run("RESTORE FILELISTONLY FROM {} WITH FILE = 3");
        files.expect_success("synthetic:300001:3");
        run("RESTORE LABELONLY FROM {}").expect_success("(1 rows affected)");
        // All of them are overwritten.
        run("BACKUP DATABASE two TO {} WITH INIT").expect_success("on file 1.");
        run("RESTORE DATABASE two FROM {} WITH FILE = 1").expect_success("");
        run("RESTORE HEADERONLY FROM {}").expect_success("(1 rows affected)");
        place.expect_no_sockets();
    }
}

/// What lies before the place that is wanted is not read.
#[test]
fn places_are_found_without_reading() {
    for features in [VDF_LikeDisk, VDF_LikeTape] {
        let place = databases();
        let client = Client::new("quick", features);
        let run = |statement: &str| Sql::run(&place, &client, statement);
        run("BACKUP DATABASE big TO {}").expect_success("");
        run("BACKUP DATABASE one TO {}").expect_success("on file 2.");
        // 128 records are before it.
        let reads = client.count(&place, VDC_Read);
        assert!(reads < 30, "{reads} reads");
        run("RESTORE FILELISTONLY FROM {} WITH FILE = 2").expect_success("one");
        let reads = client.count(&place, VDC_Read);
        assert!(reads < 30, "{reads} reads");
    }
}

/// A device that is read from one end to the other: what comes first is passed; what there is
/// cannot be known without reading all.
#[test]
fn a_pipe_comes_to_each_backup() {
    let place = databases();
    let disk = Client {
        devices: 2,
        ..Client::new("passed", VDF_LikeDisk)
    };
    append_three(&place, &disk);
    let pipe = Client {
        features: 0,
        ..disk
    };
    for position in 1..=3 {
        restore(&place, &pipe, position).expect_success("");
    }
    let header = Sql::run(&place, &pipe, "RESTORE HEADERONLY FROM {}");
    header.expect_success("(1 rows affected)");
    assert_eq!(pipe.count(&place, VDC_Read), 2);
    Sql::run(&place, &pipe, "RESTORE DATABASE one FROM {} WITH FILE = 4")
        .expect_errors(&[50000, 3013]);
    // Nobody looks at what is on it.
    Sql::run(&place, &pipe, "BACKUP DATABASE one TO {}").expect_success("on file 1.");
}

/// Nothing is appended to media that are not one media set; they stay as they are. [TSQL-06]
#[test]
fn media_that_do_not_belong_together() {
    for features in [VDF_LikeDisk, VDF_LikeTape] {
        let place = databases();
        let two = Client {
            devices: 2,
            ..Client::new("set", features)
        };
        let path = |file: &str| place.path(file);
        let files = ["set.0.0", "set.0.0.marks", "set.1.0", "set.1.0.marks"];
        let put = |bytes: &[Vec<u8>]| {
            for (file, bytes) in files.iter().zip(bytes) {
                fs::write(path(file), bytes).unwrap();
            }
        };
        let get = || files.map(|file| fs::read(path(file)).unwrap());
        let run = |statement: &str| Sql::run(&place, &two, statement);
        let append = "BACKUP DATABASE two TO {}";
        let named = "BACKUP DATABASE one TO {} WITH MEDIANAME = 'm', MEDIADESCRIPTION = 'box 7'";
        run(named).expect_success("");
        let other = get();
        run(&format!("{named}, FORMAT")).expect_success("");
        let first = get();
        let refused = |media: [&[Vec<u8>]; 2], client: &Client, statement: &str, number: u32| {
            put(&media.concat());
            let before = get();
            Sql::run(&place, client, statement).expect_errors(&[number, 3013]);
            assert!(get() == before, "{statement} has written");
        };
        let empty = [Vec::new(), Vec::new()];
        let (first_a, first_b) = first.split_at(2);
        refused([first_a, &other[2..]], &two, append, 3258);
        refused([first_a, &empty], &two, append, 3258);
        refused([&empty, first_b], &two, append, 3258);
        refused([first_a, first_a], &two, append, 3258);
        refused(
            [first_a, first_b],
            &two,
            &format!("{append} WITH BLOCKSIZE=4096"),
            3272,
        );
        refused(
            [first_a, first_b],
            &two,
            &format!("{append} WITH MEDIANAME='x'"),
            3258,
        );
        refused(
            [&[b"a letter".to_vec(), vec![]], &empty],
            &two,
            append,
            3241,
        );
        let one = Client {
            devices: 1,
            ..two.clone()
        };
        refused([first_a, first_b], &one, append, 3231);
        // One stripe has two backups, the other has one.
        put(&first);
        run(append).expect_success("on file 2.");
        let second = get();
        refused([&second[..2], first_b], &two, append, 3266);
        // In another order they are the same.
        put(&[&second[2..], &second[..2]].concat());
        run("BACKUP DATABASE three TO {} WITH MEDIANAME='m'").expect_success("on file 3.");
        let third = get();
        put(&[&third[2..], &third[..2]].concat());
        // Each medium stays in its family.
        for (file, family) in [("set.0.0", "1"), ("set.1.0", "2")] {
            let bytes = fs::read(path(file)).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(text.matches(&format!("\"family\":{family},")).count(), 3);
        }
        for position in 1..=3 {
            restore(&place, &two, position).expect_success("");
        }
        // The name is that of the media set, whoever appends.
        run("RESTORE LABELONLY FROM {}").expect_success("box 7");
        run("RESTORE DATABASE two FROM {} WITH FILE = 2, MEDIANAME = 'm'").expect_success("");
    }
}

#[test]
fn nothing_is_appended_to_a_backup_of_the_tool() {
    let place = databases();
    place.database("a.db", "delete");
    place
        .run("backup a.db -o tool.0.0 --block-size 512")
        .success();
    let client = Client::new("tool", VDF_LikeDisk);
    let refused = Sql::run(&place, &client, "BACKUP DATABASE one TO {}");
    refused.expect_errors(&[50000, 3013]).says("vdi backup");
    Sql::run(&place, &client, "RESTORE VERIFYONLY FROM {} WITH FILE = 2")
        .expect_errors(&[50000, 3013]);
    Sql::run(&place, &client, "RESTORE VERIFYONLY FROM {}").expect_success("is valid");
    Sql::run(&place, &client, "RESTORE HEADERONLY FROM {}").expect_success("(1 rows affected)");
}

/// Damage in the middle does not keep later backups from being found by the filemarks of a tape, or
/// by the few records of a disk that must be looked at.
#[test]
fn a_damaged_backup_between_others() {
    for (features, finds) in [
        (VDF_LikeTape, true),
        (VDF_LikeDisk, true),
        (VDF_LikeDisk | VDF_Removable, false),
    ] {
        let place = databases();
        let client = Client::new("hurt", features);
        append_three(&place, &client);
        let path = place.path("hurt.0.0");
        let sound = fs::read(&path).unwrap();
        let labels: Vec<_> = (0..sound.len())
            .step_by(512)
            .filter(|at| sound[*at..].starts_with(b"vdi-labl"))
            .collect();
        let mut hurt = sound.clone();
        hurt[labels[1] + (300 << 10)] ^= 1;
        fs::write(&path, &hurt).unwrap();
        restore(&place, &client, 1).expect_success("");
        restore(&place, &client, 2).expect_errors(&[3189, 3013]);
        let last = restore(&place, &client, 3);
        match finds {
            true => last.expect_success(""),
            // What is behind it may be sound, but is not found.
            false => last.expect_errors(&[3189, 3013]),
        };
        // A label is damaged.
        if features == VDF_LikeTape {
            // Its length, or its text.
            for (label, byte, number) in [
                (0, 13, 3241),
                (0, 20, 3241),
                // It seems to end behind its filemark.
                (1, 13, 3203),
                (1, 20, 3241),
            ] {
                let mut hurt = sound.clone();
                hurt[labels[label] + byte] ^= 4;
                fs::write(&path, &hurt).unwrap();
                restore(&place, &client, label + 1).expect_errors(&[number, 3013]);
                restore(&place, &client, 3).expect_success("");
                let files = "RESTORE FILELISTONLY FROM {} WITH FILE = 3";
                Sql::run(&place, &client, files).expect_success("synthetic:300001:3");
            }
            let header = Sql::run(&place, &client, "RESTORE HEADERONLY FROM {}");
            header.expect_success("(1 rows affected)");
            assert!(header.outcome.stderr.contains("its label is damaged"));
        }
    }
}

/// What follows on a medium whose beginning is gone has a number, and no predecessor.
#[test]
fn a_medium_without_its_beginning() {
    let place = databases();
    let client = Client::new("cut", VDF_LikeDisk);
    append_three(&place, &client);
    let path = place.path("cut.0.0");
    let whole = fs::read(&path).unwrap();
    let second = (512..whole.len())
        .step_by(512)
        .find(|at| whole[*at..].starts_with(b"vdi-labl"));
    fs::write(&path, &whole[second.unwrap()..]).unwrap();
    for statement in [
        "HEADERONLY",
        "FILELISTONLY",
        "LABELONLY",
        "VERIFYONLY",
        "DATABASE two",
    ] {
        let run = Sql::run(&place, &client, &format!("RESTORE {statement} FROM {{}}"));
        run.expect_errors(&[50000, 3013])
            .says("Cannot find file ID 1");
    }
    Sql::run(&place, &client, "BACKUP DATABASE one TO {}").expect_errors(&[3266, 3013]);
}

/// Where not even the first block of a label finds room, nothing is put on another medium.
#[test]
fn a_medium_without_room_for_a_label() {
    for features in [VDF_LikeTape, VDF_LikeDisk | VDF_Removable, VDF_LikeDisk] {
        let place = databases();
        let client = Client::new("full", features);
        Sql::run(&place, &client, "BACKUP DATABASE one TO {}").expect_success("");
        let full = fs::read(place.path("full.0.0")).unwrap();
        let client = Client {
            capacity: full.len(),
            media: 2,
            ..client
        };
        Sql::run(&place, &client, "BACKUP DATABASE two TO {}").expect_errors(&[3202, 3013]);
        assert_eq!(client.count(&place, VDC_Load), 0);
        restore(&place, &client, 1).expect_success("");
    }
}
