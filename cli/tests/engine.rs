//! The engine alone, with a backup program that is not ours: one of these tests, run as a process
//! of its own with the library, plays it.
#![allow(
    non_upper_case_globals,
    reason = "the published names of commands are mixed case"
)]

mod common;

use std::env;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use common::{Outcome, Place, finish};
use vdi::client::Set;
use vdi::codes::*;
use vdi::{Completion, Configuration, CreateOptions, ErrorKind, Instance, Name};

const SET: &str = "{9c5b94b1-35ad-49bb-b118-8e8fc24abf80}";
const SECOND: &str = "tape/2";

/// Starts the foreign agent. It stores or delivers `0.stream` and `1.stream`; `variant` says
/// what is special about it.
fn agent(place: &Place, variant: &str) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    place.prepare(&mut command);
    command
        .args(["--exact", "foreign_agent", "--nocapture"])
        .env("AGENT", variant);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn engine(place: &Place, args: &str) -> Outcome {
    place.run(&format!(
        "engine {args} --set {SET} --device {SECOND} --wait 60"
    ))
}

/// What the agent wrote down: the commands of each device, Writes and Reads left out.
fn commands(place: &Place) -> Vec<String> {
    let log = fs::read_to_string(place.path("log")).unwrap();
    let mut lines: Vec<_> = log.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn last_line(outcome: &Outcome) -> serde_json::Value {
    let text = String::from_utf8_lossy(&outcome.stdout).into_owned();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[test]
fn a_foreign_agent_stores_and_delivers() {
    let place = Place::new();
    place.database("a.db", "delete");
    let storing = agent(&place, "complete");
    let backup = engine(&place, "backup a.db");
    let result = last_line(backup.success());
    assert_eq!(result["event"], "succeeded");
    assert_eq!(result["digest"], place.digest("a.db"));
    finish(storing).success();
    // Complete is the last command of each device. [CMPL-06, CMPL-08, AMB-35]
    let both = [format!("0 {VDC_Flush}"), format!("0 {VDC_Complete}")];
    let expected = [both.clone(), both.map(|line| line.replacen('0', "1", 1))].concat();
    assert_eq!(commands(&place), expected);

    let delivering = agent(&place, "deliver");
    engine(&place, "restore -o b.db --max-transfer-size 64K").success();
    finish(delivering).success();
    assert_eq!(place.digest("b.db"), place.digest("a.db"));
    // The stripes are those that the tool itself stores and reads.
    place.run("restore 1.stream 0.stream -o c.db").success();
    place.expect_no_sockets();
}

/// [CMPL-11]
#[test]
fn complete_is_sent_only_if_requested() {
    let place = Place::new();
    place.database("a.db", "delete");
    let storing = agent(&place, "plain");
    engine(&place, "backup a.db").success();
    finish(storing).success();
    assert_eq!(
        commands(&place),
        [format!("0 {VDC_Flush}"), format!("1 {VDC_Flush}")]
    );
}

/// ERROR_NO_DATA_DETECTED is the same as EOF. [CMD-READ-04]
#[test]
fn other_ends_of_data() {
    let place = Place::new();
    place.database("a.db", "delete");
    place.run("backup a.db -o 0.stream -o 1.stream").success();
    // With 64K the end comes without a byte, with 4M together with the last ones.
    for size in ["64K", "4M"] {
        let delivering = agent(&place, "deliver no-data");
        engine(
            &place,
            &format!("restore -o b.db --replace --max-transfer-size {size}"),
        )
        .success();
        finish(delivering).success();
    }
    assert_eq!(place.digest("b.db"), place.digest("a.db"));
}

#[test]
fn failures_of_the_agent_fail_the_statement() {
    let place = Place::new();
    place.database("a.db", "delete");
    for (variant, code, message) in [
        (
            "complete full",
            4,
            "device 2: the agent has no room for the Write (completion code 112)",
        ),
        (
            "complete flush-fails",
            7,
            "device 2: the agent failed the Flush with completion code 31",
        ),
        (
            "complete complete-fails",
            7,
            "the agent failed the Complete with completion code 31",
        ),
        (
            "complete short",
            7,
            "device 2: the agent moved only 512 of ",
        ),
        (
            "complete abort",
            6,
            "the device set was aborted: the tape is torn",
        ),
    ] {
        let storing = agent(&place, variant);
        let backup = engine(&place, "backup a.db");
        backup.expect(code, message);
        assert_eq!(last_line(&backup)["event"], "failed", "{variant}");
        finish(storing).success();
        let completed = commands(&place)
            .iter()
            .any(|line| line.ends_with(&format!(" {VDC_Complete}")));
        // Only when all data has been sent. [CMPL-04]
        assert_eq!(completed, variant.ends_with("complete-fails"), "{variant}");
    }
}

#[test]
fn failures_of_a_read_leave_no_database() {
    let place = Place::new();
    place.database("a.db", "delete");
    place.run("backup a.db -o 0.stream -o 1.stream").success();
    for (variant, code, message) in [
        (
            "deliver read-fails",
            7,
            "device 2: the agent failed the Read with completion code 31",
        ),
        ("deliver short", 7, "device 2: the agent moved only 512 of "),
    ] {
        let delivering = agent(&place, variant);
        engine(&place, "restore -o b.db --max-transfer-size 64K").expect(code, message);
        finish(delivering).success();
        assert!(
            !place
                .names()
                .iter()
                .any(|name| name.contains("b.db") || name.contains("partial"))
        );
    }
}

#[test]
fn a_statement_that_does_not_suit_the_set() {
    let place = Place::new();
    place.database("a.db", "delete");
    let none = place.run("engine backup a.db --set nobody-made-it");
    none.expect(7, "cannot open the device set");

    let storing = agent(&place, "unconfigured");
    let one = place.run(&format!("engine backup a.db --set {SET} --wait 60"));
    one.expect(7, "the set has 2 devices, the statement names 1");
    finish(storing).success();

    place
        .run("backup a.db -o 0.stream -o 1.stream --block-size 4K")
        .success();
    let delivering = agent(&place, "deliver");
    engine(&place, "restore -o b.db").expect(5, "made with --block-size 4096");
    finish(delivering).success();
    place.expect_no_sockets();
}

/// Not a test: the foreign agent, when the environment asks for it.
#[test]
fn foreign_agent() {
    let Ok(variant) = env::var("AGENT") else {
        return;
    };
    let features = if variant.contains("complete") {
        VDF_RequestComplete
    } else {
        0
    };
    let configuration = Configuration {
        device_count: 2,
        features,
        ..Configuration::default()
    };
    let name = Name::new(SET).unwrap();
    let options = CreateOptions::default();
    let set = Set::create(&Instance::default(), &name, &configuration, &options).unwrap();
    let configured = set.configuration(None);
    if variant == "unconfigured" {
        assert_eq!(configured.unwrap_err().kind(), ErrorKind::Abort);
        return;
    }
    let complete = configured.unwrap().features & VDF_CompleteEnabled != 0;
    // [CMPL-02]
    assert_eq!(complete, variant.contains("complete"), "{variant}");
    let log = Arc::new(Mutex::new(String::new()));
    thread::scope(|scope| {
        for (number, name) in [SET, SECOND].into_iter().enumerate() {
            let (set, variant, log) = (&set, variant.as_str(), &log);
            scope.spawn(move || serve(set, number, &Name::new(name).unwrap(), variant, log));
        }
    });
    fs::write("log", log.lock().unwrap().as_str()).unwrap();
}

/// Serves a device; the second one does what the variant says.
fn serve(set: &Set, number: usize, name: &Name, variant: &str, log: &Mutex<String>) {
    let aborted = variant.ends_with("abort");
    let device = match set.open_device(name) {
        Ok(device) => device,
        Err(error) if aborted && error.kind() == ErrorKind::Abort => return,
        Err(error) => panic!("{error}"),
    };
    let path = format!("{number}.stream");
    let is = |what: &str| number == 1 && variant.ends_with(what);
    let mut stream = match variant.starts_with("deliver") {
        true => fs::read(&path).unwrap(),
        false => Vec::new(),
    };
    let mut at = 0;
    loop {
        let command = match device.get_command(None) {
            Ok(command) => command,
            Err(error) => {
                assert!(error.kind() == ErrorKind::Close || aborted, "{error}");
                break;
            }
        };
        let size = command.size() as usize;
        let (code, bytes) = match command.code() {
            VDC_Write if is("full") => (ERROR_DISK_FULL, 0),
            VDC_Write if is("abort") => {
                set.signal_abort("the tape is torn").unwrap();
                break;
            }
            VDC_Write | VDC_Read if is("short") => (ERROR_SUCCESS, 512),
            VDC_Write => {
                let mut part = vec![0; size];
                command.buffer().unwrap().read(0, &mut part).unwrap();
                stream.extend(part);
                (ERROR_SUCCESS, size)
            }
            VDC_Read if is("read-fails") && at > 0 => (31, 0),
            VDC_Read => {
                let part = &stream[at..stream.len().min(at + size)];
                command.buffer().unwrap().write(0, part).unwrap();
                at += part.len();
                let code = match part.len() {
                    full if full == size => ERROR_SUCCESS,
                    _ if variant.ends_with("no-data") => ERROR_NO_DATA_DETECTED,
                    _ => ERROR_HANDLE_EOF,
                };
                (code, part.len())
            }
            other => {
                log.lock().unwrap().push_str(&format!("{number} {other}\n"));
                let fails = other == VDC_Flush && is("flush-fails")
                    || other == VDC_Complete && is("complete-fails");
                (if fails { 31 } else { ERROR_SUCCESS }, 0)
            }
        };
        let completion = Completion {
            code,
            bytes: bytes as u32,
            position: 0,
        };
        let completed = device.complete(&command, completion);
        assert!(completed.is_ok() || aborted);
    }
    if !variant.starts_with("deliver") {
        fs::write(path, stream).unwrap();
    }
}
