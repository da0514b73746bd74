//! What the client's set, devices and link share: what this process knows and has of the set.

use super::areas::Areas;
use super::device_state::DeviceState;
use super::handles::Meaning;
use crate::error::{Error, ErrorKind, Result};
use crate::participant::join::PRIMARY;
use crate::participant::{self, AbortReason, Part, Participant, lock};
use crate::protocol::codes::VDI_ABORT_RESOURCES;
use crate::protocol::config::Configuration;
use crate::protocol::name::Name;
use crate::protocol::state::{self, ClientCall, ClientState, Phase};
use crate::queue::patience::Patience;
use crate::shm::area::{Area, Buffer};
use crate::shm::control::{self, Control};
use crate::sync::{AtomicBool, AtomicU32, Mutex, OnceCell, Ordering};
use std::sync::Arc;
use std::time::Duration;

/// The connection to the other participants; dropping it leaves the set.
pub(super) trait Link: Send {}

/// What the set, its devices and its link share.
pub(super) struct Inner {
    pub(super) participant: Arc<Participant>,
    pub(super) name: Name,
    pub(super) requested: Configuration,
    decided: OnceCell<Configuration>,
    pub(super) areas: Areas,
    /// This process's number in the set: 1 is the primary.
    id: u32,
    /// Secondaries that ended while devices of theirs were open; counted by the primary.
    pub(super) lost_secondaries: AtomicU32,
    /// Whether the process has hung up through which everything comes: commands, areas and the end.
    /// For the primary that is the server, for a secondary the primary.
    alone: AtomicBool,
    /// The devices that this process opened, by number.
    pub(super) devices: Mutex<Vec<Option<Arc<DeviceState>>>>,
}

/// How long an area that a handle speaks of may be on its way: no time at all for the fuzzer, whose
/// peers promise areas that never come, and for ever in the unit tests, where a limit would hide a
/// wait in vain.
const ARRIVAL: Duration = if cfg!(test) {
    Duration::MAX
} else if cfg!(fuzzing) {
    Duration::ZERO
} else {
    Duration::from_secs(10)
};

impl Inner {
    pub(super) fn new(control: Control, name: Name, requested: Configuration, id: u32) -> Self {
        let devices = vec![None; control.geometry().devices as usize];
        let part = match id {
            PRIMARY => Part::Primary,
            _ => Part::Secondary,
        };
        Self {
            participant: Arc::new(Participant::new(control, part)),
            name,
            requested,
            decided: OnceCell::new(),
            areas: Areas::default(),
            id,
            lost_secondaries: AtomicU32::new(0),
            alone: AtomicBool::new(false),
            devices: Mutex::new(devices),
        }
    }

    /// The state that this process sees. [ST-01, ST-40]
    pub(super) fn state(&self) -> ClientState {
        match self.participant.phase() {
            Phase::Created | Phase::Connected | Phase::Configurable => ClientState::Configurable,
            Phase::Configured if self.has_no_device() => ClientState::Initializing,
            Phase::Configured => ClientState::Active,
            Phase::Terminated => ClientState::Terminated,
            Phase::Aborted => ClientState::Abort,
        }
    }

    /// Whether nothing new can come any more. A wait that asks for it before it looks, and finds
    /// nothing, would never end: the shared memory that says otherwise is wrong. [SEC-07]
    pub(super) fn is_alone(&self) -> bool {
        self.alone.load(Ordering::Acquire)
    }

    /// Notes that nothing new can come any more.
    pub(super) fn now_alone(&self) {
        self.alone.store(true, Ordering::Release);
        self.participant.alarm();
    }

    /// The server has hung up: it has closed the set, has died, or has given up before it was
    /// attached. Whether it was is known here if a phase behind it has been seen. [CRASH-01, NT-04]
    pub(super) fn server_left(&self) {
        let phase = self.participant.phase();
        let has_begun = self.decided.get().is_some() || !self.has_no_device();
        if phase == Phase::Created && !has_begun {
            return;
        }
        if phase.is_served() || phase == Phase::Created {
            self.participant.server_died();
        }
        self.now_alone();
    }

    pub(super) fn abort_reason(&self) -> Result<Option<AbortReason>> {
        self.participant.check_open()?;
        Ok(self.participant.abort_reason())
    }

    pub(super) fn check(&self, call: ClientCall) -> Result<()> {
        self.participant.check_open()?;
        state::client(call, self.state())
    }

    /// The server's decision, checked once. [SEC-07]
    pub(super) fn decided(&self) -> Result<Configuration> {
        let decided = self.decided.get_or_try_init(|| {
            let header = self.participant.control().header();
            let decided = Configuration::from_words(control::read_config(&header.decided));
            if decided.plausible_for(&self.requested) {
                return Ok(decided);
            }
            Err(self.participant.corrupted("the configuration of the set"))
        })?;
        Ok(*decided)
    }

    /// Refuses OpenDevice for what no name can change: the state, and that all devices have been
    /// opened. [AMB-03]
    pub(super) fn check_open_device(&self) -> Result<()> {
        self.check(ClientCall::OpenDevice)?;
        let count = self.participant.device_count();
        if (0..count).all(|index| self.owner(index) != 0) {
            return Err(Error::new(
                ErrorKind::Open,
                format!("all {count} devices of the set have been opened"),
            ));
        }
        Ok(())
    }

    /// One look at the names: the device, a refusal, or `None` while the name may be announced.
    pub(super) fn find_device(&self, name: &Name) -> Option<Result<usize>> {
        // Read before the state: a server that leaves too early has aborted before.
        let alone = self.is_alone();
        if let Err(error) = self.check_open_device() {
            return Some(Err(error));
        }
        let mut unknown = false;
        for index in 0..self.participant.device_count() {
            let header = self.participant.control().device(index).header();
            match control::read_text(&header.name) {
                known if known == name.as_bytes() => return Some(Ok(index)),
                known => unknown |= known.is_empty(),
            }
        }
        (!unknown || alone).then(|| Err(unknown_name(name)))
    }

    /// The participant that opened a device, 0 for none.
    fn owner(&self, index: usize) -> u32 {
        let header = self.participant.control().device(index).header();
        header.owner.0.load(Ordering::Acquire)
    }

    /// Takes a device for this process. [CSET-OPENDEV-10]
    pub(super) fn take_device(
        self: &Arc<Self>,
        index: usize,
        name: &Name,
    ) -> Result<Arc<DeviceState>> {
        let mut devices = lock(&self.devices);
        // Under the lock: a close counts and clears the devices after this, or refuses this.
        self.participant.check_open()?;
        // First: a device that is taken cannot be given back.
        let device = Arc::new(DeviceState::new(Arc::clone(self), index)?);
        let owner = &self.participant.control().device(index).header().owner.0;
        let taken = owner.compare_exchange(0, self.id, Ordering::AcqRel, Ordering::Acquire);
        if taken.is_err() {
            drop(devices);
            // Somebody may just have taken it, and it may have been the last. [AMB-03]
            self.check_open_device()?;
            let text = format!("device {name} is open already");
            return Err(Error::new(ErrorKind::Protocol, text));
        }
        if let Some(place) = devices.get_mut(index) {
            *place = Some(Arc::clone(&device));
        }
        Ok(device)
    }

    fn has_no_device(&self) -> bool {
        lock(&self.devices).iter().all(Option::is_none)
    }

    pub(super) fn opened_devices(&self) -> Vec<Arc<DeviceState>> {
        lock(&self.devices).iter().flatten().cloned().collect()
    }

    /// Ends the set because this process cannot have a buffer area, or can no longer speak with the
    /// process that sends them.
    pub(super) fn lacks(&self, error: &Error) {
        self.areas.lose(error);
        self.participant.abort(VDI_ABORT_RESOURCES, error.text());
    }

    /// Adds an area that has arrived, and wakes whoever waits for it. Not refused during a close,
    /// which takes no area away: they go with the set itself. The close ends the watch, whose thread
    /// this is, before it returns.
    pub(super) fn add_area(&self, area: Arc<Area>) -> Result<()> {
        self.areas.add(area)?;
        self.participant.alarm();
        Ok(())
    }

    /// The buffer at a place that a peer named; waits for an area that is still on its way.
    pub(super) fn buffer_at(&self, meaning: Meaning) -> Result<Buffer> {
        let unknown = || invalid("handle means no buffer of this set");
        let arrived = || {
            let alone = self.is_alone();
            match self.areas.get(meaning.place.area) {
                Some(area) => Some(self.buffer(area, meaning).ok_or_else(unknown)),
                None => match self.areas.lost() {
                    None => alone.then(|| Err(unknown())),
                    lost => lost.map(Err),
                },
            }
        };
        let bell = self.participant.set_bell();
        let deadline = participant::deadline(Some(ARRIVAL));
        // An abort does not end it: what is on its way still arrives. [AMB-06]
        let wait =
            self.participant
                .wait_through_abort(bell, &Patience::default(), deadline, arrived);
        wait.map_err(|error| match error.kind() {
            ErrorKind::Timeout => unknown(),
            _ => error,
        })
    }

    /// The buffer at a place in an area that a peer named, if it is one. [SEC-07]
    pub(super) fn buffer(&self, area: Arc<Area>, meaning: Meaning) -> Option<Buffer> {
        let alignment = u64::from(self.decided().ok()?.alignment);
        if meaning.place.offset % alignment != 0 || i32::try_from(meaning.size).is_err() {
            return None;
        }
        let prefix = self.requested.prefix_zone_size.into();
        Buffer::new(area, meaning.place.offset, meaning.size.into(), prefix)
    }

    /// Devices that count as open for this process's Close: opened by it (for the primary, by any
    /// client) and not closed by the server, or with commands that are not completed. [AMB-04]
    pub(super) fn open_devices(&self) -> usize {
        if self.participant.is_aborted() {
            return 0;
        }
        let mine = |owner| owner == self.id || (self.id == PRIMARY && owner != 0);
        self.count_open(mine)
    }

    /// Unfinished devices whose owner is one of those asked for.
    fn count_open(&self, is_asked_for: impl Fn(u32) -> bool) -> usize {
        (0..self.participant.device_count())
            .filter(|&index| is_asked_for(self.owner(index)) && !self.participant.is_done(index))
            .count()
    }

    /// A secondary has ended. It is lost if it leaves devices behind. [CRASH-03, AMB-46]
    pub(super) fn note_lost_secondary(&self, number: u32) {
        if self.count_open(|owner| owner == number) > 0 {
            self.lost_secondaries.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Whether closing must end the set for a server that is attached and has not closed all its
    /// devices. [CSET-CLOSE-08, CSET-CLOSE-06]
    pub(super) fn must_abort_at_close(&self) -> bool {
        self.id == PRIMARY
            && self.participant.phase().is_served()
            && !self.participant.all_devices_closed()
    }
}

/// The error for a name that is not one of the set's.
pub(super) fn unknown_name(name: &Name) -> Error {
    invalid(format!("name {name} is not that of a device of the set"))
}

/// The error for a parameter.
pub(super) fn invalid(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, text.into())
}

#[cfg(test)]
#[path = "inner_tests.rs"]
mod tests;
