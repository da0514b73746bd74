//! The limits: two words, and nothing else.

use super::channel::{Channel, Ends};
use crate::digest::Message;
use crate::os;
use crate::shared::{Shared, Zeroed};
use crate::side::{Apart, Job, Role};
use std::hint;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A word for each direction; the message is the value of the word.
pub struct Words {
    /// By the role of the receiver.
    turn: [Apart<AtomicU64>; 2],
    bell: [Apart<AtomicU32>; 2],
}

// SAFETY: all atomics.
unsafe impl Zeroed for Words {}

/// Two words; sleeping or spinning.
pub struct Raw {
    words: Shared<Words>,
    sleeping: bool,
}

impl Raw {
    pub fn spin(_: &Job) -> io::Result<Self> {
        Ok(Self {
            words: Shared::new()?,
            sleeping: false,
        })
    }

    pub fn futex(_: &Job) -> io::Result<Self> {
        Ok(Self {
            words: Shared::new()?,
            sleeping: true,
        })
    }
}

pub struct RawEnd<'a> {
    words: &'a Words,
    own: usize,
    sleeping: bool,
}

impl Ends for Raw {
    type End<'a> = RawEnd<'a>;

    fn end(&self, role: Role) -> RawEnd<'_> {
        RawEnd {
            words: &self.words,
            own: role as usize,
            sleeping: self.sleeping,
        }
    }
}

/// Value of a word that carries nothing; a number is carried one higher.
const NOTHING: u64 = 0;

impl Channel for RawEnd<'_> {
    fn send(&mut self, message: &Message) {
        let other = 1 - self.own;
        self.words.turn[other]
            .0
            .store(message.0[0].wrapping_add(2).max(1), Ordering::Release);
        if self.sleeping {
            self.words.bell[other].0.fetch_add(1, Ordering::AcqRel);
            os::futex_wake(&self.words.bell[other].0);
        }
    }

    fn receive(&mut self) -> Message {
        let (turn, bell) = (&self.words.turn[self.own].0, &self.words.bell[self.own].0);
        loop {
            let seen = bell.load(Ordering::Acquire);
            let value = turn.load(Ordering::Acquire);
            if value != NOTHING {
                turn.store(NOTHING, Ordering::Relaxed);
                return Message::new(value.wrapping_sub(2));
            }
            if self.sleeping {
                os::futex_wait(bell, seen);
            } else {
                hint::spin_loop();
            }
        }
    }
}
