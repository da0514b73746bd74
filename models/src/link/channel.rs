//! Connections of a model.

use super::received::Received;
use super::wire::{self, Wire};
use crate::error::{Error, Result};
use crate::protocol::message::Message;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

#[derive(Debug)]
pub(crate) enum Incoming {
    Message(Message, Received),
    Nonsense(&'static str),
    Nothing,
    HangUp,
}

/// One end of a connection. Dropping it hangs up.
#[derive(Debug)]
pub(crate) struct Channel(pub(super) OwnedFd);

impl Channel {
    pub(crate) fn send(&self, message: &Message, fds: &[BorrowedFd<'_>]) -> Result<()> {
        let fds = fds
            .iter()
            .map(|fd| fd.try_clone_to_owned().unwrap())
            .collect();
        let packet = (message.encode(), fds);
        wire::with(|wire| {
            let peer = wire.end(self.0.as_raw_fd()).and_then(|end| end.peer);
            if let Some(peer) = peer.and_then(|peer| wire.end(peer)) {
                peer.packets.push_back(packet);
            }
        });
        Ok(())
    }

    pub(crate) fn receive(&self) -> Result<Incoming> {
        Ok(wire::with(|wire| self.take(wire)))
    }

    /// Waits for ever: a process of a model that does not answer is a fault.
    pub(crate) fn receive_within(&self, _limit: Duration) -> Result<Incoming> {
        Ok(wire::until(|wire| match self.take(wire) {
            Incoming::Nothing => None,
            incoming => Some(incoming),
        }))
    }

    fn take(&self, wire: &mut Wire) -> Incoming {
        let Some(end) = wire.end(self.0.as_raw_fd()) else {
            return Incoming::HangUp;
        };
        match end.packets.pop_front() {
            Some((packet, fds)) => match Message::decode(&packet) {
                Ok(message) => Incoming::Message(message, Received(fds)),
                Err(reason) => Incoming::Nonsense(reason),
            },
            None if end.hung_up => Incoming::HangUp,
            None => Incoming::Nothing,
        }
    }

    pub(crate) fn is_readable(&self) -> bool {
        wire::with(|wire| wire.is_readable(self.0.as_raw_fd()))
    }

    pub(crate) fn wait_for_hang_up(&self, _limit: Duration) -> bool {
        wire::with(|wire| wire.end(self.0.as_raw_fd()).is_none_or(|end| end.hung_up))
    }

    pub(crate) fn wait_for_end(&self, _limit: Duration) -> bool {
        false
    }

    pub(crate) fn peer_pid(&self) -> i32 {
        1
    }

    pub(crate) fn accept_descriptors(&self) -> Result<()> {
        Ok(())
    }

    pub(crate) fn refuse_descriptors(&self) -> Result<()> {
        Ok(())
    }

    pub(crate) fn refuse(&self, error: &Error) {
        let refusal = Message::Refused {
            kind: error.kind(),
            text: error.text().to_owned(),
        };
        let _ = self.send(&refusal, &[]);
    }

    /// Ends the connection; what was sent still arrives.
    pub(crate) fn hang_up(&self) {
        wire::with(|wire| wire.hang_up(self.0.as_raw_fd()));
    }

    pub(crate) fn peer_uid(&self) -> u32 {
        0
    }

    pub(crate) fn peer_gid(&self) -> u32 {
        0
    }

    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    pub(crate) fn process(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// A model has only memory, and closing it takes no time.
pub(crate) fn let_go(fds: Vec<OwnedFd>) {
    drop(fds);
}

impl Drop for Channel {
    fn drop(&mut self) {
        wire::with(|wire| wire.close(self.0.as_raw_fd()));
    }
}
