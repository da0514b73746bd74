//! Measures libvdi beside its alternatives and the limits of the machine.

mod bulk;
mod cell;
mod digest;
mod machine;
mod os;
mod shared;
mod side;
mod syscalls;
mod transports;
mod vdi_c;

use cell::Rules;
use side::{Job, Placement};
use std::sync::Arc;
use std::time::Duration;
use transports::bells::{Eventfd, Futex, Semaphore, Spin};
use transports::iceoryx::{Publications, Requests};
use transports::libvdi::Libvdi;
use transports::raw::Raw;
use transports::ring::BareRing;
use transports::streams::Streams;
use transports::Contender;

fn main() {
    let cpus = os::processors();
    let dir = std::env::temp_dir().join(format!("vdi-bench-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    // SAFETY: one thread.
    unsafe { std::env::set_var("VDI_RUNTIME_DIR", &dir) };
    let source = Arc::new(shared::Bytes::new(64 << 20).unwrap());
    let rules = Rules {
        patience: machine::Patience { wait: Duration::from_millis(100), tries: 2 },
        window: Duration::from_millis(100),
        warm_up: Duration::from_millis(5),
        source,
        processors: [cpus[0], cpus[1]],
    };
    let all = vec![
        Contender::new("raw spin", Raw::spin),
        Contender::new("bare ring, spin", BareRing::<Spin>::new),
        Contender::new("raw futex", Raw::futex),
        Contender::new("bare ring, futex", BareRing::<Futex>::new),
        Contender::new("semaphores", BareRing::<Semaphore>::new),
        Contender::new("eventfd", BareRing::<Eventfd>::new),
        Contender::new("pipe", Streams::pipes),
        Contender::new("stream", Streams::unix_stream),
        Contender::new("seqpacket", Streams::unix_seqpacket),
        Contender::new("iceoryx2 req", Requests::new),
        Contender::new("iceoryx2 pub", Publications::polled),
        Contender::new("iceoryx2 event", Publications::with_events),
        Contender::new("libvdi C", Libvdi::new),
    ];
    for calls in [false, true] {
    for depth in [1, 16] {
        for confined in [false, true] {
            let job = Job { depth, confined, placement: Placement::Apart, ..Job::default() };
            for c in &all {
                if depth > 1 && c.name.starts_with("raw") { continue; }
                let (s, runs) = cell::measure(&c.make, &job, &rules, calls);
                println!("{depth} {confined} {:16} {:10.1} ns cpu {:8.1} sw {:.3} calls {:?} runs {runs} probe {} foreign {:.3} {:?}", c.name, s.each(), s.cpu_each(), s.switches as f64/s.commands.max(1) as f64, s.calls.map(|c| c as f64/s.commands.max(1) as f64), s.disturbance.probe, s.disturbance.foreign, s.fault);
            }
        }
    }
    }
    std::fs::remove_dir_all(&dir).unwrap();
}
