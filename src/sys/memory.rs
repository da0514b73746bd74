//! How much memory the machine can still give.

use std::fs;
use std::path::Path;

/// Bytes that can be allocated without harm, as far as the kernel tells; `None` if it does not.
///
/// Asked before a large allocation, because shared memory is not bounded by the kernel: it would
/// rather kill a process than fail the call.
pub(crate) fn available() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| mem_available(&text));
    match (machine, cgroup_available()) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (machine, group) => machine.or(group),
    }
}

/// The `MemAvailable` line of /proc/meminfo, in bytes.
fn mem_available(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Where control groups of a version keep their account of memory.
struct Groups {
    root: &'static str,
    limit: &'static str,
    used: &'static str,
    /// What of it the kernel gives up before it fails: pages of files.
    given_up: [&'static str; 2],
}

const VERSION_1: Groups = Groups {
    root: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    given_up: ["total_inactive_file ", "total_active_file "],
};

const VERSION_2: Groups = Groups {
    root: "/sys/fs/cgroup",
    limit: "memory.max",
    used: "memory.current",
    given_up: ["inactive_file ", "active_file "],
};

/// What the limits of this process's control group, and of those that it is in, leave; `None` if
/// there is no limit.
fn cgroup_available() -> Option<u64> {
    let memberships = fs::read_to_string("/proc/self/cgroup").ok()?;
    let (groups, path) = membership(&memberships)?;
    let all = Path::new(path).ancestors();
    all.filter_map(|path| groups.available(path.to_str()?))
        .min()
}

/// The group that has the account, of the lines of /proc/self/cgroup.
fn membership(lines: &str) -> Option<(Groups, &str)> {
    let path_of = |wanted: fn(&str) -> bool| {
        let mut lines = lines
            .lines()
            .filter_map(|line| line.split_once(':')?.1.split_once(':'));
        lines.find_map(|(what, path)| wanted(what).then_some(path))
    };
    let first = path_of(|what| what.split(',').any(|what| what == "memory"));
    let first = first.map(|path| (VERSION_1, path));
    first.or_else(|| Some((VERSION_2, path_of(str::is_empty)?)))
}

impl Groups {
    fn available(&self, path: &str) -> Option<u64> {
        let read = |file| fs::read_to_string(format!("{}{path}/{file}", self.root)).ok();
        let number = |file| read(file)?.trim().parse::<u64>().ok();
        let limit = number(self.limit)?;
        let given_up = self.given_up(&read("memory.stat").unwrap_or_default());
        let used = number(self.used)?.saturating_sub(given_up);
        Some(limit.saturating_sub(used))
    }

    fn given_up(&self, statistics: &str) -> u64 {
        let value = |line: &str| -> Option<u64> {
            let value = self
                .given_up
                .iter()
                .find_map(|name| line.strip_prefix(name));
            value?.trim().parse().ok()
        };
        statistics.lines().filter_map(value).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_understood() {
        let text = "MemTotal:  24 kB\nMemAvailable:   1024 kB\n";
        assert_eq!(mem_available(text), Some(1 << 20));
        assert_eq!(mem_available("MemAvailable: lots"), None);
        assert_eq!(mem_available(""), None);
    }

    #[test]
    fn the_group_with_the_account_is_found() {
        let found = |lines| membership(lines).map(|(groups, path)| (groups.limit, path));
        let first = "9:name=systemd:/s\n4:cpu,memory:/m/a:b\n0::/u\n";
        assert_eq!(found(first), Some(("memory.limit_in_bytes", "/m/a:b")));
        assert_eq!(found("0::/slice/x\n"), Some(("memory.max", "/slice/x")));
        assert_eq!(found("4:cpu:/\n"), None);
    }

    /// Pages of files do not stand in the way: the kernel gives them up.
    #[test]
    fn what_the_kernel_gives_up_counts_as_free() {
        let text = "file 100\ninactive_file 30\nactive_file 12\ntotal_active_file 5\n";
        assert_eq!(VERSION_2.given_up(text), 42);
        assert_eq!(VERSION_1.given_up(text), 5);
    }
}
