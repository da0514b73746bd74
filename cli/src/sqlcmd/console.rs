//! What is printed, as `sqlcmd` prints it.

use std::fs::File;
use std::io::{self, Write};

use super::messages::Message;
use super::options::{Redirect, Table};

/// A row of a result: the names of the columns and the values.
pub(super) type Row = Vec<(&'static str, String)>;

/// Where results and messages go.
pub(super) struct Console {
    output: Box<dyn Write>,
    redirect: Redirect,
    table: Table,
    /// The name of the engine.
    server: String,
    /// Why something could not be printed.
    trouble: Option<io::Error>,
}

impl Console {
    pub(super) fn new(
        output: Option<File>,
        redirect: Redirect,
        table: Table,
        server: String,
    ) -> Self {
        Self {
            output: match output {
                Some(file) => Box::new(file),
                None => Box::new(io::stdout()),
            },
            redirect,
            table,
            server,
            trouble: None,
        }
    }

    /// Why something could not be printed, if that was so. That nobody listens is no trouble.
    pub(super) fn trouble(&self) -> Option<&io::Error> {
        self.trouble.as_ref()
    }

    /// The name of the engine.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Prints a message; up to level 10 it is no error, and has no head.
    pub(super) fn message(&mut self, message: &Message, line: usize) {
        let text = match message.is_error() {
            true => format!(
                "Msg {}, Level {}, State {}, Server {}, Line {line}\n{}\n",
                message.number, message.level, message.state, self.server, message.text
            ),
            false => format!("{}\n", message.text),
        };
        let elsewhere = match self.redirect {
            Redirect::Nothing => false,
            Redirect::Errors => message.is_error(),
            Redirect::All => true,
        };
        if elsewhere {
            // Nobody may be listening any more; the statement goes on.
            let _ = io::stderr().write_all(text.as_bytes());
        } else {
            self.print(&text);
        }
    }

    /// Prints rows under the names of their columns.
    pub(super) fn rows(&mut self, rows: &[Row]) {
        let Some(first) = rows.first() else {
            return;
        };
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let widest = cells
                .map(|(name, cell)| name.len().max(cell.chars().count()))
                .max();
            widest.unwrap_or(0)
        };
        let line = |cells: Vec<&str>| {
            let cells = cells
                .into_iter()
                .enumerate()
                .map(|(column, cell)| match self.table.trim {
                    true => cell.to_owned(),
                    false => format!("{cell:0$}", width(column)),
                });
            cells.collect::<Vec<_>>().join(&self.table.separator) + "\n"
        };
        let mut text = String::new();
        if self.table.heads {
            let dashes: Vec<_> = (0..first.len())
                .map(|column| "-".repeat(width(column)))
                .collect();
            text += &line(first.iter().map(|(name, _)| *name).collect());
            text += &line(dashes.iter().map(String::as_str).collect());
        }
        for row in rows {
            // What a medium says of itself can be anything, also orders to a terminal.
            let cells = row
                .iter()
                .map(|(_, cell)| cell.replace(char::is_control, " "));
            let cells: Vec<_> = cells.collect();
            text += &line(cells.iter().map(String::as_str).collect());
        }
        text += &format!("\n({} rows affected)\n", rows.len());
        self.print(&text);
    }

    fn print(&mut self, text: &str) {
        let printed = self.output.write_all(text.as_bytes());
        match printed.and_then(|()| self.output.flush()) {
            // The statement goes on.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => self.trouble = Some(error),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};

    use super::*;

    fn printed(table: Table, print: impl FnOnce(&mut Console)) -> String {
        let mut file = tempfile::tempfile().unwrap();
        let output = file.try_clone().unwrap();
        let mut console = Console::new(Some(output), Redirect::Nothing, table, "SRV".into());
        print(&mut console);
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    }

    fn table(heads: bool, trim: bool, separator: &str) -> Table {
        Table {
            heads,
            trim,
            separator: separator.into(),
        }
    }

    #[test]
    fn messages_up_to_level_10_have_no_head() {
        let text = printed(table(true, false, " "), |console| {
            console.message(&Message::new(3211, 10, "10 percent processed."), 1);
            console.message(&Message::new(3013, 16, "It is terminating."), 7);
        });
        let expected = "10 percent processed.\n\
            Msg 3013, Level 16, State 1, Server SRV, Line 7\nIt is terminating.\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn rows() {
        let rows = [("a", "l\u{1b}ng", "b", "1"), ("a", "x", "b", "22")];
        let rows = rows.map(|(a, x, b, y)| vec![(a, x.to_owned()), (b, y.to_owned())]);
        let padded = printed(table(true, false, " "), |console| console.rows(&rows));
        let expected = "a    b \n---- --\nl ng 1 \nx    22\n\n(2 rows affected)\n";
        assert_eq!(padded, expected);
        let trimmed = printed(table(false, true, "|"), |console| console.rows(&rows));
        assert_eq!(trimmed, "l ng|1\nx|22\n\n(2 rows affected)\n");
    }
}
