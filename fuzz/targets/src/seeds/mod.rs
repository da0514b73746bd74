//! The cases with which the fuzzer begins: proper messages, streams and sequences of calls.

mod calls;
mod life;
mod peers;
mod stream;

use crate::peer::wire;

/// A case: its target, its name and its bytes.
pub struct Seed {
    /// The target.
    pub target: &'static str,
    /// What it shows.
    pub name: &'static str,
    /// The case.
    pub bytes: Vec<u8>,
}

fn seed(target: &'static str, name: &'static str, bytes: Vec<u8>) -> Seed {
    Seed {
        target,
        name,
        bytes,
    }
}

/// All of them.
pub fn seeds() -> Vec<Seed> {
    let mut seeds = messages();
    seeds.extend(values());
    seeds.extend(stream::seeds());
    seeds.extend(calls::seeds());
    seeds.extend(peers::attach());
    seeds.extend(peers::rewrite());
    seeds
}

fn messages() -> Vec<Seed> {
    const TIMEOUT: u32 = 0x8077_0003;
    let refused = |text: &[u8]| {
        let mut packet = wire::message(wire::REFUSED);
        packet.extend(TIMEOUT.to_le_bytes());
        packet.extend((text.len() as u32).to_le_bytes());
        packet.extend(text);
        packet
    };
    let mut mapped = wire::message(wire::MAPPED);
    mapped.extend(3_u32.to_le_bytes());
    let longer = [wire::hello(1, b"nightly"), vec![0]].concat();
    let shorter = wire::hello(1, b"nightly")[..30].to_vec();
    let seed = |name, bytes| seed("messages", name, bytes);
    vec![
        seed("hello-server", wire::hello(1, b"nightly")),
        seed("hello-secondary", wire::hello(2, &[b'n'; 255])),
        seed("welcome", wire::sized(wire::WELCOME, 2, 12416)),
        seed("refused", refused(b"another server has opened the set")),
        seed("refused-no-text", refused(&[0xff; 512])),
        seed("area", wire::sized(wire::AREA, 0, 65536)),
        seed("mapped", mapped),
        seed("longer-than-its-fields", longer),
        seed("shorter-than-its-fields", shorter),
        seed("of-no-kind", wire::message(6)),
    ]
}

fn values() -> Vec<Seed> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let (write, tape) = (1 << 16, 371);
    let seed = |name, bytes| seed("values", name, bytes);
    vec![
        seed("name", b"{5F1C-09} / \xff\xfe 'x'".to_vec()),
        seed("name-longest", vec![b'n'; 255]),
        seed("name-too-long", vec![b'n'; 256]),
        seed("name-forbidden", b"a\\b".to_vec()),
        seed(
            "pipe",
            words(&[
                0, // strict
                1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // the client's
                write, 4096, 0, 65536, 0, // the server's
                1, write, 0, 4096, 0, 0, 0, 4096, 4, 65536, 65536, // the decision
            ]),
        ),
        seed(
            "tape",
            words(&[
                1,
                3,
                tape,
                1000,
                512,
                65536,
                1 << 20,
                1000,
                0,
                0,
                0,
                0, //
                write,
                512,
                65536,
                4 << 20,
                0, //
                3,
                tape | write,
                1000,
                65536,
                65536,
                1 << 20,
                1000,
                512,
                4,
                4 << 20,
                u32::MAX,
            ]),
        ),
    ]
}
