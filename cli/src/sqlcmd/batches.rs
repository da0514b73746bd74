//! Where statements come from: texts, divided by lines that say GO.

use std::fs;
use std::io::{self, BufRead};

use super::options::Work;
use crate::exit::{Exit, Failure};

/// The batches in order. What is typed is executed as soon as its GO is there.
pub(super) struct Batches {
    /// Lines of the texts that are known, then of standard input.
    lines: Box<dyn Iterator<Item = io::Result<String>>>,
}

impl Batches {
    pub(super) fn of(work: &Work) -> Result<Self, Failure> {
        let input = || io::stdin().lock().lines();
        let known = |text: &str| {
            let lines: Vec<_> = text.lines().map(|line| Ok(line.to_owned())).collect();
            lines.into_iter()
        };
        let lines: Box<dyn Iterator<Item = io::Result<String>>> = match work {
            Work::Query(text) => Box::new(known(text)),
            Work::QueryThenInput(text) => {
                let end = std::iter::once(Ok("GO".to_owned()));
                Box::new(known(text).chain(end).chain(input()))
            }
            Work::Files(files) => {
                let mut text = String::new();
                for file in files {
                    let shown = file.display();
                    text += &fs::read_to_string(file).map_err(|error| {
                        Failure::new(Exit::Input, format!("cannot read {shown}: {error}"))
                    })?;
                    text += "\nGO\n";
                }
                Box::new(known(&text))
            }
            Work::Input | Work::Help => Box::new(input()),
        };
        Ok(Self { lines })
    }
}

impl Iterator for Batches {
    type Item = Result<String, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut batch = String::new();
        let mut any = false;
        for line in self.lines.by_ref() {
            let line = match line {
                Ok(line) => line,
                Err(error) => {
                    let message = format!("cannot read standard input: {error}");
                    return Some(Err(Failure::new(Exit::Input, message)));
                }
            };
            any = true;
            if line.trim().eq_ignore_ascii_case("go") {
                return Some(Ok(batch));
            }
            if ["exit", "quit"]
                .iter()
                .any(|word| line.trim().eq_ignore_ascii_case(word))
            {
                self.lines = Box::new(std::iter::empty());
                break;
            }
            batch += &line;
            batch.push('\n');
        }
        any.then_some(Ok(batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_divides_and_exit_ends() {
        let batches = |text: &str| -> Vec<String> {
            let batches = Batches::of(&Work::Query(text.into())).unwrap();
            batches.map(Result::unwrap).collect()
        };
        assert_eq!(batches("a\nb"), ["a\nb\n"]);
        assert_eq!(batches("a\n go \nb\nGO\n"), ["a\n", "b\n"]);
        assert_eq!(batches("a\ngone\nEXIT\nb"), ["a\ngone\n"]);
        assert_eq!(batches(""), [""; 0]);
    }
}
