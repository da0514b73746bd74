//! The client's device set.

use super::device::Device;
use super::inner::{Inner, Link, invalid, unknown_name};
use super::{handles, primary, secondary};
use crate::error::{Error, ErrorKind, Result};
use crate::link::access::Access;
use crate::participant::join::PRIMARY;
use crate::participant::{self, AbortReason, PHASE, lock};
use crate::protocol::codes::{VDI_ABORT_CLIENT, VDI_ABORT_CLIENT_CLOSED, VDI_QUEUE_CAPACITY};
use crate::protocol::config::Configuration;
use crate::protocol::name::{Instance, Name};
use crate::protocol::state::{self, ClientCall};
use crate::queue::patience::Patience;
use crate::shm::area::Buffer;
use crate::shm::control::{self, Control};
use crate::shm::layout::{MAX_NAME_WAIT, MAX_SLOTS};
use crate::sync::{Mutex, Ordering};
use std::process;
use std::sync::Arc;
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
        inner.participant.show_life();
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

    pub(super) fn new(inner: Arc<Inner>, link: Box<dyn Link>) -> Self {
        Self {
            inner,
            link: Mutex::new(Some(link)),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.inner.name
    }

    /// Waits until the server has configured the set; `None` waits for ever. [CSET-GETCFG-01]
    ///
    /// # Errors
    ///
    /// `Timeout`, `Abort`, or `Protocol` if the set is not open.
    pub fn configuration(&self, timeout: Option<Duration>) -> Result<Configuration> {
        let inner = &*self.inner;
        let ready = || {
            let alone = inner.is_alone();
            match state::client_cell(ClientCall::GetConfiguration, inner.state()) {
                state::Cell::Wait if alone => Some(Err(inner.participant.corrupted(PHASE))),
                state::Cell::Wait => None,
                state::Cell::Go => Some(inner.decided()),
                state::Cell::No(_) => Some(Err(state::aborted())),
            }
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
        let state = inner.take_device(index, name)?;
        Ok(Device::new(state, name.clone()))
    }

    /// Commands of one device that may be in progress at a time.
    pub(crate) fn queue_capacity(&self) -> u32 {
        self.inner.participant.control().geometry().capacity
    }

    /// The error that OpenDevice has before it looks at the name, if there is one. [AMB-03]
    pub(crate) fn check_open_device(&self) -> Result<()> {
        self.inner.check_open_device()
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
        self.inner.abort_reason()
    }

    /// How many secondaries ended while devices of theirs were open. Nothing else happens then:
    /// the primary decides whether to abort. [CRASH-03, AMB-46, PROC-06]
    ///
    /// # Errors
    ///
    /// `Protocol` if the set is not open.
    pub fn lost_secondaries(&self) -> Result<u32> {
        self.inner.participant.check_open()?;
        Ok(self.inner.lost_secondaries.load(Ordering::Acquire))
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
        let mut devices = lock(&inner.devices);
        let still_open = inner.open_devices();
        let unfinished = inner.must_abort_at_close() || still_open > 0;
        // First, so that this process's own waits end as closed, and not as aborted.
        if !inner.participant.close() {
            return Err(state::not_open());
        }
        // The devices hold the set, and the set holds the devices.
        devices.clear();
        drop(devices);
        if unfinished {
            let text = format!("client process {} closed the set", process::id());
            inner.participant.abort(VDI_ABORT_CLIENT_CLOSED, &text);
        }
        // Ends the part of the background threads in this set before anything is released.
        let link = lock(&self.link).take();
        drop(link);
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
        if self.inner.participant.is_foreign() {
            // The parent's connections, and locks that may have been held when it forked.
            std::mem::forget(self.link.get_mut().map(Option::take));
        }
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
        if wait > Duration::from_millis(MAX_NAME_WAIT.into()) {
            return Err(invalid("nameWait is more than an hour"));
        }
        Ok(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::super::support::{configured, created, name};
    use super::*;
    use crate::protocol::codes::VDI_ABORT_INTERNAL;
    use std::sync::atomic::AtomicBool;

    /// A link that shows when it is dropped.
    struct Shown(Arc<AtomicBool>);

    impl Link for Shown {}

    impl Drop for Shown {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }

    fn linked(inner: &Arc<Inner>) -> (Set, Arc<AtomicBool>) {
        let left = Arc::new(AtomicBool::new(false));
        let link = Box::new(Shown(Arc::clone(&left)));
        (Set::new(Arc::clone(inner), link), left)
    }

    /// Without a server nothing is unfinished; with a device of it something is. [AMB-33]
    #[test]
    fn a_dropped_set_is_closed() {
        for with_device in [false, true] {
            let inner = if with_device { configured() } else { created() };
            let (set, left) = linked(&inner);
            if with_device {
                let device = set.open_device(&name()).unwrap();
                drop(device);
                assert_eq!(set.abort_reason().unwrap(), None);
            }
            drop(set);
            assert!(left.load(Ordering::Acquire));
            assert!(inner.participant.check_open().is_err());
            assert!(inner.devices.lock().unwrap().is_empty());
            let reason = inner.participant.abort_reason().map(|reason| reason.code);
            assert_eq!(reason, with_device.then_some(VDI_ABORT_CLIENT_CLOSED));
        }
    }

    #[test]
    fn a_panic_in_a_call_aborts_the_set() {
        let poison_set = |set: &Set| set.poison();
        let poison_device = |set: &Set| set.open_device(&name()).unwrap().poison();
        for poison in [poison_set, poison_device] {
            let (set, _) = linked(&configured());
            poison(&set);
            let reason = set.abort_reason().unwrap().unwrap();
            assert_eq!(reason.code, VDI_ABORT_INTERNAL);
        }
    }

    /// [AMB-16]
    #[test]
    fn a_late_name_is_waited_for_half_a_minute_unless_told_otherwise() {
        let wait = |name_wait| {
            let options = CreateOptions {
                name_wait,
                ..CreateOptions::default()
            };
            options.name_wait_ms().map_err(|error| error.kind())
        };
        let hour = Duration::from_secs(3600);
        assert_eq!(wait(None), Ok(30_000));
        assert_eq!(wait(Some(Duration::from_millis(1))), Ok(1));
        assert_eq!(wait(Some(hour)), Ok(3_600_000));
        let longer = hour + Duration::from_millis(1);
        assert_eq!(wait(Some(longer)), Err(ErrorKind::Invalid));
    }
}
