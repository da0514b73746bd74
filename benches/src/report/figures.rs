//! Medians, and the ratios of rounds.

use crate::cases::{Row, Unit};

/// Median, smallest and largest.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            1 => values[middle],
            _ => f64::midpoint(values[middle - 1], values[middle]),
        };
        Some(Self {
            median,
            least,
            most,
        })
    }
}

/// Time of a command, or of the whole, in nanoseconds.
pub fn time(row: &Row, unit: Unit) -> Option<Spread> {
    Spread::of(row.samples.iter().map(|sample| match unit {
        Unit::Whole => sample.ns as f64,
        _ => sample.each(),
    }))
}

/// Time of one row divided by that of another, round by round.
pub fn ratio(ours: &Row, theirs: &Row) -> Option<Spread> {
    let pairs = ours.samples.iter().zip(&theirs.samples);
    Spread::of(pairs.map(|(ours, theirs)| ours.each() / theirs.each()))
}

/// Of the pass that counts.
pub fn calls(row: &Row) -> Option<f64> {
    let counted = row.counted.as_ref()?;
    Some(counted.calls? as f64 / counted.commands.max(1) as f64)
}

pub fn switches(row: &Row) -> Option<Spread> {
    Spread::of(
        row.samples
            .iter()
            .map(|sample| sample.switches as f64 / sample.commands.max(1) as f64),
    )
}

/// CPU time for a command of both processes, in nanoseconds.
pub fn cpu(row: &Row) -> Option<Spread> {
    Spread::of(row.samples.iter().map(crate::cell::Sample::cpu_each))
}

/// The same of the near process alone.
pub fn server_cpu(row: &Row) -> Option<Spread> {
    Spread::of(
        row.samples
            .iter()
            .map(|sample| sample.cpu[0] as f64 / sample.commands.max(1) as f64),
    )
}

/// Three figures that matter.
pub fn short(value: f64) -> String {
    match value.abs() {
        value if value >= 1000.0 => format!("{value:.0}"),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A figure in the unit of its table.
pub fn in_unit(ns: f64, unit: Unit) -> String {
    match unit {
        Unit::Command if ns >= 1e4 => format!("{} us", short(ns / 1e3)),
        Unit::Command => format!("{} ns", short(ns)),
        Unit::Throughput(size) => format!("{} GB/s", short(size as f64 / ns)),
        Unit::Whole if ns >= 1e9 => format!("{} s", short(ns / 1e9)),
        Unit::Whole if ns >= 1e6 => format!("{} ms", short(ns / 1e6)),
        Unit::Whole => format!("{} us", short(ns / 1e3)),
    }
}
