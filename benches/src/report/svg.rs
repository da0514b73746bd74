//! A table as a plot with bars.

use super::figures::{self, in_unit};
use crate::cases::{Row, Table, Unit};
use std::fmt::Write;

const LABELS: f64 = 270.0;
const BARS: f64 = 380.0;
const VALUES: f64 = 110.0;
const LINE: f64 = 22.0;
const TOP: f64 = 34.0;

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// libvdi stands out, limits step back.
fn colour(name: &str) -> &'static str {
    match name {
        name if name.starts_with("libvdi") || name.starts_with("vdi ") => "#c2410c",
        name if name.contains("limit") => "#9ca3af",
        _ => "#3b82c4",
    }
}

/// What the length of a bar says: throughput, or time.
fn height(ns: f64, unit: Unit) -> f64 {
    match unit {
        Unit::Throughput(size) => size as f64 / ns,
        _ => ns,
    }
}

/// From the value of a bar to its length; times differ so much that their scale is logarithmic.
struct Scale {
    least: f64,
    most: f64,
    logarithmic: bool,
}

impl Scale {
    fn of(values: &[f64], unit: Unit) -> Self {
        let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let least = values.iter().copied().fold(most, f64::min);
        let logarithmic = !matches!(unit, Unit::Throughput(_)) && most / least > 8.0;
        Self {
            least: least / 2.0,
            most,
            logarithmic,
        }
    }

    fn length(&self, value: f64) -> f64 {
        let share = match self.logarithmic {
            true => (value / self.least).ln() / (self.most / self.least).ln(),
            false => value / self.most,
        };
        share.clamp(0.0, 1.0) * BARS
    }
}

/// The plot; `None` if nothing was measured.
pub fn plot(table: &Table) -> Option<String> {
    let timed = |row| {
        Some((
            row,
            figures::time(row, table.unit).filter(|time| time.median > 0.0)?,
        ))
    };
    let rows: Vec<(&Row, figures::Spread)> = table.rows.iter().filter_map(timed).collect();
    let values: Vec<f64> = rows
        .iter()
        .map(|(_, time)| height(time.median, table.unit))
        .collect();
    if values.is_empty() {
        return None;
    }
    let scale = Scale::of(&values, table.unit);
    let (width, tall) = (
        LABELS + BARS + VALUES,
        TOP + LINE * rows.len() as f64 + 10.0,
    );
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {tall}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{tall}\" fill=\"#ffffff\"/>\n\
         <text x=\"8\" y=\"20\" font-weight=\"bold\" fill=\"#111827\">{}{}</text>\n",
        escaped(table.title),
        if scale.logarithmic {
            " (logarithmic)"
        } else {
            ""
        },
    );
    for (line, ((row, time), value)) in rows.iter().zip(&values).enumerate() {
        let y = TOP + LINE * line as f64;
        let length = scale.length(*value);
        let middle = y + 14.0;
        let _ = writeln!(
            text,
            "<text x=\"{:.0}\" y=\"{middle:.0}\" text-anchor=\"end\" fill=\"#111827\">{}</text>\
             <rect x=\"{LABELS:.0}\" y=\"{:.0}\" width=\"{length:.1}\" height=\"16\" fill=\"{}\"/>\
             <text x=\"{:.1}\" y=\"{middle:.0}\" fill=\"#374151\">{}</text>",
            LABELS - 8.0,
            escaped(row.name),
            y + 2.0,
            colour(row.name),
            LABELS + length + 6.0,
            in_unit(time.median, table.unit),
        );
    }
    text.push_str("</svg>\n");
    Some(text)
}
