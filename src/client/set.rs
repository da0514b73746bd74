//! The client's device set.

use super::areas::Areas;
use super::device::{Device, DeviceState};
use super::{device, handles, primary, secondary};
use crate::error::{Error, ErrorKind, Result};
use crate::link::rendezvous::Access;
use crate::participant::{self, AbortReason, Participant, lock};
use crate::protocol::codes::{VDI_ABORT_CLIENT, VDI_ABORT_CLIENT_CLOSED, VDI_QUEUE_CAPACITY};
use crate::protocol::config::Configuration;
use crate::protocol::name::{Instance, Name};
use crate::protocol::state::{self, ClientCall, ClientState, Phase, ServerDevice};
use crate::queue::doorbell::Patience;
use crate::shm::area::Buffer;
use crate::shm::control::{self, Control};
use crate::shm::layout::MAX_SLOTS;
use crate::sync::Ordering;
use once_cell::sync::OnceCell;
use std::process;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What can be said at Create beyond the published configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct CreateOptions {
    /// Accept any mix of positioning features. [AMB-11]
    pub lenient: bool,
    /// Another user whose processes may open the set.
    pub uid: Option<u32>,
    /// A group whose members may open the set.
    pub gid: Option<u32>,
    /// Commands that may be outstanding on one device; 0 for the default. [AMB-09]
    pub queue_capacity: u32,
    /// How long OpenDevice waits for a name that is not known yet; at most an hour. [AMB-16]
    pub name_wait: Option<Duration>,
}

/// A device set, as one client process has it open.
///
/// May be used from any thread. Dropping it closes it.
pub struct Set {
    inner: Arc<Inner>,
    link: Mutex<Option<Box<dyn Link>>>,
}

/// The connection to the other participants; dropping it leaves the set.
pub(super) trait Link: Send {}

/// What the set, its devices and its link share.
pub(super) struct Inner {
    pub(super) participant: Participant,
    pub(super) name: Name,
    pub(super) requested: Configuration,
    decided: OnceCell<Configuration>,
    pub(super) areas: Areas,
    /// This process's number in the set: 1 is the primary.
    id: u32,
    /// The devices that this process opened, by number.
    devices: Mutex<Vec<Option<Arc<DeviceState>>>>,
}

/// Number of the primary among the participants.
pub(super) const PRIMARY: u32 = 1;

impl Set {
    /// Creates a set and makes it findable; the caller is the primary client. [CSET-CREATE-01]
    ///
    /// # Errors
    ///
    /// `Protocol` if a set of that name exists, `NotSupported` for a bad configuration, `Invalid`
    /// for bad options, `Security`, `Memory` or `Unexpected` from the operating system.
    pub fn create(
        instance: &Instance,
        name: &Name,
        requested: &Configuration,
        options: &CreateOptions,
    ) -> Result<Self> {
        let requested = requested.requested(options.lenient)?;
        let capacity = options.capacity(requested.device_count)?;
        let control = Control::create(requested.device_count, capacity, options.name_wait_ms()?)?;
        control::write_config(&control.header().requested, requested.to_words());
        control::write_text(&control.device(0).header().name, name.as_bytes());
        let inner = Arc::new(Inner::new(control, name.clone(), requested, PRIMARY));
        inner.participant.begin();
        let access = Access {
            uid: options.uid,
            gid: options.gid,
        };
        let primary = primary::announce(&inner, instance, access)?;
        Ok(Self::new(inner, Box::new(primary)))
    }

    /// Opens, as a secondary, a set that another process created. [CSET-SECOND-01]
    ///
    /// # Errors
    ///
    /// `Protocol` if there is no such set or it is not ready for secondaries, `Abort` if it is
    /// aborted, `Security`, `Memory` or `Unexpected` from the operating system.
    pub fn open_in_secondary(instance: &Instance, name: &Name) -> Result<Self> {
        let (inner, secondary) = secondary::join(instance, name)?;
        Ok(Self::new(inner, Box::new(secondary)))
    }

    fn new(inner: Arc<Inner>, link: Box<dyn Link>) -> Self {
        Self {
            inner,
            link: Mutex::new(Some(link)),
        }
    }

    /// Waits until the server has configured the set; `None` waits for ever. [CSET-GETCFG-01]
    ///
    /// # Errors
    ///
    /// `Timeout`, `Abort`, or `Protocol` if the set is not open.
    pub fn configuration(&self, timeout: Option<Duration>) -> Result<Configuration> {
        let inner = &*self.inner;
        let ready = || match state::client_cell(ClientCall::GetConfiguration, inner.state()) {
            state::Cell::Wait => None,
            state::Cell::Go => Some(inner.decided()),
            state::Cell::No(_) => Some(Err(state::aborted())),
        };
        let deadline = participant::deadline(timeout);
        let participant = &inner.participant;
        participant.wait(
            participant.set_bell(),
            &Patience::default(),
            deadline,
            ready,
        )
    }

    /// Opens a device for this process. Waits only while its name may still be announced.
    /// [CSET-OPENDEV-01, AMB-03, AMB-16]
    ///
    /// # Errors
    ///
    /// `Open` if all devices are open, `Protocol` if this one is or the state forbids it, `Invalid`
    /// for an unknown name, `Abort`.
    pub fn open_device(&self, name: &Name) -> Result<Device> {
        let inner = &self.inner;
        let participant = &inner.participant;
        participant.check_open()?;
        let wait = Duration::from_millis(participant.control().geometry().name_wait.into());
        let found = participant.wait(
            participant.set_bell(),
            &Patience::default(),
            participant::deadline(Some(wait)),
            || inner.find_device(name),
        );
        let index = found.map_err(|error| match error.kind() {
            ErrorKind::Timeout => unknown_name(name),
            _ => error,
        })?;
        inner.claim(index, name)?;
        Ok(Device::new(inner.add_device(index)))
    }

    /// The handle of a buffer of a command that this process received. [CSET-BUFH-01]
    ///
    /// # Errors
    ///
    /// `Invalid` if the address is not that of such a buffer, `Protocol` if the set is not open.
    pub fn buffer_handle(&self, address: usize) -> Result<u32> {
        self.inner.check(ClientCall::BufferHandle)?;
        self.inner
            .opened_devices()
            .iter()
            .find_map(|device| device.buffer_handle(address))
            .ok_or_else(|| invalid("buffer is not that of a command in progress"))
    }

    /// The buffer behind a handle. [CSET-BUFH-02]
    ///
    /// # Errors
    ///
    /// `Invalid` if the handle means nothing in this set, `Protocol` if the set is not open.
    pub fn map_buffer_handle(&self, handle: u32) -> Result<Buffer> {
        let inner = &*self.inner;
        inner.check(ClientCall::BufferHandle)?;
        let meaning = handles::look_up(inner.participant.control(), handle)
            .ok_or_else(|| invalid("handle means no buffer of this set"))?;
        inner.buffer_at(meaning)
    }

    /// Aborts the set for every process. [CSET-ABORT-01]
    ///
    /// # Errors
    ///
    /// `Protocol` if the set is not open.
    pub fn signal_abort(&self, reason: &str) -> Result<()> {
        self.inner.check(ClientCall::SignalAbort)?;
        self.inner.participant.abort(VDI_ABORT_CLIENT, reason);
        Ok(())
    }

    /// Why the set is aborted; `None` if it is not.
    ///
    /// # Errors
    ///
    /// `Protocol` if the set is not open.
    pub fn abort_reason(&self) -> Result<Option<AbortReason>> {
        self.inner.participant.check_open()?;
        Ok(self.inner.participant.abort_reason())
    }

    /// Aborts the set after a panic inside one of its calls.
    pub(crate) fn poison(&self) {
        self.inner.participant.poison();
    }

    /// Closes the set in this process. [CSET-CLOSE-01, AMB-04]
    ///
    /// # Errors
    ///
    /// `Open` if devices were open: everything is released all the same, and the set is aborted.
    /// `Protocol` if the set was not open.
    pub fn close(&self) -> Result<()> {
        let inner = &*self.inner;
        inner.participant.check_open()?;
        let still_open = inner.open_devices();
        if inner.must_abort_at_close() || still_open > 0 {
            let text = format!("client process {} closed the set", process::id());
            inner.participant.abort(VDI_ABORT_CLIENT_CLOSED, &text);
        }
        if !inner.participant.close() {
            return Err(state::not_open());
        }
        // Ends the part of the background thread in this set before anything is released.
        let link = lock(&self.link).take();
        drop(link);
        lock(&inner.devices).clear();
        if still_open > 0 {
            let text = format!("{still_open} devices were still open");
            return Err(Error::new(ErrorKind::Open, text));
        }
        Ok(())
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        // Closed already is as good.
        let _ = self.close();
    }
}

impl CreateOptions {
    fn capacity(&self, devices: u32) -> Result<u32> {
        let capacity = match self.queue_capacity {
            0 => VDI_QUEUE_CAPACITY,
            capacity => capacity,
        };
        let fits = capacity <= MAX_SLOTS / devices;
        if !capacity.is_power_of_two() || capacity < VDI_QUEUE_CAPACITY || !fits {
            return Err(invalid(format!(
                "queueCapacity is {capacity}, not a power of two from {VDI_QUEUE_CAPACITY} up \
                 with at most {MAX_SLOTS} for all devices together"
            )));
        }
        Ok(capacity)
    }

    fn name_wait_ms(&self) -> Result<u32> {
        let wait = self.name_wait.unwrap_or(Duration::from_secs(30));
        if wait > Duration::from_secs(3600) {
            return Err(invalid("nameWait is more than an hour"));
        }
        Ok(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX))
    }
}

impl Inner {
    pub(super) fn new(control: Control, name: Name, requested: Configuration, id: u32) -> Self {
        let devices = vec![None; control.geometry().devices as usize];
        Self {
            participant: Participant::new(control),
            name,
            requested,
            decided: OnceCell::new(),
            areas: Areas::default(),
            id,
            devices: Mutex::new(devices),
        }
    }

    /// The state that this process sees. [ST-01, ST-40]
    pub(super) fn state(&self) -> ClientState {
        match self.participant.phase() {
            Phase::Created | Phase::Connected | Phase::Configurable => ClientState::Configurable,
            Phase::Configured if self.opened_devices().is_empty() => ClientState::Initializing,
            Phase::Configured => ClientState::Active,
            Phase::Terminated => ClientState::Terminated,
            Phase::Aborted => ClientState::Abort,
        }
    }

    fn check(&self, call: ClientCall) -> Result<()> {
        self.participant.check_open()?;
        state::client(call, self.state())
    }

    /// The server's decision, checked once. [SEC-07]
    fn decided(&self) -> Result<Configuration> {
        let decided = self.decided.get_or_try_init(|| {
            let header = self.participant.control().header();
            let decided = Configuration::from_words(control::read_config(&header.decided));
            if decided.plausible_for(&self.requested) {
                return Ok(decided);
            }
            self.participant.corrupted("the configuration of the set");
            Err(state::aborted())
        })?;
        Ok(*decided)
    }

    /// One look at the names: the device, a refusal, or `None` while the name may be announced.
    fn find_device(&self, name: &Name) -> Option<Result<usize>> {
        if let Err(error) = state::client(ClientCall::OpenDevice, self.state()) {
            return Some(Err(error));
        }
        let count = self.participant.device_count();
        if (0..count).all(|index| self.owner(index) != 0) {
            return Some(Err(Error::new(
                ErrorKind::Open,
                format!("all {count} devices of the set have been opened"),
            )));
        }
        let mut unknown = false;
        for index in 0..count {
            let header = self.participant.control().device(index).header();
            match control::read_text(&header.name) {
                known if known == name.as_bytes() => return Some(Ok(index)),
                known => unknown |= known.is_empty(),
            }
        }
        (!unknown).then(|| Err(unknown_name(name)))
    }

    /// The participant that opened a device, 0 for none.
    fn owner(&self, index: usize) -> u32 {
        let header = self.participant.control().device(index).header();
        header.owner.0.load(Ordering::Acquire)
    }

    /// Takes a device for this process. [CSET-OPENDEV-10]
    fn claim(&self, index: usize, name: &Name) -> Result<()> {
        let owner = &self.participant.control().device(index).header().owner.0;
        let claimed = owner.compare_exchange(0, self.id, Ordering::AcqRel, Ordering::Acquire);
        claimed.map(drop).map_err(|_| {
            Error::new(
                ErrorKind::Protocol,
                format!("device {name} is open already"),
            )
        })
    }

    fn add_device(self: &Arc<Self>, index: usize) -> Arc<DeviceState> {
        let device = Arc::new(DeviceState::new(Arc::clone(self), index));
        if let Some(place) = lock(&self.devices).get_mut(index) {
            *place = Some(Arc::clone(&device));
        }
        device
    }

    fn opened_devices(&self) -> Vec<Arc<DeviceState>> {
        lock(&self.devices).iter().flatten().cloned().collect()
    }

    /// Adds an area that has arrived, and wakes whoever waits for it.
    pub(super) fn add_area(&self, area: Arc<crate::shm::area::Area>) -> Result<()> {
        self.areas.add(area)?;
        self.participant.alarm();
        Ok(())
    }

    /// The buffer at a place that a peer named; waits for an area that is still on its way.
    fn buffer_at(&self, meaning: handles::Meaning) -> Result<Buffer> {
        let bell = self.participant.set_bell();
        let deadline = participant::deadline(Some(Duration::from_secs(10)));
        let area = bell.wait(&Patience::default(), deadline, || {
            self.areas.get(meaning.place.area)
        });
        area.and_then(|area| device::buffer(self, area, meaning))
            .ok_or_else(|| invalid("handle means no buffer of this set"))
    }

    /// Devices that count as open for this process's Close: opened by it (for the primary, by any
    /// client) and not closed by the server. [AMB-04]
    fn open_devices(&self) -> usize {
        if self.participant.is_aborted() {
            return 0;
        }
        (0..self.participant.device_count())
            .filter(|&index| {
                let owner = self.owner(index);
                let mine = owner == self.id || (self.id == PRIMARY && owner != 0);
                mine && self.participant.server_device(index) != Some(ServerDevice::Closed)
            })
            .count()
    }

    /// Whether closing must end the set for a server that is attached and has not closed all its
    /// devices. [CSET-CLOSE-08, CSET-CLOSE-06]
    fn must_abort_at_close(&self) -> bool {
        let attached = matches!(
            self.participant.phase(),
            Phase::Connected | Phase::Configurable | Phase::Configured
        );
        self.id == PRIMARY && attached && !self.participant.all_devices_closed()
    }
}

fn unknown_name(name: &Name) -> Error {
    invalid(format!("name {name} is not that of a device of the set"))
}

fn invalid(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, text.into())
}
