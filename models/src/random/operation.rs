//! A backup from Create to Close, with its server, its client and perhaps a secondary.

use crate::client::{self, CreateOptions};
use crate::error::{ErrorKind, Result};
use crate::protocol::codes::{ERROR_SUCCESS, VDC_Flush, VDC_Write};
use crate::protocol::command::Completion;
use crate::protocol::config::Configuration;
use crate::protocol::name::{Instance, Name};
use crate::server::scene::parameters;
use crate::server::{self, Callback, Request};
use crate::shm::area::Buffer;
use crate::sync::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Commands for each device: one with a buffer and one without.
const COMMANDS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disturbance {
    None,
    ClientAborts,
    ServerAborts,
    ClientCloses,
    ServerCloses,
    All,
}

#[derive(Clone, Copy)]
pub(super) struct Operation {
    devices: u32,
    with_secondary: bool,
}

/// How the commands have ended. Of the tests, not of the model.
#[derive(Default)]
struct Endings {
    sent: AtomicUsize,
    ended: AtomicUsize,
    succeeded: AtomicUsize,
}

fn name(device: u32) -> Name {
    Name::new(&format!("dev{device}")).unwrap()
}

impl Operation {
    pub(super) fn new(devices: u32, with_secondary: bool) -> Self {
        Self {
            devices,
            with_secondary,
        }
    }

    pub(super) fn run(self, disturbance: Disturbance) {
        let inputs = Configuration {
            device_count: self.devices,
            ..Configuration::default()
        };
        let instance = Instance::default();
        let options = CreateOptions::default();
        let primary = client::Set::create(&instance, &name(0), &inputs, &options).unwrap();
        let primary = Arc::new(primary);
        let endings = Arc::new(Endings::default());
        let server = thread::spawn({
            let endings = Arc::clone(&endings);
            move || self.serve(disturbance, &endings)
        });
        let disturber = disturbance.of_client().map(|disturb| {
            let primary = Arc::clone(&primary);
            thread::spawn(move || disturb(&primary))
        });
        let client = self.play(&primary);
        let server = server.join().unwrap();
        if let Some(disturber) = disturber {
            disturber.join().unwrap();
        }
        let closed = primary.close();
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        assert_eq!(count(&endings.sent), count(&endings.ended));
        if disturbance == Disturbance::None {
            client.unwrap();
            server.unwrap();
            closed.unwrap();
            let commands = self.devices as usize * COMMANDS;
            assert_eq!(count(&endings.succeeded), commands);
        } else {
            for error in [client.err(), server.err(), closed.err()]
                .into_iter()
                .flatten()
            {
                let kind = error.kind();
                let kinds = [ErrorKind::Abort, ErrorKind::Protocol, ErrorKind::Open];
                // A primary that has closed at once is not found by its server.
                let fine = kinds.contains(&kind) || kind == ErrorKind::Invalid;
                assert!(fine, "{kind:?}: {error}");
            }
        }
    }

    /// What the client's processes do.
    fn play(self, primary: &client::Set) -> Result<()> {
        let config = primary.configuration(None)?;
        assert_eq!(config.block_size, 512);
        let secondary = if self.with_secondary {
            Some(client::Set::open_in_secondary(
                &Instance::default(),
                &name(0),
            )?)
        } else {
            None
        };
        let mut workers = Vec::new();
        for device in 0..self.devices {
            let set = match &secondary {
                Some(secondary) if device > 0 => secondary,
                _ => primary,
            };
            // No early return: the workers that there are must be joined.
            workers.push(
                set.open_device(&name(device))
                    .map(|device| thread::spawn(move || work(&device))),
            );
        }
        let mut result = Ok(());
        for worker in workers {
            let ended = worker.and_then(|worker| worker.join().unwrap());
            result = result.and(ended);
        }
        let closed = secondary.map_or(Ok(()), |secondary| secondary.close());
        result.and(closed)
    }

    /// What the server does.
    fn serve(self, disturbance: Disturbance, endings: &Arc<Endings>) -> Result<()> {
        let set = Arc::new(server::Set::open(&Instance::default(), &name(0))?);
        let disturber = disturbance.of_server().map(|disturb| {
            let set = Arc::clone(&set);
            thread::spawn(move || disturb(&set))
        });
        let result = self.execute(&set, endings);
        if let Some(disturber) = disturber {
            disturber.join().unwrap();
        }
        result.and(set.close())
    }

    fn execute(self, set: &Arc<server::Set>, endings: &Arc<Endings>) -> Result<()> {
        set.begin_configuration(&parameters())?;
        set.request_buffers(4096, 4096, self.devices)?;
        set.end_configuration()?;
        let agent = thread::spawn({
            let set = Arc::clone(set);
            move || set.execute_completion_agent()
        });
        let sent = (0..self.devices).try_for_each(|device| self.send(set, device, endings));
        if sent.is_err() {
            // Otherwise an agent would wait for devices that are never closed.
            let _ = set.signal_abort("");
        }
        let left = agent.join().unwrap();
        sent.and(left)
    }

    fn send(self, set: &server::Set, device: u32, endings: &Arc<Endings>) -> Result<()> {
        let device = set.open_device(&name(device))?;
        let buffer = set.allocate_buffer(4096, 4096)?;
        buffer.put(7);
        let write = Request::transfer(VDC_Write, &buffer, 4096);
        let written = device.send(write, endings.callback(Some(buffer)));
        let flushed = device.send(Request::new(VDC_Flush), endings.callback(None));
        written.and(flushed).and(device.close())
    }
}

impl Endings {
    fn callback(self: &Arc<Self>, buffer: Option<Buffer>) -> Callback {
        self.sent.fetch_add(1, Ordering::SeqCst);
        let endings = Arc::clone(self);
        Callback::new(move |completion| {
            endings.ended.fetch_add(1, Ordering::SeqCst);
            if completion.code == ERROR_SUCCESS {
                endings.succeeded.fetch_add(1, Ordering::SeqCst);
                assert!(buffer.is_none_or(|buffer| buffer.get() == 8));
            }
        })
    }
}

/// Completes commands until the end of the device.
fn work(device: &client::Device) -> Result<()> {
    loop {
        let command = match device.get_command(None) {
            Err(error) if error.kind() == ErrorKind::Close => return Ok(()),
            command => command?,
        };
        if let Some(buffer) = command.buffer() {
            assert_eq!(buffer.get(), 7);
            buffer.put(8);
        }
        let completion = Completion {
            bytes: command.size(),
            ..Completion::default()
        };
        device.complete(&command, completion)?;
    }
}

impl Disturbance {
    fn of_client(self) -> Option<fn(&client::Set)> {
        match self {
            Self::ClientAborts | Self::All => Some(|set| drop(set.signal_abort(""))),
            Self::ClientCloses => Some(|set| drop(set.close())),
            Self::None | Self::ServerAborts | Self::ServerCloses => None,
        }
    }

    fn of_server(self) -> Option<fn(&server::Set)> {
        match self {
            Self::ServerAborts => Some(|set| drop(set.signal_abort(""))),
            Self::ServerCloses | Self::All => Some(|set| drop(set.close())),
            Self::None | Self::ClientAborts | Self::ClientCloses => None,
        }
    }
}
