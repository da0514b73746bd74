//! Commands and completions, as they travel through the rings.

use super::codes::{VDC_Read, VDC_Write};

/// How a command ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// `ERROR_SUCCESS` or any other Win32 error number; carried unchanged. [CC-30]
    pub code: i32,
    /// Bytes moved by a Read or Write. [CDEV-COMPLETE-04]
    pub bytes: u32,
    /// Position, for the commands that report one. [AMB-21]
    pub position: i64,
}

impl Completion {
    /// A completion that the library itself gives: a code, no bytes. [SDEV-SEND-08]
    pub(crate) fn automatic(code: i32) -> Self {
        Self {
            code,
            ..Self::default()
        }
    }
}

/// Whether a command moves data through its buffer.
pub(crate) fn moves_data(code: i32) -> bool {
    code == VDC_Read || code == VDC_Write
}

/// A command in a slot of a command ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CommandMessage {
    /// Slot in the server's table of outstanding commands.
    pub(crate) ticket: u32,
    pub(crate) code: i32,
    /// Bytes, or the raw bits of whatever else the command has in this field.
    pub(crate) size: u32,
    pub(crate) position: i64,
    pub(crate) place: Option<Place>,
}

/// Where a buffer lies. [BUF-11]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) area: u32,
    pub(crate) offset: u64,
}

/// Area number that stands for "no buffer".
const NO_AREA: u32 = u32::MAX;

impl CommandMessage {
    pub(crate) fn encode(&self) -> [u64; 4] {
        let place = self.place.unwrap_or(Place {
            area: NO_AREA,
            offset: 0,
        });
        [
            pair(self.ticket, self.code as u32),
            pair(self.size, place.area),
            self.position as u64,
            place.offset,
        ]
    }

    pub(crate) fn decode(words: [u64; 4]) -> Self {
        let (ticket, code) = halves(words[0]);
        let (size, area) = halves(words[1]);
        let place = (area != NO_AREA).then_some(Place {
            area,
            offset: words[3],
        });
        Self {
            ticket,
            code: code as i32,
            size,
            position: words[2] as i64,
            place,
        }
    }
}

/// A completion in a slot of a completion ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompletionMessage {
    /// The ticket of the command.
    pub(crate) ticket: u32,
    pub(crate) completion: Completion,
}

impl CompletionMessage {
    pub(crate) fn encode(&self) -> [u64; 3] {
        [
            pair(self.ticket, self.completion.code as u32),
            u64::from(self.completion.bytes),
            self.completion.position as u64,
        ]
    }

    pub(crate) fn decode(words: [u64; 3]) -> Self {
        let (ticket, code) = halves(words[0]);
        let (bytes, _) = halves(words[1]);
        Self {
            ticket,
            completion: Completion {
                code: code as i32,
                bytes,
                position: words[2] as i64,
            },
        }
    }
}

fn pair(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn halves(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every bit of a command and of a completion travels unchanged. [CC-30, CMD-02, CMD-04]
    #[test]
    fn messages_survive_the_ring() {
        let place = Place {
            area: 3,
            offset: u64::MAX - 1,
        };
        for (code, size, position, place) in [
            (VDC_Write, 65536, 0, Some(place)),
            (i32::MIN, u32::MAX, i64::MIN, None),
            (-1, 0x8000_0000, -1, None),
        ] {
            let command = CommandMessage {
                ticket: 63,
                code,
                size,
                position,
                place,
            };
            assert_eq!(CommandMessage::decode(command.encode()), command);
            let completion = CompletionMessage {
                ticket: u32::MAX,
                completion: Completion {
                    code,
                    bytes: size,
                    position,
                },
            };
            assert_eq!(CompletionMessage::decode(completion.encode()), completion);
        }
    }
}
