//! Time-outs of the published type `time_t`, as the milliseconds of `vdi`. [AMB-01, AMB-42]

use std::sync::atomic::{AtomicI64, Ordering};
use vdi::codes::VDI_INFINITE;

/// How many milliseconds a unit of GetCommand's time-out has.
static UNIT: AtomicI64 = AtomicI64::new(1);

/// A time-out of GetConfiguration.
pub(crate) fn of_configuration(timeout: libc::time_t) -> u32 {
    milliseconds(timeout, 1)
}

/// A time-out of GetCommand.
pub(crate) fn of_command(timeout: libc::time_t) -> u32 {
    milliseconds(timeout, UNIT.load(Ordering::Relaxed))
}

/// Sets the unit of GetCommand's time-outs, in milliseconds.
pub(crate) fn set_command_unit(milliseconds: i64) {
    UNIT.store(milliseconds, Ordering::Relaxed);
}

/// Negative values and the INFINITE of Windows never elapse; no other one is longer than what a
/// wait can be, which is 24 days.
fn milliseconds(timeout: libc::time_t, unit: i64) -> u32 {
    if timeout < 0 || timeout == libc::time_t::from(VDI_INFINITE) {
        return VDI_INFINITE;
    }
    let longest = i64::from(i32::MAX);
    u32::try_from(timeout.saturating_mul(unit).min(longest)).unwrap_or(VDI_INFINITE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [AMB-01, AMB-42, LIM-05]
    #[test]
    fn negative_and_infinite_never_elapse_and_others_are_at_most_24_days() {
        const LONGEST: u32 = i32::MAX as u32;
        for (timeout, in_ms, in_s) in [
            (0, 0, 0),
            (1, 1, 1000),
            (90, 90, 90_000),
            (2_147_483, 2_147_483, 2_147_483_000),
            (2_147_484, 2_147_484, LONGEST),
            (0x7FFF_FFFF, LONGEST, LONGEST),
            (0x8000_0000, LONGEST, LONGEST),
            (0xFFFF_FFFE, LONGEST, LONGEST),
            (0xFFFF_FFFF, VDI_INFINITE, VDI_INFINITE),
            (0x1_0000_0000, LONGEST, LONGEST),
            (i64::MAX, LONGEST, LONGEST),
            (-1, VDI_INFINITE, VDI_INFINITE),
            (i64::MIN, VDI_INFINITE, VDI_INFINITE),
        ] {
            assert_eq!(milliseconds(timeout, 1), in_ms, "{timeout} ms");
            assert_eq!(milliseconds(timeout, 1000), in_s, "{timeout} s");
        }
    }
}
