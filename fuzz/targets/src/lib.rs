//! What the fuzzer does with the library and the tool from outside.
//!
//! A target takes any bytes. It panics, hangs or breaks a rule of memory if something is wrong, and the
//! sanitizers see the rest. `tests/replay.rs` runs the same on the seeds and on every case that was found.

mod binding;
mod bytes;
mod case;
mod peer;
mod program;
mod seeds;
mod stream;

use bytes::Bytes;
use peer::{Peer, Role, act};
use program::{Program, call};

pub use seeds::{Seed, seeds};
pub use stream::stream;

/// A program that makes any calls of the C interface in any order.
pub fn calls(bytes: &[u8]) {
    case::case(|| {
        let mut program = Program::new(true);
        let mut bytes = Bytes::new(bytes);
        while let Some(number) = bytes.next() {
            program.call(number % call::COUNT, &mut bytes);
        }
        program.end();
    });
}

/// A program that joins what a process announces that is no honest primary, as server or as
/// secondary, and lives on with it.
pub fn attach(bytes: &[u8]) {
    case::case(|| {
        let mut program = Program::new(false);
        let mut bytes = Bytes::new(bytes);
        let (role, open) = match bytes.below(2) {
            0 => (Role::Server, call::SERVER_OPEN),
            _ => (Role::Secondary, call::OPEN_IN_SECONDARY),
        };
        let peer = Peer::host(role, &mut bytes, || {
            program.call(open, &mut Bytes::new(&[]));
        });
        live(program, peer, bytes);
    });
}

/// A program whose set has a server or a secondary that writes anything to the shared memory.
pub fn rewrite(bytes: &[u8]) {
    case::case(|| {
        let mut program = Program::new(false);
        let mut bytes = Bytes::new(bytes);
        let role = match bytes.below(2) {
            0 => Role::Server,
            _ => Role::Secondary,
        };
        program.call(call::CREATE, &mut bytes);
        if role == Role::Secondary {
            for number in [
                call::SERVER_OPEN,
                call::BEGIN_CONFIGURATION,
                call::REQUEST_BUFFERS,
                call::END_CONFIGURATION,
            ] {
                program.call(number, &mut bytes);
            }
        }
        live(program, Peer::guest(role), bytes);
    });
}

/// What program and peer then do, in turn.
fn live(mut program: Program, mut peer: Peer, mut bytes: Bytes<'_>) {
    while let Some(number) = bytes.next() {
        match number % (call::COUNT + act::COUNT) {
            number @ call::COUNT.. => peer.act(number - call::COUNT, &mut bytes),
            number => {
                if number == call::CLOSE || number == call::SERVER_CLOSE {
                    peer.revive_primary();
                }
                program.call(number, &mut bytes);
            }
        }
    }
    drop(peer);
    program.end();
}
