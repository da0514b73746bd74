//! Messages about how far a statement is, as STATS asks for them.

/// Counts bytes and says when the next message is due.
pub(super) struct Percent {
    /// Percent between two messages; none without STATS.
    step: Option<u64>,
    /// All bytes, if that is known.
    total: Option<u64>,
    pub(super) done: u64,
    /// The percentage of the next message.
    next: u64,
}

impl Percent {
    pub(super) fn new(stats: Option<u32>, total: Option<u64>) -> Self {
        let step = stats.map(u64::from);
        Self {
            step,
            total,
            done: 0,
            next: step.unwrap_or(0),
        }
    }

    /// So many bytes more are done. Gives the percentage of the message that is due.
    pub(super) fn advance(&mut self, bytes: usize) -> Option<u64> {
        self.done += bytes as u64;
        let (step, total) = (self.step?, self.total?.max(1));
        let percent = (u128::from(self.done) * 100 / u128::from(total)).min(100) as u64;
        let due = percent / step * step;
        // The last message comes at the end.
        if due < self.next || due >= 100 {
            return None;
        }
        self.next = due + step;
        Some(due)
    }

    /// All is done. Gives the percentage of the last message.
    pub(super) fn finish(&self) -> Option<u64> {
        self.step.map(|_| 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_told_once() {
        let mut percent = Percent::new(Some(25), Some(1000));
        let told: Vec<_> = (0..20).filter_map(|_| percent.advance(50)).collect();
        assert_eq!(told, [25, 50, 75]);
        assert_eq!(percent.finish(), Some(100));
        let mut coarse = Percent::new(Some(10), Some(1000));
        assert_eq!(coarse.advance(350), Some(30));
        assert_eq!(coarse.advance(40), None);
        assert_eq!(coarse.advance(10), Some(40));
    }

    #[test]
    fn without_stats_or_size_nothing_is_told() {
        assert_eq!(Percent::new(None, Some(10)).advance(5), None);
        assert_eq!(Percent::new(None, Some(10)).finish(), None);
        let mut unknown = Percent::new(Some(10), None);
        assert_eq!(unknown.advance(1 << 20), None);
        assert_eq!(unknown.finish(), Some(100));
    }
}
