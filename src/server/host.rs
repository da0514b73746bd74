//! The server's side of the rendezvous.

use super::inner::Inner;
use crate::error::Result;
use crate::link::channel::{Channel, Incoming};
use crate::link::watcher::{Next, Watched};
use crate::participant::join::Host;
use crate::protocol::codes::{VDI_ABORT_CORRUPTION, VDI_ABORT_RESOURCES};
use crate::protocol::message::Message;
use crate::shm::area::Area;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// Watches the primary for the server.
pub(super) struct HostWatch {
    pub(super) set: Arc<Inner>,
    pub(super) host: Arc<Host>,
}

/// Passes a new buffer area to the primary, which passes it on. [BUF-10]
pub(super) fn send_area(channel: &Channel, area: &Area, memory: &OwnedFd) -> Result<()> {
    let message = Message::Area {
        index: area.index(),
        size: area.size(),
    };
    channel.send(&message, &[memory.as_fd()])
}

impl Watched for HostWatch {
    fn ready(&self, _token: u32) -> Next {
        match self.host.channel.receive() {
            Ok(Incoming::Nothing) => Next::Keep,
            Ok(Incoming::HangUp) => {
                self.set.primary_gone();
                Next::Drop
            }
            Ok(Incoming::Message(..) | Incoming::Nonsense(_)) => {
                let text = "the primary sent a message that is none";
                self.set.participant.abort(VDI_ABORT_CORRUPTION, text);
                Next::Drop
            }
            Err(error) => {
                let participant = &self.set.participant;
                participant.abort(VDI_ABORT_RESOURCES, error.text());
                Next::Drop
            }
        }
    }
}
