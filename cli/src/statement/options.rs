//! The options behind WITH.

use std::ops::Range;

use super::Transfer;
use super::error::SyntaxError;
use super::lexer::{Spanned, Token};
use super::parser::{Parsed, Parser};

/// An option that takes no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flag {
    Format,
    Init,
    CopyOnly,
    Differential,
    Snapshot,
    Replace,
    NoRecovery,
    /// Accepted: the engine does so anyway, or it means nothing to virtual devices.
    Harmless,
}

/// An option that takes a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Number {
    BlockSize,
    BufferCount,
    MaxTransferSize,
    /// The number may be left out.
    Stats,
    /// The backup on the media.
    File,
}

/// An option that takes a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Text {
    Name,
    Description,
    MediaName,
    MediaDescription,
}

/// An option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Opt {
    Flag(Flag),
    Number(Number),
    Text(Text),
    /// MOVE 'logical' TO 'file'.
    Move,
}

/// Statements that have an option: BACKUP DATABASE, BACKUP LOG, RESTORE of data, RESTORE that only
/// looks at a backup, or at what is said of the media.
pub(super) const DATABASE: u8 = 1;
pub(super) const LOG: u8 = 2;
pub(super) const RESTORE: u8 = 4;
pub(super) const INSPECT: u8 = 8;
pub(super) const LABEL: u8 = 16;
const BACKUP: u8 = DATABASE | LOG;
const READ: u8 = RESTORE | INSPECT;
const ALL: u8 = BACKUP | READ | LABEL;

/// Every option that this engine honours, or that promises nothing it does not keep.
#[rustfmt::skip]
const OPTIONS: [(&str, u8, Opt); 30] = [
    ("BLOCKSIZE", ALL, Opt::Number(Number::BlockSize)),
    ("BUFFERCOUNT", ALL, Opt::Number(Number::BufferCount)),
    ("MAXTRANSFERSIZE", ALL, Opt::Number(Number::MaxTransferSize)),
    ("STATS", ALL, Opt::Number(Number::Stats)),
    ("CHECKSUM", ALL, Opt::Flag(Flag::Harmless)),
    ("NO_CHECKSUM", ALL, Opt::Flag(Flag::Harmless)),
    ("STOP_ON_ERROR", ALL, Opt::Flag(Flag::Harmless)),
    ("MEDIANAME", ALL, Opt::Text(Text::MediaName)),
    ("REWIND", ALL, Opt::Flag(Flag::Harmless)),
    ("NOREWIND", ALL, Opt::Flag(Flag::Harmless)),
    ("NOUNLOAD", ALL, Opt::Flag(Flag::Harmless)),
    ("SNAPSHOT", DATABASE | RESTORE, Opt::Flag(Flag::Snapshot)),
    ("METADATA_ONLY", DATABASE | RESTORE, Opt::Flag(Flag::Snapshot)),
    ("FORMAT", BACKUP, Opt::Flag(Flag::Format)),
    ("NOFORMAT", BACKUP, Opt::Flag(Flag::Harmless)),
    ("INIT", BACKUP, Opt::Flag(Flag::Init)),
    ("NOINIT", BACKUP, Opt::Flag(Flag::Harmless)),
    ("SKIP", BACKUP, Opt::Flag(Flag::Harmless)),
    ("NOSKIP", BACKUP, Opt::Flag(Flag::Harmless)),
    ("COPY_ONLY", BACKUP, Opt::Flag(Flag::CopyOnly)),
    ("DIFFERENTIAL", DATABASE, Opt::Flag(Flag::Differential)),
    ("NO_COMPRESSION", BACKUP, Opt::Flag(Flag::Harmless)),
    ("NAME", BACKUP, Opt::Text(Text::Name)),
    ("DESCRIPTION", BACKUP, Opt::Text(Text::Description)),
    ("MEDIADESCRIPTION", BACKUP, Opt::Text(Text::MediaDescription)),
    ("FILE", READ, Opt::Number(Number::File)),
    ("REPLACE", RESTORE, Opt::Flag(Flag::Replace)),
    ("RECOVERY", RESTORE, Opt::Flag(Flag::Harmless)),
    ("NORECOVERY", RESTORE, Opt::Flag(Flag::NoRecovery)),
    ("MOVE", RESTORE, Opt::Move),
];

/// Options of which a statement has one at most.
const CONFLICTS: [(&str, &str); 7] = [
    ("FORMAT", "NOFORMAT"),
    ("INIT", "NOINIT"),
    ("FORMAT", "NOINIT"),
    ("RECOVERY", "NORECOVERY"),
    ("CHECKSUM", "NO_CHECKSUM"),
    // [SNAP-06]
    ("DIFFERENTIAL", "SNAPSHOT"),
    ("DIFFERENTIAL", "METADATA_ONLY"),
];

/// What stands behind WITH.
#[derive(Default)]
pub(super) struct Given {
    /// In order, by the name of the table.
    names: Vec<&'static str>,
    flags: Vec<Flag>,
    texts: Vec<(Text, String)>,
    pub(super) moves: Vec<(String, String)>,
    pub(super) position: Option<u32>,
    pub(super) transfer: Transfer,
}

impl Given {
    pub(super) fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    pub(super) fn text(&mut self, which: Text) -> Option<String> {
        let at = self.texts.iter().position(|(text, _)| *text == which)?;
        Some(self.texts.swap_remove(at).1)
    }
}

impl Parser<'_> {
    /// The options, if there are any.
    pub(super) fn with(&mut self, side: u8, statement: &str) -> Parsed<Given> {
        let mut given = Given::default();
        if !self.take_word("WITH") {
            return Ok(given);
        }
        loop {
            self.option(side, statement, &mut given)?;
            if !self.take(&Token::Comma) {
                return Ok(given);
            }
        }
    }

    fn option(&mut self, side: u8, statement: &str, given: &mut Given) -> Parsed<()> {
        let Some(Spanned {
            token: Token::Word(word),
            span,
        }) = self.peek()
        else {
            return Err(self.unexpected("an option is expected here"));
        };
        let at_word = |number, level, text| SyntaxError {
            number,
            level,
            text,
            span: span.clone(),
            hint: None,
        };
        let fits = |(name, sides, _): &&(&str, u8, Opt)| {
            name.eq_ignore_ascii_case(word) && sides & side != 0
        };
        let Some((name, _, option)) = OPTIONS.iter().find(fits) else {
            let text = format!("'{word}' is not a recognized {statement} option.");
            return Err(SyntaxError {
                hint: Some("this engine has no such option".into()),
                ..at_word(155, 15, text)
            });
        };
        let pairs = CONFLICTS
            .iter()
            .flat_map(|(one, other)| [(one, other), (other, one)]);
        let conflict = pairs
            .filter(|(one, _)| *one == name)
            .map(|(_, other)| *other)
            .chain((*option != Opt::Move).then_some(*name))
            .find(|other| given.names.contains(other));
        if let Some(other) = conflict {
            let text = format!(
                "Option '{name}' conflicts with option(s) '{other}'. Remove the conflicting \
                 option and reissue the statement."
            );
            return Err(at_word(3031, 16, text));
        }
        given.names.push(name);
        self.at += 1;
        match option {
            Opt::Flag(flag) => given.flags.push(*flag),
            Opt::Number(number) => self.number(*number, name, given)?,
            Opt::Text(text) => {
                self.expect(&Token::Equals, "=")?;
                let value = self.text(*text, name)?;
                given.texts.push((*text, value));
            }
            Opt::Move => {
                let logical = self.string()?;
                self.expect_word("TO")?;
                given.moves.push((logical, self.string()?));
            }
        }
        Ok(())
    }

    /// A string that is not too long for the label.
    fn text(&mut self, which: Text, name: &str) -> Parsed<String> {
        let span = self.peek().map_or(0..0, |next| next.span.clone());
        let value = self.string()?;
        let most = match which {
            Text::Name | Text::MediaName => 128,
            Text::Description | Text::MediaDescription => 255,
        };
        match value.chars().count() <= most {
            true => Ok(value),
            false => Err(out_of_range(
                name,
                span,
                &format!("at most {most} characters"),
            )),
        }
    }

    fn number(&mut self, which: Number, name: &str, given: &mut Given) -> Parsed<()> {
        let transfer = &mut given.transfer;
        if which == Number::Stats && self.peek().is_none_or(|next| next.token != Token::Equals) {
            transfer.stats = Some(10);
            return Ok(());
        }
        self.expect(&Token::Equals, "=")?;
        let Some(Spanned {
            token: Token::Number(digits),
            span,
        }) = self.peek()
        else {
            return Err(self.unexpected("a number is expected here"));
        };
        let value = digits
            .parse()
            .ok()
            .filter(|value| is_possible(which, *value));
        let Some(value) = value else {
            return Err(out_of_range(name, span.clone(), range(which)));
        };
        self.at += 1;
        match which {
            Number::BlockSize => transfer.block_size = Some(value),
            Number::BufferCount => transfer.buffer_count = Some(value),
            Number::MaxTransferSize => transfer.max_transfer_size = Some(value),
            Number::Stats => transfer.stats = Some(value),
            Number::File => given.position = Some(value),
        }
        Ok(())
    }
}

fn out_of_range(name: &str, span: Range<usize>, range: &str) -> SyntaxError {
    SyntaxError {
        number: 3217,
        level: 16,
        text: format!("Invalid value specified for {name} parameter."),
        span,
        hint: Some(range.into()),
    }
}

/// [TSQL-02, TSQL-03, TSQL-04]
fn is_possible(which: Number, value: u32) -> bool {
    match which {
        Number::BlockSize => value.is_power_of_two() && (512..=65536).contains(&value),
        Number::BufferCount => value > 0,
        Number::MaxTransferSize => value % 65536 == 0 && (65536..=4 << 20).contains(&value),
        Number::Stats => (1..=100).contains(&value),
        Number::File => value > 0,
    }
}

fn range(which: Number) -> &'static str {
    match which {
        Number::BlockSize => "512, 1024, 2048, 4096, 8192, 16384, 32768 or 65536",
        Number::BufferCount | Number::File => "1 or more",
        Number::MaxTransferSize => "a multiple of 65536 up to 4194304",
        Number::Stats => "1 to 100",
    }
}
