//! Bulk limits: what one process can do alone.

use super::Pair;
use super::bells::Spin;
use super::channel::{Channel, Ends};
use super::ring::BareRing;
use crate::bulk::Consumer;
use crate::digest::Message;
use crate::os;
use crate::shared::Bytes;
use crate::side::{Job, Placement, Role, Side};
use std::io;

/// One thread copies into the buffers in turn, and nobody looks at them.
pub struct CopyOnly(Bytes);

impl CopyOnly {
    pub fn new(job: &Job) -> io::Result<Self> {
        Ok(Self(Bytes::new(job.size * job.buffers)?))
    }
}

impl Pair for CopyOnly {
    fn near(&self, side: &Side) {
        let Job { size, buffers, .. } = side.job;
        self.0.present();
        side.start();
        let mut number = 0;
        while side.wants(number) {
            self.0
                .put((number as usize % buffers) * size, side.chunk(number));
            number += 1;
            side.ended(0, number);
        }
        for last in number.saturating_sub(buffers as u64)..number {
            let copied = self.0.part((last as usize % buffers) * size, size);
            assert!(copied == side.chunk(last), "the copy differs");
        }
    }

    fn far(&self, side: &Side) {
        side.start();
    }

    /// The near process has compared what it copied last.
    fn check(&self, _: &Side) -> Result<(), String> {
        Ok(())
    }
}

/// One thread gives the source to the sink, in place.
pub struct SinkOnly;

impl SinkOnly {
    pub fn new(_: &Job) -> io::Result<Self> {
        Ok(Self)
    }
}

impl Pair for SinkOnly {
    fn near(&self, side: &Side) {
        let mut consumer = Consumer::new(side);
        side.start();
        let mut number = 0;
        while side.wants(number) {
            consumer.consume(side.chunk(number));
            number += 1;
            side.ended(0, number);
        }
        consumer.finish();
    }

    fn far(&self, side: &Side) {
        side.start();
    }
}

/// Two threads of one process: one copies, the other gives to the sink.
pub struct TwoThreads {
    ring: BareRing<Spin>,
    buffers: Bytes,
}

impl TwoThreads {
    pub fn new(job: &Job) -> io::Result<Self> {
        Ok(Self {
            ring: BareRing::new(job)?,
            buffers: Bytes::new(job.size * job.buffers)?,
        })
    }
}

impl Pair for TwoThreads {
    fn near(&self, side: &Side) {
        self.buffers.present();
        side.start();
        std::thread::scope(|scope| {
            let mut consumer = self.ring.end(Role::Far);
            let buffers = &self.buffers;
            scope.spawn(move || {
                if side.job.placement == Placement::Apart {
                    os::pin(&[side.processors[1]]);
                }
                consume(&mut consumer, buffers, side);
            });
            produce(&mut self.ring.end(Role::Near), Some(&self.buffers), side);
        });
    }

    fn far(&self, side: &Side) {
        side.start();
    }
}

/// Hands the source over through buffers in turn; without buffers, only tells where it lies.
pub fn produce(channel: &mut impl Channel, buffers: Option<&Bytes>, side: &Side) {
    let Job { size, depth, .. } = side.job;
    let (mut next, mut ended) = (0, 0);
    loop {
        while side.wants(next) && next - ended < depth as u64 {
            if let Some(buffers) = buffers {
                buffers.put((next as usize % depth) * size, side.chunk(next));
            }
            channel.send(&Message::new(next));
            channel.flush();
            next += 1;
        }
        if ended == next {
            break;
        }
        channel.receive();
        ended += 1;
        while channel.received().is_some() {
            ended += 1;
        }
        side.ended(0, ended);
    }
    channel.send(&Message::new(crate::digest::STOP));
    channel.flush();
}

/// The other side of [`produce`], for buffers.
pub fn consume(channel: &mut impl Channel, buffers: &Bytes, side: &Side) {
    let Job { size, depth, .. } = side.job;
    consume_from(channel, side, |number| {
        buffers.part((number as usize % depth) * size, size)
    });
}

/// The other side of [`produce`].
pub fn consume_from<'a>(channel: &mut impl Channel, side: &Side, bytes: impl Fn(u64) -> &'a [u8]) {
    let mut consumer = Consumer::new(side);
    loop {
        let message = channel.receive();
        if message.is_stop() {
            break;
        }
        consumer.consume(bytes(message.0[0]));
        channel.send(&message);
        channel.flush();
    }
    consumer.finish();
}
