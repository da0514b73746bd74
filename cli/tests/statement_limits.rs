//! The largest and longest that statements may ask for, and what lies just behind.

mod common;

use std::process::Stdio;

use common::client::{self, Client};
use common::finish;
use common::statement::{Sql, synthetic};
use vdi::codes::*;

/// Not a test: the backup program, when the environment asks for it.
#[test]
fn client() {
    client::play();
}

/// [TSQL-06]
#[test]
fn sixty_four_devices() {
    let place = synthetic();
    // The longest texts are in every label; a sign of four bytes counts as one.
    let (short, long) = ("\u{1f4fc}".repeat(128), "ü".repeat(255));
    let options = format!(
        "NAME = '{short}', MEDIANAME = N'{short}', DESCRIPTION = '{long}', \
         MEDIADESCRIPTION = '{long}'"
    );
    let client = Client {
        devices: 64,
        ..Client::new("many", VDF_LikeDisk)
    };
    let run = |statement: &str| Sql::run(&place, &client, statement);
    run(&format!("BACKUP DATABASE a TO {{}} WITH {options}")).expect_success("on file 1.");
    run("BACKUP DATABASE a TO {} WITH BUFFERCOUNT = 4294967295").expect_success("on file 2.");
    run("RESTORE HEADERONLY FROM {} WITH FILE = 1")
        .expect_success(&short)
        .says(&long);
    run("RESTORE DATABASE a FROM {} WITH FILE = 2, BUFFERCOUNT = 1").expect_success("");
    let more = vec!["VIRTUAL_DEVICE='x'"; 65].join(",");
    for statement in [
        format!("BACKUP DATABASE a TO {more}"),
        format!("RESTORE DATABASE a FROM {more}"),
        format!("RESTORE HEADERONLY FROM {more}"),
    ] {
        let refused = Sql::alone(&place, &["-b", "-Q", &statement]);
        refused
            .expect_errors(&[3205, 3013])
            .says("only 64 are allowed");
    }
}

#[test]
fn texts_and_numbers_that_are_too_large() {
    let place = synthetic();
    let huge = "9".repeat(400);
    let device = "VIRTUAL_DEVICE='x'";
    for option in [
        format!("NAME = '{}'", "ü".repeat(129)),
        format!("MEDIANAME = '{}'", "n".repeat(129)),
        format!("DESCRIPTION = '{}'", "ü".repeat(256)),
        format!("MEDIADESCRIPTION = '{}'", "n".repeat(256)),
        format!("BLOCKSIZE = {huge}"),
        "BLOCKSIZE = 131072".into(),
        "MAXTRANSFERSIZE = 4259840".into(),
        format!("MAXTRANSFERSIZE = {huge}"),
        "BUFFERCOUNT = 4294967296".into(),
        format!("STATS = {huge}"),
        "STATS = 101".into(),
    ] {
        let statement = format!("BACKUP DATABASE a TO {device} WITH {option}");
        let name = option.split(' ').next().unwrap();
        Sql::alone(&place, &["-b", "-Q", &statement])
            .expect_errors(&[3217])
            .says(&format!("Invalid value specified for {name} parameter."));
    }
    for file in [&huge, "0", "4294967296"] {
        let statement = format!("RESTORE DATABASE a FROM {device} WITH FILE = {file}");
        Sql::alone(&place, &["-b", "-Q", &statement]).expect_errors(&[3217]);
    }
    // [AMB-24]
    for (length, error) in [(255, "0x80770006(cannot open"), (256, "87(device name")] {
        let statement = format!(
            "BACKUP DATABASE a TO VIRTUAL_DEVICE='{}'",
            "x".repeat(length)
        );
        Sql::alone(&place, &["-b", "-l", "1", "-Q", &statement])
            .expect_errors(&[3201, 3013])
            .says(error);
    }
    for words in [["-l", "2147483648"], ["-t", "-1"], ["-t", &huge]] {
        let refused = Sql::alone(&place, &[words[0], words[1], "-Q", "USE a"]);
        refused.outcome.expect(1, "is expected");
        assert_eq!(refused.text, "");
    }
    Sql::alone(
        &place,
        &["-l", "2147483647", "-t", "2147483647", "-Q", "USE a"],
    )
    .expect_success("'a'");
}

/// A variable without a value is no catalogue; one that leads nowhere is an error.
#[test]
fn the_variable_of_the_catalogue() {
    let place = synthetic();
    for (value, code, says) in [
        (
            "",
            1,
            "no catalogue says what databases there are: give --catalogue",
        ),
        ("none.toml", 1, "none.toml"),
        ("catalogue.toml", 0, ""),
    ] {
        let mut command = place.vdi(["sqlcmd", "-b", "-Q", "RESTORE DATABASE none WITH RECOVERY"]);
        if code == 0 {
            command = place.vdi(["sqlcmd", "-b", "-Q", "USE slow"]);
        }
        command.env("VDI_CATALOGUE", value);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command.spawn().unwrap()).expect(code, says);
    }
}
