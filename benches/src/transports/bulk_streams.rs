//! Bulk through pipes and sockets.

use super::Pair;
use crate::bulk::Consumer;
use crate::os;
use crate::side::{Job, Side};
use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;

/// How bytes enter the stream.
#[derive(Clone, Copy)]
enum Entry {
    Write,
    Splice,
}

/// One direction. The end of the stream is the end of the transfer.
pub struct Stream {
    reading: RefCell<Option<OwnedFd>>,
    writing: RefCell<Option<OwnedFd>>,
    entry: Entry,
}

/// The most that an unprivileged process may ask of a pipe.
const PIPE: usize = 1 << 20;
const SOCKET: usize = 4 << 20;

impl Stream {
    fn new((reading, writing): (OwnedFd, OwnedFd), entry: Entry) -> Self {
        Self {
            reading: RefCell::new(Some(reading)),
            writing: RefCell::new(Some(writing)),
            entry,
        }
    }

    pub fn pipe(_: &Job) -> io::Result<Self> {
        Ok(Self::new(os::pipe(Some(PIPE))?, Entry::Write))
    }

    pub fn small_pipe(_: &Job) -> io::Result<Self> {
        Ok(Self::new(os::pipe(None)?, Entry::Write))
    }

    pub fn spliced_pipe(_: &Job) -> io::Result<Self> {
        Ok(Self::new(os::pipe(Some(PIPE))?, Entry::Splice))
    }

    pub fn unix(_: &Job) -> io::Result<Self> {
        let [far, near] = os::sockets(libc::SOCK_STREAM, Some(SOCKET))?;
        Ok(Self::new((far, near), Entry::Write))
    }
}

impl Pair for Stream {
    fn near(&self, side: &Side) {
        drop(self.reading.take());
        let writing = self.writing.take().expect("the writing end");
        side.start();
        let mut number = 0;
        while side.wants(number) {
            let chunk = side.chunk(number);
            match self.entry {
                Entry::Write => os::write_all(&writing, chunk),
                Entry::Splice => os::vmsplice_all(&writing, chunk),
            }
            number += 1;
            side.ended(0, number);
        }
    }

    fn far(&self, side: &Side) {
        drop(self.writing.take());
        let reading = self.reading.take().expect("the reading end");
        let mut buffer = vec![1; side.job.size];
        let mut consumer = Consumer::new(side);
        side.start();
        while os::read_whole(&reading, &mut buffer) {
            consumer.consume(&buffer);
        }
        consumer.finish();
    }

    fn release(&self) {
        drop(self.reading.take());
        drop(self.writing.take());
    }
}
