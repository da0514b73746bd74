//! Everything, for programs.

use super::figures::{self, Spread};
use super::machine::Machine;
use crate::cases::{Row, Table, Unit};
use crate::cell::Sample;
use crate::goals::Outcome;
use serde_json::{Value, json};

fn spread(spread: Option<Spread>) -> Value {
    spread.map_or(
        Value::Null,
        |spread| json!({"median": spread.median, "min": spread.least, "max": spread.most}),
    )
}

fn sample(sample: &Sample) -> Value {
    json!({
        "commands": sample.commands,
        "ns": sample.ns,
        "cpu_ns": sample.cpu,
        "switches": sample.switches,
        "system_calls": sample.calls,
        "fairness": sample.fairness,
        "longest_wait_ns": sample.longest,
        "foreign_cpu": sample.disturbance.foreign,
        "stolen_ticks": sample.disturbance.stolen,
        "probe_ns": sample.disturbance.probe,
        "clean": sample.disturbance.is_clean(),
        "fault": sample.fault,
    })
}

fn row(row: &Row, unit: Unit) -> Value {
    json!({
        "name": row.name,
        "time_ns": spread(figures::time(row, unit)),
        "system_calls_per_command": figures::calls(row),
        "repeated": row.repeated,
        "not_clean": row.dirty(),
        "rounds": row.samples.iter().map(sample).collect::<Vec<_>>(),
        "counted": row.counted.as_ref().map(sample),
    })
}

fn table(table: &Table) -> Value {
    let bytes = match table.unit {
        Unit::Throughput(bytes) => Some(bytes),
        _ => None,
    };
    json!({
        "id": table.id,
        "title": table.title,
        "bytes_per_command": bytes,
        "rows": table.rows.iter().map(|one| row(one, table.unit)).collect::<Vec<_>>(),
    })
}

fn goal(outcome: &Outcome) -> Value {
    json!({
        "id": outcome.id,
        "case": outcome.case,
        "row": outcome.row,
        "goal": outcome.what,
        "reached": spread(Some(outcome.reached)),
        "passed": outcome.passed,
    })
}

/// One object.
pub fn text(tables: &[Table], outcomes: &[Outcome], machine: &Machine) -> String {
    let all = json!({
        "machine": {
            "processor": machine.processor,
            "processors": machine.processors,
            "memory_mib": machine.memory_mib,
            "kernel": machine.kernel,
        },
        "revision": machine.revision,
        "date": machine.date,
        "tables": tables.iter().map(table).collect::<Vec<_>>(),
        "goals": outcomes.iter().map(goal).collect::<Vec<_>>(),
    });
    format!("{all:#}\n")
}
