//! A backup program that is not ours: a process with a device for each stripe, which behaves as a
//! pipe, a disk or a tape does and writes down what it is asked for.
#![allow(
    non_upper_case_globals,
    reason = "the published names of commands are mixed case"
)]

use std::collections::VecDeque;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vdi::client::{Device, Set};
use vdi::codes::*;
use vdi::{Completion, Configuration, CreateOptions, ErrorKind, Instance, Name};

use super::Place;
use super::medium::Drive;

/// What the program is to do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Client {
    /// Name of the set; further devices have a number behind it.
    pub(crate) name: String,
    pub(crate) instance: String,
    pub(crate) devices: u32,
    pub(crate) features: u32,
    pub(crate) soft_mark: u32,
    pub(crate) eom_warning: u32,
    /// Files of the media begin so.
    pub(crate) store: String,
    /// Bytes of a medium, and how many media there are for each device; 0 for one without end.
    pub(crate) capacity: usize,
    pub(crate) media: usize,
    /// Behind the last medium, every Load brings it again, or an empty one.
    pub(crate) endless: Option<bool>,
    /// Keeps what is written at once, so that it is there when the process is killed.
    pub(crate) through: bool,
    /// Commands that are answered with ERROR_NOT_SUPPORTED.
    pub(crate) unknown: Vec<i32>,
    /// At this command of the last device, counted from 1 among those of its code: this code.
    pub(crate) failure: Option<(i32, usize, i32)>,
    /// Leaves the device that failed, and does not come back for more commands.
    pub(crate) leaves: bool,
    /// At this command of the last device, counted likewise: an abort;
    /// (0, 0) is as soon as the set exists.
    pub(crate) abort: Option<(i32, usize)>,
    /// Answers no Write before no more come, and writes down how many bytes came.
    pub(crate) gather: bool,
    /// At Snapshot, copies this file to that; at MountSnapshot, back.
    pub(crate) copy: Option<(PathBuf, PathBuf)>,
    /// Waits, at this command, until a file of this name is there; says so by one named `held`.
    pub(crate) hold: Option<(i32, PathBuf)>,
}

impl Client {
    pub(crate) fn new(name: &str, features: u32) -> Self {
        Self {
            name: name.into(),
            devices: 1,
            features,
            store: name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
            media: 1,
            ..Self::default()
        }
    }

    /// Starts the process; the test file has a test `client` that plays it.
    pub(crate) fn start(&self, place: &Place) -> Child {
        let mut command = Command::new(env::current_exe().unwrap());
        place.prepare(&mut command);
        command
            .args(["--exact", "client", "--nocapture"])
            .env("CLIENT", serde_json::to_string(self).unwrap());
        command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The VIRTUAL_DEVICE clauses.
    pub(crate) fn clauses(&self) -> String {
        let clause = |k| format!("VIRTUAL_DEVICE = N'{}'", self.device(k).replace('\'', "''"));
        (0..self.devices).map(clause).collect::<Vec<_>>().join(", ")
    }

    fn device(&self, number: u32) -> String {
        match number {
            0 => self.name.clone(),
            number => format!("{}{number}", self.name),
        }
    }

    /// What the only device was asked for, without repetitions.
    pub(crate) fn codes(&self, place: &Place) -> Vec<i32> {
        let code = |line: String| line.strip_prefix("0 ").unwrap().parse().unwrap();
        self.log(place).into_iter().map(code).collect()
    }

    /// How often the devices were asked for a command.
    pub(crate) fn count(&self, place: &Place, code: i32) -> usize {
        let log = fs::read_to_string(place.path(&format!("{}.log", self.store))).unwrap();
        let is = |line: &&str| line.split_once(' ').unwrap().1 == code.to_string();
        log.lines().filter(is).count()
    }

    /// What each device was asked for, as `device command`, device by device, without repetitions.
    pub(crate) fn log(&self, place: &Place) -> Vec<String> {
        let log = fs::read_to_string(place.path(&format!("{}.log", self.store))).unwrap();
        let mut lines: Vec<_> = log.lines().map(str::to_owned).collect();
        lines.sort_by_key(|line| line[..1].to_owned());
        lines.dedup();
        lines
    }
}

/// The process, if this is one. Ends with an assertion if the set ends otherwise than by Close, or
/// by the abort that was asked for.
pub(crate) fn play() {
    let Ok(client) = env::var("CLIENT") else {
        return;
    };
    // A test that fails does not wait for this process; it ends with the thread of the test.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).unwrap();
    let client: Client = serde_json::from_str(&client).unwrap();
    let configuration = Configuration {
        device_count: client.devices,
        features: client.features,
        soft_file_mark_block_size: client.soft_mark,
        eom_warning_size: client.eom_warning,
        ..Configuration::default()
    };
    let instance = Instance::new(&client.instance).unwrap();
    let name = Name::new(&client.name).unwrap();
    let options = CreateOptions {
        // Not every tape can do all that belongs to one.
        lenient: client.features & VDF_FileMarks != 0,
        ..CreateOptions::default()
    };
    let set = Set::create(&instance, &name, &configuration, &options).unwrap();
    if client.abort == Some((0, 0)) {
        set.signal_abort("the tape is torn").unwrap();
        return hold(&client, 0);
    }
    let log = Mutex::new(String::new());
    match set.configuration(None) {
        Ok(configuration) => thread::scope(|scope| {
            for number in 0..client.devices {
                let (set, client, log) = (&set, &client, &log);
                scope.spawn(move || serve(set, client, number, &configuration, log));
            }
        }),
        // It does not suit the statement.
        Err(error) => assert_eq!(error.kind(), ErrorKind::Abort),
    }
    let log = log.into_inner().unwrap();
    fs::write(format!("{}.log", client.store), log).unwrap();
}

fn serve(
    set: &Set,
    client: &Client,
    number: u32,
    configuration: &Configuration,
    log: &Mutex<String>,
) {
    let name = Name::new(client.device(number)).unwrap();
    let Ok(device) = set.open_device(&name) else {
        return note(log, number, "aborted");
    };
    let last = number + 1 == client.devices;
    let mut counts = [0; 32];
    let mut drive = Drive::new(client, number, configuration);
    let mut fetched = VecDeque::new();
    loop {
        let gathers = client.gather && fetched.is_empty();
        let command = match fetched
            .pop_front()
            .map_or_else(|| device.get_command(None), Ok)
        {
            Ok(command) => command,
            Err(error) if error.kind() == ErrorKind::Close => break,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Abort);
                let reason = set.abort_reason().unwrap().unwrap();
                note(log, number, &format!("aborted: {}", reason.text));
                break;
            }
        };
        let code = command.code();
        if gathers && code == VDC_Write {
            fetched.extend(gather(&device, &command, number, log));
        }
        counts[code as usize] += 1;
        note(log, number, &code.to_string());
        if code == VDC_Read && command.size() > 65536 {
            note(log, number, "at length");
        }
        if last && client.abort == Some((code, counts[code as usize])) {
            set.signal_abort("the tape is torn").unwrap();
            continue;
        }
        hold(client, code);
        let fails = client
            .failure
            .filter(|(command, nth, _)| last && (*command, *nth) == (code, counts[code as usize]));
        let answer = match fails {
            Some((.., error)) => answer(error),
            None if client.unknown.contains(&code) => answer(ERROR_NOT_SUPPORTED),
            None => snapshot(client, code).unwrap_or_else(|| drive.execute(&command)),
        };
        if client.through {
            drive.save();
        }
        complete(&device, &command, answer);
        if client.leaves && fails.is_some() {
            break;
        }
    }
    drive.save();
}

/// Fetches the commands behind the first until none comes for a while.
fn gather(
    device: &Device,
    first: &vdi::client::Command,
    number: u32,
    log: &Mutex<String>,
) -> Vec<vdi::client::Command> {
    let fetch = || device.get_command(Some(Duration::from_millis(100))).ok();
    let more: Vec<_> = std::iter::from_fn(fetch).collect();
    let bytes: u32 = more.iter().map(vdi::client::Command::size).sum();
    note(log, number, &format!("gathered {}", first.size() + bytes));
    more
}

fn complete(device: &Device, command: &vdi::client::Command, answer: Completion) {
    if let Err(error) = device.complete(command, answer) {
        assert_eq!(error.kind(), ErrorKind::Abort);
    }
}

fn note(log: &Mutex<String>, number: u32, what: &str) {
    log.lock().unwrap().push_str(&format!("{number} {what}\n"));
}

fn hold(client: &Client, code: i32) {
    if let Some((_, path)) = client.hold.as_ref().filter(|(held, _)| *held == code) {
        fs::write("held", "").unwrap();
        super::until(|| path.exists().then_some(())).expect("the test lets go");
    }
}

/// Copies the files at the commands that ask for it.
fn snapshot(client: &Client, code: i32) -> Option<Completion> {
    let (from, to) = client.copy.as_ref()?;
    match code {
        VDC_Snapshot => fs::copy(from, to).unwrap(),
        VDC_MountSnapshot => fs::copy(to, from).unwrap(),
        VDC_PrepareToFreeze => 0,
        _ => return None,
    };
    Some(answer(ERROR_SUCCESS))
}

/// The completion of a command that moved nothing.
pub(crate) fn answer(code: i32) -> Completion {
    Completion {
        code,
        ..Completion::default()
    }
}
