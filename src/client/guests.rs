//! The processes that are connected to the primary: the server and the secondaries.

use super::inner::{Inner, PRIMARY};
use crate::error::{Error, ErrorKind, Result};
use crate::link::channel::{Channel, Incoming};
use crate::link::watcher::{Next, Watch, Watched};
use crate::participant::{join, lock};
use crate::protocol::codes::{VDI_ABORT_CORRUPTION, VDI_ABORT_RESOURCES};
use crate::protocol::message::{Message, Role};
use crate::protocol::name::Instance;
use crate::protocol::state::{self, ClientCall, Phase};
use crate::shm::area::Area;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

/// Most connections at a time: a set needs one for the server and one per secondary.
const MAX_GUESTS: usize = 256;

/// Everybody who is connected.
pub(super) struct Guests {
    set: Arc<Inner>,
    instance: Instance,
    present: Mutex<Present>,
}

#[derive(Default)]
struct Present {
    guests: Vec<(Arc<Guest>, Watch)>,
    /// Participants numbered so far, without the primary.
    numbered: u32,
}

/// One connection.
struct Guest {
    channel: Channel,
    guests: Arc<Guests>,
    /// What it is, and its number among the participants; nothing before it was welcome.
    place: Mutex<Option<(Role, u32)>>,
}

impl Guests {
    pub(super) fn new(set: Arc<Inner>, instance: Instance) -> Self {
        Self {
            set,
            instance,
            present: Mutex::new(Present::default()),
        }
    }

    /// Takes a connection on which nobody has said hello yet.
    pub(super) fn admit(self: &Arc<Self>, channel: Channel) {
        let mut present = lock(&self.present);
        if present.guests.len() >= MAX_GUESTS {
            let text = "too many processes are connected to this set";
            refuse(&channel, &Error::new(ErrorKind::Busy, text));
            return;
        }
        let guest = Arc::new(Guest {
            channel,
            guests: Arc::clone(self),
            place: Mutex::new(None),
        });
        // A connection that cannot be watched is dropped, which the other side sees.
        let watched: Arc<dyn Watched> = Arc::clone(&guest) as _;
        if let Ok(watch) = join::watch(watched, &guest.channel) {
            present.guests.push((guest, watch));
        }
    }

    /// Lets everyone go.
    pub(super) fn dismiss(&self) {
        let guests = std::mem::take(&mut lock(&self.present).guests);
        // Outside the lock: this waits for the background thread, which takes the lock.
        drop(guests);
    }

    /// Answers a hello: gives a place in the set, or says why not.
    fn welcome(&self, guest: &Guest, role: Role) -> Result<()> {
        let mut present = lock(&self.present);
        match role {
            Role::Server => self.let_server_in(&present)?,
            Role::Secondary => state::client(ClientCall::OpenInSecondary, self.set.state())?,
        }
        let control = self.set.participant.control();
        present.numbered += 1;
        let number = PRIMARY + present.numbered;
        let welcome = Message::Welcome {
            participant: number,
            size: control.size(),
        };
        guest.channel.send(&welcome, &[control.fd()])?;
        if role == Role::Secondary {
            for area in self.set.areas.all() {
                guest.send_area(&area)?;
            }
        }
        *lock(&guest.place) = Some((role, number));
        Ok(())
    }

    /// Whether a server may come in now. It is attached when it moves the phase on. [AMB-27]
    fn let_server_in(&self, present: &Present) -> Result<()> {
        let mut guests = present.guests.iter();
        let served = guests.any(|(guest, _)| guest.role() == Some(Role::Server));
        let refusal = |kind, text: String| Err(Error::new(kind, text));
        match self.set.participant.phase() {
            Phase::Aborted => Err(state::aborted()),
            Phase::Terminated => refusal(ErrorKind::Invalid, "the set has ended".into()),
            Phase::Created if !served => Ok(()),
            _ => {
                let text = format!("another server has opened set {}", self.set.name);
                refusal(ErrorKind::Busy, text)
            }
        }
    }

    /// Maps an area that the server made, and passes it on to every secondary.
    fn take_area(&self, index: u32, size: u64, fds: Vec<OwnedFd>) -> Result<()> {
        let present = lock(&self.present);
        let area = join::received_area(index, size, fds)?;
        self.set.add_area(Arc::clone(&area))?;
        let secondaries = present
            .guests
            .iter()
            .filter(|(guest, _)| guest.role() == Some(Role::Secondary));
        for (guest, _) in secondaries {
            // A secondary that cannot be told hangs up, or has done so already.
            let _ = guest.send_area(&area);
        }
        Ok(())
    }

    fn remove(&self, guest: &Guest) {
        lock(&self.present)
            .guests
            .retain(|(other, _)| !std::ptr::eq(&raw const **other, guest));
    }
}

fn refuse(channel: &Channel, error: &Error) {
    let message = Message::Refused {
        kind: error.kind(),
        text: error.text().to_owned(),
    };
    // If the answer cannot be sent, the hang-up that follows is answer enough.
    let _ = channel.send(&message, &[]);
}

impl Guest {
    fn send_area(&self, area: &Area) -> Result<()> {
        let message = Message::Area {
            index: area.index(),
            size: area.size(),
        };
        self.channel.send(&message, &[area.fd()])
    }

    /// Deals with one message; `false` ends the connection.
    fn handle(&self, message: Message, fds: Vec<OwnedFd>) -> bool {
        match (self.role(), message) {
            // A guest that does not wait for the answer has given up.
            (None, Message::Hello { .. }) if self.channel.is_readable() => false,
            (
                None,
                Message::Hello {
                    role,
                    instance,
                    name,
                },
            ) => {
                let known = instance == self.guests.instance.as_bytes()
                    && name == self.guests.set.name.as_bytes();
                let answer = if known {
                    self.guests.welcome(self, role)
                } else {
                    let text = "another set has this place in the runtime directory";
                    Err(Error::new(ErrorKind::Unexpected, text))
                };
                if let Err(error) = &answer {
                    refuse(&self.channel, error);
                }
                answer.is_ok()
            }
            (Some(Role::Server), Message::Area { index, size }) => {
                if let Err(error) = self.guests.take_area(index, size, fds) {
                    let participant = &self.guests.set.participant;
                    participant.abort(VDI_ABORT_RESOURCES, error.text());
                }
                true
            }
            (role, _) => {
                self.misbehaved(role);
                false
            }
        }
    }

    fn misbehaved(&self, role: Option<Role>) {
        if role == Some(Role::Server) {
            let text = "the server sent a message that is none";
            let participant = &self.guests.set.participant;
            participant.abort(VDI_ABORT_CORRUPTION, text);
        }
    }

    /// The peer has closed its end or died. The end of an attached server is an abort unless the
    /// set has ended; that of a secondary is for the primary to judge. [CRASH-01, CRASH-03, NT-04]
    fn gone(&self) {
        let set = &self.guests.set;
        match *lock(&self.place) {
            Some((Role::Server, _)) => {
                let unattached = [Phase::Created, Phase::Terminated, Phase::Aborted];
                if !unattached.contains(&set.participant.phase()) {
                    set.participant.server_died();
                }
            }
            Some((Role::Secondary, number)) => set.note_lost_secondary(number),
            None => {}
        }
    }

    fn role(&self) -> Option<Role> {
        lock(&self.place).map(|(role, _)| role)
    }
}

impl Watched for Guest {
    fn ready(&self, _token: u32) -> Next {
        loop {
            let going_on = match self.channel.receive() {
                Ok(Incoming::Message(message, fds)) => self.handle(message, fds),
                Ok(Incoming::Nothing) => return Next::Keep,
                Ok(Incoming::HangUp) => {
                    self.gone();
                    false
                }
                Err(_) => {
                    self.misbehaved(self.role());
                    false
                }
            };
            if !going_on {
                self.guests.remove(self);
                return Next::Drop;
            }
        }
    }
}
