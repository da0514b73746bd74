//! From tokens to statements.

use super::error::{SyntaxError, place};
use super::lexer::{Spanned, Token, tokens};
use super::options::{self, Flag, Text};
use super::{Action, Backup, Extent, Inspect, Restore, Statement, View};

pub(super) type Parsed<T> = Result<T, SyntaxError>;

/// Words that end a name that is not quoted, as the engine reserves them.
const RESERVED: [&str; 10] = [
    "BACKUP", "RESTORE", "DATABASE", "TO", "FROM", "WITH", "USE", "SET", "BEGIN", "END",
];

/// All statements of a batch.
pub(crate) fn parse(text: &str) -> Parsed<Vec<Statement>> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        text,
        tokens: &tokens,
        at: 0,
    };
    let mut statements = Vec::new();
    loop {
        while parser.take(&Token::Semicolon) {}
        let Some(first) = parser.peek() else {
            return Ok(statements);
        };
        statements.push(Statement {
            line: place(text, first.span.start).line,
            action: parser.statement()?,
        });
    }
}

/// Reads tokens from the left to the right.
pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Spanned],
    pub(super) at: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn peek(&self) -> Option<&'a Spanned> {
        self.tokens.get(self.at)
    }

    pub(super) fn take(&mut self, token: &Token) -> bool {
        let found = self.peek().is_some_and(|next| next.token == *token);
        self.at += usize::from(found);
        found
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Spanned { token: Token::Word(found), .. })
            if found.eq_ignore_ascii_case(word))
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Parsed<()> {
        match self.take_word(word) {
            true => Ok(()),
            false => Err(self.unexpected(format!("{word} is expected here"))),
        }
    }

    pub(super) fn expect(&mut self, token: &Token, shown: &str) -> Parsed<()> {
        match self.take(token) {
            true => Ok(()),
            false => Err(self.unexpected(format!("{shown} is expected here"))),
        }
    }

    /// The next token does not belong here.
    pub(super) fn unexpected(&self, hint: impl Into<String>) -> SyntaxError {
        let end = self.text.trim_end().len();
        let last = self.tokens.last().map_or(0..end, |last| last.span.clone());
        let (near, span) = match self.peek() {
            Some(next) => (next.span.clone(), next.span.clone()),
            // The engine names the last word when the text ends too early.
            None => (last.clone(), last.end..last.end),
        };
        let found = self.text.get(near).unwrap_or_default();
        let reserved = RESERVED.iter().any(|word| found.eq_ignore_ascii_case(word));
        let (number, text) = if reserved {
            (156, format!("Incorrect syntax near the keyword '{found}'."))
        } else {
            (102, format!("Incorrect syntax near '{found}'."))
        };
        SyntaxError {
            number,
            level: 15,
            text,
            span,
            hint: Some(hint.into()),
        }
    }

    fn statement(&mut self) -> Parsed<Action> {
        if self.take_word("BACKUP") {
            let extent = self.extent("DATABASE or LOG is expected here")?;
            return self.backup(extent).map(Action::Backup);
        }
        if self.take_word("RESTORE") {
            return self.restore();
        }
        if self.take_word("USE") {
            return self.name("the name of a database").map(Action::Use);
        }
        if self.take_word("SET") {
            return self.set();
        }
        Err(self.unexpected("only BACKUP, RESTORE, USE and SET are executed here"))
    }

    fn extent(&mut self, hint: &str) -> Parsed<Extent> {
        if self.take_word("DATABASE") {
            Ok(Extent::Database)
        } else if ["LOG", "TRAN", "TRANSACTION"]
            .iter()
            .any(|word| self.take_word(word))
        {
            Ok(Extent::Log)
        } else {
            Err(self.unexpected(hint))
        }
    }

    /// SET NOCOUNT ON and the like.
    fn set(&mut self) -> Parsed<Action> {
        let hint = "an option of the session, ON or OFF are expected here";
        match self.peek().map(|next| &next.token) {
            Some(Token::Word(_)) => self.at += 1,
            _ => return Err(self.unexpected(hint)),
        }
        if self.take_word("ON") || self.take_word("OFF") {
            return Ok(Action::Set);
        }
        Err(self.unexpected(hint))
    }

    fn backup(&mut self, extent: Extent) -> Parsed<Backup> {
        let database = self.name("the name of a database")?;
        self.expect_word("TO")?;
        let devices = self.devices()?;
        let side = match extent {
            Extent::Database => options::DATABASE,
            Extent::Log => options::LOG,
        };
        let mut given = self.with(side, "BACKUP")?;
        Ok(Backup {
            extent,
            database,
            devices,
            transfer: given.transfer,
            format: given.has(Flag::Format),
            init: given.has(Flag::Init),
            copy_only: given.has(Flag::CopyOnly),
            differential: given.has(Flag::Differential),
            snapshot: given.has(Flag::Snapshot),
            name: given.text(Text::Name),
            description: given.text(Text::Description),
            media_name: given.text(Text::MediaName),
            media_description: given.text(Text::MediaDescription),
        })
    }

    fn restore(&mut self) -> Parsed<Action> {
        let views = [
            ("HEADERONLY", View::Header),
            ("FILELISTONLY", View::FileList),
            ("LABELONLY", View::Label),
            ("VERIFYONLY", View::Verify),
        ];
        for (word, what) in views {
            if self.take_word(word) {
                return self.inspect(what).map(Action::Inspect);
            }
        }
        let extent = self.extent(
            "DATABASE, LOG, HEADERONLY, FILELISTONLY, LABELONLY or VERIFYONLY is expected here",
        )?;
        let database = self.name("the name of a database")?;
        if !self.is_word("FROM") {
            if self.take_word("WITH") {
                self.expect_word("RECOVERY")?;
            }
            return Ok(Action::Recover { extent, database });
        }
        self.expect_word("FROM")?;
        let devices = self.devices()?;
        let mut given = self.with(options::RESTORE, "RESTORE")?;
        Ok(Action::Restore(Restore {
            extent,
            database,
            devices,
            transfer: given.transfer,
            position: given.position.unwrap_or(1),
            replace: given.has(Flag::Replace),
            recovery: !given.has(Flag::NoRecovery),
            snapshot: given.has(Flag::Snapshot),
            media_name: given.text(Text::MediaName),
            moves: given.moves,
        }))
    }

    fn inspect(&mut self, what: View) -> Parsed<Inspect> {
        self.expect_word("FROM")?;
        let devices = self.devices()?;
        let side = match what {
            View::Label => options::LABEL,
            View::Header | View::FileList | View::Verify => options::INSPECT,
        };
        let mut given = self.with(side, "RESTORE")?;
        Ok(Inspect {
            what,
            devices,
            transfer: given.transfer,
            position: given.position,
            media_name: given.text(Text::MediaName),
        })
    }

    fn name(&mut self, what: &str) -> Parsed<String> {
        let name = match self.peek().map(|next| &next.token) {
            Some(Token::Word(word)) if !RESERVED.iter().any(|r| word.eq_ignore_ascii_case(r)) => {
                // A variable has no value here.
                (!word.starts_with('@')).then_some(word)
            }
            Some(Token::Bracketed(name) | Token::DoubleQuoted(name)) => Some(name),
            _ => None,
        };
        match name {
            Some(name) => {
                self.at += 1;
                Ok(name.clone())
            }
            None => Err(self.unexpected(format!("{what} is expected here"))),
        }
    }

    pub(super) fn string(&mut self) -> Parsed<String> {
        match self.peek().map(|next| &next.token) {
            Some(Token::String(text) | Token::DoubleQuoted(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            _ => Err(self.unexpected("a string is expected here")),
        }
    }

    fn devices(&mut self) -> Parsed<Vec<String>> {
        let mut devices = Vec::new();
        loop {
            if !self.take_word("VIRTUAL_DEVICE") {
                return Err(self
                    .unexpected("this engine has virtual devices only: VIRTUAL_DEVICE = 'name'"));
            }
            self.expect(&Token::Equals, "=")?;
            devices.push(self.string()?);
            if !self.take(&Token::Comma) {
                return Ok(devices);
            }
        }
    }
}
