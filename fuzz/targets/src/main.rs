//! Writes the seeds: `cargo run --package vdi-fuzz-targets`.

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for seed in vdi_fuzz_targets::seeds() {
        let folder = folder.join(seed.target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(seed.name), seed.bytes)?;
    }
    Ok(())
}
