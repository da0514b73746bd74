//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::exit::STATUS_HELP;

/// Backs SQLite databases up through virtual devices and brings them back.
#[derive(Parser)]
#[command(name = "vdi", version, after_help = STATUS_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Back a database up into one or more files, one device and stripe each.
    ///
    /// Other processes may go on reading and writing. A database in WAL mode does not even notice;
    /// in one with a rollback journal, writers cannot commit until the backup has ended.
    #[command(after_help = STATUS_HELP)]
    Backup(Backup),
    /// Bring a database back from all stripes of a backup, given in any order.
    ///
    /// Everything is verified before the database appears under its name.
    #[command(after_help = STATUS_HELP)]
    Restore(Restore),
    /// Print the BLAKE3 digest of a database's pages as one read transaction sees them.
    ///
    /// It equals the digest of a backup of the same data, and that of the restored file.
    #[command(after_help = STATUS_HELP)]
    Digest(Digest),
    /// Advanced: only the engine's side, for a set that another backup program has created.
    #[command(subcommand)]
    Engine(Engine),
    /// Execute BACKUP and RESTORE statements, with the command line of `sqlcmd`; see `-?`.
    #[command(disable_help_flag = true)]
    Sqlcmd {
        /// As `sqlcmd` has them; `vdi sqlcmd -?` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

#[derive(Args)]
pub(crate) struct Backup {
    /// The database.
    pub(crate) database: PathBuf,
    /// Where a stripe goes; repeat it for more stripes. `-` is standard output. Pipes and devices
    /// are written as they are; a file must not exist.
    #[arg(short, long = "output", value_name = "FILE", required = true)]
    pub(crate) outputs: Vec<PathBuf>,
    /// Replace output files that exist.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Whether the agent gets a last command to finish the backup (`VDC_Complete`).
    #[arg(long, value_name = "on|off", default_value = "on")]
    pub(crate) complete: Switch,
    /// Bytes in a device block: a power of two, 512 to 64K.
    #[arg(long, value_name = "SIZE", default_value = "64K", value_parser = block_size)]
    pub(crate) block_size: u32,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args)]
pub(crate) struct Restore {
    /// The stripes, all of them, in any order. `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// The database to make.
    #[arg(short = 'o', long = "output", value_name = "DATABASE")]
    pub(crate) database: PathBuf,
    /// Replace the database if it exists. Not possible while another process has it open.
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args)]
pub(crate) struct Digest {
    /// The database.
    pub(crate) database: PathBuf,
    /// Print one JSON object instead of digest and name.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How the engine moves data. Given to the agent's commands, it travels with the statement.
#[derive(Args, Clone, Copy)]
pub(crate) struct Transfer {
    /// Largest single Write or Read: a multiple of 64K, up to 4M.
    #[arg(long, value_name = "SIZE", default_value = "1M", value_parser = transfer_size)]
    pub(crate) max_transfer_size: u32,
    /// Number of buffers of that size for all devices together; at least one and at most 64 for
    /// each device [default: 2 for each device, at least 4].
    #[arg(long, value_name = "COUNT")]
    pub(crate) buffers: Option<u32>,
}

#[derive(Args, Clone, Copy)]
pub(crate) struct Output {
    /// Print one JSON object at the end, to standard error if standard output carries data.
    #[arg(long)]
    pub(crate) json: bool,
    /// Print nothing but errors.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Subcommand)]
pub(crate) enum Engine {
    /// Back a database up into the devices of a set.
    #[command(after_help = STATUS_HELP)]
    Backup {
        /// The database.
        database: PathBuf,
        /// Bytes in a device block: a power of two, 512 to 64K.
        #[arg(long, value_name = "SIZE", default_value = "64K", value_parser = block_size)]
        block_size: u32,
        #[command(flatten)]
        statement: Statement,
    },
    /// Bring a database back from the devices of a set.
    #[command(after_help = STATUS_HELP)]
    Restore {
        /// The database to make.
        #[arg(short = 'o', long = "output", value_name = "DATABASE")]
        database: PathBuf,
        /// Replace the database if it exists.
        #[arg(long)]
        replace: bool,
        /// Bytes in a device block: as at the backup.
        #[arg(long, value_name = "SIZE", default_value = "64K", value_parser = block_size)]
        block_size: u32,
        #[command(flatten)]
        statement: Statement,
    },
}

/// What a BACKUP or RESTORE statement says about virtual devices.
#[derive(Args)]
pub(crate) struct Statement {
    /// Name of the set, which is that of its first device.
    #[arg(long, value_name = "NAME")]
    pub(crate) set: String,
    /// Name of a further device; repeat it for more.
    #[arg(long = "device", value_name = "NAME")]
    pub(crate) devices: Vec<String>,
    /// Seconds to wait for the set to appear.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) wait: u64,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
    /// No message on standard error; the JSON on standard output has it.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

impl Transfer {
    /// Number of buffers for so many devices, or what is wrong with the number given.
    pub(crate) fn buffers_for(&self, devices: u32) -> Result<u32, String> {
        let each = vdi::codes::VDI_QUEUE_CAPACITY;
        let buffers = self.buffers.unwrap_or_else(|| (2 * devices).max(4));
        if buffers < devices || buffers > each * devices {
            return Err(format!(
                "--buffers {buffers} does not suit {devices} devices: give {devices} to {}",
                each * devices
            ));
        }
        Ok(buffers)
    }
}

fn block_size(text: &str) -> Result<u32, String> {
    match size(text)? {
        bytes if bytes.is_power_of_two() && (512..=65536).contains(&bytes) => Ok(bytes),
        _ => Err("a block has 512, 1K, 2K, 4K, 8K, 16K, 32K or 64K bytes".into()),
    }
}

fn transfer_size(text: &str) -> Result<u32, String> {
    match size(text)? {
        bytes if bytes % 65536 == 0 && (65536..=4 << 20).contains(&bytes) => Ok(bytes),
        _ => Err("a transfer has a multiple of 64K, up to 4M bytes".into()),
    }
}

/// A number of bytes, with K or M behind it or not.
fn size(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.as_bytes() {
        [.., b'K' | b'k'] => (&text[..text.len() - 1], 1 << 10),
        [.., b'M' | b'm'] => (&text[..text.len() - 1], 1 << 20),
        _ => (text, 1),
    };
    let number: u32 = digits
        .parse()
        .map_err(|_| "not a number of bytes, K or M")?;
    number.checked_mul(unit).ok_or_else(|| "too large".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes() {
        assert_eq!(size("512"), Ok(512));
        assert_eq!(size("64K"), Ok(65536));
        assert_eq!(size("4m"), Ok(4 << 20));
        for wrong in ["", "K", "1G", "-1", "4096M", "1.5M", "6é"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert!(block_size("3K").is_err() && block_size("128K").is_err());
        assert!(transfer_size("32K").is_err() && transfer_size("8M").is_err());
    }

    #[test]
    fn buffers_suit_the_devices() {
        let given = |buffers| Transfer {
            max_transfer_size: 65536,
            buffers,
        };
        assert_eq!(given(None).buffers_for(1), Ok(4));
        assert_eq!(given(None).buffers_for(8), Ok(16));
        assert_eq!(given(Some(8)).buffers_for(8), Ok(8));
        assert!(given(Some(7)).buffers_for(8).is_err());
        assert!(given(Some(65)).buffers_for(1).is_err());
    }
}
