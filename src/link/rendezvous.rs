//! The place where a set is announced: a socket of the primary client in the runtime directory.
//!
//! The kernel is the witness of who is there. A socket whose process has ended is stale, and the
//! next set of that name replaces it. [CRASH-06, AMB-44]

use super::channel::Channel;
use super::runtime_dir::Places;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::message::Message;
use crate::sys::dir::{Directory, Identity, Lock, effective_user};
use crate::sys::process::generation;
use crate::sys::socket;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

/// How long to wait for others who make or find a set at the same moment. They need microseconds.
const LOCK_LIMIT: Duration = Duration::from_secs(5);

/// Who may join a set, besides its own user and root. [SEC-03, SEC-04]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Access {
    /// Also this user.
    pub(crate) uid: Option<u32>,
    /// Also the members of this group.
    pub(crate) gid: Option<u32>,
}

/// Where the set of a name is announced.
pub(crate) struct Address {
    directory: Directory,
    path: PathBuf,
    /// Name of the set, for texts.
    name: String,
}

impl Address {
    /// The address of a set in the runtime directory of this process.
    pub(crate) fn of(instance: &[u8], name: &[u8]) -> Result<Self> {
        Self::at(&Places::current(), instance, name)
    }

    pub(super) fn at(places: &Places, instance: &[u8], name: &[u8]) -> Result<Self> {
        let (directory, opened) = places.open()?;
        let path = directory.join(file_name(instance, name));
        let excess = path.as_os_str().len().saturating_sub(socket::MAX_PATH);
        if excess > 0 {
            let directory = directory.display();
            return Err(Error::new(
                ErrorKind::Unexpected,
                format!(
                    "the runtime directory {directory} has a path that is {excess} bytes too \
                     long: a socket in it must not have more than {} bytes",
                    socket::MAX_PATH
                ),
            ));
        }
        Ok(Self {
            directory: opened,
            path,
            name: String::from_utf8_lossy(name).into_owned(),
        })
    }

    /// The file in its directory.
    fn file(&self) -> &Path {
        Path::new(self.path.file_name().unwrap_or_default())
    }

    fn lock(&self, limit: Duration) -> Result<Lock> {
        let start = Instant::now();
        loop {
            let lock = self.directory.try_lock();
            match lock.map_err(|error| self.error("cannot lock the directory of", &error))? {
                Some(lock) => return Ok(lock),
                None if start.elapsed() < limit => thread::sleep(Duration::from_millis(5)),
                None => {
                    let directory = self.path.parent().unwrap_or(&self.path).display();
                    return Err(Error::new(
                        ErrorKind::Unexpected,
                        format!("another process keeps the runtime directory {directory} locked"),
                    ));
                }
            }
        }
    }

    /// Removes what dead primaries have left under other names, a few at a time: names are mostly
    /// unique, so nobody else would. [CRASH-06]
    fn sweep(&self) {
        const MOST: usize = 64;
        let Some(Ok(entries)) = self.path.parent().map(fs::read_dir) else {
            return;
        };
        let paths = entries.flatten().map(|entry| entry.path());
        for path in paths.filter(|path| is_of_a_set(path)).take(MOST) {
            if let Ok(directory) = self.directory.try_clone() {
                let other = Self {
                    directory,
                    path,
                    name: String::new(),
                };
                // Living sets and those of other users stay.
                let _ = other.reclaim();
            }
        }
    }

    /// Makes room for a new set, unless a living process holds the name.
    fn reclaim(&self) -> Result<()> {
        let answer = self.dial().map_err(|error| match error.kind() {
            ErrorKind::Security => self.taken(),
            _ => error,
        })?;
        match answer {
            Answer::Nobody => {}
            Answer::Busy | Answer::Connected(_) => {
                return Err(Error::new(
                    ErrorKind::Protocol,
                    format!("a set named \"{}\" exists already", self.name),
                ));
            }
        }
        match self.directory.status_of(self.file()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Ok(found) if found.is_socket => self
                .directory
                .remove(self.file())
                .map_err(|error| self.error("cannot remove the stale", &error)),
            Ok(_) => Err(Error::new(
                ErrorKind::Unexpected,
                format!("{} is not a socket: remove it", self.path.display()),
            )),
            Err(error) => Err(self.error("cannot examine", &error)),
        }
    }

    fn dial(&self) -> Result<Answer> {
        let cannot = |error| self.error("cannot connect to", &error);
        let socket = socket::create().map_err(cannot)?;
        match socket::connect(socket.as_fd(), &self.path) {
            Ok(()) => {}
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                        Ok(Answer::Nobody)
                    }
                    io::ErrorKind::WouldBlock => Ok(Answer::Busy),
                    io::ErrorKind::PermissionDenied => Err(self.denied()),
                    _ => Err(cannot(error)),
                };
            }
        }
        // A child of a dead primary may hold the socket open: then it answers for nobody.
        let channel = Channel::over(socket).map_err(cannot)?;
        Ok(channel.map_or(Answer::Nobody, Answer::Connected))
    }

    /// The name belongs to somebody else, alive or not: that cannot be told from here.
    fn taken(&self) -> Error {
        Error::new(
            ErrorKind::Security,
            format!(
                "another user has a set named \"{}\", or has left one behind: choose another \
                 name, or let that user remove {}",
                self.name,
                self.path.display(),
            ),
        )
    }

    fn denied(&self) -> Error {
        let owner = match self.directory.status_of(self.file()) {
            Ok(found) => format!(" of user {}", found.owner),
            Err(_) => String::new(),
        };
        Error::new(
            ErrorKind::Security,
            format!(
                "user {} may not join set \"{}\" at {}{owner}: {REMEDY}",
                effective_user(),
                self.name,
                self.path.display(),
            ),
        )
    }

    fn error(&self, what: &str, error: &io::Error) -> Error {
        let user = effective_user();
        let path = self.path.display();
        Error::system(format!("user {user} {what} {path}"), error)
    }
}

/// Who answers at an address.
enum Answer {
    /// There is no file, or its process has ended.
    Nobody,
    /// Somebody, who has no time now.
    Busy,
    Connected(Channel),
}

const REMEDY: &str = "run both processes as the same user, or create the set with \
                      VDI_CREATE_ALLOW_UID or VDI_CREATE_ALLOW_GID";

/// A name may hold any byte and be longer than a file name, so its hash (FNV-1a) stands for it.
/// The hello of the connecting process carries the name itself. [AMB-24]
fn file_name(instance: &[u8], name: &[u8]) -> String {
    let bytes = instance.iter().chain([&0]).chain(name);
    format!("{:032x}.set", fnv1a(bytes))
}

/// Whether a path looks like one from [`file_name`].
fn is_of_a_set(path: &Path) -> bool {
    let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let is_hash = stem.len() == 32 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash && path.extension() == Some(OsStr::new("set"))
}

fn fnv1a<'a>(bytes: impl Iterator<Item = &'a u8>) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0100_0000_0000_0000_0000_013b;
    bytes.fold(BASIS, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(PRIME)
    })
}

/// Connects to the primary of a set; None if there is no such set.
pub(crate) fn connect(address: &Address) -> Result<Option<Channel>> {
    match address.dial()? {
        Answer::Nobody => Ok(None),
        Answer::Connected(channel) => Ok(Some(channel)),
        Answer::Busy => Err(Error::new(
            ErrorKind::Unexpected,
            format!("the set named \"{}\" does not answer", address.name),
        )),
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
    directory: Directory,
    file: PathBuf,
    identity: Identity,
    access: Access,
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
        listener.open_to(access)?;
        // Only now, so that nobody gets in under other permissions.
        socket::listen(listener.fd()).map_err(cannot)?;
        Ok(listener)
    }

    fn create(address: &Address, access: Access) -> io::Result<Self> {
        let socket = socket::create()?;
        let directory = address.directory.try_clone()?;
        socket::set_mode(socket.as_fd(), 0o600)?;
        socket::accept_descriptors(socket.as_fd(), false);
        socket::bind(socket.as_fd(), &address.path)?;
        let identity = directory.status_of(address.file())?.identity;
        Ok(Self {
            socket,
            directory,
            file: address.file().to_owned(),
            identity,
            access,
            user: effective_user(),
            generation: generation(),
        })
    }

    /// Sets the permissions of the file, whatever the umask says. [SEC-05, AMB-26]
    fn open_to(&self, access: Access) -> Result<()> {
        if let Some(group) = access.gid {
            self.directory
                .set_group(&self.file, group)
                .map_err(|error| {
                    let user = self.user;
                    let what = format!(
                        "user {user} cannot let in group {group}, and must be a member of it"
                    );
                    Error::system(what, &error)
                })?;
        }
        let others = access.uid.is_some_and(|uid| uid != self.user);
        let mode = match access.gid {
            // Whom the file does not stop, `accept` does.
            _ if others => 0o666,
            Some(_) => 0o660,
            None => 0o600,
        };
        self.directory
            .set_permissions(&self.file, mode)
            .map_err(|error| Error::system("cannot set the permissions of the set", &error))
    }

    /// Takes the next process that connected and may; None if there is none. Never blocks.
    ///
    /// One that may not is told so and dropped. A process that only looks whether the name is in
    /// use connects as well, and hangs up without a word.
    pub(crate) fn accept(&self) -> Result<Option<Channel>> {
        let cannot = |error| Error::system("cannot take a connection to the set", &error);
        // Those who may not come in must not keep those waiting who may do something else.
        for _ in 0..16 {
            let socket = match socket::accept(self.fd()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                socket => socket.map_err(cannot)?,
            };
            let Some(channel) = Channel::over(socket).map_err(cannot)? else {
                continue;
            };
            if self.allows(&channel).map_err(cannot)? {
                return Ok(Some(channel));
            }
            self.refuse(&channel);
        }
        Ok(None)
    }

    fn allows(&self, peer: &Channel) -> io::Result<bool> {
        let uid = peer.peer_uid();
        if uid == self.user || uid == 0 || self.access.uid == Some(uid) {
            return Ok(true);
        }
        let Some(gid) = self.access.gid else {
            return Ok(false);
        };
        Ok(peer.peer_gid() == gid || socket::groups(peer.socket())?.contains(&gid))
    }

    fn refuse(&self, peer: &Channel) {
        let (uid, user) = (peer.peer_uid(), self.user);
        let refusal = Message::Refused {
            kind: ErrorKind::Security,
            text: format!("user {uid} may not join a set of user {user}: {REMEDY}"),
        };
        // There is nobody else to tell.
        let _ = peer.send(&refusal, &[]);
    }

    /// Readable when [`Self::accept`] has something to do.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
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

#[cfg(test)]
#[path = "rendezvous_access_tests.rs"]
mod access_tests;
