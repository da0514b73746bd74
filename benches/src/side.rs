//! What a process of a cell sees: its task, the board, and when to stop.

use crate::digest::Fold;
use crate::os::{self, Pid};
use crate::shared::{Bytes, Shared, Zeroed};
use std::hint;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Most devices of a cell.
pub const DEVICES: usize = 64;
/// Round trips of a placement probe.
const PROBE: u32 = 10_000;

/// A value on cache lines of its own.
#[repr(align(128))]
pub struct Apart<T>(pub T);

/// The near process commands, the far one obeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Near,
    Far,
}

/// On which processors the two processes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Each on its own.
    Apart,
    /// Both on one.
    Together,
    /// Where the scheduler puts them.
    Free,
}

/// What the far process does with the bytes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    Checksum,
    /// Writes to every page of the buffer; so does the near process, instead of filling it.
    Touch,
    /// Writes them to a new file; with a flush to the disk at the end or not.
    File {
        path: PathBuf,
        durable: bool,
    },
}

/// The task of a cell.
#[derive(Clone, Debug)]
pub struct Job {
    pub placement: Placement,
    /// Each process is confined before it opens anything, so that nothing in it spins.
    pub confined: bool,
    /// Other processes that want all the CPU time that they can get.
    pub hogs: usize,
    /// Commands outstanding on a device.
    pub depth: usize,
    pub devices: usize,
    /// What the far process works for each command.
    pub work: Duration,
    /// Bytes of a bulk command, 0 in a round trip.
    pub size: usize,
    /// Buffers that the set has.
    pub buffers: usize,
    /// Bulk commands until the end; without it, until the driver says so.
    pub total: Option<u64>,
    pub sink: Sink,
    /// The far process is killed in the middle.
    pub deadly: bool,
    /// Time before the cell is measured, and that it is, if not those of all others.
    pub warm_up: Option<Duration>,
    pub window: Option<Duration>,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            placement: Placement::Apart,
            confined: false,
            hogs: 0,
            depth: 1,
            devices: 1,
            work: Duration::ZERO,
            size: 0,
            buffers: 0,
            total: None,
            sink: Sink::Checksum,
            deadly: false,
            warm_up: None,
            window: None,
        }
    }
}

/// The words that the driver and the two processes share.
pub struct Board {
    pub go: Apart<AtomicU32>,
    pub stop: Apart<AtomicU32>,
    here: [Apart<AtomicU32>; 2],
    began: Apart<AtomicU32>,
    probe: [Apart<AtomicU32>; 2],
    /// Commands that have ended, by device; written by the near process.
    pub count: [Apart<AtomicU64>; DEVICES],
    /// Longest time between two ends, by device, in nanoseconds.
    pub longest: [Apart<AtomicU64>; DEVICES],
    pub result: Apart<Results>,
}

/// What the processes tell at their end.
pub struct Results {
    /// Of what was sent, of what the far process got, of what came back.
    pub sent: AtomicU64,
    pub arrived: AtomicU64,
    pub answered: AtomicU64,
    /// Bulk commands that the far process got.
    pub chunks: AtomicU64,
    /// When the whole began and ended, for cells with a total.
    pub began: AtomicU64,
    pub ended: AtomicU64,
    /// Nanoseconds of a cache-line round trip, at the start and at the end.
    pub probes: [AtomicU64; 2],
}

// SAFETY: all atomics.
unsafe impl Zeroed for Board {}

impl Board {
    pub fn total(&self) -> u64 {
        self.count
            .iter()
            .map(|count| count.0.load(Ordering::Relaxed))
            .sum()
    }
}

/// One process of a cell.
#[derive(Clone)]
pub struct Side {
    pub role: Role,
    pub job: Job,
    pub board: Arc<Shared<Board>>,
    /// What bulk commands carry; the same for all.
    pub source: Arc<Bytes>,
    /// Processors of the near and of the far process.
    pub processors: [usize; 2],
}

impl Side {
    fn own_processor(&self) -> usize {
        match (self.role, self.job.placement) {
            (Role::Far, Placement::Apart) => self.processors[1],
            _ => self.processors[0],
        }
    }

    /// Confines the calling thread as the placement says.
    pub fn pin(&self) {
        if self.job.placement != Placement::Free {
            os::pin(&[self.own_processor()]);
        }
    }

    /// Everything is set up: takes its place, waits for the other side, and begins.
    pub fn start(&self) {
        self.pin();
        self.meet(&self.board.here[0]);
        if self.job.total.is_none() {
            self.probe(0);
        }
        self.board.began.0.fetch_add(1, Ordering::AcqRel);
    }

    /// The time that is measured begins, in cells with a total.
    pub fn begin(&self) {
        self.board
            .result
            .0
            .began
            .store(os::now(), Ordering::Release);
    }

    /// It ends.
    pub fn end(&self) {
        self.board
            .result
            .0
            .ended
            .store(os::now(), Ordering::Release);
    }

    /// Sleeps until the driver says that the run is over.
    pub fn wait_for_stop(&self) {
        while self.board.stop.0.load(Ordering::Acquire) == 0 {
            os::futex_wait(&self.board.stop.0, 0);
        }
    }

    /// Whether both sides have begun.
    pub fn has_begun(board: &Board) -> bool {
        board.began.0.load(Ordering::Acquire) == 2
    }

    /// After the end of the run.
    pub fn finish(&self) {
        if self.job.placement == Placement::Apart && self.job.total.is_none() {
            self.meet(&self.board.here[1]);
            self.probe(1);
        }
    }

    /// Waits, seldom looking, until both sides are here.
    fn meet(&self, here: &Apart<AtomicU32>) {
        here.0.fetch_add(1, Ordering::AcqRel);
        while here.0.load(Ordering::Acquire) < 2 {
            os::sleep(Duration::from_micros(50));
        }
    }

    /// How far apart the two processors are.
    fn probe(&self, which: usize) {
        if self.job.placement != Placement::Apart {
            return;
        }
        let [ping, pong] = &self.board.probe;
        let base = which as u32 * PROBE;
        let until = |word: &AtomicU32, value| {
            while word.load(Ordering::Acquire) != value {
                hint::spin_loop();
            }
        };
        let start = os::now();
        for round in base + 1..=base + PROBE {
            if self.role == Role::Near {
                ping.0.store(round, Ordering::Release);
                until(&pong.0, round);
            } else {
                until(&ping.0, round);
                pong.0.store(round, Ordering::Release);
            }
        }
        let each = (os::now() - start) / u64::from(PROBE);
        self.board.result.0.probes[which].store(each, Ordering::Relaxed);
    }

    /// Counts a command of a device that has ended; whether to send another one.
    pub fn ended(&self, device: usize, count: u64) -> bool {
        self.board.count[device].0.store(count, Ordering::Relaxed);
        self.board.stop.0.load(Ordering::Relaxed) == 0
    }

    /// Whether the bulk command of this number is still to be sent.
    pub fn wants(&self, number: u64) -> bool {
        self.job.total.is_none_or(|total| number < total)
            && self.board.stop.0.load(Ordering::Relaxed) == 0
    }

    /// Does the work of a command.
    pub fn work(&self) {
        if !self.job.work.is_zero() {
            let end = os::now() + self.job.work.as_nanos() as u64;
            while os::now() < end {
                hint::spin_loop();
            }
        }
    }

    /// The bytes of the bulk command of this number.
    pub fn chunk(&self, number: u64) -> &[u8] {
        let chunks = (self.source.len() / self.job.size) as u64;
        self.source
            .part((number % chunks) as usize * self.job.size, self.job.size)
    }

    pub fn sent(&self, fold: &Fold) {
        self.board
            .result
            .0
            .sent
            .store(fold.value(), Ordering::Release);
    }

    pub fn arrived(&self, fold: &Fold) {
        self.board
            .result
            .0
            .arrived
            .store(fold.value(), Ordering::Release);
    }

    pub fn answered(&self, fold: &Fold) {
        self.board
            .result
            .0
            .answered
            .store(fold.value(), Ordering::Release);
    }
}

/// The process of a side, for counters.
#[derive(Clone, Copy, Debug)]
pub struct Processes {
    pub near: Pid,
    pub far: Pid,
}
