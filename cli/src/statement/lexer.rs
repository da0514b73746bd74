//! Words, names, strings, numbers and signs of a statement; comments and blanks are left out.

use std::ops::Range;

use logos::{Lexer, Logos};

use super::error::SyntaxError;

/// Why a text has no tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Broken {
    #[default]
    Sign,
    String,
    Name,
    Comment,
}

/// A token.
#[derive(Logos, Clone, PartialEq, Eq, Debug)]
#[logos(error = Broken)]
#[logos(skip r"[\s\u{feff}]+")]
#[logos(skip r"--[^\n]*")]
pub(super) enum Token {
    /// A comment in which others may lie; left out.
    #[token("/*", comment)]
    Comment,
    /// A keyword or a name, as written.
    #[regex(r"[\p{Alphabetic}_@#][\p{Alphabetic}\p{Nd}_@#$]*", |lexer| lexer.slice().to_owned())]
    Word(String),
    /// A name in brackets.
    #[token("[", |lexer| quoted(lexer, ']').ok_or(Broken::Name))]
    Bracketed(String),
    /// A name or a string in double quotes, as the place demands.
    #[token("\"", |lexer| quoted(lexer, '"').ok_or(Broken::String))]
    DoubleQuoted(String),
    /// A string.
    #[token("'", |lexer| quoted(lexer, '\'').ok_or(Broken::String), priority = 5)]
    #[regex("[nN]'", |lexer| quoted(lexer, '\'').ok_or(Broken::String), priority = 5)]
    String(String),
    /// A whole number that is not negative.
    #[regex(r"[0-9]+", |lexer| lexer.slice().to_owned())]
    Number(String),
    #[token("=")]
    Equals,
    #[token(",")]
    Comma,
    #[token(";")]
    Semicolon,
    /// A sign that no statement has.
    #[regex(r"[^\s]", priority = 0)]
    Other,
}

/// A token, and the bytes that it stands in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Spanned {
    pub(super) token: Token,
    pub(super) span: Range<usize>,
}

/// All tokens of a text.
pub(super) fn tokens(text: &str) -> Result<Vec<Spanned>, SyntaxError> {
    let mut tokens = Vec::new();
    for (token, span) in Token::lexer(text).spanned() {
        match token {
            Ok(Token::Comment) => {}
            Ok(token) => tokens.push(Spanned { token, span }),
            Err(broken) => return Err(broken.at(text, span)),
        }
    }
    Ok(tokens)
}

/// Takes what follows up to `end`; `end` twice stands for itself. None if it never ends.
fn quoted(lexer: &mut Lexer<'_, Token>, end: char) -> Option<String> {
    let rest = lexer.remainder();
    let mut text = String::new();
    let mut signs = rest.char_indices().peekable();
    while let Some((at, sign)) = signs.next() {
        if sign != end {
            text.push(sign);
        } else if signs.next_if(|(_, next)| *next == end).is_some() {
            text.push(end);
        } else {
            lexer.bump(at + end.len_utf8());
            return Some(text);
        }
    }
    lexer.bump(rest.len());
    None
}

/// Passes the rest of a comment.
fn comment(lexer: &mut Lexer<'_, Token>) -> Result<(), Broken> {
    let rest = lexer.remainder();
    let mut depth = 1;
    let mut at = 0;
    while let Some(pair) = rest.as_bytes().get(at..at + 2) {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            lexer.bump(at);
            return Ok(());
        }
    }
    lexer.bump(rest.len());
    Err(Broken::Comment)
}

impl Broken {
    fn at(self, text: &str, span: Range<usize>) -> SyntaxError {
        let found = text.get(span.clone()).unwrap_or_default();
        let inside = found.trim_start_matches(['n', 'N']);
        let inside = inside.get(1..).unwrap_or_default();
        let (number, text) = match self {
            Self::String | Self::Name => (
                105,
                format!("Unclosed quotation mark after the character string '{inside}'."),
            ),
            Self::Comment => (113, "Missing end comment mark '*/'.".to_owned()),
            Self::Sign => (102, format!("Incorrect syntax near '{found}'.")),
        };
        SyntaxError {
            number,
            level: 15,
            text,
            span,
            hint: None,
        }
    }
}
