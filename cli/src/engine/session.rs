//! The server's side of a device set, from Open to Close.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use vdi::codes::{VDF_CompleteEnabled, VDF_FileMarks, VDF_RandomAccess, VDF_ReadMedia};
use vdi::server::{Device, Set};
use vdi::{Configuration, ErrorKind, Instance, Name, ServerParameters};

use super::device::Channel;
use crate::args::Statement;
use crate::exit::{Cause, Exit, Failure};
use crate::interrupt::Interrupt;

/// What a statement says about the device set, and how the engine is to use it.
pub(crate) struct Plan {
    pub(crate) instance: Instance,
    /// Names of the devices; the first is that of the set (NAME-05).
    pub(crate) names: Vec<Name>,
    /// How long to wait for the set to appear.
    pub(crate) wait: Duration,
    /// Which way the data goes, and whether the engine can complete a backup.
    pub(crate) features: u32,
    /// Look at the media before writing, where the client can go back.
    pub(crate) looks: bool,
    pub(crate) block_size: u32,
    pub(crate) max_transfer_size: u32,
    /// Buffers for all devices together.
    pub(crate) buffers: u32,
    /// How long the engine takes before each command.
    pub(crate) pace: Duration,
}

impl Plan {
    /// The plan of a statement on the command line.
    pub(super) fn of(
        statement: &Statement,
        features: u32,
        block_size: u32,
    ) -> Result<Self, Failure> {
        let all = std::iter::once(&statement.set).chain(&statement.devices);
        let names = all
            .map(|name| self::name(name))
            .collect::<Result<Vec<_>, _>>()?;
        let buffers = statement.transfer.buffers_for(names.len() as u32);
        Ok(Self {
            instance: Instance::default(),
            wait: Duration::from_secs(statement.wait),
            features,
            looks: false,
            block_size,
            max_transfer_size: statement.transfer.max_transfer_size,
            buffers: buffers.map_err(|why| Failure::new(Exit::Usage, why))?,
            pace: Duration::ZERO,
            names,
        })
    }
}

/// A configured set with all its devices open and its completion agent running.
pub(crate) struct Session {
    set: Arc<Set>,
    /// Until the end of the transfer.
    agent: Option<JoinHandle<vdi::Result<()>>>,
    devices: Vec<Arc<Device>>,
    configuration: Configuration,
    /// Buffers for all devices together.
    buffers: u32,
    pace: Duration,
}

impl Session {
    /// Opens and configures the set. A signal aborts the set from now on.
    pub(crate) fn open(plan: &Plan, interrupt: &Interrupt) -> Result<Self, Failure> {
        let set = Arc::new(open(plan, interrupt)?);
        let aborted = Arc::downgrade(&set);
        interrupt.on_signal(move |signal| {
            // The set may be closed or aborted already.
            let reason = format!("the engine was interrupted by {signal}");
            let _ = aborted.upgrade().map(|set| set.signal_abort(&reason));
        });
        let configuration = configure(&set, plan)?;
        let agent = {
            let set = Arc::clone(&set);
            thread::spawn(move || set.execute_completion_agent())
        };
        let devices = plan
            .names
            .iter()
            .map(|name| set.open_device(name).map(Arc::new))
            .collect::<vdi::Result<_>>()
            .map_err(|error| {
                let failure = link(&set, "cannot open the devices", &error);
                // The agent leaves, and with it the set.
                let _ = set.close();
                failure
            })?;
        Ok(Self {
            set,
            agent: Some(agent),
            devices,
            configuration,
            buffers: plan.buffers,
            pace: plan.pace,
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
                let buffers =
                    buffers.map_err(|error| link(&self.set, "cannot allocate buffers", &error))?;
                let configuration = &self.configuration;
                let number = k as usize;
                Ok(Channel::new(
                    number,
                    &self.set,
                    device,
                    configuration,
                    buffers,
                    self.pace,
                ))
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

    /// Aborts the set: what the statement failed of is not the client's doing.
    pub(crate) fn abort(&self, reason: &str) {
        // It may be aborted already.
        let _ = self.set.signal_abort(reason);
    }

    /// Closes the set.
    pub(crate) fn close(self) -> Result<(), Failure> {
        let closed = self.set.close();
        closed.map_err(|error| Failure::link("cannot close the set", &error))
    }
}

/// Checks the name of a device.
pub(crate) fn name(text: &str) -> Result<Name, Failure> {
    Name::new(text)
        .map_err(|error| Failure::new(Exit::Usage, format!("device name {text:?}: {error}")))
}

/// Opens the set, which may have to appear first.
fn open(plan: &Plan, interrupt: &Interrupt) -> Result<Set, Failure> {
    let begun = Instant::now();
    loop {
        match Set::open(&plan.instance, &plan.names[0]) {
            Ok(set) => return Ok(set),
            Err(error) if error.kind() == ErrorKind::Invalid && begun.elapsed() < plan.wait => {
                if let Some(signal) = interrupt.signal() {
                    let message = format!("interrupted by {signal} before there was a device set");
                    return Err(Failure::new(Exit::Aborted, message));
                }
                thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(Failure::link("cannot open the device set", &error)),
        }
    }
}

fn configure(set: &Set, plan: &Plan) -> Result<Configuration, Failure> {
    let failed = |error| link(set, "cannot configure the device set", &error);
    let client = set.configuration().map_err(failed)?;
    let named = plan.names.len();
    if client.device_count as usize != named {
        let text = format!(
            "the set has {} devices, the statement names {named}; name each of them",
            client.device_count
        );
        // The client learns why (AMB-25).
        let _ = set.signal_abort(&text);
        return Err(Failure::new(Exit::Engine, text).because(Cause::Set(ErrorKind::Invalid)));
    }
    let positions = client.features & (VDF_RandomAccess | VDF_FileMarks) != 0;
    let reads = if plan.looks && positions {
        VDF_ReadMedia
    } else {
        0
    };
    let parameters = ServerParameters {
        features: plan.features | reads,
        block_size: plan.block_size,
        max_transfer_size: plan.max_transfer_size,
        ..ServerParameters::default()
    };
    set.begin_configuration(&parameters).map_err(failed)?;
    let size = plan.max_transfer_size;
    set.request_buffers(size, 0, plan.buffers).map_err(failed)?;
    set.end_configuration()
        .map_err(|error| match error.kind() {
            ErrorKind::Memory => Failure::new(
                Exit::Engine,
                format!("{error}; ask for fewer buffers or a smaller transfer size"),
            )
            .because(Cause::Set(ErrorKind::Memory)),
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

/// Whether an abort is in force.
pub(super) fn is_aborted(set: &Set) -> bool {
    !matches!(set.abort_reason(), Ok(None))
}

/// The failure that an abort is.
pub(super) fn aborted(set: &Set) -> Failure {
    let reason = match set.abort_reason() {
        Ok(Some(reason)) => reason.text,
        _ => "no reason was left".into(),
    };
    Failure::new(
        Exit::Aborted,
        format!("the device set was aborted: {reason}"),
    )
    .because(Cause::Set(ErrorKind::Abort))
}
