//! What is wrong with a text, as the engine says it, and where.

use std::ops::Range;

/// The text is not a statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SyntaxError {
    /// The engine's message number.
    pub(crate) number: u32,
    /// Its severity.
    pub(crate) level: u8,
    /// Its text.
    pub(crate) text: String,
    /// The bytes of the text that are at fault.
    pub(crate) span: Range<usize>,
    /// What this engine could have understood.
    pub(crate) hint: Option<String>,
}

/// A place in a text, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// The line and column, in characters, of a byte of a text.
pub(crate) fn place(text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place {
        line: 1 + before.matches('\n').count(),
        column: 1 + before[start..].chars().count(),
    }
}

impl SyntaxError {
    /// Where it is.
    pub(crate) fn place(&self, text: &str) -> Place {
        place(text, self.span.start)
    }

    /// For people: the line at fault and a caret under the word at fault.
    pub(crate) fn explain(&self, text: &str) -> String {
        let Place { line, column } = self.place(text);
        let source = text.lines().nth(line - 1).unwrap_or_default();
        let fault = text.get(self.span.clone()).unwrap_or_default();
        let fault = fault.lines().next().unwrap_or_default();
        // Tabs stay tabs, so that the caret stands where the word does.
        let blank = |c| if c == '\t' { '\t' } else { ' ' };
        let indent: String = source.chars().take(column - 1).map(blank).collect();
        let carets = "^".repeat(fault.chars().count().max(1));
        let hint = self.hint.as_ref().map(|hint| format!("\n{hint}"));
        format!(
            "line {line}, column {column}:\n{source}\n{indent}{carets}{}",
            hint.unwrap_or_default()
        )
    }
}
