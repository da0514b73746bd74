//! The work of the commands, without any command.

use super::Pair;
use crate::side::{Job, Side};
use std::io;

/// One thread that works.
pub struct WorkAlone;

impl WorkAlone {
    pub fn new(_: &Job) -> io::Result<Self> {
        Ok(Self)
    }
}

impl Pair for WorkAlone {
    fn near(&self, side: &Side) {
        side.start();
        let mut number = 1;
        side.work();
        while side.ended(0, number) {
            side.work();
            number += 1;
        }
    }

    fn far(&self, side: &Side) {
        side.start();
    }

    /// Nothing is sent.
    fn check(&self, _: &Side) -> Result<(), String> {
        Ok(())
    }
}
