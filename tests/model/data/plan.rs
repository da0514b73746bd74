//! What a case is made of; both sides derive everything from it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) devices: u32,
    pub(super) block: u32,
    pub(super) prefix: u32,
    pub(super) alignment: u32,
    /// Commands that the server keeps outstanding on each device.
    pub(super) depth: u32,
    /// Commands that the client keeps in progress on each device.
    pub(super) held: u32,
    /// Decides about bytes and about the order of completion.
    pub(super) seed: u32,
    /// The last Read of a stream asks for more than there is.
    pub(super) past_end: bool,
    pub(super) other_process: bool,
    /// Blocks of each transfer; each device begins at another place of the list.
    pub(super) writes: Vec<u32>,
    pub(super) reads: Vec<u32>,
}

/// Most blocks in one transfer.
pub(super) const MOST_BLOCKS: u32 = 16;

pub(super) fn plans() -> impl Strategy<Value = Plan> {
    let sizes = || vec(1..=MOST_BLOCKS, 1..24);
    let numbers = (1..=8_u32, 1..=5_u32, 1..=4_u32, any::<u32>());
    let layout = (
        select(vec![512, 1024, 4096]),
        select(vec![0, 1, 512, 5000]),
        select(vec![0, 4096, 65536]),
    );
    (
        numbers,
        layout,
        any::<bool>(),
        prop::bool::weighted(0.3),
        sizes(),
        sizes(),
    )
        .prop_map(
            |(numbers, layout, past_end, other_process, writes, reads)| Plan {
                devices: numbers.0,
                depth: numbers.1,
                held: numbers.2,
                seed: numbers.3,
                block: layout.0,
                prefix: layout.1,
                alignment: layout.2,
                past_end,
                other_process,
                writes,
                reads,
            },
        )
}

impl Plan {
    /// As text, for another process.
    pub(super) fn encode(&self) -> String {
        let mut words = vec![
            self.devices,
            self.block,
            self.prefix,
            self.alignment,
            self.depth,
            self.held,
            self.seed,
            self.past_end.into(),
            self.writes.len() as u32,
        ];
        words.extend(&self.writes);
        words.extend(&self.reads);
        let words: Vec<_> = words.iter().map(u32::to_string).collect();
        words.join(" ")
    }

    pub(super) fn decode(text: &str) -> Self {
        let words: Vec<u32> = text.split(' ').map(|word| word.parse().unwrap()).collect();
        let (writes, reads) = words[9..].split_at(words[8] as usize);
        Self {
            devices: words[0],
            block: words[1],
            prefix: words[2],
            alignment: words[3],
            depth: words[4],
            held: words[5],
            seed: words[6],
            past_end: words[7] == 1,
            other_process: true,
            writes: writes.to_vec(),
            reads: reads.to_vec(),
        }
    }

    /// Name of a device of a set.
    pub(super) fn device_name(set: &str, device: u32) -> vdi::Name {
        let name = match device {
            0 => set.to_owned(),
            _ => format!("{set}{device}"),
        };
        vdi::Name::new(name).unwrap()
    }

    /// Bytes of each transfer of a device; each begins at another place of the list.
    pub(super) fn sizes<'a>(
        &self,
        blocks: &'a [u32],
        device: u32,
    ) -> impl Iterator<Item = u32> + 'a {
        let block = self.block;
        let from = device as usize % blocks.len();
        blocks
            .iter()
            .cycle()
            .skip(from)
            .map(move |blocks| blocks * block)
    }

    /// Bytes of a device's stream.
    pub(super) fn total(&self, device: u32) -> u64 {
        let sizes = self.sizes(&self.writes, device).take(self.writes.len());
        sizes.map(u64::from).sum()
    }

    /// Bytes of a device's stream from a place on.
    pub(super) fn bytes(&self, device: u32, from: u64, count: u32) -> Vec<u8> {
        let byte =
            |at: u64| (mix(u64::from(self.seed ^ device << 24) + at / 8) >> (at % 8 * 8)) as u8;
        (from..from + u64::from(count)).map(byte).collect()
    }
}

/// A number that looks random and depends on every bit of another one.
pub(super) fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
