//! The secondary's side of the rendezvous.

use super::inner::{Inner, Link};
use crate::error::{Error, ErrorKind, Result};
use crate::link::channel::Incoming;
use crate::link::watcher::{Next, Watch, Watched};
use crate::link::witness::{self, Vigil};
use crate::participant::join::{self, Host, Place};
use crate::protocol::codes::VDI_ABORT_CORRUPTION;
use crate::protocol::config::Configuration;
use crate::protocol::message::{Message, Role};
use crate::protocol::name::{Instance, Name};
use crate::shm::control::read_config;
use std::sync::Arc;

/// The connection to the primary. Dropping it leaves the set.
pub(super) struct Secondary {
    /// Taken when dropped, so that nothing happens while the rest is done.
    watch: Option<Watch>,
    member: Arc<Member>,
    _vigil: Vigil,
}

impl Link for Secondary {}

impl Drop for Secondary {
    fn drop(&mut self) {
        self.watch.take();
        self.member.set.participant.bury(&self.member.host);
    }
}

/// Joins the set of that name.
pub(super) fn join(instance: &Instance, name: &Name) -> Result<(Arc<Inner>, Secondary)> {
    let place = join::join(Role::Secondary, instance, name, ErrorKind::Protocol, None)?;
    enter(place, name)
}

/// Takes its place in a set.
fn enter(place: Place, name: &Name) -> Result<(Arc<Inner>, Secondary)> {
    let requested = read_config(&place.control.header().requested);
    let requested = Configuration::from_words(requested);
    if requested.device_count != place.control.geometry().devices {
        let text = "the configuration in the control segment is impossible";
        return Err(Error::new(ErrorKind::Unexpected, text));
    }
    let set = Inner::new(place.control, name.clone(), requested, place.number);
    let vigil = witness::attend(Arc::clone(&set.participant) as _)?;
    let member = Arc::new(Member {
        set: Arc::new(set),
        host: place.host,
    });
    let watched: Arc<dyn Watched> = Arc::clone(&member) as _;
    let secondary = Secondary {
        watch: Some(join::watch(watched, &member.host.channel)?),
        member,
        _vigil: vigil,
    };
    Ok((Arc::clone(&secondary.member.set), secondary))
}

/// Watches the primary for a secondary.
struct Member {
    set: Arc<Inner>,
    host: Host,
}

impl Member {
    fn handle(&self, message: Incoming) -> Result<Next> {
        match message {
            Incoming::Nothing => Ok(Next::Keep),
            Incoming::Message(Message::Area { index, size }, fds) => {
                join::received_area(index, size, fds, |area| self.set.add_area(area))?;
                let areas = u32::try_from(self.set.areas.count()).unwrap_or(u32::MAX);
                self.host.channel.send(&Message::Mapped { areas }, &[])?;
                Ok(Next::Keep)
            }
            // The primary can no longer serve this process, and says why.
            Incoming::Message(Message::Refused { kind, text }, _) => Err(Error::new(kind, text)),
            Incoming::Message(..) | Incoming::Nonsense(_) => {
                let text = "the primary sent a message that is none";
                self.set.participant.abort(VDI_ABORT_CORRUPTION, text);
                Ok(Next::Drop)
            }
            Incoming::HangUp => {
                self.gone();
                Ok(Next::Drop)
            }
        }
    }

    /// The primary has closed the set or died. That is an abort, unless the server has closed
    /// every device. [CRASH-02, NT-04]
    fn gone(&self) {
        let participant = &self.set.participant;
        if !participant.all_devices_closed() {
            participant.primary_left();
        }
    }
}

impl Watched for Member {
    fn ready(&self, _token: u32) -> Next {
        let next = self
            .host
            .channel
            .receive()
            .and_then(|message| self.handle(message));
        let next = next.unwrap_or_else(|error| {
            self.set.lacks(&error);
            Next::Drop
        });
        if next == Next::Drop {
            self.set.now_alone();
        }
        next
    }
}

#[cfg(test)]
#[path = "secondary_tests.rs"]
mod tests;
