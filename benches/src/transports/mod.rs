//! Ways to hand commands from one process to another: libvdi, the alternatives, and the limits.

pub mod bells;
pub mod buffers;
pub mod bulk_iceoryx;
pub mod bulk_streams;
pub mod channel;
pub mod death;
pub mod devices;
pub mod faults;
pub mod iceoryx;
pub mod libvdi;
pub mod libvdi_rust;
pub mod limits;
pub mod raw;
pub mod ring;
pub mod streams;
pub mod work;

use crate::bulk;
use crate::side::{Job, Side};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// Both ends of one transport. Made before the processes are; each uses one end.
pub trait Pair {
    /// Sends commands until it is told to stop, and waits for all answers.
    fn near(&self, side: &Side);

    /// Answers until the near side ends.
    fn far(&self, side: &Side);

    /// In the driver, when both processes have started.
    fn release(&self) {}

    /// Whether everything that was sent has arrived, and has come back, unaltered.
    fn check(&self, side: &Side) -> Result<(), String> {
        if side.job.size > 0 {
            return bulk::check(side);
        }
        let result = &side.board.result.0;
        let of = |word: &AtomicU64| word.load(Ordering::Acquire);
        let (sent, arrived, answered) =
            (of(&result.sent), of(&result.arrived), of(&result.answered));
        if sent == 0 || sent != arrived || sent != answered {
            return Err(format!(
                "digests: sent {sent:x}, arrived {arrived:x}, answered {answered:x}"
            ));
        }
        Ok(())
    }
}

/// Makes a transport for one cell.
pub type Make = dyn Fn(&Job) -> io::Result<Box<dyn Pair>>;

/// As [`Make`], of any transport.
pub fn boxed<P: Pair + 'static>(make: impl Fn(&Job) -> io::Result<P> + 'static) -> Box<Make> {
    Box::new(move |job| Ok(Box::new(make(job)?)))
}

/// A name that no other cell has.
pub fn unique(base: &str) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!(
        "{base}-{}-{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    )
}
