//! What failed, on which object, as which user, and what to do: a line for each failure, where
//! `SQLVDI_LOG` says.

use crate::call::Failure;
use crate::time::utc;
use crate::{pipe, place};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::SystemTime;
use std::{path::Path, process};
use vdi::codes::{VD_E_ABORT, VD_E_PROTOCOL, VD_E_TIMEOUT};
use vdi::ffi::{Facts, has_room, last_error, result_name};

/// Where to, if anybody wants to know, and if there is memory to say it.
fn wanted() -> Option<&'static OsStr> {
    place::current().filter(|_| has_room())
}

/// Whether anybody wants to know.
pub(crate) fn is_wanted() -> bool {
    wanted().is_some()
}

/// Writes a failure down. The file is opened each time: failures are rare, and a program may close
/// descriptors that it does not know.
pub(crate) fn write(member: &str, failure: &Failure, facts: impl FnOnce() -> Option<Facts>) {
    let Some(place) = wanted() else { return };
    let line = line(member, failure, facts().as_ref());
    // There is no other place to tell that this fails: what the program has at descriptor 2 may be its
    // own data.
    let _ = append(place, line.as_bytes());
}

fn append(place: &OsStr, line: &[u8]) -> io::Result<()> {
    if place == "stderr" {
        return pipe::without_signal(|| write_to_standard_error(line));
    }
    open(Path::new(place))?.write_all(line)
}

/// A regular file, not what a link in a directory of all users leads to, and nothing that waits.
fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let mut options = OpenOptions::new();
    let file = options
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}

/// Not through the standard library's handle, whose lock a forked child may find taken.
fn write_to_standard_error(line: &[u8]) -> io::Result<()> {
    // SAFETY: the descriptor is not closed here; a program that has closed it gets an error.
    let stream = unsafe { File::from_raw_fd(libc::STDERR_FILENO) };
    ManuallyDrop::new(stream).write_all(line)
}

fn line(member: &str, failure: &Failure, facts: Option<&Facts>) -> String {
    // SAFETY: tells a number of this process.
    let user = unsafe { libc::geteuid() };
    let (time, pid) = (utc(SystemTime::now()), process::id());
    let object = facts.map_or_else(String::new, object);
    let code = failure.code;
    let (name, text) = (result_name(code), text(failure, facts));
    format!("{time} sqlvdi[{pid}] user {user}: {member}{object}: {name} ({code:#010x}): {text}\n")
}

/// The names may hold any byte; the line stays one.
fn object(facts: &Facts) -> String {
    let set = facts.set.to_string();
    match &facts.device {
        Some(device) => format!(" of device {:?}, set {set:?}", device.to_string()),
        None => format!(" of set {set:?}"),
    }
}

fn text(failure: &Failure, facts: Option<&Facts>) -> String {
    let own = failure.text.clone().map(Cow::into_owned);
    let reason = facts.and_then(|facts| facts.abort.as_ref());
    match (failure.code, own, reason) {
        (VD_E_PROTOCOL, None, _) if facts.is_none() => NOTHING_OPEN.to_owned(),
        (VD_E_ABORT, own, Some(reason)) => {
            let said = own.unwrap_or_else(last_error);
            let why = reason.text.escape_debug();
            format!("{said}, for reason {}: {why}", reason.code)
        }
        (VD_E_TIMEOUT, own, _) => own.unwrap_or_else(last_error) + NO_SERVER,
        (_, own, _) => own.unwrap_or_else(last_error),
    }
}

const NOTHING_OPEN: &str = "this object has nothing open in this process";

/// Only GetConfiguration tells of a time-out; that of GetCommand is a normal answer.
const NO_SERVER: &str = "; no server has configured the set so far: see whether the statement is \
     running, with this name, and whether its process has the same VDI_RUNTIME_DIR (one with more \
     rights than its caller reads no variable); a server of another user needs SQLVDI_ALLOW_UID or \
     SQLVDI_ALLOW_GID";
