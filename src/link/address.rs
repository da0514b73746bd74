//! The address of a set: its socket in the runtime directory, and who is found there.

use super::channel::Channel;
use super::runtime_dir::{self, Places};
use crate::error::{Error, ErrorKind, Result};
use crate::sys::dir::{Directory, Lock, effective_user};
use crate::sys::socket;
use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::path::{self, Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

/// Where the set of a name is announced.
pub(crate) struct Address {
    pub(super) directory: Directory,
    pub(super) path: PathBuf,
    /// Name of the set, for texts.
    pub(super) name: String,
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
            let (user, directory) = (places.user, directory.display());
            return Err(Error::new(
                ErrorKind::Unexpected,
                format!(
                    "user {user} cannot use the runtime directory {directory}, whose path is \
                     {excess} bytes too long for a socket in it, which may have {} bytes: set \
                     VDI_RUNTIME_DIR to a shorter path",
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

    fn directory(&self) -> path::Display<'_> {
        self.path.parent().unwrap_or(&self.path).display()
    }

    /// The file in its directory.
    pub(super) fn file(&self) -> &Path {
        Path::new(self.path.file_name().unwrap_or_default())
    }

    pub(super) fn lock(&self, limit: Duration) -> Result<Lock> {
        let start = Instant::now();
        loop {
            let lock = self.directory.try_lock();
            match lock.map_err(|error| self.error("cannot lock the directory of", &error))? {
                Some(lock) => return Ok(lock),
                None if start.elapsed() < limit => thread::sleep(Duration::from_millis(5)),
                None => {
                    let (user, directory) = (effective_user(), self.directory());
                    return Err(Error::new(
                        ErrorKind::Unexpected,
                        format!(
                            "another process keeps the runtime directory {directory} locked for \
                             user {user}: end it, or set VDI_RUNTIME_DIR to a directory that \
                             strangers cannot open"
                        ),
                    ));
                }
            }
        }
    }

    /// Removes what dead primaries have left under other names, a few at a time: names are mostly
    /// unique, so nobody else would. [CRASH-06]
    pub(super) fn sweep(&self) {
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
    pub(super) fn reclaim(&self) -> Result<()> {
        match self.dial()? {
            Answer::Nobody => return Ok(()),
            Answer::Dead => {}
            Answer::Denied => return Err(self.taken()),
            Answer::Busy | Answer::Connected(_) => {
                return Err(self.exists());
            }
        }
        match self.directory.remove(self.file()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            // The sticky bit protects what others have left.
            Err(error) if is_denied(&error) && self.owner() != Some(effective_user()) => {
                Err(self.taken())
            }
            removed => removed.map_err(|error| self.error("cannot remove the stale", &error)),
        }
    }

    /// Knocks at the address. A symbolic link would lead elsewhere, so only a socket is tried.
    pub(super) fn dial(&self) -> Result<Answer> {
        let cannot = |error| self.error("cannot connect to", &error);
        match self.directory.status_of(self.file()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Answer::Nobody),
            Ok(found) if !found.is_socket => return Err(self.no_socket()),
            found => found.map_err(cannot)?,
        };
        let socket = socket::create().map_err(cannot)?;
        match socket::connect(socket.as_fd(), &self.path) {
            Ok(()) => {}
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::NotFound => Ok(Answer::Nobody),
                    io::ErrorKind::ConnectionRefused => Ok(Answer::Dead),
                    io::ErrorKind::WouldBlock => Ok(Answer::Busy),
                    io::ErrorKind::PermissionDenied => Ok(Answer::Denied),
                    _ => Err(cannot(error)),
                };
            }
        }
        // A child of a dead primary may hold the socket open: then it answers for nobody.
        let channel = Channel::over(socket).map_err(cannot)?;
        Ok(channel.map_or(Answer::Dead, Answer::Connected))
    }

    /// There is no such set.
    pub(crate) fn absent(&self, kind: ErrorKind) -> Error {
        let (user, directory) = (effective_user(), self.directory());
        Error::new(
            kind,
            format!(
                "user {user} finds no set named \"{}\" in {directory}: create it first, in the \
                 same runtime directory",
                self.name
            ),
        )
    }

    /// A set of somebody whose sets this process does not join.
    pub(crate) fn mistrusted(&self, primary: &Channel) -> Error {
        Error::new(
            ErrorKind::Security,
            format!(
                "set \"{}\" belongs to user {} (process {}), from whom user {} takes none: run \
                 both processes as the same user, or name that user or its group to \
                 vdi_server_open_from",
                self.name,
                primary.peer_uid(),
                primary.peer_pid(),
                effective_user(),
            ),
        )
    }

    /// There is such a set, and it lives.
    fn exists(&self) -> Error {
        Error::new(
            ErrorKind::Protocol,
            format!(
                "user {} cannot create set \"{}\": {} has one of that name already; choose another \
                 name",
                effective_user(),
                self.name,
                self.holder(),
            ),
        )
    }

    /// The name belongs to somebody else, alive or not: that cannot be told from here.
    fn taken(&self) -> Error {
        Error::new(
            ErrorKind::Security,
            format!(
                "user {} cannot create set \"{}\": {} has a set of that name, or has left one \
                 behind; choose another name, or let that user remove {}",
                effective_user(),
                self.name,
                self.holder(),
                self.path.display(),
            ),
        )
    }

    fn no_socket(&self) -> Error {
        Error::new(
            ErrorKind::Security,
            format!(
                "user {} cannot use the name \"{}\": {} of {} is not a socket; remove it",
                effective_user(),
                self.name,
                self.path.display(),
                self.holder(),
            ),
        )
    }

    pub(super) fn busy(&self) -> Error {
        Error::new(
            ErrorKind::Unexpected,
            format!(
                "set \"{}\" of {} does not answer user {}: try again, or end its process if that \
                 is stopped",
                self.name,
                self.holder(),
                effective_user(),
            ),
        )
    }

    pub(super) fn denied(&self) -> Error {
        Error::new(
            ErrorKind::Security,
            format!(
                "user {} may not join set \"{}\" at {} of {}: {REMEDY}",
                effective_user(),
                self.name,
                self.path.display(),
                self.holder(),
            ),
        )
    }

    /// Whose the file is.
    fn owner(&self) -> Option<u32> {
        let found = self.directory.status_of(self.file());
        found.ok().map(|found| found.owner)
    }

    /// As [`Self::owner`], for texts.
    fn holder(&self) -> String {
        match self.owner() {
            Some(user) => format!("user {user}"),
            None => "another user".to_owned(),
        }
    }

    pub(super) fn error(&self, what: &str, error: &io::Error) -> Error {
        let user = effective_user();
        let path = self.path.display();
        let what = format!("user {user} {what} {path}");
        if is_denied(error) {
            return Error::system(format!("{what} ({})", runtime_dir::remedy()), error);
        }
        Error::system(what, error)
    }
}

/// Who answers at an address.
pub(super) enum Answer {
    /// There is no file.
    Nobody,
    /// There is one, but its process has ended.
    Dead,
    /// Somebody, who has no time now.
    Busy,
    /// The file of another user, who lets this one not even knock.
    Denied,
    Connected(Channel),
}

pub(super) const REMEDY: &str = "run both processes as the same user, or create the set with \
                      VDI_CREATE_ALLOW_UID or VDI_CREATE_ALLOW_GID";

fn is_denied(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// A name may hold any byte and be longer than a file name, so its hash (FNV-1a) stands for it.
/// The hello of the connecting process carries the name itself. [AMB-24]
pub(super) fn file_name(instance: &[u8], name: &[u8]) -> String {
    let bytes = instance.iter().chain([&0]).chain(name);
    format!("{:032x}.set", fnv1a(bytes))
}

/// Whether a path looks like one from [`file_name`].
fn is_of_a_set(path: &Path) -> bool {
    let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let is_hash = stem.len() == 32 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash && path.extension() == Some(OsStr::new("set"))
}

pub(super) fn fnv1a<'a>(bytes: impl Iterator<Item = &'a u8>) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0100_0000_0000_0000_0000_013b;
    bytes.fold(BASIS, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(PRIME)
    })
}
