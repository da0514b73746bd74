//! The place where a set is announced: a socket of the primary client in the runtime directory.
//!
//! The kernel is the witness of who is there. A socket whose process has ended is stale, and the
//! next set of that name replaces it. [CRASH-06, AMB-44]

use super::access::Access;
use super::address::{Address, Answer, REMEDY};
use super::channel::{self, Channel, Peer};
use super::spare::Spare;
use crate::error::{Error, ErrorKind, Result};
use crate::sys::dir::{Directory, Identity, effective_user};
use crate::sys::process::generation;
use crate::sys::socket;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

/// How long to wait for others who make or find a set at the same moment. They need microseconds.
const LOCK_LIMIT: Duration = Duration::from_secs(5);

/// Connects to the primary of a set; None if there is no such set.
pub(crate) fn connect(address: &Address) -> Result<Option<Channel>> {
    match address.dial()? {
        Answer::Nobody | Answer::Dead => Ok(None),
        Answer::Connected(channel) => Ok(Some(channel)),
        Answer::Denied => Err(address.denied()),
        Answer::Busy => Err(address.busy()),
    }
}

/// Removes what a dead primary has left at an address; whether nothing is left to be done.
pub(crate) fn forget(address: &Address) -> bool {
    // If this fails, the next set does it. [AMB-44]
    let Ok(_lock) = address.lock(Duration::ZERO) else {
        return false;
    };
    let cleared = address.reclaim();
    !cleared.is_err_and(|error| error.kind() == ErrorKind::Protocol)
}

/// The announcement of a set. Dropping it takes the name back.
pub(crate) struct Listener {
    socket: OwnedFd,
    /// For telling others that no descriptor is left.
    spare: Spare,
    directory: Directory,
    file: PathBuf,
    identity: Identity,
    access: Access,
    /// The user that made the set, whatever the process becomes later.
    user: u32,
    generation: u32,
}

impl Listener {
    /// Announces a set; `ErrorKind::Protocol` if one of that name exists. [NAME-01, CSET-CREATE-04]
    pub(crate) fn bind(address: &Address, access: Access) -> Result<Self> {
        let _lock = address.lock(LOCK_LIMIT)?;
        address.reclaim()?;
        address.sweep();
        let cannot = |error| address.error("cannot announce a set at", &error);
        let listener = Self::create(address, access).map_err(cannot)?;
        listener.open_to(access, &address.name)?;
        // Only now, so that nobody gets in under other permissions.
        socket::listen(listener.fd()).map_err(cannot)?;
        Ok(listener)
    }

    fn create(address: &Address, access: Access) -> io::Result<Self> {
        let socket = socket::create()?;
        let directory = address.directory.try_clone()?;
        let spare = Spare::of(&directory)?;
        socket::set_mode(socket.as_fd(), 0o600)?;
        socket::accept_descriptors(socket.as_fd(), false)?;
        socket::bind(socket.as_fd(), &address.path)?;
        let identity = directory.status_of(address.file())?.identity;
        Ok(Self {
            socket,
            spare,
            directory,
            file: address.file().to_owned(),
            identity,
            access,
            user: effective_user(),
            generation: generation(),
        })
    }

    /// Sets the permissions of the file, whatever the umask says. [SEC-05, AMB-26]
    fn open_to(&self, access: Access, name: &str) -> Result<()> {
        if let Some(group) = access.gid {
            self.directory
                .set_group(&self.file, group)
                .map_err(|error| {
                    let user = self.user;
                    let what = format!(
                        "user {user} cannot let group {group} into set \"{name}\", and must be a \
                         member of it"
                    );
                    Error::system(what, &error)
                })?;
        }
        self.directory
            .set_permissions(&self.file, access.mode())
            .map_err(|error| Error::system("cannot set the permissions of the set", &error))
    }

    /// Takes the next process that connected and may; None if there is none. Never blocks.
    ///
    /// One that may not, or cannot for lack of something, is told so and dropped. A process that
    /// only looks whether the name is in use connects as well, and hangs up without a word.
    pub(crate) fn accept(&self) -> Result<Option<Channel>> {
        // Those who may not come in must not keep those waiting who may do something else.
        for _ in 0..16 {
            match socket::accept(self.fd()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => self.turn_away(&cannot_admit(&error))?,
                Ok(socket) => {
                    if let Some(channel) = self.examine(socket) {
                        return Ok(Some(channel));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Takes the next connection only to say why nothing comes of it; the same error if even that
    /// cannot be done.
    fn turn_away(&self, why: &Error) -> Result<()> {
        let accepted = self
            .spare
            .without(&self.directory, || match socket::accept(self.fd()) {
                Ok(socket) => {
                    channel::refuse(socket.as_fd(), why);
                    true
                }
                Err(_) => false,
            });
        if accepted { Ok(()) } else { Err(why.clone()) }
    }

    /// The connection to one that may come in; None if it may not, which it is told.
    fn examine(&self, socket: OwnedFd) -> Option<Channel> {
        match Peer::of(socket.as_fd()) {
            Ok(peer) => {
                let channel = Channel::to(peer?, socket);
                match self.access.admits(self.user, &channel) {
                    Ok(true) => return Some(channel),
                    Ok(false) => channel.refuse(&self.stranger(&channel)),
                    Err(error) => channel.refuse(&error),
                }
            }
            Err(error) => channel::refuse(socket.as_fd(), &cannot_admit(&error)),
        }
        None
    }

    fn stranger(&self, peer: &Channel) -> Error {
        let (uid, user) = (peer.peer_uid(), self.user);
        let text = format!("user {uid} may not join a set of user {user}: {REMEDY}");
        Error::new(ErrorKind::Security, text)
    }

    /// Readable when [`Self::accept`] has something to do.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn cannot_admit(error: &io::Error) -> Error {
    let primary = std::process::id();
    Error::system(
        format!("process {primary} cannot let anybody into its set"),
        error,
    )
}

impl Drop for Listener {
    fn drop(&mut self) {
        // In a forked child the name belongs to the parent.
        if self.generation != generation() {
            return;
        }
        // The socket is still open, so nobody takes the name between the look and the removal.
        let found = self.directory.status_of(&self.file);
        if found.is_ok_and(|found| found.identity == self.identity) {
            // What remains is stale and can be reclaimed.
            let _ = self.directory.remove(&self.file);
        }
    }
}

#[cfg(test)]
#[path = "rendezvous_tests.rs"]
mod tests;
