//! What happens to the bytes of bulk commands, and the proof that they were the right ones.

use crate::digest::{Fold, checksum};
use crate::side::{Side, Sink};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::Ordering;

/// The far end of a bulk transfer.
pub struct Consumer<'a> {
    side: &'a Side,
    fold: Fold,
    chunks: u64,
    file: Option<File>,
}

impl<'a> Consumer<'a> {
    pub fn new(side: &'a Side) -> Self {
        let file = match &side.job.sink {
            Sink::Checksum | Sink::Touch => None,
            Sink::File { path, .. } => Some(File::create_new(path).expect("a new file")),
        };
        Self {
            side,
            fold: Fold::default(),
            chunks: 0,
            file,
        }
    }

    /// Takes the bytes of a command; returns their checksum if that is what is done with them.
    pub fn consume(&mut self, bytes: &[u8]) -> u64 {
        self.chunks += 1;
        if let Some(file) = &mut self.file {
            file.write_all(bytes).expect("write");
            return 0;
        }
        if matches!(self.side.job.sink, Sink::Touch) {
            return 0;
        }
        let sum = checksum(bytes);
        self.fold.add(sum);
        sum
    }

    /// The transfer has ended.
    pub fn finish(self) {
        if let (Some(file), Sink::File { durable: true, .. }) = (&self.file, &self.side.job.sink) {
            file.sync_data().expect("sync");
        }
        let result = &self.side.board.result.0;
        self.side.end();
        result.chunks.store(self.chunks, Ordering::Release);
        result.arrived.store(self.fold.value(), Ordering::Release);
    }
}

/// Checks what has arrived against the source, in number and order of chunks and in every byte.
pub fn check(side: &Side) -> Result<(), String> {
    let result = &side.board.result.0;
    let chunks = result.chunks.load(Ordering::Acquire);
    if chunks == 0 || side.job.total.is_some_and(|total| total != chunks) {
        return Err(format!(
            "{chunks} of {:?} bulk commands have arrived",
            side.job.total
        ));
    }
    if let Sink::File { path, .. } = &side.job.sink {
        return check_file(side, path, chunks);
    }
    if matches!(side.job.sink, Sink::Touch) {
        return Ok(());
    }
    let arrived = result.arrived.load(Ordering::Acquire);
    let expected = expected(side, chunks);
    if arrived != expected {
        return Err(format!(
            "digest {arrived:x}, not {expected:x}, after {chunks} bulk commands"
        ));
    }
    Ok(())
}

/// The digest of the first chunks, over and over the source.
fn expected(side: &Side, chunks: u64) -> u64 {
    let different = (side.source.len() / side.job.size) as u64;
    let sums: Vec<u64> = (0..different.min(chunks))
        .map(|number| checksum(side.chunk(number)))
        .collect();
    let mut fold = Fold::default();
    for number in 0..chunks {
        fold.add(sums[(number % different) as usize]);
    }
    fold.value()
}

fn check_file(side: &Side, path: &Path, chunks: u64) -> Result<(), String> {
    let told = |error: std::io::Error| format!("the file: {error}");
    let mut file = File::open(path).map_err(told)?;
    let mut chunk = vec![0; side.job.size];
    let mut outcome = Ok(());
    for number in 0..chunks {
        file.read_exact(&mut chunk).map_err(told)?;
        if chunk != side.chunk(number) {
            outcome = Err(format!("the file differs in chunk {number}"));
        }
    }
    let more = file.read(&mut chunk).map_err(told)?;
    fs::remove_file(path).map_err(told)?;
    if more > 0 {
        Err("the file is too long".into())
    } else {
        outcome
    }
}
