//! Configuration: what each side may ask for, and how it is merged.

use super::codes::*;
use crate::error::{Error, ErrorKind, Result};

/// The configuration of a set; the fields of the published structure. [3.1]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Number of devices, 1 to 64. [CFG-20]
    pub device_count: u32,
    /// `VDF_` bits. [CFG-21, CFG-40]
    pub features: u32,
    /// Bytes of the client's private space before every buffer. [CFG-22]
    pub prefix_zone_size: u32,
    /// Alignment of buffers in bytes: the client's need on input, the decision on output. [CFG-23]
    pub alignment: u32,
    /// Bytes of a soft filemark. [CFG-24]
    pub soft_file_mark_block_size: u32,
    /// Bytes of the end-of-media warning zone. [CFG-25]
    pub eom_warning_size: u32,
    /// Milliseconds that the server allows for a response; 0 is no limit. [CFG-26]
    pub server_timeout_ms: u32,
    /// Block size in bytes; set by the server. [CFG-43]
    pub block_size: u32,
    /// Always 4 after the configuration; limits nothing. [CFG-44]
    pub max_io_depth: u32,
    /// Bytes of the largest transfer; set by the server. [CFG-45]
    pub max_transfer_size: u32,
    /// Bytes of buffer area at the end of the configuration, saturated. [CFG-46, AMB-13]
    pub buffer_area_size: u32,
}

/// What the server decides at BeginConfiguration. [14.3]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerParameters {
    /// `VDF_WriteMedia`, `VDF_ReadMedia`, `VDF_CompleteEnabled`. [AMB-10]
    pub features: u32,
    /// Block size in bytes. [CFG-60]
    pub block_size: u32,
    /// Alignment in bytes; 0 for the block size. [CFG-61]
    pub alignment: u32,
    /// Bytes of the largest transfer. [CFG-62]
    pub max_transfer_size: u32,
    /// Milliseconds; without effect. [AMB-14]
    pub timeout_ms: u32,
}

/// Bits that only the server sets.
const SERVER_FEATURES: u32 = VDF_WriteMedia | VDF_ReadMedia | VDF_CompleteEnabled;
/// Bits that make up the positioning style.
const POSITIONING: u32 = VDF_Rewind
    | VDF_Position
    | VDF_SkipBlocks
    | VDF_ReversePosition
    | VDF_FileMarks
    | VDF_RandomAccess;

fn unsupported(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::NotSupported, text.into())
}

impl Configuration {
    /// Checks the client's inputs and clears what is not the client's to set. [AMB-11, CFG-27]
    pub(crate) fn requested(&self, lenient: bool) -> Result<Self> {
        if !(1..=VDI_MAX_DEVICES).contains(&self.device_count) {
            let count = self.device_count;
            return Err(unsupported(format!("deviceCount is {count}, not 1 to 64")));
        }
        if !lenient {
            check_positioning(self.features)?;
        }
        if self.alignment != 0
            && (!self.alignment.is_power_of_two() || self.alignment > VDI_MAX_ALIGNMENT)
        {
            let alignment = self.alignment;
            return Err(unsupported(format!(
                "alignment is {alignment}, not 0 or a power of two up to 65536"
            )));
        }
        if self.prefix_zone_size > VDI_MAX_PREFIX_ZONE {
            let size = self.prefix_zone_size;
            return Err(unsupported(format!(
                "prefixZoneSize is {size}, more than {VDI_MAX_PREFIX_ZONE}"
            )));
        }
        Ok(Self {
            features: self.features & !SERVER_FEATURES,
            block_size: 0,
            max_io_depth: 0,
            max_transfer_size: 0,
            buffer_area_size: 0,
            ..*self
        })
    }

    /// Merges the server's decisions into the client's inputs. [AMB-10, AMB-28, CFG-60..65]
    pub(crate) fn merged(&self, server: &ServerParameters) -> Result<Self> {
        server.check()?;
        let mut added = server.features & SERVER_FEATURES;
        if self.features & VDF_RequestComplete == 0 {
            added &= !VDF_CompleteEnabled;
        }
        Ok(Self {
            features: (self.features & !SERVER_FEATURES) | added,
            alignment: self.alignment.max(server.alignment).max(server.block_size),
            block_size: server.block_size,
            max_io_depth: VDI_IO_DEPTH,
            max_transfer_size: server.max_transfer_size,
            ..*self
        })
    }

    /// Notes the bytes of buffer area that there are at the end of the configuration. [AMB-13]
    pub(crate) fn with_area(self, bytes: u64) -> Self {
        Self {
            buffer_area_size: u32::try_from(bytes).unwrap_or(u32::MAX),
            ..self
        }
    }

    /// Whether this could be the server's decision on `requested`: a client does not trust it.
    pub(crate) fn plausible_for(&self, requested: &Self) -> bool {
        let server = ServerParameters {
            features: self.features,
            block_size: self.block_size,
            alignment: self.alignment,
            max_transfer_size: self.max_transfer_size,
            timeout_ms: 0,
        };
        let expected = requested.merged(&server).map(|merged| Self {
            buffer_area_size: self.buffer_area_size,
            ..merged
        });
        expected.is_ok_and(|expected| expected == *self)
    }

    /// The fields in their published order.
    pub(crate) fn to_words(self) -> [u32; 11] {
        [
            self.device_count,
            self.features,
            self.prefix_zone_size,
            self.alignment,
            self.soft_file_mark_block_size,
            self.eom_warning_size,
            self.server_timeout_ms,
            self.block_size,
            self.max_io_depth,
            self.max_transfer_size,
            self.buffer_area_size,
        ]
    }

    /// The reverse of [`Configuration::to_words`].
    pub(crate) fn from_words(words: [u32; 11]) -> Self {
        Self {
            device_count: words[0],
            features: words[1],
            prefix_zone_size: words[2],
            alignment: words[3],
            soft_file_mark_block_size: words[4],
            eom_warning_size: words[5],
            server_timeout_ms: words[6],
            block_size: words[7],
            max_io_depth: words[8],
            max_transfer_size: words[9],
            buffer_area_size: words[10],
        }
    }
}

/// Pipe, tape or disk, nothing else. [FEAT-02..05]
fn check_positioning(features: u32) -> Result<()> {
    let style = features & POSITIONING;
    let pipe = style == 0;
    let disk = style == VDF_RandomAccess;
    let tape = features & (POSITIONING | VDF_Removable) == VDF_LikeTape;
    if pipe || disk || tape {
        return Ok(());
    }
    Err(unsupported(format!(
        "features 0x{features:x} mix positioning styles: they must be those of a pipe, a tape \
         (VDF_LikeTape) or a disk (VDF_LikeDisk)"
    )))
}

impl ServerParameters {
    fn check(&self) -> Result<()> {
        if self.features & (VDF_WriteMedia | VDF_ReadMedia) == 0 {
            return Err(unsupported(
                "features has neither VDF_WriteMedia nor VDF_ReadMedia",
            ));
        }
        let block = self.block_size;
        if !block.is_power_of_two() || !(VDI_MIN_BLOCK_SIZE..=VDI_MAX_BLOCK_SIZE).contains(&block) {
            return Err(unsupported(format!(
                "blockSize is {block}, not a power of two from 512 to 65536"
            )));
        }
        let alignment = self.alignment;
        if alignment != 0
            && (!alignment.is_power_of_two() || !(block..=VDI_MAX_ALIGNMENT).contains(&alignment))
        {
            return Err(unsupported(format!(
                "alignment is {alignment}, not 0 or a power of two from the block size to 65536"
            )));
        }
        let transfer = self.max_transfer_size;
        if transfer % VDI_TRANSFER_UNIT != 0
            || !(VDI_TRANSFER_UNIT..=VDI_MAX_TRANSFER_SIZE).contains(&transfer)
        {
            return Err(unsupported(format!(
                "maxTransferSize is {transfer}, not a multiple of 65536 up to 4194304"
            )));
        }
        Ok(())
    }
}

/// The alignment of a buffer: the caller's wish on top of the set's. [SSET-REQBUF-02, CFG-64]
pub(crate) fn buffer_alignment(wish: u32, set: u32) -> Result<u32> {
    if wish != 0 && (!wish.is_power_of_two() || wish > VDI_MAX_ALIGNMENT) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("alignment is {wish}, not 0 or a power of two up to 65536"),
        ));
    }
    Ok(wish.max(set))
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
