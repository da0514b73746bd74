//! Messages and descriptors over one connection.

use super::background;
use super::received::Received;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::message::{self, Message};
use crate::sys::beside_streams;
use crate::sys::epoll::{wait_hang_up, wait_readable};
use crate::sys::memfd;
use crate::sys::pidfd;
use crate::sys::process::generation;
use crate::sys::socket::{self, Credentials};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a look at a connection gives.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A message and the descriptors that came with it.
    Message(Message, Received),
    /// A message that is none, and why.
    Nonsense(&'static str),
    /// Nothing now.
    Nothing,
    /// The peer closed its end or its process ended, and everything it had sent is received.
    HangUp,
}

/// A connection to another process of the set, or to this process itself.
///
/// Dropping it hangs up, also if a child that was forked meanwhile holds a copy of the socket.
#[derive(Debug)]
pub(crate) struct Channel {
    /// None only when the channel is being dropped.
    socket: Option<OwnedFd>,
    /// The process itself as a witness: a child that it forked may hold its end of the socket
    /// open after its death. None on kernels that have no such descriptor.
    process: Option<OwnedFd>,
    peer: Credentials,
    /// Whether the peer may have sent descriptors, as far as the kernel can refuse them.
    takes_descriptors: AtomicBool,
    generation: u32,
}

/// Who is at the other end of a connected socket.
pub(super) struct Peer {
    process: Option<OwnedFd>,
    credentials: Credentials,
}

impl Peer {
    /// Asks the kernel; None if the process at the other end has ended already.
    pub(super) fn of(socket: BorrowedFd<'_>) -> io::Result<Option<Self>> {
        let credentials = socket::credentials(socket)?;
        let process = match pidfd::of_peer(socket, credentials.pid) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            process => process?,
        };
        let ended = match &process {
            Some(process) => pidfd::has_ended(process.as_fd())?,
            None => false,
        };
        Ok((!ended).then_some(Self {
            process,
            credentials,
        }))
    }
}

/// Tells whoever is at the other end why it is not served.
pub(super) fn refuse(socket: BorrowedFd<'_>, error: &Error) {
    let refusal = Message::Refused {
        kind: error.kind(),
        text: error.text().to_owned(),
    };
    // If it cannot be sent, the hang-up that follows is answer enough.
    let _ = socket::send(socket, &refusal.encode(), &[]);
}

impl Channel {
    /// Wraps a socket that has connected; None if the process at the other end has ended already.
    pub(super) fn over(socket: OwnedFd) -> io::Result<Option<Self>> {
        let peer = Peer::of(socket.as_fd())?;
        Ok(peer.map(|peer| Self::new(peer, socket, true)))
    }

    /// The connection from a known peer, who may not send descriptors.
    pub(super) fn to(peer: Peer, socket: OwnedFd) -> Self {
        Self::new(peer, socket, false)
    }

    fn new(peer: Peer, socket: OwnedFd, takes_descriptors: bool) -> Self {
        Self {
            socket: Some(socket),
            process: peer.process,
            peer: peer.credentials,
            takes_descriptors: AtomicBool::new(takes_descriptors),
            generation: generation(),
        }
    }

    /// Tells the peer why it is not served.
    pub(crate) fn refuse(&self, error: &Error) {
        refuse(self.socket(), error);
    }

    /// Sends a message; never blocks. A peer that does not read its messages is an error.
    ///
    /// A peer that has hung up is none: [`Self::receive`] says so, after the message in which the
    /// peer may have told why.
    pub(crate) fn send(&self, message: &Message, fds: &[BorrowedFd<'_>]) -> Result<()> {
        match socket::send(self.socket(), &message.encode(), fds) {
            Err(error) if is_hang_up(&error) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Error::new(
                ErrorKind::Unexpected,
                format!("process {} does not read its messages", self.peer.pid),
            )),
            result => result.map_err(|error| self.error("cannot send to", &error)),
        }
    }

    /// Takes the next message if there is one; never blocks.
    pub(crate) fn receive(&self) -> Result<Incoming> {
        // Looked at first: what the peer sent before it ended is then in the socket already.
        let ended = self
            .peer_has_ended()
            .map_err(|error| self.error("cannot watch", &error))?;
        let mut packet = [0; message::MAX_LEN];
        let (len, fds) = match self.take(&mut packet) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && ended => {
                return Ok(Incoming::HangUp);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok(Incoming::Nothing);
            }
            result => result.map_err(|error| self.error("cannot receive from", &error))?,
        };
        if len == 0 {
            return Ok(Incoming::HangUp);
        }
        let Some(fds) = fds else {
            return Ok(Incoming::Nonsense("the message carries what is no memory"));
        };
        Ok(match Message::decode(&packet[..len]) {
            Ok(message) => Incoming::Message(message, fds),
            Err(reason) => Incoming::Nonsense(reason),
        })
    }

    /// Takes the next packet, and its descriptors unless one of them is no memory.
    fn take(&self, packet: &mut [u8]) -> io::Result<(usize, Option<Received>)> {
        let mut fds = Vec::new();
        let received = socket::receive(self.socket(), packet, &mut fds);
        let is_memory = fds.iter().all(|fd| memfd::is_memory(fd.as_fd()));
        let renumbered = match is_memory {
            true => renumber(&mut fds),
            false => Ok(()),
        };
        // From here on, what is not wanted is closed elsewhere.
        let fds = Received(fds);
        let len = received?;
        renumbered?;
        Ok((len, is_memory.then_some(fds)))
    }

    /// As [`Self::receive`], but waits for a message or the hang-up; `Nothing` after the limit.
    pub(crate) fn receive_within(&self, limit: Duration) -> Result<Incoming> {
        let start = Instant::now();
        loop {
            let incoming = self.receive()?;
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() || !matches!(incoming, Incoming::Nothing) {
                return Ok(incoming);
            }
            let events: Vec<_> = [Some(self.socket()), self.process()]
                .into_iter()
                .flatten()
                .collect();
            wait_readable(&events, left).map_err(|error| self.error("cannot watch", &error))?;
        }
    }

    /// Whether there is something to receive, a hang-up included, as far as the kernel tells.
    pub(crate) fn is_readable(&self) -> bool {
        wait_readable(&[self.socket()], Duration::ZERO).unwrap_or(false)
    }

    /// Waits until the other end is closed or its process has ended, at most `limit`; whether it is
    /// so. A forked child of the process may keep the other end open.
    pub(crate) fn wait_for_hang_up(&self, limit: Duration) -> bool {
        wait_hang_up(self.socket(), self.process(), limit).unwrap_or(true)
    }

    /// Waits until the process at the other end has ended, at most `limit`; whether it has.
    pub(crate) fn wait_for_end(&self, limit: Duration) -> bool {
        self.process()
            .is_some_and(|process| wait_readable(&[process], limit).unwrap_or(false))
    }

    /// Process at the other end; 0 if it is hidden from this one by a namespace.
    pub(crate) fn peer_pid(&self) -> i32 {
        self.peer.pid
    }

    /// Lets the peer send descriptors. One that was accepted may not before: closing whatever
    /// descriptor a stranger has sent may take as long as the stranger likes.
    pub(crate) fn accept_descriptors(&self) -> Result<()> {
        self.takes_descriptors.store(true, Ordering::Release);
        socket::accept_descriptors(self.socket(), true)
            .map_err(|error| self.error("cannot take memory from", &error))
    }

    /// Lets the peer send no more descriptors. What it has sent before still arrives.
    pub(crate) fn refuse_descriptors(&self) -> Result<()> {
        socket::accept_descriptors(self.socket(), false)
            .map_err(|error| self.error("cannot refuse descriptors of", &error))
    }

    /// Ends the connection; what was sent still arrives.
    pub(crate) fn hang_up(&self) {
        // The peer may have hung up before.
        let _ = socket::shut_down(self.socket());
    }

    /// User of the process at the other end.
    pub(crate) fn peer_uid(&self) -> u32 {
        self.peer.uid
    }

    /// Group of the process at the other end.
    pub(crate) fn peer_gid(&self) -> u32 {
        self.peer.gid
    }

    /// Readable when a message or the hang-up waits to be received.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        let socket = self.socket.as_ref();
        socket.expect("taken by the drop only").as_fd()
    }

    /// Readable when the process at the other end has ended.
    pub(crate) fn process(&self) -> Option<BorrowedFd<'_>> {
        self.process.as_ref().map(AsFd::as_fd)
    }

    fn peer_has_ended(&self) -> io::Result<bool> {
        self.process().map_or(Ok(false), pidfd::has_ended)
    }

    fn error(&self, what: &str, error: &io::Error) -> Error {
        Error::system(format!("{what} process {}", self.peer.pid), error)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        // In a forked child the connection belongs to the parent.
        if self.generation == generation() {
            // Nothing arrives after this.
            self.hang_up();
            // With the socket the descriptors of what was not received are closed.
            let may_carry = self.takes_descriptors.load(Ordering::Acquire);
            if may_carry && socket::has_packet(self.socket()).unwrap_or(true) {
                let_go(self.socket.take().into_iter().collect());
            }
        }
    }
}

/// Gives memory that has come the numbers that it may have. This closes the old ones, here: of memory
/// that is still in use that takes no time, of anything else it may.
fn renumber(memory: &mut [OwnedFd]) -> io::Result<()> {
    for fd in memory {
        if let Some(other) = beside_streams(fd.as_fd())? {
            *fd = other;
        }
    }
    Ok(())
}

/// Closes descriptors on a thread of their own: closing whatever a peer has sent may take as long as
/// the peer likes, if it is memory as long as it takes to free that, and neither the background thread
/// nor a caller may wait for it.
pub(crate) fn let_go(fds: Vec<OwnedFd>) {
    if fds.is_empty() {
        return;
    }
    #[cfg(test)]
    tests::LET_GO.set(tests::LET_GO.get() + fds.len());
    // Without a thread they are closed here.
    let _ = background::start("vdi-let-go", move || drop(fds));
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
#[path = "channel_tests.rs"]
mod tests;
