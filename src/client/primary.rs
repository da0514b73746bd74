//! The primary's side of the rendezvous: it announces the set and opens the door.

use super::guests::Guests;
use super::inner::{Inner, Link};
use crate::error::Result;
use crate::link::access::Access;
use crate::link::address::Address;
use crate::link::rendezvous::Listener;
use crate::link::watcher::{self, Next, Watch, Watched};
use crate::link::witness::{self, Vigil};
use crate::protocol::name::Instance;
use crate::sync::thread;
use std::sync::Arc;
use std::time::Duration;

/// The announcement of a set. Dropping it takes the name back and lets everyone go.
pub(super) struct Primary {
    /// Taken when dropped, so that nobody comes in while the others are let go.
    door: Option<Watch>,
    guests: Arc<Guests>,
    _vigil: Vigil,
}

/// Makes the set findable under its name.
pub(super) fn announce(set: &Arc<Inner>, instance: &Instance, access: Access) -> Result<Primary> {
    let vigil = witness::attend(Arc::clone(&set.participant) as _)?;
    let address = Address::of(instance.as_bytes(), set.name.as_bytes())?;
    let guests = Arc::new(Guests::new(Arc::clone(set), instance.clone()));
    let entrance = Arc::new(Entrance {
        listener: Listener::bind(&address, access)?,
        guests: Arc::clone(&guests),
    });
    let watched: Arc<dyn Watched> = Arc::clone(&entrance) as _;
    let door = watcher::watch(watched, &[(entrance.listener.fd(), 0)])?;
    Ok(Primary {
        door: Some(door),
        guests,
        _vigil: vigil,
    })
}

impl Link for Primary {}

impl Drop for Primary {
    fn drop(&mut self) {
        self.door.take();
        self.guests.dismiss();
    }
}

/// Where connections arrive.
struct Entrance {
    listener: Listener,
    guests: Arc<Guests>,
}

impl Watched for Entrance {
    fn ready(&self, _token: u32) -> Next {
        // A few at a time: the thread serves other sets, too, and comes back.
        for _ in 0..16 {
            match self.listener.accept() {
                Ok(Some(channel)) => self.guests.admit(channel),
                Ok(None) => return Next::Keep,
                Err(_) => {
                    // No descriptor is left, and the knocking goes on until one is.
                    thread::sleep(Duration::from_millis(10));
                    return Next::Keep;
                }
            }
        }
        Next::Keep
    }
}
