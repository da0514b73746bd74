//! The server's device set.

use super::device::Device;
use super::host::{self, HostWatch};
use super::inner::{Inner, Stage};
use super::pool::{BufferRequest, Layout, check_buffer};
use super::primary::{OpenOptions, Primary};
use crate::error::{Error, ErrorKind, Result};
use crate::link::watcher::{Watch, Watched};
use crate::link::witness::{self, Vigil};
use crate::participant::join::{self, Host};
use crate::participant::{AbortReason, Part, Participant, lock};
use crate::protocol::codes::{VDI_ABORT_SERVER, VDI_ABORT_SERVER_CLOSED};
use crate::protocol::config::{Configuration, ServerParameters};
use crate::protocol::message::Role;
use crate::protocol::name::{Instance, Name};
use crate::protocol::state::{self, Phase, ServerCall, ServerDevice};
use crate::shm::area::{Area, Buffer};
use crate::shm::control;
use crate::sync::{Mutex, Ordering};
use std::process;
use std::sync::Arc;

/// A device set, as the server has it open.
///
/// May be used from any thread. Dropping it closes it.
pub struct Set {
    inner: Arc<Inner>,
    link: Mutex<Option<Link>>,
    /// Held by the calls that decide about buffer memory, one after another, while other calls go
    /// on.
    memory: Mutex<()>,
}

/// The connection to the primary.
pub(super) struct Link {
    watch: Watch,
    vigil: Vigil,
    host: Arc<Host>,
}

impl Set {
    /// Attaches the server to the set that a client of its own user, or of root, created.
    /// [SSET-OPEN-01]
    ///
    /// # Errors
    ///
    /// As [`Set::open_from`].
    pub fn open(instance: &Instance, name: &Name) -> Result<Self> {
        Self::open_from(instance, name, &OpenOptions::default())
    }

    /// As [`Set::open`], also for sets of other users.
    ///
    /// # Errors
    ///
    /// `Invalid` if there is no such set for this server, `Busy` if another server has it, `Abort`,
    /// `Security`, `Memory` or `Unexpected` from the operating system.
    pub fn open_from(instance: &Instance, name: &Name, options: &OpenOptions) -> Result<Self> {
        let from = Some(options.access());
        let place = join::join(Role::Server, instance, name, ErrorKind::Invalid, from)?;
        let requested = control::read_config(&place.control.header().requested);
        let requested = Configuration::from_words(requested);
        // Lenient, because only the creator knows which mode it asked for.
        let requested = requested.requested(true).map_err(|error| {
            let text = format!("the configuration of the client is refused: {error}");
            Error::new(ErrorKind::Unexpected, text)
        })?;
        if requested.device_count != place.control.geometry().devices {
            let text = "the configuration of the client does not match its control segment";
            return Err(Error::new(ErrorKind::Unexpected, text));
        }
        let participant = Arc::new(Participant::new(place.control, Part::Server));
        let vigil = witness::attend(Arc::clone(&participant) as _)?;
        let inner = Arc::new(Inner::new(participant, requested));
        let host = Arc::new(place.host);
        let watched: Arc<dyn Watched> = Arc::new(HostWatch {
            set: Arc::clone(&inner),
            host: Arc::clone(&host),
        });
        let link = Link {
            watch: join::watch(watched, &host.channel)?,
            vigil,
            host,
        };
        let set = Self::new(inner, Some(link));
        let participant = &set.inner.participant;
        // Only now is the server attached: a call that fails before has changed nothing.
        if !participant.advance(Phase::Created, Phase::Connected) {
            // Closing the set also removes what the primary leaves that has just died.
            return Err(state::aborted());
        }
        participant.show_life();
        Ok(set)
    }

    pub(super) fn new(inner: Arc<Inner>, link: Option<Link>) -> Self {
        Self {
            inner,
            link: Mutex::new(link),
            memory: Mutex::new(()),
        }
    }

    /// Who created the set.
    ///
    /// # Errors
    ///
    /// `Protocol` if the set is not open.
    pub fn primary(&self) -> Result<Primary> {
        self.inner.participant.check_open()?;
        let link = lock(&self.link);
        let channel = &link.as_ref().ok_or_else(state::not_open)?.host.channel;
        Ok(Primary {
            uid: channel.peer_uid(),
            gid: channel.peer_gid(),
            pid: channel.peer_pid(),
        })
    }

    /// The configuration as it stands. [SSET-GETCFG-01, AMB-12]
    ///
    /// # Errors
    ///
    /// `Abort`, or `Protocol` if the set is not open.
    pub fn configuration(&self) -> Result<Configuration> {
        self.inner.check(ServerCall::GetConfiguration)?;
        Ok(lock(&self.inner.progress).config)
    }

    /// Starts the configuration. [SSET-BEGIN-01]
    ///
    /// # Errors
    ///
    /// `NotSupported` for a value out of its rule, `Protocol` in any other state, `Abort`.
    pub fn begin_configuration(&self, parameters: &ServerParameters) -> Result<()> {
        let mut progress = self.inner.checked(ServerCall::BeginConfiguration)?;
        let config = self.inner.requested.merged(parameters)?;
        if !self
            .inner
            .participant
            .advance(Phase::Connected, Phase::Configurable)
        {
            return Err(state::aborted());
        }
        progress.config = config;
        progress.stage = Stage::Configurable;
        Ok(())
    }

    /// Declares that buffers will be needed. [SSET-REQBUF-01]
    ///
    /// # Errors
    ///
    /// `Invalid` for a bad size, alignment or count, `Memory`, `Protocol`, `Abort`.
    pub fn request_buffers(&self, size: u32, alignment: u32, count: u32) -> Result<()> {
        let _memory = lock(&self.memory);
        let mut progress = self.inner.checked(ServerCall::RequestBuffers)?;
        if count == 0 {
            return Err(Error::new(ErrorKind::Invalid, "count is 0"));
        }
        let alignment = check_buffer(size, alignment, &progress.config)?;
        let request = BufferRequest {
            size,
            alignment,
            count,
        };
        if progress.stage == Stage::Configurable {
            progress.requests.push(request);
            let sum = Layout::new(&progress.requests, progress.config.prefix_zone_size);
            return sum.map(drop).inspect_err(|_| {
                progress.requests.pop();
            });
        }
        let prefix = progress.config.prefix_zone_size;
        drop(progress);
        self.add_area(&[request], prefix)?;
        Ok(())
    }

    /// How many more buffers of a kind can be allocated. [AMB-22]
    ///
    /// # Errors
    ///
    /// `Invalid` for a bad size or alignment, `Protocol`, `Abort`.
    pub fn query_available_buffers(&self, size: u32, alignment: u32) -> Result<u32> {
        let progress = self.inner.checked(ServerCall::QueryAvailableBuffers)?;
        let alignment = check_buffer(size, alignment, &progress.config)?;
        if progress.stage == Stage::Configurable {
            let fitting = progress
                .requests
                .iter()
                .filter(|request| request.size >= size && request.alignment >= alignment);
            return Ok(fitting.fold(0, |sum, request| sum.saturating_add(request.count)));
        }
        Ok(lock(&self.inner.pool).available(size, alignment))
    }

    /// Ends the configuration. [SSET-END-01]
    ///
    /// # Errors
    ///
    /// `Memory`: the requests so far are forgotten; `Protocol`, `Abort`, `Unexpected`.
    pub fn end_configuration(&self) -> Result<()> {
        let _memory = lock(&self.memory);
        let (requests, prefix) = {
            let progress = self.inner.checked(ServerCall::EndConfiguration)?;
            (progress.requests.clone(), progress.config.prefix_zone_size)
        };
        let size = self.add_area(&requests, prefix).inspect_err(|error| {
            if error.kind() == ErrorKind::Memory {
                lock(&self.inner.progress).requests.clear();
            }
        })?;
        let mut progress = self.inner.checked(ServerCall::EndConfiguration)?;
        progress.config = progress.config.with_area(size);
        let participant = &self.inner.participant;
        let words = progress.config.to_words();
        control::write_config(&participant.control().header().decided, words);
        progress.stage = Stage::Configured;
        if !participant.advance(Phase::Configurable, Phase::Configured) {
            return Err(state::aborted());
        }
        Ok(())
    }

    /// Makes an area for some requests and shows it to the clients; returns its size.
    fn add_area(&self, requests: &[BufferRequest], prefix: u32) -> Result<u64> {
        let layout = Layout::new(requests, prefix)?;
        if layout.size == 0 {
            return Ok(0);
        }
        let number = lock(&self.inner.pool).next_area();
        let (area, memory) = Area::create(number, layout.size)?;
        lock(&self.inner.pool).reserve(&layout)?;
        let link = lock(&self.link);
        let link = link.as_ref().ok_or_else(state::not_open)?;
        host::send_area(&link.host.channel, &area, &memory)?;
        self.inner.add_area(area, &layout)?;
        Ok(layout.size)
    }

    /// Lends the calling thread to the set as its completion agent. [SSET-AGENT-01, AMB-08]
    ///
    /// # Errors
    ///
    /// `Abort` after every callback was called, `Busy`, `Protocol`.
    pub fn execute_completion_agent(&self) -> Result<()> {
        // The set may be closed from inside a callback: this keeps it alive until the agent leaves.
        let inner = Arc::clone(&self.inner);
        inner.run_agent()
    }

    /// Opens the next device and announces its name. [SSET-OPENDEV-01]
    ///
    /// # Errors
    ///
    /// `Open` if all are open, `Invalid` for a wrong or repeated name, `Protocol`, `Abort`.
    pub fn open_device(&self, name: &Name) -> Result<Device> {
        let mut progress = self.inner.checked_for_device()?;
        let index = progress.devices.len();
        let header = self.inner.participant.control().device(index).header();
        let invalid = |text| Err(Error::new(ErrorKind::Invalid, text));
        if index == 0 && control::read_text(&header.name) != name.as_bytes() {
            return invalid(format!("name {name} is not that of the set"));
        }
        if progress.devices.iter().any(|(other, _)| other == name) {
            return invalid(format!("name {name} is used already in this set"));
        }
        let device = self.inner.add_device(&mut progress, name.clone())?;
        control::write_text(&header.name, name.as_bytes());
        header
            .server
            .store(ServerDevice::Open as u32, Ordering::Release);
        self.inner.participant.set_bell().ring();
        Ok(Device::new(device))
    }

    /// The error that OpenDevice has before it looks at the name, if there is one.
    pub(crate) fn check_open_device(&self) -> Result<()> {
        self.inner.checked_for_device().map(drop)
    }

    /// Allocates a buffer. [SSET-ALLOC-01]
    ///
    /// # Errors
    ///
    /// `Memory` if none is left, `Invalid` for a bad size or alignment, `Protocol`, `Abort`.
    pub fn allocate_buffer(&self, size: u32, alignment: u32) -> Result<Buffer> {
        let progress = self.inner.checked(ServerCall::AllocateBuffer)?;
        let alignment = check_buffer(size, alignment, &progress.config)?;
        lock(&self.inner.pool).allocate(size, alignment)
    }

    /// Gives a buffer back. [SSET-FREE-01]
    ///
    /// # Errors
    ///
    /// `Invalid` if it is not an allocated, idle buffer of that size, `Protocol`.
    pub fn free_buffer(&self, address: usize, size: u32) -> Result<()> {
        // Held, so that a Close in another thread comes before or after.
        let _progress = self.inner.checked(ServerCall::FreeBuffer)?;
        lock(&self.inner.pool).free(address, size)
    }

    /// Whether an address belongs to an allocated buffer. [SSET-SHARED-01]
    #[must_use]
    pub fn is_shared_buffer(&self, address: usize) -> bool {
        self.inner.participant.check_open().is_ok() && lock(&self.inner.pool).is_allocated(address)
    }

    /// Aborts the set for every process. [SSET-ABORT-01]
    ///
    /// # Errors
    ///
    /// `Protocol` if the set is not open.
    pub fn signal_abort(&self, reason: &str) -> Result<()> {
        self.inner.check(ServerCall::SignalAbort)?;
        self.inner.participant.abort(VDI_ABORT_SERVER, reason);
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

    /// Detaches from the set. [SSET-CLOSE-01]
    ///
    /// Waits for a running agent to leave, unless it is called from inside a callback.
    ///
    /// # Errors
    ///
    /// `Protocol` if devices were open (everything is released all the same, and the set is
    /// aborted), or if the set was not open.
    pub fn close(&self) -> Result<()> {
        let inner = &*self.inner;
        inner.participant.check_open()?;
        inner.take_last_completions();
        if inner.participant.is_foreign() {
            // A callback has forked, and this is the child.
            return Err(state::not_open());
        }
        let still_open = inner.open_devices();
        let unfinished = inner.begin_close();
        if !inner.participant.close() {
            // A callback or another thread was quicker; what is outstanding ends all the same.
            inner.end_without_agent();
            return Err(state::not_open());
        }
        if unfinished {
            let text = format!("server process {} closed the set", process::id());
            inner.participant.abort(VDI_ABORT_SERVER_CLOSED, &text);
        }
        inner.end_without_agent();
        if inner.participant.is_foreign() {
            // A callback has forked, and this is the child.
            return Err(state::not_open());
        }
        // Ends the part of the background threads in this set.
        let link = lock(&self.link).take();
        if let Some(Link { watch, vigil, host }) = link {
            drop((watch, vigil));
            inner.participant.bury(&host);
        }
        if still_open > 0 {
            let text = format!("{still_open} devices were still open");
            return Err(Error::new(ErrorKind::Protocol, text));
        }
        Ok(())
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        // Closed already is as good.
        let _ = self.close();
        if self.inner.participant.is_foreign() {
            // The parent's connection, and locks that may have been held when it forked.
            std::mem::forget(self.link.get_mut().map(Option::take));
        }
    }
}

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;
