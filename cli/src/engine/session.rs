//! The server's side of a device set, from Open to Close.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use vdi::codes::{
    ERROR_DISK_FULL, ERROR_EOM_OVERFLOW, ERROR_HANDLE_DISK_FULL, ERROR_OPERATION_ABORTED,
    ERROR_SUCCESS, VDF_CompleteEnabled,
};
use vdi::server::{Callback, Device, Request, Set};
use vdi::{Buffer, Completion, Configuration, ErrorKind, Instance, Name, ServerParameters};

use crate::args::Statement;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;

/// A configured set with all its devices open and its completion agent running.
pub(crate) struct Session {
    set: Arc<Set>,
    /// Until the end of the transfer.
    agent: Option<JoinHandle<vdi::Result<()>>>,
    devices: Vec<Arc<Device>>,
    configuration: Configuration,
    /// Buffers for all devices together.
    buffers: u32,
}

impl Session {
    /// Opens and configures the set that the statement names. `features` says which way the data
    /// goes. A signal aborts the set from now on.
    pub(crate) fn open(
        statement: &Statement,
        features: u32,
        block_size: u32,
        interrupt: &Interrupt,
    ) -> Result<Self, Failure> {
        let names = names(statement)?;
        let set = Arc::new(open(&names[0], Duration::from_secs(statement.wait))?);
        let aborted = Arc::downgrade(&set);
        interrupt.on_signal(move |signal| {
            // The set may be closed or aborted already.
            let reason = format!("the engine was interrupted by {signal}");
            let _ = aborted.upgrade().map(|set| set.signal_abort(&reason));
        });
        let transfer = statement.transfer;
        let buffers = transfer
            .buffers_for(names.len() as u32)
            .map_err(|why| Failure::new(Exit::Usage, why))?;
        let parameters = ServerParameters {
            features,
            block_size,
            max_transfer_size: transfer.max_transfer_size,
            ..ServerParameters::default()
        };
        let configuration = configure(&set, &parameters, buffers, names.len())?;
        let agent = {
            let set = Arc::clone(&set);
            thread::spawn(move || set.execute_completion_agent())
        };
        let devices = names
            .iter()
            .map(|name| set.open_device(name).map(Arc::new))
            .collect::<vdi::Result<_>>()
            .map_err(|error| link(&set, "cannot open the devices", &error))?;
        Ok(Self {
            set,
            agent: Some(agent),
            devices,
            configuration,
            buffers,
        })
    }

    /// The configuration that both sides share.
    pub(crate) fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Whether the client wants to finish the backup on `VDC_Complete`.
    pub(crate) fn complete_enabled(&self) -> bool {
        self.configuration.features & VDF_CompleteEnabled != 0
    }

    /// The channels to the devices, each with its share of the buffers.
    pub(crate) fn channels(&self) -> Result<Vec<Channel>, Failure> {
        let count = self.devices.len() as u32;
        let share = |k: u32| self.buffers / count + u32::from(k < self.buffers % count);
        let allocate = |_| {
            self.set
                .allocate_buffer(self.configuration.max_transfer_size, 0)
        };
        (0..count)
            .zip(&self.devices)
            .map(|(k, device)| {
                let buffers = (0..share(k)).map(allocate).collect::<vdi::Result<_>>();
                Ok(Channel {
                    number: k as usize,
                    set: Arc::clone(&self.set),
                    device: Arc::clone(device),
                    buffers: buffers
                        .map_err(|error| link(&self.set, "cannot allocate buffers", &error))?,
                })
            })
            .collect()
    }

    /// Ends the transfer: closes the devices, which waits for outstanding commands. The set stays
    /// open, so that both sides still notice one another's death.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        for device in &self.devices {
            // After an abort there is nothing to close; the agent's result tells.
            let _ = device.close();
        }
        match self.agent.take().map(JoinHandle::join) {
            Some(Ok(ended)) => {
                ended.map_err(|error| link(&self.set, "the transfer failed", &error))
            }
            Some(Err(_)) => Err(Failure::new(
                Exit::Internal,
                "the completion agent panicked",
            )),
            None => Ok(()),
        }
    }

    /// Fails if the set has been aborted, also after the end of the transfer.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.set.abort_reason() {
            Ok(None) => Ok(()),
            _ => Err(aborted(&self.set)),
        }
    }

    /// Closes the set.
    pub(crate) fn close(self) -> Result<(), Failure> {
        let closed = self.set.close();
        closed.map_err(|error| Failure::link("cannot close the set", &error))
    }
}

/// One device, and the buffers that only commands to it use.
pub(crate) struct Channel {
    /// Its number, from 0.
    pub(crate) number: usize,
    set: Arc<Set>,
    device: Arc<Device>,
    /// Buffers that are free.
    pub(crate) buffers: Vec<Buffer>,
}

impl Channel {
    /// Sends a command that moves nothing.
    pub(crate) fn send(&self, code: i32) -> Pending {
        self.request(Request::new(code))
    }

    /// Sends a Write or Read of `size` bytes of a buffer.
    pub(crate) fn transfer(&self, code: i32, buffer: &Buffer, size: u32) -> Pending {
        self.request(Request::transfer(code, buffer, size))
    }

    fn request(&self, request: Request) -> Pending {
        let (done, completion) = channel();
        let callback = Callback::new(move |completion| {
            // Nobody waits any more when the statement has failed otherwise.
            let _ = done.send(completion);
        });
        // A failure to send calls the callback as well (SDEV-SEND-04).
        let _ = self.device.send(request, callback);
        Pending(completion)
    }

    /// Explains a completion code that is a failure; `what` is the command.
    pub(crate) fn failure(&self, what: &str, code: i32) -> Failure {
        let failure = match code {
            ERROR_OPERATION_ABORTED => return aborted(&self.set),
            ERROR_DISK_FULL | ERROR_HANDLE_DISK_FULL | ERROR_EOM_OVERFLOW => Failure::new(
                Exit::Output,
                format!("the agent has no room for the {what} (completion code {code})"),
            ),
            _ => Failure::new(
                Exit::Engine,
                format!("the agent failed the {what} with completion code {code}"),
            ),
        };
        failure.at_device(self.number)
    }

    /// Explains a success that moved fewer bytes than it should (AMB-34).
    pub(crate) fn short(&self, what: &str, bytes: u32, size: u32) -> Failure {
        let message = format!("the agent moved only {bytes} of {size} bytes of a {what}");
        Failure::new(Exit::Engine, message).at_device(self.number)
    }
}

/// A command whose completion is still to come.
pub(crate) struct Pending(Receiver<Completion>);

impl Pending {
    /// Waits for the completion; the library promises one for each command (SSET-AGENT-09).
    pub(crate) fn wait(self) -> Completion {
        self.0.recv().unwrap_or(Completion {
            code: ERROR_OPERATION_ABORTED,
            bytes: 0,
            position: 0,
        })
    }

    /// Waits for success.
    pub(crate) fn expect_success(self, channel: &Channel, what: &str) -> Result<(), Failure> {
        match self.wait().code {
            ERROR_SUCCESS => Ok(()),
            code => Err(channel.failure(what, code)),
        }
    }
}

fn names(statement: &Statement) -> Result<Vec<Name>, Failure> {
    std::iter::once(&statement.set)
        .chain(&statement.devices)
        .map(|name| {
            let usage = |error| Failure::new(Exit::Usage, format!("device name {name:?}: {error}"));
            Name::new(name).map_err(usage)
        })
        .collect()
}

/// Opens the set, which may have to appear first.
fn open(name: &Name, wait: Duration) -> Result<Set, Failure> {
    let begun = Instant::now();
    loop {
        match Set::open(&Instance::default(), name) {
            Ok(set) => return Ok(set),
            Err(error) if error.kind() == ErrorKind::Invalid && begun.elapsed() < wait => {
                thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(Failure::link("cannot open the device set", &error)),
        }
    }
}

fn configure(
    set: &Set,
    parameters: &ServerParameters,
    buffers: u32,
    devices: usize,
) -> Result<Configuration, Failure> {
    let failed = |error| link(set, "cannot configure the device set", &error);
    let client = set.configuration().map_err(failed)?;
    if client.device_count as usize != devices {
        return Err(Failure::new(
            Exit::Engine,
            format!(
                "the set has {} devices, the statement names {devices}; name each with --device",
                client.device_count
            ),
        ));
    }
    set.begin_configuration(parameters).map_err(failed)?;
    let size = parameters.max_transfer_size;
    set.request_buffers(size, 0, buffers).map_err(failed)?;
    set.end_configuration()
        .map_err(|error| match error.kind() {
            ErrorKind::Memory => Failure::new(
                Exit::Engine,
                format!("{error}; ask for fewer --buffers or a smaller --max-transfer-size"),
            ),
            _ => failed(error),
        })?;
    set.configuration().map_err(failed)
}

/// An error of the library; for an abort, its reason.
fn link(set: &Set, what: &str, error: &vdi::Error) -> Failure {
    match error.kind() {
        ErrorKind::Abort => aborted(set),
        _ => Failure::link(what, error),
    }
}

fn aborted(set: &Set) -> Failure {
    let reason = match set.abort_reason() {
        Ok(Some(reason)) => reason.text,
        _ => "no reason was left".into(),
    };
    Failure::new(
        Exit::Aborted,
        format!("the device set was aborted: {reason}"),
    )
}
