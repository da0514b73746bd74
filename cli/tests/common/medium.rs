//! A drive and its media: bytes with filemarks between them, in files that outlive the process.
#![allow(
    non_upper_case_globals,
    reason = "the published names of commands are mixed case"
)]

use std::fs;

use vdi::client::Command;
use vdi::codes::*;
use vdi::{Completion, Configuration};

use super::client::{Client, answer};

/// One medium.
#[derive(Default)]
struct Medium {
    data: Vec<u8>,
    /// How many bytes precede each filemark, in ascending order.
    marks: Vec<usize>,
}

/// A device with the medium that is in it.
pub(crate) struct Drive {
    features: u32,
    block_size: u32,
    /// Bytes of the largest transfer.
    most: u32,
    eom_warning: usize,
    capacity: usize,
    /// Files of the media; the one in the drive.
    paths: Vec<String>,
    endless: Option<bool>,
    loaded: usize,
    medium: Medium,
    at: usize,
    /// Filemarks before `at`, on a tape.
    mark: usize,
    /// Whether anything was written, so that the rest of an old stream is gone.
    written: bool,
    /// Where that began, in bytes and filemarks.
    kept: (usize, usize),
    /// Where the last Write ended.
    last: usize,
}

impl Drive {
    pub(crate) fn new(client: &Client, number: u32, configuration: &Configuration) -> Self {
        let path = |medium| format!("{}.{number}.{medium}", client.store);
        let mut drive = Self {
            features: configuration.features,
            block_size: configuration.block_size,
            most: configuration.max_transfer_size,
            eom_warning: client.eom_warning as usize,
            capacity: if client.capacity == 0 {
                usize::MAX
            } else {
                client.capacity
            },
            paths: (0..client.media).map(path).collect(),
            endless: client.endless,
            loaded: 0,
            medium: Medium::default(),
            at: 0,
            mark: 0,
            written: false,
            kept: (0, 0),
            last: 0,
        };
        drive.insert();
        drive
    }

    fn insert(&mut self) {
        let path = &self.paths[self.loaded];
        let marks = fs::read_to_string(format!("{path}.marks")).unwrap_or_default();
        self.medium = Medium {
            data: fs::read(path).unwrap_or_default(),
            marks: marks.lines().map(|line| line.parse().unwrap()).collect(),
        };
        (self.at, self.mark, self.written) = (0, 0, false);
    }

    /// Keeps what is on the medium.
    pub(crate) fn save(&self) {
        let path = &self.paths[self.loaded];
        if self.written {
            keep(path, &self.medium.data);
            let marks: String = self
                .medium
                .marks
                .iter()
                .map(|mark| format!("{mark}\n"))
                .collect();
            keep(&format!("{path}.marks"), marks.as_bytes());
        }
    }

    fn has(&self, feature: u32) -> bool {
        self.features & feature != 0
    }

    pub(crate) fn execute(&mut self, command: &Command) -> Completion {
        if matches!(command.code(), VDC_Read | VDC_Write) {
            let (size, block) = (command.size(), self.block_size);
            assert!(
                size % block == 0 && (block..=self.most).contains(&size),
                "{size}"
            );
        }
        match command.code() {
            VDC_Write => self.write(command),
            VDC_Read => self.read(command),
            VDC_ClearError => answer(ERROR_SUCCESS),
            VDC_Flush => self.flush(),
            VDC_Discard if self.has(VDF_Discard) => self.discard(),
            VDC_Complete if self.has(VDF_CompleteEnabled) => answer(ERROR_SUCCESS),
            VDC_Rewind if self.has(VDF_Rewind) => {
                (self.at, self.mark) = (0, 0);
                answer(ERROR_SUCCESS)
            }
            VDC_WriteMark if self.has(VDF_FileMarks) => {
                self.cut();
                self.medium.marks.push(self.at);
                self.mark += 1;
                answer(ERROR_SUCCESS)
            }
            VDC_SkipMarks if self.has(VDF_FileMarks) => self.skip_marks(command.size()),
            VDC_Load if self.has(VDF_Removable) => self.load(),
            _ => answer(ERROR_NOT_SUPPORTED),
        }
    }

    /// Forward only; the number of filemarks.
    fn skip_marks(&mut self, count: u32) -> Completion {
        for _ in 0..count {
            let Some(mark) = self.medium.marks.get(self.mark) else {
                self.at = self.medium.data.len();
                return answer(ERROR_NO_DATA_DETECTED);
            };
            self.at = *mark;
            self.mark += 1;
        }
        answer(ERROR_SUCCESS)
    }

    fn load(&mut self) -> Completion {
        self.save();
        match self.endless {
            _ if self.loaded + 1 < self.paths.len() => self.loaded += 1,
            Some(true) => {}
            Some(false) => self.paths[self.loaded] = "empty".into(),
            None => return answer(ERROR_NO_MEDIA_IN_DRIVE),
        }
        self.insert();
        answer(ERROR_SUCCESS)
    }

    /// What was written to this medium is gone.
    fn discard(&mut self) -> Completion {
        if self.written {
            (self.at, self.mark) = self.kept;
            self.medium.data.truncate(self.at);
            self.medium.marks.truncate(self.mark);
        }
        answer(ERROR_SUCCESS)
    }

    /// On a disk the data ends with the last Write; until then what was behind it stays
    /// (CMD-FLUSH-02).
    fn flush(&mut self) -> Completion {
        if self.written && self.has(VDF_RandomAccess) {
            self.medium.data.truncate(self.last);
        }
        answer(ERROR_SUCCESS)
    }

    /// Behind the place where something is written now nothing is left, except on a disk.
    fn cut(&mut self) {
        if !self.written {
            self.kept = (self.at, self.mark);
        }
        if !self.has(VDF_RandomAccess) {
            self.medium.data.truncate(self.at);
            self.medium.marks.truncate(self.mark);
        }
        self.written = true;
    }

    fn write(&mut self, command: &Command) -> Completion {
        if self.has(VDF_RandomAccess) {
            self.at = usize::try_from(command.position()).unwrap();
        }
        self.cut();
        let size = command.size() as usize;
        let stored = size.min(self.capacity - self.at);
        let data = &mut self.medium.data;
        data.resize(data.len().max(self.at + stored), 0);
        let buffer = command.buffer().unwrap();
        buffer
            .read(0, &mut data[self.at..self.at + stored])
            .unwrap();
        self.at += stored;
        self.last = self.at;
        let near = self.capacity - self.at < self.eom_warning;
        let code = match (stored == size, self.has(VDF_Removable)) {
            (true, removable) if !(removable && near) => ERROR_SUCCESS,
            (_, true) => ERROR_END_OF_MEDIA,
            _ => ERROR_DISK_FULL,
        };
        Completion {
            bytes: stored as u32,
            ..answer(code)
        }
    }

    fn read(&mut self, command: &Command) -> Completion {
        if self.has(VDF_RandomAccess) {
            self.at = usize::try_from(command.position()).unwrap();
        }
        let size = command.size() as usize;
        let mark = self.medium.marks.get(self.mark).copied();
        let end = mark.unwrap_or(self.medium.data.len());
        let part = end.saturating_sub(self.at).min(size);
        let bytes = &self.medium.data[self.at.min(end)..self.at.min(end) + part];
        command.buffer().unwrap().write(0, bytes).unwrap();
        self.at += part;
        let code = match (part == size, mark) {
            (true, _) => ERROR_SUCCESS,
            (false, Some(_)) => {
                self.mark += 1;
                ERROR_FILEMARK_DETECTED
            }
            (false, None) if self.has(VDF_FileMarks) => ERROR_NO_DATA_DETECTED,
            (false, None) => ERROR_HANDLE_EOF,
        };
        Completion {
            bytes: part as u32,
            ..answer(code)
        }
    }
}

/// Replaces a file; whoever is killed meanwhile leaves the old one or the new one.
fn keep(path: &str, bytes: &[u8]) {
    let new = format!("{path}.new");
    fs::write(&new, bytes).unwrap();
    fs::rename(&new, path).unwrap();
}
