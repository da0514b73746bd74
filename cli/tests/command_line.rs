//! Exit status, messages, and what goes to which stream.

mod common;

use std::fs;
use std::io::Read;
use std::process::Stdio;

use common::{Place, finish};

#[test]
fn usage() {
    let place = Place::new();
    place.database("a.db", "delete");
    for (args, message) in [
        ("", "Usage"),
        ("backup a.db", "--output"),
        ("restore -o b.db", "<FILE>"),
        ("backup a.db -o s --block-size 3K", "512, 1K, 2K"),
        (
            "backup a.db -o s --max-transfer-size 100",
            "multiple of 64K",
        ),
        ("backup a.db -o s --max-transfer-size 5M", "multiple of 64K"),
        ("backup a.db -o s -o t --buffers 1", "give 2 to 128"),
        ("backup a.db -o s --complete maybe", "on, off"),
        ("backup a.db -o a.db --replace", "both database and output"),
        ("backup a.db -o s -o ./s", "given twice"),
        ("backup a.db -o - -o -", "only one output can be -"),
        ("restore a.db -o a.db --replace", "both database and stripe"),
        ("restore a.db -o -", "must be a file"),
        ("engine backup a.db --set a\\b", "device name"),
    ] {
        place.run(args).expect(2, message);
    }
    let outputs = " -o s".repeat(65);
    place
        .run(&format!("backup a.db{outputs}"))
        .expect(2, "at most 64 devices");
    assert_eq!(place.names(), ["a.db"]);
}

#[test]
fn help_documents_the_exit_status() {
    let place = Place::new();
    for args in [
        "--help",
        "backup --help",
        "restore --help",
        "engine backup --help",
    ] {
        let help = place.run(args);
        let text = String::from_utf8_lossy(&help.success().stdout).into_owned();
        for line in [
            "Exit status:",
            "0  success",
            "5  the stripes",
            "70  an error in this tool",
        ] {
            assert!(text.contains(line), "{args}: {line}");
        }
    }
}

#[test]
fn an_input_that_cannot_be_read() {
    let place = Place::new();
    fs::write(
        place.path("text"),
        "not a database, but long enough to look at",
    )
    .unwrap();
    fs::create_dir(place.path("dir")).unwrap();
    for (args, message) in [
        ("backup none -o s", "none: No such file"),
        ("backup dir -o s", "dir: it is not a file"),
        ("backup text -o s", "text: it is not a SQLite database"),
        ("digest none", "none: No such file"),
        ("restore none -o b", "cannot read none: No such file"),
        ("restore dir -o b", "cannot read dir: is a directory"),
    ] {
        place.run(args).expect(3, message);
    }
    assert_eq!(place.names(), ["dir", "text"]);
    place.expect_no_sockets();
}

#[test]
fn an_output_that_cannot_be_written() {
    let place = Place::new();
    let database = fs::read(place.database("a.db", "delete")).unwrap();
    fs::write(place.path("s"), "precious").unwrap();
    for (args, message) in [
        ("backup a.db -o t -o s", "s exists; --replace gives it up"),
        (
            "backup a.db -o t -o none/s",
            "cannot write none/s: No such file",
        ),
        ("backup a.db -o t -o .", "cannot write .: it is not a file"),
    ] {
        let outcome = place.run(args);
        outcome.expect(4, message);
        assert_eq!(
            outcome.stderr.lines().count(),
            1,
            "refused before the start"
        );
    }
    assert_eq!(fs::read(place.path("s")).unwrap(), b"precious");
    assert!(fs::read(place.path("a.db")).unwrap() == database);
    assert_eq!(place.names(), ["a.db", "s"]);
    place.run("backup a.db -o t").success();
    place
        .run("restore t -o none/b.db")
        .expect(4, "none/b.db: No such file");
    place
        .run("restore t -o . --replace")
        .expect(4, "Is a directory");
    assert_eq!(place.names(), ["a.db", "s", "t"]);
    place.expect_no_sockets();
}

/// The statement fails before it opens the set, and nothing tells the agent but the end of
/// the engine.
#[test]
fn no_place_to_meet() {
    let place = Place::new();
    place.database("a.db", "delete");
    let mut command = place.vdi(["backup", "a.db", "-o", "s"]);
    let command = command.env("VDI_RUNTIME_DIR", place.path("none"));
    let outcome = finish(command.stderr(Stdio::piped()).spawn().unwrap());
    outcome.expect(7, "cannot create the device set");
    assert_eq!(place.names(), ["a.db"]);
}

#[test]
fn without_a_terminal_two_lines_tell_memory_and_result() {
    let place = Place::new();
    place.database("a.db", "delete");
    let backup = place.run("backup a.db -o s -o t --max-transfer-size 256K --buffers 6");
    let lines: Vec<_> = backup.success().stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let memory = "2 devices, 6 buffers of 256.0 KiB: 1.5 MiB of shared memory";
    assert!(lines[0].ends_with(memory), "{lines:?}");
    assert!(
        lines[1].contains("complete: ") && lines[1].contains(" in 2 stripes, "),
        "{lines:?}"
    );
    assert_eq!(backup.stdout, b"");
}

#[test]
fn json() {
    let place = Place::new();
    place.database("a.db", "delete");
    let bytes = fs::metadata(place.path("a.db")).unwrap().len();
    let backup = place.run("backup a.db -o s -o t --json");
    assert_eq!(backup.success().stderr, "");
    let backup = backup.json();
    assert_eq!(backup["operation"], "backup");
    assert_eq!(backup["exit"], 0);
    assert_eq!(backup["bytes"], bytes);
    assert_eq!(backup["files"], serde_json::json!(["s", "t"]));
    let stored = ["s", "t"].map(|name| fs::metadata(place.path(name)).unwrap().len());
    assert_eq!(backup["stream_bytes"], stored[0] + stored[1]);
    assert_eq!(backup["buffer_bytes"], 4 << 20);

    let failure = place.run("restore s -o b.db --json");
    failure.expect(5, "missing: 2");
    assert_eq!(failure.json()["exit"], 5);
    assert!(
        failure.json()["error"]
            .as_str()
            .unwrap()
            .contains("missing: 2")
    );

    let restore = place.run("restore t s -o b.db --json").json();
    assert_eq!(restore["digest"], backup["digest"]);
    assert_eq!(restore["backup"], backup["backup"]);
    let digest = place.run("digest b.db --json").json();
    assert_eq!(digest["digest"], backup["digest"]);
}

#[test]
fn json_makes_way_for_data() {
    let place = Place::new();
    place.database("a.db", "delete");
    let backup = place.run("backup a.db -o - --json");
    let summary: serde_json::Value = serde_json::from_str(&backup.success().stderr).unwrap();
    assert_eq!(summary["exit"], 0);
    assert_eq!(&backup.stdout[..8], b"vdi-head");
}

#[test]
fn quiet() {
    let place = Place::new();
    place.database("a.db", "delete");
    let backup = place.run("backup a.db -o s -q");
    assert_eq!(backup.success().stderr, "");
    assert_eq!(backup.stdout, b"");
    place
        .run("restore s s -o b.db -q")
        .expect(5, "a second time");
}

/// A terminal of our own: the side for programs and the side for the person.
fn terminal() -> (std::fs::File, std::fs::File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    let program = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap());
    (person.into(), program.unwrap())
}

#[test]
fn data_is_not_for_terminals() {
    let place = Place::new();
    place.database("a.db", "delete");
    let (_person, program) = terminal();
    let mut backup = place.vdi(["backup", "a.db", "-o", "-"]);
    let backup = backup
        .stdout(program.try_clone().unwrap())
        .stderr(Stdio::piped());
    finish(backup.spawn().unwrap()).expect(2, "not for a terminal");
    let mut restore = place.vdi(["restore", "-", "-o", "b.db"]);
    let restore = restore.stdin(program).stderr(Stdio::piped());
    finish(restore.spawn().unwrap()).expect(2, "does not come from a terminal");
    assert_eq!(place.names(), ["a.db"]);
}

#[test]
fn a_terminal_shows_progress() {
    let place = Place::new();
    place.database("a.db", "delete");
    let (mut person, program) = terminal();
    let mut backup = place
        .vdi(["backup", "a.db", "-o", "s"])
        .stderr(program)
        .spawn()
        .unwrap();
    assert!(common::wait(&mut backup).success());
    // The program's side is closed now, so reading ends with what was shown.
    let mut shown = Vec::new();
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = person.read(&mut part) {
        shown.extend_from_slice(&part[..count]);
    }
    let shown = String::from_utf8_lossy(&shown);
    for piece in [
        "[",
        "] ",
        " % ",
        " of ",
        "/s  ",
        " left",
        "\r\x1b[K",
        "complete: ",
    ] {
        assert!(shown.contains(piece), "{piece:?} in {shown:?}");
    }
}
