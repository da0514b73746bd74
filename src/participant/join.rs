//! How server and secondaries join a set: the handshake with the primary.

use crate::error::{Error, ErrorKind, Result};
use crate::link::access::Access;
use crate::link::address::Address;
use crate::link::channel::{Channel, Incoming, let_go};
use crate::link::received::Received;
use crate::link::rendezvous;
use crate::link::watcher::{self, Watch, Watched};
use crate::protocol::message::{Message, Role};
use crate::protocol::name::{Instance, Name};
use crate::shm::area::Area;
use crate::shm::control::Control;
use crate::sys::dir::effective_user;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

/// How long the primary's library may take to answer. It answers at once; only a stopped process
/// does not.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the memory of a dead process may take to be torn down.
const LAST_BREATH: Duration = Duration::from_secs(2);

/// Number of the primary among the participants; the others are numbered from the next one on.
pub(crate) const PRIMARY: u32 = 1;

/// A place in a set.
pub(crate) struct Place {
    pub(crate) control: Control,
    pub(crate) host: Host,
    /// This process's number among the participants.
    pub(crate) number: u32,
}

/// The primary, as the others know it.
pub(crate) struct Host {
    pub(crate) channel: Channel,
    pub(crate) address: Address,
}

impl Host {
    /// Removes what the primary left in the runtime directory, if it has died. [CRASH-06]
    ///
    /// The kernel tells of a death before the dead process's sockets are closed; `dying` says that
    /// it has told, and that waiting for the rest is worth it.
    pub(crate) fn bury(&self, dying: bool) {
        let limit = if dying { LAST_BREATH } else { Duration::ZERO };
        if !self.channel.wait_for_hang_up(limit) {
            return;
        }
        // The sockets of a dying process are closed one after another.
        for _ in 0..10 {
            if rendezvous::forget(&self.address) {
                return;
            }
            if self.channel.wait_for_end(Duration::from_millis(20)) {
                rendezvous::forget(&self.address);
                return;
            }
        }
    }

    /// Removes what a primary that was closing the set left, if it has died since.
    pub(crate) fn bury_if_ended(&self) {
        if self.channel.wait_for_end(Duration::ZERO) {
            rendezvous::forget(&self.address);
        }
    }
}

/// Asks the primary of a set for a place. `absent` is the kind of error if there is no such set;
/// `from` says whose sets are joined, if not everybody's.
pub(crate) fn join(
    role: Role,
    instance: &Instance,
    name: &Name,
    absent: ErrorKind,
    from: Option<Access>,
) -> Result<Place> {
    // For a server, what it may not open is not there; a client is told. [SEC-06, AMB-31]
    let denied = |error: Error| match (role, error.kind()) {
        (Role::Server, ErrorKind::Security) => Error::new(absent, error.text().to_owned()),
        _ => error,
    };
    let address = Address::of(instance.as_bytes(), name.as_bytes())?;
    let channel = rendezvous::connect(&address).map_err(denied)?;
    let channel = channel.ok_or_else(|| address.absent(absent))?;
    // Before a word is said: whoever could write to the directory may have taken the name first.
    if let Some(from) = from {
        if !from.admits(effective_user(), &channel)? {
            return Err(denied(address.mistrusted(&channel)));
        }
    }
    let hello = Message::Hello {
        role,
        instance: instance.as_bytes().to_vec(),
        name: name.as_bytes().to_vec(),
    };
    channel.send(&hello, &[])?;
    match channel.receive_within(PATIENCE)? {
        Incoming::Message(Message::Welcome { participant, .. }, _) if participant <= PRIMARY => {
            Err(unexpected("the primary gives away its own number"))
        }
        Incoming::Message(Message::Welcome { participant, size }, fds) => {
            // Memory comes to secondaries only.
            if role == Role::Server {
                channel.refuse_descriptors()?;
            }
            Ok(Place {
                control: Control::open(only(fds, "the control segment")?, size).map_err(refused)?,
                host: Host { channel, address },
                number: participant,
            })
        }
        Incoming::Message(Message::Refused { kind, text }, _) => {
            let kind = if may_refuse(role, kind) {
                kind
            } else {
                ErrorKind::Unexpected
            };
            Err(denied(Error::new(kind, format!("set \"{name}\": {text}"))))
        }
        Incoming::Message(..) => Err(unexpected("the primary answers with a wrong message")),
        Incoming::Nonsense(reason) => Err(unexpected(reason)),
        // It has left or died meanwhile, or cannot even say what it lacks.
        Incoming::HangUp => Err(Error::new(
            absent,
            format!(
                "process {}, the primary of set \"{name}\", hangs up without an answer",
                channel.peer_pid()
            ),
        )),
        Incoming::Nothing => Err(unexpected(format!(
            "process {} of user {}, the primary of set \"{name}\", does not answer",
            channel.peer_pid(),
            channel.peer_uid()
        ))),
    }
}

/// Whether a primary may refuse with this kind of error: the call that joins documents it. [SEC-07]
fn may_refuse(role: Role, kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Abort | ErrorKind::Busy | ErrorKind::Security | ErrorKind::Memory => true,
        ErrorKind::Invalid => role == Role::Server,
        ErrorKind::Protocol => role == Role::Secondary,
        _ => false,
    }
}

/// Watches a connection and the process at its other end.
pub(crate) fn watch(target: Arc<dyn Watched>, channel: &Channel) -> Result<Watch> {
    let mut descriptors = vec![(channel.socket(), 0)];
    descriptors.extend(channel.process().map(|process| (process, 1)));
    watcher::watch(target, &descriptors)
}

/// Maps the area behind the descriptor that came with a message, and adds it. The memory of one that
/// is refused is freed elsewhere.
pub(crate) fn received_area(
    index: u32,
    size: u64,
    fds: Received,
    add: impl FnOnce(Arc<Area>) -> Result<()>,
) -> Result<OwnedFd> {
    let fd = only(fds, "a buffer area")?;
    match Area::open(index, &fd, size).and_then(|area| add(Arc::new(area))) {
        Ok(()) => Ok(fd),
        Err(error) => Err(refused((error, fd))),
    }
}

fn only(fds: Received, what: &str) -> Result<OwnedFd> {
    fds.take_only()
        .ok_or_else(|| unexpected(format!("{what} comes without its memory")))
}

/// Why memory is refused, which is freed elsewhere.
fn refused((error, fd): (Error, OwnedFd)) -> Error {
    let_go(vec![fd]);
    error
}

fn unexpected(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unexpected, text.into())
}
