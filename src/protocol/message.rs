//! What processes of a set say to each other when they meet.
//!
//! One message is one packet: a magic, the version of the protocol, the kind of message and its
//! fields, all integers little endian, byte strings preceded by their length. A packet comes from
//! a process that is not trusted, so decoding checks everything and allocates only what the
//! packet holds. [SEC-07]

use super::codes::{self, VDI_MAX_NAME};
use crate::error::ErrorKind;

/// Longest packet in bytes; every message fits.
pub(crate) const MAX_LEN: usize = 1024;

const MAGIC: [u8; 4] = *b"vdi\0";
/// Changes with every change of a message. The messages are few and both ends come from one
/// installation, so there are no compatible versions.
const VERSION: u32 = 1;
const MAX_TEXT: usize = 512;

const HELLO: u32 = 1;
const WELCOME: u32 = 2;
const REFUSED: u32 = 3;
const AREA: u32 = 4;
const MAPPED: u32 = 5;

const SERVER: u32 = 1;
const SECONDARY: u32 = 2;

/// Who says hello to the primary client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The server.
    Server,
    /// A secondary client process.
    Secondary,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// First words of the process that connects: what it is and which set it means.
    Hello {
        /// What it wants to be in the set.
        role: Role,
        /// Instance of the set, empty for the default one.
        instance: Vec<u8>,
        /// True name of the set; the address holds a hash of it only.
        name: Vec<u8>,
    },
    /// Answer of the primary: admitted. Comes with the descriptor of the control segment.
    Welcome {
        /// Number of the new process in the set.
        participant: u32,
        /// Size of the control segment.
        size: u64,
    },
    /// Answer of the primary: not admitted, and why.
    Refused {
        /// Kind of the error that the refused call returns.
        kind: ErrorKind,
        /// The reason; cut after 512 bytes.
        text: String,
    },
    /// A buffer area exists. Comes with its descriptor.
    Area {
        /// Number of the area in the set.
        index: u32,
        /// Size of the area.
        size: u64,
    },
    /// Answer of a secondary to areas: so many it has mapped, the next ones may come.
    Mapped {
        /// Number of areas.
        areas: u32,
    },
}

impl Message {
    /// The packet of this message.
    #[must_use]
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut packet = Packet::new(self.tag());
        match self {
            Self::Hello {
                role,
                instance,
                name,
            } => {
                packet.put_u32(match role {
                    Role::Server => SERVER,
                    Role::Secondary => SECONDARY,
                });
                packet.put_bytes(instance);
                packet.put_bytes(name);
            }
            Self::Welcome { participant, size } => {
                packet.put_u32(*participant);
                packet.put_u64(*size);
            }
            Self::Refused { kind, text } => {
                packet.put_u32(result_code(*kind) as u32);
                packet.put_bytes(cut(text).as_bytes());
            }
            Self::Area { index, size } => {
                packet.put_u32(*index);
                packet.put_u64(*size);
            }
            Self::Mapped { areas } => packet.put_u32(*areas),
        }
        packet.0
    }

    /// Reads a packet; the error says in words what is wrong with it.
    pub(crate) fn decode(packet: &[u8]) -> Result<Self, &'static str> {
        let mut fields = Fields(packet);
        if fields.take(MAGIC.len())? != MAGIC {
            return Err("the message does not come from this library");
        }
        if fields.u32()? != VERSION {
            return Err("the other process uses another version of this library's protocol");
        }
        let message = match fields.u32()? {
            HELLO => Self::Hello {
                role: match fields.u32()? {
                    SERVER => Role::Server,
                    SECONDARY => Role::Secondary,
                    _ => return Err("the message names an unknown role"),
                },
                instance: fields.bytes(VDI_MAX_NAME as usize)?.to_vec(),
                name: fields.bytes(VDI_MAX_NAME as usize)?.to_vec(),
            },
            WELCOME => Self::Welcome {
                participant: fields.u32()?,
                size: fields.u64()?,
            },
            REFUSED => Self::Refused {
                kind: error_kind(fields.u32()? as i32)?,
                text: String::from_utf8_lossy(fields.bytes(MAX_TEXT)?).into_owned(),
            },
            AREA => Self::Area {
                index: fields.u32()?,
                size: fields.u64()?,
            },
            MAPPED => Self::Mapped {
                areas: fields.u32()?,
            },
            _ => return Err("the message is of an unknown kind"),
        };
        if !fields.0.is_empty() {
            return Err("the message is longer than its fields");
        }
        Ok(message)
    }

    fn tag(&self) -> u32 {
        match self {
            Self::Hello { .. } => HELLO,
            Self::Welcome { .. } => WELCOME,
            Self::Refused { .. } => REFUSED,
            Self::Area { .. } => AREA,
            Self::Mapped { .. } => MAPPED,
        }
    }
}

/// A packet under construction.
struct Packet(Vec<u8>);

impl Packet {
    fn new(tag: u32) -> Self {
        let mut packet = Self(MAGIC.to_vec());
        packet.put_u32(VERSION);
        packet.put_u32(tag);
        packet
    }

    fn put_u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Names and texts are far below 4 GiB.
    fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_u32(bytes.len() as u32);
        self.0.extend_from_slice(bytes);
    }
}

/// The part of a packet that is not read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], &'static str> {
        let (field, rest) = self.0.split_at_checked(len).ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(field)
    }

    fn u32(&mut self) -> Result<u32, &'static str> {
        let field = self.take(4)?.try_into().map_err(|_| TOO_SHORT)?;
        Ok(u32::from_le_bytes(field))
    }

    fn u64(&mut self) -> Result<u64, &'static str> {
        let field = self.take(8)?.try_into().map_err(|_| TOO_SHORT)?;
        Ok(u64::from_le_bytes(field))
    }

    fn bytes(&mut self, limit: usize) -> Result<&'a [u8], &'static str> {
        let len = self.u32()? as usize;
        if len > limit {
            return Err("a name or text in the message is too long");
        }
        self.take(len)
    }
}

const TOO_SHORT: &str = "the message is shorter than its fields";

/// The longest start of `text` that a message holds.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

const KINDS: [ErrorKind; 14] = [
    ErrorKind::Timeout,
    ErrorKind::Abort,
    ErrorKind::Security,
    ErrorKind::Invalid,
    ErrorKind::InstanceName,
    ErrorKind::NotSupported,
    ErrorKind::Memory,
    ErrorKind::Unexpected,
    ErrorKind::Protocol,
    ErrorKind::Open,
    ErrorKind::Close,
    ErrorKind::Busy,
    ErrorKind::QueueFull,
    ErrorKind::IoError,
];

/// The published result code stands for the kind, so that its value never changes.
fn result_code(kind: ErrorKind) -> i32 {
    match kind {
        ErrorKind::Timeout => codes::VD_E_TIMEOUT,
        ErrorKind::Abort => codes::VD_E_ABORT,
        ErrorKind::Security => codes::VD_E_SECURITY,
        ErrorKind::Invalid => codes::VD_E_INVALID,
        ErrorKind::InstanceName => codes::VD_E_INSTANCE_NAME,
        ErrorKind::NotSupported => codes::VD_E_NOTSUPPORTED,
        ErrorKind::Memory => codes::VD_E_MEMORY,
        ErrorKind::Unexpected => codes::VD_E_UNEXPECTED,
        ErrorKind::Protocol => codes::VD_E_PROTOCOL,
        ErrorKind::Open => codes::VD_E_OPEN,
        ErrorKind::Close => codes::VD_E_CLOSE,
        ErrorKind::Busy => codes::VD_E_BUSY,
        ErrorKind::QueueFull => codes::VD_E_QUEUE_FULL,
        ErrorKind::IoError => codes::VD_E_IO_ERROR,
    }
}

fn error_kind(code: i32) -> Result<ErrorKind, &'static str> {
    KINDS
        .into_iter()
        .find(|kind| result_code(*kind) == code)
        .ok_or("the message holds an unknown result code")
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
