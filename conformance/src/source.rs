//! The test sources, and which function a line belongs to.

use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The language of a source, as far as its comments and functions need it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Language {
    C,
    Rust,
    Python,
}

/// A file with tests.
pub(crate) struct Source {
    /// As people and the mutants name it: `test_create`, `lib`, `model`, `cli`.
    pub(crate) test: String,
    /// Path from the root of the project.
    pub(crate) path: PathBuf,
    pub(crate) language: Language,
    pub(crate) text: String,
}

/// The C programs, the Python tests, the unit tests of the library, the Rust tests and the models.
pub(crate) fn read(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for folder in [
        "c-tests",
        "tests",
        "src",
        "cli",
        "sqlvdi",
        "models/src/exhaustive",
        "models/src/random",
    ] {
        for entry in WalkDir::new(root.join(folder)).sort_by_file_name() {
            let entry = entry.context("the tests cannot be read")?;
            let path = entry.path().strip_prefix(root)?;
            let Some((test, language)) = classify(path) else {
                continue;
            };
            let text = fs::read_to_string(entry.path())
                .with_context(|| entry.path().display().to_string())?;
            sources.push(Source {
                test,
                path: path.to_owned(),
                language,
                text: test_part(path, text),
            });
        }
    }
    Ok(sources)
}

fn classify(path: &Path) -> Option<(String, Language)> {
    let stem = path.file_stem()?.to_str()?.to_owned();
    let top = path.components().next()?.as_os_str().to_str()?;
    match (top, path.extension().and_then(OsStr::to_str)?) {
        ("c-tests", "c" | "cc") if stem.starts_with("test_") => Some((stem, Language::C)),
        ("c-tests", "py") if stem.starts_with("test_") => Some((stem, Language::Python)),
        ("src", "rs") => Some(("lib".to_owned(), Language::Rust)),
        ("cli", "rs") => Some(("cli".to_owned(), Language::Rust)),
        ("sqlvdi", "rs") => Some(("sqlvdi".to_owned(), Language::Rust)),
        ("models", "rs") => Some(("models".to_owned(), Language::Rust)),
        ("tests", "rs") => {
            let second = path.components().nth(1)?.as_os_str();
            let name = Path::new(second).file_stem()?.to_str()?;
            Some((name.to_owned(), Language::Rust))
        }
        _ => None,
    }
}

/// The lines of a Rust file that are tests; the others become empty, so that line numbers stay.
fn test_part(path: &Path, text: String) -> String {
    let whole = path.starts_with("c-tests")
        || path.starts_with("models")
        || path.iter().any(|part| part == "tests")
        || path
            .file_stem()
            .and_then(OsStr::to_str)
            .is_some_and(|stem| stem.ends_with("tests"));
    if whole {
        return text;
    }
    let mut inside = false;
    let lines = text.lines().map(|line| {
        inside |= line.trim() == "#[cfg(test)]";
        if inside { line } else { "" }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A function and the lines from its first to its last, counted from 0.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) first: usize,
    pub(crate) last: usize,
}

/// The functions of a source. It relies on the formatting that the formatters enforce.
pub(crate) fn functions(source: &Source) -> Vec<Function> {
    let lines: Vec<&str> = source.text.lines().collect();
    match source.language {
        Language::C => c_functions(&lines),
        Language::Rust => indented(&lines, "fn ", |line, indent| {
            line.len() == indent + 1 && line.ends_with('}')
        }),
        Language::Python => indented(&lines, "def ", |line, indent| {
            !line.trim().is_empty() && indent_of(line) <= indent
        }),
    }
}

/// The braces of a C function stand in the first column; its name is on the nearest line above
/// that starts there.
fn c_functions(lines: &[&str]) -> Vec<Function> {
    let mut functions = Vec::new();
    for (open, _) in lines.iter().enumerate().filter(|(_, line)| **line == "{") {
        let starts =
            |line: &str| line.starts_with(|first: char| first.is_alphabetic() || first == '_');
        let Some(first) = (0..open).rev().find(|at| starts(lines[*at])) else {
            continue;
        };
        let Some(name) = lines[first]
            .split_once('(')
            .map(|(head, _)| last_word(head))
        else {
            continue;
        };
        let close = (open..lines.len()).find(|at| lines[*at] == "}");
        functions.push(Function {
            name,
            first,
            last: close.unwrap_or(lines.len()),
        });
    }
    functions
}

fn indented(lines: &[&str], keyword: &str, ends: impl Fn(&str, usize) -> bool) -> Vec<Function> {
    let mut functions = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let Some((before, after)) = line.split_once(keyword) else {
            continue;
        };
        let words = before.split_whitespace();
        if !words
            .clone()
            .all(|word| word.starts_with("pub") || word == "const" || word == "unsafe")
        {
            continue;
        }
        let name: String = after
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let indent = indent_of(line);
        let last = (first + 1..lines.len()).find(|at| ends(lines[*at], indent));
        functions.push(Function {
            name,
            first,
            last: last.unwrap_or(lines.len()),
        });
    }
    functions
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn last_word(text: &str) -> String {
    let word = text
        .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
        .next();
    word.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(language: Language, text: &str) -> Vec<(String, usize, usize)> {
        let source = Source {
            test: String::new(),
            path: PathBuf::new(),
            language,
            text: text.to_owned(),
        };
        let functions = functions(&source).into_iter();
        functions.map(|f| (f.name, f.first, f.last)).collect()
    }

    #[test]
    fn functions_are_found_in_every_language() {
        let c = "static const int x[] = {\n    1,\n};\nstatic void *one(int a,\n    int b)\n{\n}\n";
        assert_eq!(names(Language::C, c), [("one".to_owned(), 3, 6)]);
        let rust =
            "mod tests {\n    #[test]\n    fn two() {\n        if x {\n        }\n    }\n}\n";
        assert_eq!(names(Language::Rust, rust), [("two".to_owned(), 2, 5)]);
        let python = "class T:\n    def test_three(self):\n        pass\n\n    def b(self):\n";
        assert_eq!(
            names(Language::Python, python),
            [("test_three".to_owned(), 1, 4), ("b".to_owned(), 4, 5)]
        );
    }

    #[test]
    fn only_the_tests_of_a_library_file_count() {
        let text = "// one\n#[cfg(test)]\n// two\n".to_owned();
        let kept = test_part(Path::new("src/a.rs"), text.clone());
        assert_eq!(kept, "\n#[cfg(test)]\n// two");
        assert_eq!(test_part(Path::new("src/a_tests.rs"), text.clone()), text);
        assert_eq!(test_part(Path::new("cli/tests/a.rs"), text.clone()), text);
    }
}
