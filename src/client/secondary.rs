//! The secondary's side of the rendezvous.

use super::inner::Inner;
use super::set::Link;
use crate::error::{Error, ErrorKind, Result};
use crate::link::channel::{Channel, Incoming};
use crate::link::watcher::{Next, Watch, Watched};
use crate::participant::join;
use crate::protocol::codes::VDI_ABORT_RESOURCES;
use crate::protocol::config::Configuration;
use crate::protocol::message::{Message, Role};
use crate::protocol::name::{Instance, Name};
use crate::shm::control::read_config;
use std::sync::Arc;

/// The connection to the primary. Dropping it leaves the set.
pub(super) struct Secondary {
    _watch: Watch,
}

impl Link for Secondary {}

/// Joins the set of that name.
pub(super) fn join(instance: &Instance, name: &Name) -> Result<(Arc<Inner>, Secondary)> {
    let place = join::join(Role::Secondary, instance, name, ErrorKind::Protocol)?;
    let requested = read_config(&place.control.header().requested);
    let requested = Configuration::from_words(requested);
    if requested.device_count != place.control.geometry().devices {
        let text = "the configuration in the control segment is impossible";
        return Err(Error::new(ErrorKind::Unexpected, text));
    }
    let set = Inner::new(place.control, name.clone(), requested, place.number);
    let host = Arc::new(Host {
        set: Arc::new(set),
        channel: place.channel,
    });
    let watched: Arc<dyn Watched> = Arc::clone(&host) as _;
    let watch = join::watch(watched, &host.channel)?;
    Ok((Arc::clone(&host.set), Secondary { _watch: watch }))
}

/// The primary, as a secondary sees it.
struct Host {
    set: Arc<Inner>,
    channel: Channel,
}

impl Host {
    fn handle(&self, message: Incoming) -> Result<Next> {
        match message {
            Incoming::Nothing => Ok(Next::Keep),
            Incoming::Message(Message::Area { index, size }, fds) => {
                self.set.add_area(join::received_area(index, size, fds)?)?;
                Ok(Next::Keep)
            }
            Incoming::Message(..) => Err(Error::new(
                ErrorKind::Unexpected,
                "the primary sent a message that is none",
            )),
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
        if !participant.all_devices_closed() && !participant.is_aborted() {
            participant.primary_died();
        }
    }
}

impl Watched for Host {
    fn ready(&self, _token: u32) -> Next {
        let next = self
            .channel
            .receive()
            .and_then(|message| self.handle(message));
        next.unwrap_or_else(|error| {
            let participant = &self.set.participant;
            participant.abort(VDI_ABORT_RESOURCES, error.text());
            Next::Drop
        })
    }
}
