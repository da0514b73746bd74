//! Where and of what the measurements were made.

use std::fs;
use std::process::Command;

/// The machine and the revision.
pub struct Machine {
    pub processor: String,
    pub processors: usize,
    pub memory_mib: u64,
    pub kernel: String,
    pub revision: String,
    pub date: String,
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}

/// What stands behind the colon in the first line that begins so.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text
        .lines()
        .find(|line| line.starts_with(name))
        .unwrap_or_default();
    line.split_once(':')
        .map_or("", |(_, value)| value.trim())
        .to_owned()
}

impl Machine {
    pub fn look() -> Self {
        let memory = field("/proc/meminfo", "MemTotal");
        let kib = memory
            .split_whitespace()
            .next()
            .and_then(|kib| kib.parse::<u64>().ok());
        let changed = !output("git", &["status", "--porcelain", "--", "../src"]).is_empty();
        let revision = output("git", &["rev-parse", "--short=12", "HEAD"]);
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            processors: crate::os::processors().len(),
            memory_mib: kib.unwrap_or(0) >> 10,
            kernel: output("uname", &["-sr"]),
            revision: if changed {
                format!("{revision}, with changes")
            } else {
                revision
            },
            date: output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        }
    }
}
