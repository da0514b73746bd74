//! Runs of `sqlcmd`: names, options, batches, errors and the exit status.

mod common;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::process::Stdio;

use common::client::{self, Client};
use common::statement::{Sql, catalogue, place_with, sqlite};
use common::{Place, finish, signal, until};
use vdi::codes::VDC_Flush;

/// Not a test: the backup program, when the environment asks for it.
#[test]
fn client() {
    client::play();
}

/// What fails before a device set is opened.
#[test]
fn errors_without_a_set() {
    let place = Place::new();
    sqlite(&place);
    let unknown = "BACKUP DATABASE nothing TO VIRTUAL_DEVICE='x'";
    let words = ["-b", "-Q", unknown];
    let failed = Sql::alone(&place, &words);
    failed
        .expect_errors(&[911, 3013])
        .says("Database 'nothing' does not exist.");
    // Without -b the status is that of the program, not of the statement.
    Sql::alone(&place, &words[1..]).outcome.success();
    let restore = "RESTORE DATABASE nothing FROM VIRTUAL_DEVICE='x'";
    Sql::alone(&place, &["-b", "-Q", restore]).expect_errors(&[911, 3013]);
    // [SSET-OPEN-04]
    let absent = [
        "-b",
        "-l",
        "1",
        "-Q",
        "BACKUP DATABASE a TO VIRTUAL_DEVICE='x'",
    ];
    let failed = Sql::alone(&place, &absent);
    failed
        .expect_errors(&[3201, 3013])
        .says("Cannot open backup device 'x'. Operating system error 0x80770006(");
    let name = ["-b", "-Q", r"BACKUP DATABASE a TO VIRTUAL_DEVICE='x\y'"];
    Sql::alone(&place, &name).expect_errors(&[3201, 3013]);
    let many = vec!["VIRTUAL_DEVICE='x'"; 65].join(",");
    let many = Sql::alone(
        &place,
        &["-b", "-Q", &format!("BACKUP DATABASE a TO {many}")],
    );
    many.expect_errors(&[3205, 3013])
        .says("only 64 are allowed");
    let wrong = "USE master\n\nBACKUP DATABASE a TO VIRTUAL_DEVICE='x' WITH COMPRESSION";
    let wrong = Sql::alone(&place, &["-b", "-Q", wrong]);
    wrong
        .expect_errors(&[155])
        .says(", Line 3\n'COMPRESSION' is not a recognized BACKUP option.");
    assert!(
        !wrong.text.contains("Changed database"),
        "nothing of a wrong batch is executed"
    );
    assert!(
        wrong.outcome.stderr.contains("line 3, column 46:\n"),
        "{}",
        wrong.outcome.stderr
    );
    assert!(
        wrong.outcome.stderr.contains("^^^^^^^^^^^\n"),
        "{}",
        wrong.outcome.stderr
    );
}

#[test]
fn batches_and_their_status() {
    let place = Place::new();
    sqlite(&place);
    let script = "USE master\nGO\nBACKUP DATABASE x TO VIRTUAL_DEVICE='x'; USE a\nGO\nUSE b\nGO\n";
    fs::write(place.path("script.sql"), script).unwrap();
    let stopped = Sql::alone(&place, &["-b", "-i", "script.sql"]);
    stopped
        .expect_errors(&[911, 3013])
        .says("'master'")
        .says("'a'");
    assert!(!stopped.text.contains("'b'"));
    let all = Sql::alone(&place, &["-i", "script.sql", "-o", "out", "-d", "a"]);
    all.outcome.success();
    assert_eq!(all.text, "");
    let output = fs::read_to_string(place.path("out")).unwrap();
    assert!(output.contains("Msg 911") && output.contains("'b'"));
    let errors = Sql::alone(&place, &["-r0", "-b", "-Q", "USE nothing"]);
    errors.outcome.expect(1, "Msg 911, Level 16");
    assert_eq!(errors.text, "");
    let input = place.vdi(["sqlcmd", "--catalogue", "catalogue.toml"]);
    let mut input = input;
    let script = fs::File::open(place.path("script.sql")).unwrap();
    input
        .stdin(script)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Sql::of(finish(input.spawn().unwrap()))
        .says("'b'")
        .outcome
        .success();
}

#[test]
fn options_that_cannot_be_honoured() {
    let place = place_with("[database.a]\nsize = 1");
    for (words, why) in [
        (
            &["-Z", "x", "-Q", "USE a"][..],
            "Sqlcmd: '-Z': Unknown Option",
        ),
        (&["-d", "x", "-Q", "USE a"], "Database 'x' does not exist"),
        (&["-i", "nothing.sql"], "cannot read nothing.sql"),
        (&["-o", "no/where", "-Q", "USE a"], "cannot write no/where"),
        (
            &["-S", &format!("h\\{}", "i".repeat(300)), "-Q", "USE a"],
            "longer than 255",
        ),
        (&["--catalogue", "none.toml", "-Q", "USE a"], "none.toml"),
    ] {
        let done = Sql::alone(&place, words);
        done.outcome.expect(1, why);
        assert_eq!(done.text, "");
    }
    catalogue(&place, "[database.a]\nsyze = 1");
    Sql::alone(&place, &["-Q", "USE a"])
        .outcome
        .expect(1, "unknown field `syze`");
    let without = place.vdi([
        "sqlcmd",
        "-b",
        "-Q",
        "BACKUP DATABASE a TO VIRTUAL_DEVICE='x'",
    ]);
    let mut without = without;
    without.stdout(Stdio::piped()).stderr(Stdio::piped());
    let without = Sql::of(finish(without.spawn().unwrap()));
    without
        .expect_errors(&[911, 3013])
        .outcome
        .expect(1, "give --catalogue");
    let help = Sql::alone(&place, &["-?"]);
    help.says("--catalogue FILE").outcome.success();
}

/// Backup software starts it by another name, through the search path.
#[test]
fn it_answers_to_other_names() {
    let place = Place::new();
    sqlite(&place);
    let client = Client {
        instance: "PROD".into(),
        ..Client::new("{9c5b94b1-35ad-49bb-b118-8e8fc24abf80}", 0)
    };
    for name in ["sqlcmd", "osql"] {
        symlink(env!("CARGO_BIN_EXE_vdi"), place.path(name)).unwrap();
        let serving = client.start(&place);
        let mut command = std::process::Command::new(name);
        place.prepare(&mut command);
        let path = std::env::var("PATH").unwrap();
        let query = format!("BACKUP DATABASE a TO {}", client.clauses());
        command
            .env("PATH", format!("{}:{path}", place.path("").display()))
            .env("VDI_CATALOGUE", "catalogue.toml")
            .args(["-S", r".\PROD", "-E", "-b", "-l60", &format!("-Q{query}")])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let done = Sql::of(finish(command.spawn().unwrap()));
        done.expect_success("BACKUP DATABASE successfully processed");
        finish(serving).success();
    }
}

/// The same device twice is found out when the set is configured already: the client must not wait
/// for an engine that goes on with other statements. [SSET-OPENDEV-04]
#[test]
fn a_set_that_cannot_be_opened_is_given_up() {
    let place = Place::new();
    sqlite(&place);
    let client = Client {
        devices: 2,
        ..Client::new("twice", 0)
    };
    let serving = client.start(&place);
    let query = "BACKUP DATABASE a TO VIRTUAL_DEVICE='twice', VIRTUAL_DEVICE='twice'";
    let words = [
        "sqlcmd",
        "--catalogue",
        "catalogue.toml",
        "-l60",
        "-q",
        query,
    ];
    let mut command = place.vdi(words);
    command.stdin(Stdio::piped());
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    finish(serving).success();
    let mut input = running.stdin.take().unwrap();
    input.write_all(b"USE a\n").unwrap();
    drop(input);
    let done = Sql::of(finish(running));
    done.says("Msg 3201,")
        .says("Msg 3013,")
        .says("context to 'a'");
    done.outcome.success();
}

#[test]
fn a_signal_ends_the_program() {
    let place = Place::new();
    sqlite(&place);
    let client = Client {
        hold: Some((VDC_Flush, place.path("go"))),
        ..Client::new("signal", 0)
    };
    let serving = client.start(&place);
    let query = format!(
        "BACKUP DATABASE a TO {}; USE a\nGO\nUSE b",
        client.clauses()
    );
    let words = [
        "sqlcmd",
        "--catalogue",
        "catalogue.toml",
        "-l60",
        "-Q",
        &query,
    ];
    let mut command = place.vdi(words);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = command.spawn().unwrap();
    until(|| place.path("held").exists().then_some(())).expect("the client holds the Flush");
    signal(running.id(), rustix::process::Signal::TERM);
    let done = Sql::of(finish(running));
    done.expect_errors(&[3271, 3013]);
    done.outcome.expect(1, "interrupted by SIGTERM");
    assert!(!done.text.contains("context to 'b'"));
    fs::write(place.path("go"), "").unwrap();
    finish(serving).success();
}

/// Nothing is executed while statements are awaited.
#[test]
fn a_signal_ends_the_wait_for_input() {
    let place = Place::new();
    sqlite(&place);
    let mut command = place.vdi(["sqlcmd", "--catalogue", "catalogue.toml", "-q", "USE a"]);
    command.stdin(Stdio::piped());
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    // The first batch has been executed when its message is there.
    let mut said = [0; 8];
    running
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut said)
        .unwrap();
    let input = running.stdin.take();
    signal(running.id(), rustix::process::Signal::TERM);
    finish(running).expect(1, "interrupted by SIGTERM");
    drop(input);
}

#[test]
fn results_that_cannot_be_written_are_no_success() {
    let place = Place::new();
    sqlite(&place);
    let words = ["-o", "/dev/full", "-Q", "USE a"];
    let full = Sql::alone(&place, &words);
    full.outcome.expect(1, "cannot write the results");
}
