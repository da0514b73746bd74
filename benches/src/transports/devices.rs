//! Many devices without a library: a thread for each on both sides, and two words for each.

use super::Pair;
use super::channel::{Channel, Ends};
use super::raw::{Raw, RawEnd};
use crate::digest::{Fold, Message, STOP};
use crate::os;
use crate::side::{Job, Role, Side};
use std::io;
use std::sync::atomic::Ordering;
use std::thread;

/// A pair of words for each device; sleeping.
pub struct ThreadPerDevice(Vec<Raw>);

impl ThreadPerDevice {
    pub fn new(job: &Job) -> io::Result<Self> {
        (0..job.devices)
            .map(|_| Raw::futex(job))
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// Runs a thread for each device; the sum of what they return.
    fn all(&self, role: Role, body: impl Fn(RawEnd<'_>, usize) -> [u64; 2] + Sync) -> [u64; 2] {
        thread::scope(|scope| {
            let body = &body;
            let devices = self.0.iter().enumerate();
            let threads: Vec<_> = devices
                .map(|(device, words)| scope.spawn(move || body(words.end(role), device)))
                .collect();
            let ended = threads
                .into_iter()
                .map(|thread| thread.join().expect("a device"));
            ended.fold([0_u64, 0], |sum, each| {
                [sum[0].wrapping_add(each[0]), sum[1].wrapping_add(each[1])]
            })
        })
    }
}

/// Sends commands to one device, each when the one before has ended.
fn command(mut end: RawEnd<'_>, device: usize, side: &Side) -> [u64; 2] {
    let (mut sent, mut answered) = (Fold::default(), Fold::default());
    let (mut number, mut last) = (0, os::now());
    loop {
        let message = Message::new(number);
        sent.add(message.word());
        end.send(&message);
        answered.add(end.receive().word());
        number += 1;
        let now = os::now();
        side.board.longest[device]
            .0
            .fetch_max(now - std::mem::replace(&mut last, now), Ordering::Relaxed);
        if !side.ended(device, number) {
            break;
        }
    }
    end.send(&Message::new(STOP));
    [sent.value(), answered.value()]
}

fn obey(mut end: RawEnd<'_>, side: &Side) -> [u64; 2] {
    let mut arrived = Fold::default();
    loop {
        let message = end.receive();
        if message.is_stop() {
            return [arrived.value(), 0];
        }
        arrived.add(message.word());
        side.work();
        end.send(&message);
    }
}

impl Pair for ThreadPerDevice {
    fn near(&self, side: &Side) {
        side.start();
        let [sent, answered] = self.all(Role::Near, |end, device| command(end, device, side));
        side.board.result.0.sent.store(sent, Ordering::Release);
        side.board
            .result
            .0
            .answered
            .store(answered, Ordering::Release);
    }

    fn far(&self, side: &Side) {
        side.start();
        let [arrived, _] = self.all(Role::Far, |end, _| obey(end, side));
        side.board
            .result
            .0
            .arrived
            .store(arrived, Ordering::Release);
    }
}
