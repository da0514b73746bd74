//! Transports with a defect, to show before each run that the harness would notice.

use crate::cell::{self, Rules};
use crate::digest::Message;
use crate::machine::Patience;
use crate::shared::Bytes;
use crate::side::{Job, Role, Side};
use crate::transports::bells::Spin;
use crate::transports::buffers::Buffers;
use crate::transports::channel::{Channel, Ends};
use crate::transports::ring::{BareRing, RingEnd};
use crate::transports::{Pair, boxed};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What goes wrong with a message of the far process.
#[derive(Clone, Copy, Debug)]
enum Defect {
    Altered,
    Exchanged,
    Lost,
    Death,
}

/// The message that is spoilt: one that every run reaches.
const SPOILT: u64 = 2;

struct Spoilt {
    ring: BareRing<Spin>,
    defect: Defect,
}

impl Spoilt {
    fn with(defect: Defect) -> impl Fn(&Job) -> io::Result<Self> {
        move |job| {
            Ok(Self {
                ring: BareRing::new(job)?,
                defect,
            })
        }
    }
}

struct SpoiltEnd<'a> {
    ring: RingEnd<'a, Spin>,
    defect: Option<Defect>,
    held: Option<Message>,
}

impl Ends for Spoilt {
    type End<'a> = SpoiltEnd<'a>;

    fn end(&self, role: Role) -> SpoiltEnd<'_> {
        let defect = (role == Role::Far).then_some(self.defect);
        SpoiltEnd {
            ring: self.ring.end(role),
            defect,
            held: None,
        }
    }
}

impl Channel for SpoiltEnd<'_> {
    fn send(&mut self, message: &Message) {
        let mut message = *message;
        match self.defect.filter(|_| message.0[0] == SPOILT) {
            None => {}
            Some(Defect::Altered) => message.0[7] ^= 1,
            Some(Defect::Exchanged) => {
                self.held = Some(message);
                return;
            }
            Some(Defect::Lost) => return,
            // A panic would print.
            Some(Defect::Death) => std::process::abort(),
        }
        self.ring.send(&message);
        if let Some(held) = self.held.take() {
            self.ring.send(&held);
        }
    }

    fn flush(&mut self) {
        self.ring.flush();
    }

    fn receive(&mut self) -> Message {
        self.ring.receive()
    }

    fn received(&mut self) -> Option<Message> {
        self.ring.received()
    }
}

/// A bulk transport whose far process looks at other bytes than the near one.
struct Unfilled(Buffers<BareRing<Spin>>);

impl Pair for Unfilled {
    fn near(&self, side: &Side) {
        self.0.near(side);
    }

    fn far(&self, side: &Side) {
        let source = Arc::new(Bytes::lazy(side.source.len()).expect("memory"));
        self.0.far(&Side {
            source,
            ..side.clone()
        });
    }
}

/// Runs them all.
pub fn all_are_noticed(rules: &Rules) -> Result<(), String> {
    let rules = Rules {
        patience: Patience {
            wait: Duration::ZERO,
            tries: 1,
            total: Duration::ZERO,
        },
        window: Duration::from_millis(5),
        limit: Duration::from_millis(500),
        ..rules.clone()
    };
    let job = Job {
        depth: 4,
        ..Job::default()
    };
    for defect in [
        Defect::Altered,
        Defect::Exchanged,
        Defect::Lost,
        Defect::Death,
    ] {
        let (sample, _) = cell::measure(&boxed(Spoilt::with(defect)), &job, &rules, false);
        if sample.fault.is_none() {
            return Err(format!(
                "the harness does not notice that a message was spoilt: {defect:?}"
            ));
        }
    }
    let job = Job {
        size: 1 << 16,
        buffers: 4,
        depth: 4,
        ..Job::default()
    };
    let unfilled = |job: &Job| Buffers::in_place(BareRing::<Spin>::new)(job).map(Unfilled);
    let (sample, _) = cell::measure(&boxed(unfilled), &job, &rules, false);
    if sample.fault.is_none() {
        return Err("the harness does not notice that bulk data was altered".into());
    }
    Ok(())
}
