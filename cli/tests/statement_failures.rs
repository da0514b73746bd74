//! What becomes of a statement when a command fails, the set is aborted, or nobody answers.

mod common;

use std::fs;

use common::client::{self, Client};
use common::statement::{Sql, synthetic};
use common::{finish, until};
use vdi::codes::*;

/// Not a test: the backup program, when the environment asks for it.
#[test]
fn client() {
    client::play();
}

#[test]
fn each_command_can_fail() {
    let place = synthetic();
    for (failure, number, text) in [
        (
            (VDC_Write, 2, 112),
            3202,
            "Write on \"fails1\" failed: 112(",
        ),
        ((VDC_Write, 1, 31), 3202, "Write on \"fails1\" failed: 31("),
        (
            (VDC_Flush, 1, 1117),
            18210,
            "Flush failure on backup device 'fails1'",
        ),
        (
            (VDC_Complete, 1, 31),
            18210,
            "Complete failure on backup device 'fails1'",
        ),
    ] {
        let client = Client {
            devices: 2,
            failure: Some(failure),
            ..Client::new("fails", VDF_RequestComplete | VDF_Discard)
        };
        let failed = Sql::run(&place, &client, "BACKUP DATABASE a TO {}");
        failed.expect_errors(&[number, 3013]).says(text);
        // The devices are closed. [ERR-17, ABT-11]
        assert!(!client.log(&place).concat().contains("aborted"));
        // What was written is not wanted, on any device. [FEAT-25, CMD-DISC-01, ERR-02]
        assert_eq!(client.count(&place, VDC_Discard), 2, "{text}");
    }
    // Who fails a command may go without a look back, and the others must not wait for that one.
    let client = Client {
        devices: 2,
        failure: Some((VDC_Write, 2, 112)),
        leaves: true,
        ..Client::new("leaves", VDF_Discard)
    };
    Sql::run(&place, &client, "BACKUP DATABASE a TO {}").expect_errors(&[3202, 3013]);
    assert_eq!(client.count(&place, VDC_Discard), 1);
    let good = Client::new("good", 0);
    Sql::run(&place, &good, "BACKUP DATABASE a TO {}").expect_success("");
    let client = Client {
        failure: Some((VDC_Read, 3, 23)),
        ..good
    };
    let failed = Sql::run(&place, &client, "RESTORE DATABASE a FROM {}");
    failed
        .expect_errors(&[3203, 3013])
        .says("Read on \"good\" failed: 23(");
}

/// [ABT-01, ABT-12, LOG-03]
#[test]
fn an_abort_is_operating_system_error_995() {
    let place = synthetic();
    for (abort, backup) in [
        ((VDC_Write, 1), true),
        ((VDC_Write, 4), true),
        ((VDC_Flush, 1), true),
        ((VDC_Read, 1), false),
        ((VDC_Read, 3), false),
    ] {
        let good = Client {
            devices: 2,
            ..Client::new("torn", 0)
        };
        Sql::run(&place, &good, "BACKUP DATABASE a TO {}").expect_success("");
        let client = Client {
            abort: Some(abort),
            ..good
        };
        let statement = match backup {
            true => "BACKUP DATABASE a TO {}",
            false => "RESTORE DATABASE a FROM {}",
        };
        let failed = Sql::run(&place, &client, statement);
        failed.expect_errors(&[3271, 3013]).says(
            "A nonrecoverable I/O error occurred on file \"torn:\" 995(The I/O operation has been \
             aborted because of either a thread exit or an application request.).",
        );
        failed.outcome.expect(1, "the tape is torn");
        place.expect_no_sockets();
    }
}

/// [AMB-27]
#[test]
fn a_set_that_is_aborted_before_it_is_opened() {
    let place = synthetic();
    let client = Client {
        abort: Some((0, 0)),
        hold: Some((0, place.path("go"))),
        ..Client::new("early", 0)
    };
    let serving = client.start(&place);
    until(|| place.path("held").exists().then_some(())).expect("the set is aborted");
    let query = format!("BACKUP DATABASE a TO {}", client.clauses());
    let failed = Sql::alone(&place, &["-b", "-l60", "-Q", &query]);
    failed
        .expect_errors(&[3201, 3013])
        .says("Operating system error 995(The I/O operation");
    fs::write(place.path("go"), "").unwrap();
    finish(serving).success();
}

/// A statement that takes too long is aborted; so is one whose set no longer has a client.
#[test]
fn a_statement_ends_in_time() {
    let place = synthetic();
    let client = Client {
        hold: Some((VDC_Flush, place.path("never"))),
        ..Client::new("hang", 0)
    };
    let mut serving = client.start(&place);
    let query = format!("BACKUP DATABASE a TO {}", client.clauses());
    let timed = Sql::alone(&place, &["-b", "-l0", "-t", "1", "-Q", &query]);
    // On a busy machine the time may be over before the set is there.
    timed.says("Msg 3013").says("995(");
    timed.outcome.expect(1, "interrupted by the query time-out");
    serving.kill().unwrap();
    serving.wait().unwrap();
    let _ = fs::remove_file(place.path("held"));

    let mut serving = client.start(&place);
    let running = Sql::start(&place, &["-b", "-l60", "-Q", &query]);
    until(|| place.path("held").exists().then_some(())).expect("the client holds the Flush");
    serving.kill().unwrap();
    serving.wait().unwrap();
    Sql::of(finish(running)).expect_errors(&[3271, 3013]);
    place.expect_no_sockets();
}
