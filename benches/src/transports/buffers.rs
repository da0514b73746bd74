//! Bulk commands through shared buffers, with a bare channel for the commands.

use super::Pair;
use super::channel::Ends;
use super::limits::{consume, consume_from, produce};
use crate::shared::Bytes;
use crate::side::{Job, Role, Side};
use std::io;

/// A channel and buffers. Without buffers, the far process looks at the source itself.
pub struct Buffers<E> {
    channel: E,
    buffers: Option<Bytes>,
}

impl<E: Ends> Buffers<E> {
    pub fn copied(channel: impl Fn(&Job) -> io::Result<E>) -> impl Fn(&Job) -> io::Result<Self> {
        move |job| {
            Ok(Self {
                channel: channel(job)?,
                buffers: Some(Bytes::new(job.size * job.depth)?),
            })
        }
    }

    /// Buffers whose pages come when they are first used.
    pub fn lazy(channel: impl Fn(&Job) -> io::Result<E>) -> impl Fn(&Job) -> io::Result<Self> {
        move |job| {
            Ok(Self {
                channel: channel(job)?,
                buffers: Some(Bytes::lazy(job.size * job.depth)?),
            })
        }
    }

    pub fn in_place(channel: impl Fn(&Job) -> io::Result<E>) -> impl Fn(&Job) -> io::Result<Self> {
        move |job| {
            Ok(Self {
                channel: channel(job)?,
                buffers: None,
            })
        }
    }
}

impl<E: Ends> Pair for Buffers<E> {
    fn near(&self, side: &Side) {
        let mut channel = self.channel.end(Role::Near);
        if let (Some(buffers), None) = (&self.buffers, side.job.total) {
            buffers.present();
        }
        side.start();
        produce(&mut channel, self.buffers.as_ref(), side);
    }

    fn far(&self, side: &Side) {
        let mut channel = self.channel.end(Role::Far);
        if let Some(buffers) = &self.buffers {
            if side.job.total.is_none() {
                buffers.present();
            }
            side.start();
            consume(&mut channel, buffers, side);
        } else {
            side.start();
            consume_from(&mut channel, side, |number| side.chunk(number));
        }
    }
}
