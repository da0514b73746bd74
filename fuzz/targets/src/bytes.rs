//! The bytes of a case, taken from the front.

/// What is left of a case. Behind its end there are zeros, so that every case means something.
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn u8(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.u8())
    }

    /// At most `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    /// A number less than `limit`, which is at most 256.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::from(self.u8()) % limit
    }

    /// Whether one of `chances` came up; a zero is never it.
    pub(crate) fn rarely(&mut self, chances: u8) -> bool {
        self.u8() > u8::MAX - u8::MAX / chances
    }

    /// One of a few likely values, or else any value: a byte beyond their number asks for one.
    pub(crate) fn likely(&mut self, values: &[u32]) -> u32 {
        const EDGES: [u32; 12] = [
            0,
            1,
            2,
            511,
            4095,
            65535,
            65537,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_0000,
            u32::MAX - 1,
            u32::MAX,
        ];
        let choice = usize::from(self.u8());
        let edge = choice.checked_sub(values.len());
        values
            .get(choice)
            .or_else(|| EDGES.get(edge?))
            .copied()
            .unwrap_or_else(|| self.u32())
    }
}
