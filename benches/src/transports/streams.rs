//! Pipes and Unix sockets.

use super::channel::{Channel, Ends};
use crate::digest::Message;
use crate::os;
use crate::side::{Job, Role};
use std::io;
use std::os::fd::OwnedFd;

/// A descriptor to read from and one to write to, by role.
pub struct Streams([(OwnedFd, OwnedFd); 2]);

impl Streams {
    pub fn pipes(_: &Job) -> io::Result<Self> {
        let ((here, there), (back_here, back_there)) = (os::pipe(None)?, os::pipe(None)?);
        Ok(Self([(here, back_there), (back_here, there)]))
    }

    fn sockets(kind: libc::c_int) -> io::Result<Self> {
        let [near, far] = os::sockets(kind, None)?;
        Ok(Self([(near.try_clone()?, near), (far.try_clone()?, far)]))
    }

    pub fn unix_stream(_: &Job) -> io::Result<Self> {
        Self::sockets(libc::SOCK_STREAM)
    }

    pub fn unix_seqpacket(_: &Job) -> io::Result<Self> {
        Self::sockets(libc::SOCK_SEQPACKET)
    }
}

pub struct StreamEnd<'a>(&'a (OwnedFd, OwnedFd));

impl Ends for Streams {
    type End<'a> = StreamEnd<'a>;

    fn end(&self, role: Role) -> StreamEnd<'_> {
        StreamEnd(&self.0[role as usize])
    }
}

impl Channel for StreamEnd<'_> {
    fn send(&mut self, message: &Message) {
        os::write_all(&self.0.1, message.bytes());
    }

    fn receive(&mut self) -> Message {
        let mut message = Message::default();
        os::read_all(&self.0.0, message.bytes_mut());
        message
    }
}
