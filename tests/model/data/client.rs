//! The client: it stores what is written and gives it back, and completes in any order.

use super::plan::{Plan, mix};
use super::{OnPanic, STUCK};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use vdi::client::{Command, Device, Set};
use vdi::codes::*;
use vdi::{Completion, Configuration, CreateOptions, ErrorKind, Instance};

/// A backup into memory, then a restore from it.
pub(super) fn run(name: &str, plan: &Plan, created: UnixStream) {
    let streams: Vec<_> = (0..plan.devices).map(|_| Mutex::new(Vec::new())).collect();
    for direction in ["b", "r"] {
        statement(&format!("{name}{direction}"), plan, &streams, &created);
    }
}

fn statement(name: &str, plan: &Plan, streams: &[Mutex<Vec<u8>>], mut created: &UnixStream) {
    let inputs = Configuration {
        device_count: plan.devices,
        features: VDF_LikeDisk,
        prefix_zone_size: plan.prefix,
        alignment: plan.alignment,
        ..Configuration::default()
    };
    let set_name = Plan::device_name(name, 0);
    let options = CreateOptions::default();
    let set = Set::create(&Instance::default(), &set_name, &inputs, &options).unwrap();
    created.write_all(&[1]).unwrap();
    let config = set.configuration(Some(STUCK)).unwrap();
    thread::scope(|scope| {
        for (device, stream) in (0..).zip(streams) {
            let set = &set;
            scope.spawn(move || {
                let _guard = OnPanic(|| set.signal_abort("the client has failed"));
                let opened = set.open_device(&Plan::device_name(name, device)).unwrap();
                let mut stream = stream.lock().unwrap();
                let mut disk = Disk {
                    stream: &mut stream,
                    at: 0,
                    alignment: config.alignment,
                    prefix: plan.prefix,
                };
                serve(&opened, &mut disk, plan, device);
            });
        }
    });
    set.close().unwrap();
}

/// Executes commands in the order of delivery, and completes them in another one.
fn serve(device: &Device, disk: &mut Disk<'_>, plan: &Plan, number: u32) {
    let mut held: Vec<(Command, Completion)> = Vec::new();
    let mut turn = u64::from(plan.seed) << 8 | u64::from(number);
    loop {
        let timeout = if held.is_empty() {
            STUCK
        } else {
            Duration::ZERO
        };
        let fetched = match held.len() {
            full if full == plan.held as usize => None,
            _ => match device.get_command(Some(timeout)) {
                Ok(command) => Some(command),
                Err(error) if error.kind() == ErrorKind::Timeout => None,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Close, "{error}");
                    assert!(held.is_empty());
                    return;
                }
            },
        };
        match fetched {
            Some(command) => {
                let completion = disk.execute(&command);
                held.push((command, completion));
            }
            None => {
                turn = mix(turn + 1);
                let (command, completion) = held.swap_remove(turn as usize % held.len());
                device.complete(&command, completion).unwrap();
            }
        }
    }
}

/// The medium of one device.
struct Disk<'a> {
    stream: &'a mut Vec<u8>,
    /// Where the next Read or Write must be.
    at: usize,
    alignment: u32,
    prefix: u32,
}

impl Disk<'_> {
    fn execute(&mut self, command: &Command) -> Completion {
        if command.code() == VDC_Flush {
            return Completion::default();
        }
        let buffer = command.buffer().unwrap();
        assert_eq!(buffer.address() % self.alignment as usize, 0);
        assert_eq!(
            command.position(),
            self.at as i64,
            "not in the order of sending"
        );
        let size = command.size() as usize;
        let done = if command.code() == VDC_Write {
            self.stream.resize(self.at + size, 0);
            buffer.read(0, &mut self.stream[self.at..]).unwrap();
            size
        } else {
            let end = self.stream.len().min(self.at + size);
            buffer.write(0, &self.stream[self.at..end]).unwrap();
            end - self.at
        };
        // The prefix zone is the client's, and touches nobody's data. (BUF-05)
        let zone = buffer.as_ptr().wrapping_sub(self.prefix as usize);
        crate::binding::fill(zone, 0xa5, self.prefix as usize);
        self.at += done;
        Completion {
            code: if done < size {
                ERROR_HANDLE_EOF
            } else {
                ERROR_SUCCESS
            },
            bytes: done as u32,
            ..Completion::default()
        }
    }
}
