//! A line on the terminal that shows how far the transfer is.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the line is drawn anew.
const REDRAW: Duration = Duration::from_millis(250);
/// Characters of the bar.
const BAR: usize = 24;

/// Bytes moved, and the line about them.
pub(crate) struct Progress {
    visible: bool,
    moved: Arc<AtomicU64>,
    total: Option<u64>,
    begun: Instant,
    drawn: Option<Instant>,
}

impl Progress {
    /// Shown only if standard error is a terminal and `quiet` is not asked for.
    pub(crate) fn new(quiet: bool) -> Self {
        Self {
            visible: !quiet && io::stderr().is_terminal(),
            moved: Arc::default(),
            total: None,
            begun: Instant::now(),
            drawn: None,
        }
    }

    /// The counter of bytes moved.
    pub(crate) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.moved)
    }

    /// Bytes moved so far.
    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// The transfer begins and will move so many bytes.
    pub(crate) fn expect(&mut self, total: u64) {
        self.total = Some(total);
        self.begun = Instant::now();
    }

    /// Draws the line if it is time to.
    pub(crate) fn show(&mut self) {
        let due = self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW);
        if let (true, true, Some(total)) = (self.visible, due, self.total) {
            self.drawn = Some(Instant::now());
            let text = line(self.moved(), total, self.begun.elapsed());
            // The terminal may be gone; the transfer goes on.
            let _ = write!(io::stderr(), "\r{text}\x1b[K");
        }
    }

    /// Removes the line.
    pub(crate) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// `[=====>      ]  42 %  1.2 GiB of 2.9 GiB  830.1 MiB/s  0:02 left`
fn line(moved: u64, total: u64, elapsed: Duration) -> String {
    let part = moved.min(total) as f64 / total.max(1) as f64;
    let filled = (part * BAR as f64) as usize;
    let rate = moved as f64 / elapsed.as_secs_f64().max(1e-3);
    let left = match rate {
        rate if rate > 0.0 => time(total.saturating_sub(moved) as f64 / rate),
        _ => "-:--".into(),
    };
    format!(
        "[{:=<filled$}>{:rest$}] {:3.0} %  {} of {}  {}/s  {left} left",
        "",
        "",
        part * 100.0,
        bytes(moved),
        bytes(total),
        bytes(rate as u64),
        rest = BAR - filled,
    )
}

fn time(seconds: f64) -> String {
    let seconds = seconds as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// A number of bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_bytes_rate_percent_and_time_left() {
        assert_eq!(
            line(512 << 20, 1 << 30, Duration::from_secs(1)),
            "[============>            ]  50 %  512.0 MiB of 1.0 GiB  512.0 MiB/s  0:01 left"
        );
        assert!(line(0, 0, Duration::ZERO).contains("0 %"));
        assert!(line(5, 3, Duration::from_secs(1)).contains("100 %"));
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1 << 20), "1.0 MiB");
        assert_eq!(bytes(u64::MAX), "16384.0 PiB");
        assert_eq!(time(3725.9), "1:02:05");
    }
}
