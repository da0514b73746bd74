//! The processes that are connected to the primary: the server and the secondaries.

use super::inner::Inner;
use crate::error::{Error, ErrorKind, Result};
use crate::link::channel::{Channel, Incoming};
use crate::link::received::Received;
use crate::link::watcher::{Next, Watch, Watched};
use crate::participant::join::PRIMARY;
use crate::participant::{join, lock};
use crate::protocol::codes::{VDI_ABORT_CORRUPTION, VDI_ABORT_RESOURCES};
use crate::protocol::message::{Message, Role};
use crate::protocol::name::Instance;
use crate::protocol::state::{self, ClientCall, Phase};
use crate::sync::Mutex;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

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
    /// Of guests that have left: the background thread may still hold them, and a close waits.
    leaving: Vec<Watch>,
    /// Size and memory of every buffer area, for the secondaries that are still to be told.
    areas: Vec<(u64, OwnedFd)>,
    /// Participants numbered so far, without the primary.
    numbered: u32,
}

/// One connection.
struct Guest {
    channel: Channel,
    guests: Arc<Guests>,
    /// What it is, and its number among the participants; nothing before it was welcome.
    place: Mutex<Option<(Role, u32)>>,
    told: Mutex<Told>,
}

/// What a secondary knows of the areas.
#[derive(Default)]
struct Told {
    sent: usize,
    mapped: usize,
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
        // On the background thread itself nothing is left of them by now.
        present.leaving.clear();
        if present.guests.len() >= MAX_GUESTS {
            let text = "too many processes are connected to this set";
            channel.refuse(&Error::new(ErrorKind::Busy, text));
            return;
        }
        let guest = Arc::new(Guest {
            channel,
            guests: Arc::clone(self),
            place: Mutex::new(None),
            told: Mutex::default(),
        });
        let watched: Arc<dyn Watched> = Arc::clone(&guest) as _;
        match join::watch(watched, &guest.channel) {
            Ok(watch) => present.guests.push((guest, watch)),
            Err(error) => guest.channel.refuse(&error),
        }
    }

    /// Lets everyone go.
    pub(super) fn dismiss(&self) {
        let mut present = lock(&self.present);
        let guests = std::mem::take(&mut present.guests);
        let leaving = std::mem::take(&mut present.leaving);
        // Outside the lock: this waits for the background thread, which takes the lock.
        drop(present);
        drop((guests, leaving));
    }

    /// Answers a hello: gives a place in the set, or says why not.
    fn welcome(&self, guest: &Guest, role: Role) -> Result<()> {
        let mut present = lock(&self.present);
        match role {
            Role::Server => {
                self.let_server_in(&present)?;
                guest.channel.accept_descriptors()?;
            }
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
        *lock(&guest.place) = Some((role, number));
        guest.tell(&present.areas)
    }

    /// Whether a server may come in now. It is attached when it moves the phase on. [AMB-27]
    fn let_server_in(&self, present: &Present) -> Result<()> {
        let mut guests = present.guests.iter();
        let served = guests.any(|(guest, _)| guest.role() == Some(Role::Server));
        let participant = &self.set.participant;
        let phase = participant.phase();
        // One that has closed says so before its connection ends.
        let left = phase == Phase::Terminated && participant.has_no_server();
        state::server_open(phase, served && !left)
    }

    /// Maps an area that the server made, and passes it on to every secondary.
    fn take_area(&self, index: u32, size: u64, fds: Received) -> Result<()> {
        let mut present = lock(&self.present);
        let add = |area| self.set.add_area(area);
        let memory = join::received_area(index, size, fds, add)?;
        present.areas.push((size, memory));
        for (guest, _) in &present.guests {
            if let Err(error) = guest.tell(&present.areas) {
                guest.cannot_be_served(&error);
            }
        }
        Ok(())
    }

    /// A secondary is ready for more areas.
    fn tell_more(&self, guest: &Guest, mapped: u32) -> Result<()> {
        let present = lock(&self.present);
        lock(&guest.told).mapped = mapped as usize;
        guest.tell(&present.areas)
    }

    fn remove(&self, guest: &Guest) {
        let mut present = lock(&self.present);
        let is_it = |(other, _): &(Arc<Guest>, Watch)| std::ptr::eq(&raw const **other, guest);
        if let Some(at) = present.guests.iter().position(is_it) {
            let (_, watch) = present.guests.remove(at);
            present.leaving.push(watch);
        }
    }
}

impl Guest {
    /// Tells a secondary of the areas that it does not know, a few at a time: one that is stopped
    /// must not fill its socket. It answers when it has mapped them.
    fn tell(&self, areas: &[(u64, OwnedFd)]) -> Result<()> {
        const WINDOW: usize = 32;
        if self.role() != Some(Role::Secondary) {
            return Ok(());
        }
        let mut told = lock(&self.told);
        let end = areas.len().min(told.mapped.saturating_add(WINDOW));
        while told.sent < end {
            let (size, memory) = &areas[told.sent];
            let message = Message::Area {
                index: told.sent as u32,
                size: *size,
            };
            self.channel.send(&message, &[memory.as_fd()])?;
            told.sent += 1;
        }
        Ok(())
    }

    /// Deals with one message; `false` ends the connection.
    fn handle(&self, message: Message, fds: Received) -> bool {
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
                    self.channel.refuse(error);
                }
                answer.is_ok()
            }
            (Some(Role::Server), Message::Area { index, size }) => {
                if let Err(error) = self.guests.take_area(index, size, fds) {
                    self.guests.set.lacks(&error);
                }
                true
            }
            (Some(Role::Secondary), Message::Mapped { areas }) => {
                if let Err(error) = self.guests.tell_more(self, areas) {
                    self.cannot_be_served(&error);
                }
                true
            }
            _ => {
                let text = "the server sent a message that is none";
                self.misbehaved(VDI_ABORT_CORRUPTION, text);
                false
            }
        }
    }

    /// Without its areas a secondary cannot work, which ends the set. It must not wait for them.
    fn cannot_be_served(&self, error: &Error) {
        let participant = &self.guests.set.participant;
        participant.abort(VDI_ABORT_RESOURCES, error.text());
        self.channel.refuse(error);
        self.channel.hang_up();
    }

    /// A server that cannot be understood ends the set; a secondary is let go.
    fn misbehaved(&self, code: u32, text: &str) {
        if self.role() == Some(Role::Server) {
            self.guests.set.participant.abort(code, text);
            self.guests.set.now_alone();
        }
    }

    /// The peer has closed its end or died. The end of an attached server is an abort unless the
    /// set has ended; that of a secondary is for the primary to judge. [CRASH-01, CRASH-03, NT-04]
    fn gone(&self) {
        let set = &self.guests.set;
        match *lock(&self.place) {
            Some((Role::Server, _)) => set.server_left(),
            Some((Role::Secondary, number)) => set.note_lost_secondary(number),
            None => {}
        }
        // It may have died after it had changed something, and before it woke who waits for that.
        set.participant.alarm();
    }

    fn role(&self) -> Option<Role> {
        lock(&self.place).map(|(role, _)| role)
    }
}

impl Watched for Guest {
    fn ready(&self, _token: u32) -> Next {
        // A few at a time: the thread serves other guests, too, and comes back.
        for _ in 0..16 {
            let going_on = match self.channel.receive() {
                Ok(Incoming::Message(message, fds)) => self.handle(message, fds),
                Ok(Incoming::Nothing) => return Next::Keep,
                Ok(Incoming::HangUp) => {
                    self.gone();
                    false
                }
                Ok(Incoming::Nonsense(reason)) => {
                    self.misbehaved(VDI_ABORT_CORRUPTION, reason);
                    false
                }
                Err(error) => {
                    self.misbehaved(VDI_ABORT_RESOURCES, error.text());
                    if self.role() != Some(Role::Server) {
                        self.channel.refuse(&error);
                    }
                    false
                }
            };
            if !going_on {
                self.guests.remove(self);
                return Next::Drop;
            }
        }
        Next::Keep
    }
}

#[cfg(test)]
#[path = "guests_tests.rs"]
mod tests;
