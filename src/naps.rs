//! How long a sleep is that nothing ends.
//!
//! A peer can take a wake-up away. So a sleeper looks again by itself, after a second at first, and
//! more and more seldom while there is nothing to see.

use std::time::Duration;

/// The first sleep.
pub(crate) const FIRST_NAP: Duration = Duration::from_secs(1);
const LONGEST_NAP: Duration = Duration::from_secs(16);

/// The sleep after one that nothing has ended.
pub(crate) fn after(nap: Duration) -> Duration {
    LONGEST_NAP.min(nap * 2)
}
