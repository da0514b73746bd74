//! Statements and devices of every style: what the engine asks of them.

mod common;

use std::fs;

use common::client::{self, Client};
use common::finish;
use common::statement::{Sql, synthetic};
use vdi::codes::*;

/// Not a test: the backup program, when the environment asks for it.
#[test]
fn client() {
    client::play();
}

/// [FEAT-05, CMD-WRITE-02, CMD-READ-03, TSQL-10]
#[test]
fn a_disk_is_told_where() {
    let place = synthetic();
    let disk = Client {
        devices: 2,
        ..Client::new("disk", VDF_LikeDisk)
    };
    let run = |statement: &str| Sql::run(&place, &disk, statement);
    run("BACKUP DATABASE a TO {}").expect_success("");
    // Before something is written, the disk is looked at, unless all is overwritten.
    assert_eq!(disk.log(&place)[0], "0 1");
    for option in ["INIT", "FORMAT"] {
        let backup = format!("BACKUP DATABASE slow TO {{}} WITH {option}");
        run(&backup).expect_success("on file 1.");
        assert_eq!(disk.log(&place)[0], "0 2");
    }
    run("RESTORE DATABASE slow FROM {}").expect_success("");
    run("RESTORE VERIFYONLY FROM {}").expect_success("");
}

/// [FEAT-04, FEAT-21, FEAT-26, CMD-WMARK-01, CMD-REWIND-01, FM-02]
#[test]
fn a_tape_is_rewound_and_marked() {
    let place = synthetic();
    for soft_mark in [0, 4096] {
        let tape = Client {
            soft_mark,
            ..Client::new(
                &format!("tape{soft_mark}"),
                VDF_LikeTape | VDF_RequestComplete,
            )
        };
        let run = |statement: &str| Sql::run(&place, &tape, statement);
        run("BACKUP DATABASE a TO {} WITH FORMAT").expect_success("");
        let asked = [
            VDC_Rewind,
            VDC_Write,
            VDC_WriteMark,
            VDC_Write,
            VDC_WriteMark,
            VDC_Flush,
            VDC_Complete,
        ];
        assert_eq!(tape.codes(&place), asked);
        run("BACKUP DATABASE a TO {} WITH INIT").expect_success("on file 1.");
        assert_eq!(tape.codes(&place), asked);
        run("RESTORE DATABASE a FROM {}").expect_success("");
        assert_eq!(
            tape.codes(&place)[..4],
            [VDC_Rewind, VDC_Read, VDC_ClearError, VDC_Read]
        );
        run("RESTORE LABELONLY FROM {}").expect_success("(1 rows affected)");
        assert_eq!(tape.codes(&place), [VDC_Rewind, VDC_Read]);
        // A tape with nothing but filemarks behind the label is not read to its end.
        let marks = place.path(&format!("tape{soft_mark}.0.0.marks"));
        let first = fs::read_to_string(&marks)
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .to_owned()
            + "\n";
        fs::write(&marks, first.repeat(50)).unwrap();
        run("RESTORE VERIFYONLY FROM {}").expect_errors(&[3203, 3013]);
        assert_eq!(tape.count(&place, VDC_ClearError), 1);
    }
}

/// [EOM-02, EOM-04, EOM-05, EOM-08, CMD-LOAD-01, CMD-LOAD-03]
#[test]
fn a_backup_goes_on_over_several_media() {
    let place = synthetic();
    for (features, eom_warning) in [
        (VDF_Removable, 0),
        (VDF_Removable, 200_000),
        (VDF_LikeDisk | VDF_Removable, 0),
        (VDF_LikeDisk | VDF_Removable, 70_000),
        (VDF_LikeTape, 0),
        (VDF_LikeTape, 200_000),
    ] {
        let client = Client {
            devices: 2,
            capacity: 300 << 10,
            media: 9,
            eom_warning,
            ..Client::new(&format!("{features}-{eom_warning}"), features)
        };
        let run = |statement: &str| Sql::run(&place, &client, statement);
        run("BACKUP DATABASE a TO {} WITH FORMAT").expect_success("");
        let loads = client.count(&place, VDC_Load);
        assert!(
            (2..=16).contains(&loads),
            "{features} {eom_warning}: {loads} media"
        );
        // Each medium is secured before it is changed. [CMD-FLUSH-01]
        assert_eq!(client.count(&place, VDC_Flush), loads + 2);
        run("RESTORE DATABASE a FROM {}").expect_success("processed 128 pages");
        assert_eq!(client.count(&place, VDC_Load), loads);
        // When the last medium is full, so is the device.
        let few = Client {
            media: 1,
            store: "few".into(),
            ..client.clone()
        };
        let full = Sql::run(&place, &few, "BACKUP DATABASE a TO {} WITH FORMAT");
        full.expect_errors(&[18210, 3013])
            .says("Load failure")
            .says("1112(No media in drive.)");
    }
    let pipe = Client {
        capacity: 300 << 10,
        ..Client::new("full", 0)
    };
    let full = Sql::run(&place, &pipe, "BACKUP DATABASE a TO {}");
    // [EOM-01, CMD-WRITE-04]
    full.expect_errors(&[3202, 3013])
        .says("112(There is not enough space on the disk.)");
}

/// `vdi engine` serves the same devices in its own format.
#[test]
fn the_engine_of_the_tool_serves_them_too() {
    let place = synthetic();
    place.database("a.db", "delete");
    for (features, capacity, media) in [
        (VDF_LikeDisk, 0, 1),
        (VDF_LikeTape, 0, 1),
        (VDF_LikeTape, 1 << 20, 9),
        (VDF_LikeDisk | VDF_Removable, 1 << 20, 9),
    ] {
        let client = Client {
            devices: 2,
            capacity,
            media,
            ..Client::new(&format!("{features}/{capacity}"), features)
        };
        let devices = format!("--set {0} --device {0}1 --wait 60", client.name);
        for statement in ["backup a.db", "restore -o b.db --replace"] {
            let serving = client.start(&place);
            place
                .run(&format!("engine {statement} {devices}"))
                .success();
            finish(serving).success();
        }
        assert_eq!(client.count(&place, VDC_Load) > 2, media > 1);
        assert_eq!(place.digest("b.db"), place.digest("a.db"));
    }
}

/// No more is under way than fits behind the warning. [EOM-06]
#[test]
fn the_warning_zone_is_respected() {
    let place = synthetic();
    let client = Client {
        eom_warning: 200_000,
        gather: true,
        ..Client::new("zone", VDF_Removable)
    };
    let backup = "BACKUP DATABASE a TO {} WITH BUFFERCOUNT = 16";
    Sql::run(&place, &client, backup).expect_success("");
    let log = client.log(&place);
    let gathered = log
        .iter()
        .filter_map(|line| line.strip_prefix("0 gathered "));
    let most = gathered.map(|bytes| bytes.parse().unwrap()).max();
    assert!(most.is_some_and(|most: u32| most <= 200_000), "{most:?}");
}

/// [CMD-FLUSH-03, CMPL-03, CMPL-11]
#[test]
fn several_flushes_and_no_complete() {
    let place = synthetic();
    let client = Client::new("flushed", VDF_RequestComplete);
    let run = |statement: &str| Sql::run(&place, &client, statement);
    run("BACKUP DATABASE flushed TO {}").expect_success("");
    let asked = [VDC_Write, VDC_Flush].repeat(5);
    assert_eq!(client.codes(&place), asked);
    run("RESTORE DATABASE a FROM {}").expect_success("");
}

/// What a device need not know is done without; what it must know is not. [FEAT-41, ERR-10]
#[test]
fn commands_that_a_device_does_not_know() {
    let place = synthetic();
    let with = |features, unknown| Client {
        unknown: vec![unknown],
        ..Client::new(&format!("without{unknown}"), features)
    };
    let rewind = with(VDF_LikeTape, VDC_Rewind);
    Sql::run(&place, &rewind, "BACKUP DATABASE a TO {} WITH FORMAT").expect_success("");
    assert_eq!(
        rewind.codes(&place)[..3],
        [VDC_Rewind, VDC_ClearError, VDC_Write]
    );
    // [CMPL-05, CMD-FLUSH-05]
    for (features, unknown, command) in [
        (VDF_RequestComplete, VDC_Complete, "Complete"),
        (0, VDC_Flush, "Flush"),
        (VDF_LikeTape, VDC_WriteMark, "WriteMark"),
    ] {
        let failed = Sql::run(
            &place,
            &with(features, unknown),
            "BACKUP DATABASE a TO {} WITH FORMAT",
        );
        failed
            .expect_errors(&[18210, 3013])
            .says(&format!("{command} failure on backup device"));
        failed.says("50(The request is not supported.)");
    }
}

/// It takes its time before each command.
#[test]
fn the_engine_can_be_slow() {
    let place = synthetic();
    let client = Client::new("slow", 0);
    let done = Sql::run(&place, &client, "BACKUP DATABASE slow TO {}");
    done.expect_success("");
    let (_, behind) = done.text.split_once(" pages in ").unwrap();
    let (seconds, _) = behind.split_once(' ').unwrap();
    // At least label, two records, end and Flush.
    assert!(seconds.parse::<f64>().unwrap() >= 4.0 * 0.02);
}
