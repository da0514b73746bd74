//! Backups, whole and changed.

use super::{Seed, seed};
use crate::bytes::Bytes;
use crate::stream::backup;

/// Stripes, block size, page size, pages, pages in an extent, bytes of the name: each as [`backup`] counts.
const SHAPES: [(&str, [u8; 6]); 4] = [
    ("empty", [0, 0, 0, 0, 0, 0]),
    ("one-page", [0, 0, 0, 1, 0, 4]),
    ("two-stripes", [1, 0, 0, 5, 1, 4]),
    ("four-stripes", [3, 1, 1, 11, 2, 4]),
];

pub(super) fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (name, shape) in SHAPES {
        let mut made = vec![0, 1];
        made.extend(shape);
        made.extend(*b"name");
        // Identity, time, and a byte for each page.
        made.extend([7; 20]);
        let stripes = backup(&mut Bytes::new(&made[2..]));
        seeds.push(seed("stream", name, made));
        let mut given = vec![0, 0, stripes.len() as u8];
        for stripe in &stripes[1..] {
            given.extend((stripe.len() as u16).to_le_bytes());
            given.extend(stripe);
        }
        given.extend(&stripes[0]);
        if given.len() < 8192 {
            seeds.push(seed("stream", name_of_given(name), given));
        }
    }
    // A stripe, another one, a place, a length, and what the change needs.
    for (name, change) in [
        ("changed-byte", [0, 0, 0, 0, 2, 0, 1]),
        ("cut", [1, 0, 0, 100, 2, 0, 0]),
        ("longer", [2, 0, 0, 0, 0, 1, 9]),
        ("shorter", [3, 0, 0, 0, 2, 1, 0]),
        ("joined", [4, 0, 1, 0, 0, 0, 0]),
        ("twice", [5, 0, 1, 0, 0, 0, 0]),
        ("missing", [5, 0, 1, 1, 0, 0, 0]),
        ("other-header", [6, 0, 0, 56, 0, 0, 3]),
        ("forged-header", [8, 0, 0, 56, 0, 0, 3]),
        ("other-trailer", [7, 0, 0, 48, 0, 0, 3]),
    ] {
        let mut made = vec![0, 1, 1, 0, 0, 5, 1, 4];
        made.extend(*b"name");
        made.extend([7; 10]);
        made.extend(change);
        seeds.push(seed("stream", name, made));
    }
    seeds
}

fn name_of_given(name: &str) -> &'static str {
    match name {
        "empty" => "stripes-empty",
        "one-page" => "stripes-one-page",
        _ => "stripes",
    }
}
