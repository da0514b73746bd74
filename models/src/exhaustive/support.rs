//! Running a model, and the actors of most.

use crate::client::scene::Client;
use crate::error::{ErrorKind, Result};
use crate::participant::{Part, Participant};
use crate::protocol::codes::{ERROR_SUCCESS, VDC_Flush};
use crate::protocol::command::Completion;
use crate::protocol::config::Configuration;
use crate::queue::patience::Patience;
use crate::server::scene::Server;
use crate::server::{self, Callback, Request};
use crate::shm::control::{self, Control};
use crate::shm::layout::MAX_NAME_WAIT;
use crate::sync::{self, Ordering, thread};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Tries every order in which a thread is interrupted at most `preemptions` times where it could go on.
/// `LOOM_MAX_PREEMPTIONS` is for more.
pub(super) fn explore(preemptions: usize, scene: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    let more = builder.preemption_bound.unwrap_or(0);
    builder.preemption_bound = Some(preemptions.max(more));
    builder.max_branches = 100_000;
    builder.check(move || {
        sync::prepare();
        scene();
    });
}

/// What the client of a model asks for.
pub(super) fn requested(devices: u32) -> Configuration {
    let inputs = Configuration {
        device_count: devices,
        ..Configuration::default()
    };
    inputs.requested(false).unwrap()
}

/// The control segment of a set in which no more than two commands are outstanding on a device.
pub(super) fn control(devices: u32) -> Control {
    segment(devices, 2)
}

fn segment(devices: u32, capacity: u32) -> Control {
    let control = Control::create(devices, capacity, MAX_NAME_WAIT).unwrap();
    let words = requested(devices).to_words();
    control::write_config(&control.header().requested, words);
    control
}

/// A set that is configured, with its server and its primary.
pub(super) fn configured(devices: u32) -> (Control, Arc<Server>, Arc<Client>) {
    with_capacity(devices, 2)
}

/// As [`configured`], with rings of that many slots.
pub(super) fn with_capacity(devices: u32, capacity: u32) -> (Control, Arc<Server>, Arc<Client>) {
    let control = segment(devices, capacity);
    let server = Arc::new(Server::configured(&control, requested(devices)));
    let client = Arc::new(Client::new(&control, requested(devices), 1));
    (control, server, client)
}

/// Places of several processes in one set.
pub(super) fn participants<const N: usize>(parts: [Part; N]) -> [Arc<Participant>; N] {
    let control = control(1);
    let places = parts.map(|part| Arc::new(Participant::new(control.again(), part)));
    places[0].begin();
    places
}

/// Waits for what never comes.
fn wait(participant: &Participant) -> ErrorKind {
    let bell = participant.device_bell(0);
    let never = || None::<Result<()>>;
    let result = participant.wait(bell, &Patience, None, never);
    result.unwrap_err().kind()
}

pub(super) fn waiter(participant: &Arc<Participant>) -> thread::JoinHandle<ErrorKind> {
    let participant = Arc::clone(participant);
    thread::spawn(move || wait(&participant))
}

/// How often the callback of a command was called, and with which code. Of the tests, not of the model.
#[derive(Default)]
pub(super) struct Ending {
    calls: AtomicUsize,
    successes: AtomicUsize,
}

impl Ending {
    pub(super) fn callback(self: &Arc<Self>) -> Callback {
        let ending = Arc::clone(self);
        Callback::new(move |completion| ending.note(completion))
    }

    pub(super) fn note(&self, completion: Completion) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if completion.code == ERROR_SUCCESS {
            self.successes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether the command succeeded; it must have ended once.
    pub(super) fn succeeded(&self) -> bool {
        assert_eq!(
            self.calls.load(Ordering::Relaxed),
            1,
            "endings of a command"
        );
        self.successes.load(Ordering::Relaxed) == 1
    }
}

/// Sends a command without a buffer.
pub(super) fn send(device: &server::Device, ending: &Arc<Ending>) -> Result<()> {
    let request = Request::new(VDC_Flush);
    device.send(request, ending.callback())
}
