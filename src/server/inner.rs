//! What the server's set, devices, agent and link share: how far the server has come.

use super::agent::Agent;
use super::device::{DeviceState, Request};
use super::pool::{BufferRequest, Layout, Pool};
use crate::error::{Error, ErrorKind, Result};
use crate::participant::{Participant, lock};
use crate::protocol::command::{Place, moves_data};
use crate::protocol::config::Configuration;
use crate::protocol::name::Name;
use crate::protocol::state::{self, Phase, ServerCall, ServerState};
use crate::shm::area::Area;
use crate::sync::{AtomicBool, AtomicUsize, Mutex, MutexGuard, Ordering};
use std::sync::Arc;
use std::time::Instant;

pub(super) struct Inner {
    pub(super) participant: Arc<Participant>,
    pub(super) requested: Configuration,
    pub(super) progress: Mutex<Progress>,
    pub(super) pool: Mutex<Pool>,
    pub(super) agent: Agent,
    /// Kept only if the client may not be silent for ever. [AMB-38]
    debt: Mutex<Debt>,
    /// Devices that the server has opened and closed, for those who do not have the lock.
    opened: AtomicUsize,
    closed: AtomicUsize,
    /// Whether the primary has left after the last device was closed.
    left: AtomicBool,
}

/// What the client owes.
struct Debt {
    /// Commands that were sent and have not ended, on all devices.
    outstanding: usize,
    /// The last completion, or the first command after a time without any.
    since: Instant,
}

/// How far the server has come.
pub(super) struct Progress {
    pub(super) stage: Stage,
    pub(super) config: Configuration,
    pub(super) requests: Vec<BufferRequest>,
    pub(super) devices: Vec<(Name, Arc<DeviceState>)>,
    agent_ran: bool,
}

/// The server's own view of the phase, which no peer can change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Connected,
    Configurable,
    Configured,
    Terminated,
}

impl Inner {
    pub(super) fn new(participant: Arc<Participant>, requested: Configuration) -> Self {
        Self {
            participant,
            requested,
            progress: Mutex::new(Progress {
                stage: Stage::Connected,
                config: requested,
                requests: Vec::new(),
                devices: Vec::new(),
                agent_ran: false,
            }),
            pool: Mutex::default(),
            agent: Agent::default(),
            debt: Mutex::new(Debt {
                outstanding: 0,
                since: Instant::now(),
            }),
            opened: AtomicUsize::new(0),
            closed: AtomicUsize::new(0),
            left: AtomicBool::new(false),
        }
    }

    /// The state of the set as the server sees it. [ST-40]
    pub(super) fn state(&self) -> ServerState {
        self.state_of(&lock(&self.progress))
    }

    fn state_of(&self, progress: &Progress) -> ServerState {
        if self.participant.is_aborted() {
            return ServerState::Abort;
        }
        match progress.stage {
            Stage::Connected => ServerState::Connected,
            Stage::Configurable => ServerState::Configurable,
            Stage::Configured if progress.devices.is_empty() && !progress.agent_ran => {
                ServerState::Initializing
            }
            Stage::Configured => ServerState::Active,
            Stage::Terminated => ServerState::Terminated,
        }
    }

    /// Refuses a call that the state does not allow.
    pub(super) fn check(&self, call: ServerCall) -> Result<()> {
        self.checked(call).map(drop)
    }

    /// As [`Inner::check`]; the state then stays until the guard is dropped.
    pub(super) fn checked(&self, call: ServerCall) -> Result<MutexGuard<'_, Progress>> {
        let progress = lock(&self.progress);
        // Under the lock: what a call adds after this is cleared by a close after it.
        self.participant.check_open()?;
        state::server(call, self.state_of(&progress))?;
        Ok(progress)
    }

    /// As [`Inner::checked`], for OpenDevice: there is a device that is not open.
    pub(super) fn checked_for_device(&self) -> Result<MutexGuard<'_, Progress>> {
        let progress = self.checked(ServerCall::OpenDevice)?;
        let opened = progress.devices.len();
        if opened >= self.participant.device_count() {
            let text = format!("all {opened} devices of the set have been opened");
            return Err(Error::new(ErrorKind::Open, text));
        }
        Ok(progress)
    }

    /// Adds the devices that are not in the list yet, in the order of opening.
    pub(super) fn add_devices_to(&self, list: &mut Vec<Arc<DeviceState>>) {
        let progress = lock(&self.progress);
        let new = progress.devices.iter().skip(list.len());
        list.extend(new.map(|(_, device)| Arc::clone(device)));
    }

    /// Lends the buffer of a request to the client. `Some(None)` if it has none and needs none:
    /// for a command that moves no data, an address that is no buffer means nothing. [CMD-04]
    pub(super) fn lend(&self, request: &Request) -> Option<Option<Place>> {
        let moves_data = moves_data(request.code);
        if request.address == 0 {
            return (!moves_data).then_some(None);
        }
        let size = if moves_data { request.size } else { 0 };
        match lock(&self.pool).lend(request.address, size) {
            Some((area, offset)) => Some(Some(Place { area, offset })),
            None => (!moves_data).then_some(None),
        }
    }

    /// The account of how long the client is silent, if somebody asks for it. [TMO-10]
    fn debt(&self) -> Option<MutexGuard<'_, Debt>> {
        (self.requested.server_timeout_ms != 0).then(|| lock(&self.debt))
    }

    /// A command is about to be sent.
    pub(super) fn command_sent(&self) {
        if let Some(mut debt) = self.debt() {
            if debt.outstanding == 0 {
                debt.since = Instant::now();
            }
            debt.outstanding += 1;
        }
    }

    /// A command has ended; its buffer is the server's again.
    pub(super) fn command_ended(&self, address: usize) {
        if address != 0 {
            lock(&self.pool).take_back(address);
        }
        if let Some(mut debt) = self.debt() {
            debt.outstanding -= 1;
            debt.since = Instant::now();
        }
    }

    /// Since when the client owes a completion; `None` if it owes none, or may owe it for ever.
    /// [TMO-12]
    pub(super) fn silent_since(&self) -> Option<Instant> {
        let debt = self.debt()?;
        (debt.outstanding > 0).then_some(debt.since)
    }

    /// Whether the commands that are outstanding are about to be ended by the agent.
    pub(super) fn is_ending(&self) -> bool {
        // The first alone touches nothing that another thread of the parent may have locked.
        self.participant.is_foreign()
            || self.agent.closing.load(Ordering::Acquire)
            || self.participant.is_aborted()
    }

    /// Adds a device that the server opens.
    pub(super) fn add_device(
        self: &Arc<Self>,
        progress: &mut Progress,
        name: Name,
    ) -> Result<Arc<DeviceState>> {
        let index = progress.devices.len();
        let device = Arc::new(DeviceState::new(Arc::clone(self), index)?);
        progress.devices.push((name, Arc::clone(&device)));
        self.opened.store(index + 1, Ordering::Release);
        Ok(device)
    }

    /// Whether the server has opened more devices than that.
    pub(super) fn has_more_devices_than(&self, known: usize) -> bool {
        self.opened.load(Ordering::Acquire) > known
    }

    /// One more device is being closed; whether it is the last one.
    pub(super) fn device_closes(&self) -> bool {
        self.closed.fetch_add(1, Ordering::AcqRel) + 1 == self.participant.device_count()
    }

    /// Whether the server has closed every device.
    fn has_closed_all(&self) -> bool {
        self.closed.load(Ordering::Acquire) == self.participant.device_count()
    }

    /// Ends the set normally if all devices are closed and nothing is outstanding; whether it has
    /// ended. [NT-03, SDEV-CLOSE-06]
    pub(super) fn try_terminate(&self) -> bool {
        self.has_closed_all() && self.terminate(&mut lock(&self.progress))
    }

    fn terminate(&self, progress: &mut Progress) -> bool {
        let done = progress.stage == Stage::Configured
            && !self.agent.closing.load(Ordering::Acquire)
            && self.has_closed_all()
            && progress.devices.iter().all(|(_, device)| device.is_idle());
        if done
            && self
                .participant
                .advance(Phase::Configured, Phase::Terminated)
        {
            progress.stage = Stage::Terminated;
        }
        progress.stage == Stage::Terminated
    }

    /// Notes that a thread is or was the agent; whether it is the first.
    pub(super) fn agent_runs(&self) -> bool {
        !std::mem::replace(&mut lock(&self.progress).agent_ran, true)
    }

    /// Ends every outstanding command of every device. [ABT-08] Nothing is outstanding in a forked
    /// child, which may come here out of a callback.
    pub(super) fn end_all(&self) {
        if self.participant.is_foreign() {
            return;
        }
        let mut devices = Vec::new();
        self.add_devices_to(&mut devices);
        for device in devices {
            device.end_all();
            if self.participant.is_foreign() {
                return;
            }
        }
        // Not before: other threads may still open devices and allocate buffers.
        if self.participant.check_open().is_err() {
            // The devices hold the set, and the set holds the devices.
            lock(&self.progress).devices.clear();
            // Now, not when the last thread has left the set. [SSET-CLOSE-02]
            *lock(&self.pool) = Pool::default();
        }
    }

    /// Makes the buffers of a new area available, unless the set has been closed meanwhile.
    pub(super) fn add_area(&self, area: Area, layout: &Layout) -> Result<()> {
        let mut pool = lock(&self.pool);
        // Under the lock: a close empties the pool after this, or refuses this.
        self.participant.check_open()?;
        pool.add(area, layout);
        Ok(())
    }

    /// Devices that were opened and not closed; none counts after an abort. [SSET-CLOSE-02]
    pub(super) fn open_devices(&self) -> usize {
        if self.participant.is_aborted() {
            return 0;
        }
        let progress = lock(&self.progress);
        let closed = self.closed.load(Ordering::Acquire);
        progress.devices.len().saturating_sub(closed)
    }

    /// From now on a running agent ends everything and leaves, and nothing ends the set normally.
    /// Whether it has no ending, so that the close must abort. [AMB-40]
    pub(super) fn begin_close(&self) -> bool {
        let mut progress = lock(&self.progress);
        // The agent may have taken the last completion and not come here yet.
        self.terminate(&mut progress);
        self.agent.closing.store(true, Ordering::Release);
        !self.state_of(&progress).has_ended()
    }

    /// The primary has closed the set or died. That is an abort, unless all devices are closed:
    /// then what it completed before it left still counts. [CRASH-02, CSET-CLOSE-06]
    pub(super) fn primary_gone(&self) {
        if !self.state().has_ended() {
            self.left.store(true, Ordering::Release);
            if !self.has_closed_all() {
                self.participant.primary_left();
            }
            self.nudge();
        }
    }

    /// Whether the primary has left.
    pub(super) fn primary_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }
}
