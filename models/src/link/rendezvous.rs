//! Where processes of a model find each other.

use super::access::Access;
use super::address::Address;
use super::channel::Channel;
use super::wire;
use crate::error::{Error, ErrorKind, Result};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

/// A descriptor that is like no other.
fn socket() -> Result<OwnedFd> {
    let socket = UnixDatagram::unbound();
    Ok(socket
        .map_err(|error| Error::system("no socket", &error))?
        .into())
}

pub(crate) fn connect(address: &Address) -> Result<Option<Channel>> {
    let (mine, theirs) = (socket()?, socket()?);
    let (near, far) = (mine.as_raw_fd(), theirs.as_raw_fd());
    let connected = wire::with(|wire| {
        let listener = *wire.places.get(&address.0)?;
        wire.open(near, Some(far));
        wire.open(far, Some(near));
        wire.end(listener)?.arrivals.push_back(theirs);
        Some(())
    });
    Ok(connected.map(|()| Channel(mine)))
}

/// Nothing is left behind by a process of a model.
pub(crate) fn forget(_address: &Address) -> bool {
    true
}

pub(crate) struct Listener {
    socket: OwnedFd,
    address: Address,
}

impl Listener {
    pub(crate) fn bind(address: &Address, _access: Access) -> Result<Self> {
        let socket = socket()?;
        let fd = socket.as_raw_fd();
        let is_free = wire::with(|wire| {
            if wire.places.contains_key(&address.0) {
                return false;
            }
            wire.places.insert(address.0.clone(), fd);
            wire.open(fd, None);
            true
        });
        if !is_free {
            return Err(Error::new(ErrorKind::Protocol, "the name is taken"));
        }
        Ok(Self {
            socket,
            address: address.clone(),
        })
    }

    pub(crate) fn accept(&self) -> Result<Option<Channel>> {
        let arrived = wire::with(|wire| {
            let listener = wire.end(self.socket.as_raw_fd())?;
            listener.arrivals.pop_front()
        });
        Ok(arrived.map(Channel))
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        wire::with(|wire| wire.places.remove(&self.address.0));
        // Whoever has not been let in is hung up on.
        while let Ok(Some(channel)) = self.accept() {
            drop(channel);
        }
        wire::with(|wire| wire.close(self.socket.as_raw_fd()));
    }
}
