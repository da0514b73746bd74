//! Citations: `[CFG-20, AMB-11]` in a comment of a test.
//!
//! A citation belongs to the function in which it stands; between functions, to the next one. The
//! comment at the head of a file describes, it does not cite.

use crate::rules::ID;
use crate::source::{self, Function, Language, Source};
use anyhow::Result;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A function that proves a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Citation {
    /// The program or test target.
    pub(crate) test: String,
    pub(crate) function: String,
}

/// Rule id to the functions that cite it.
pub(crate) type Citations = BTreeMap<String, BTreeSet<Citation>>;

/// The citations of all tests, and what is wrong with some.
pub(crate) fn read(root: &Path) -> Result<(Citations, Vec<String>)> {
    let mut citations = Citations::new();
    let mut faults = Vec::new();
    for source in source::read(root)? {
        collect(&source, &mut citations, &mut faults)?;
    }
    Ok((citations, faults))
}

fn collect(source: &Source, citations: &mut Citations, faults: &mut Vec<String>) -> Result<()> {
    let cited = Regex::new(&format!(r"\[((?:{ID})(?:, (?:{ID}))*)\]"))?;
    let range = Regex::new(&format!(r"{ID}(?:\.\.|–|-(?:{ID}))"))?;
    let functions = source::functions(source);
    for comment in comments(source) {
        let place = format!("{}:{}", source.path.display(), comment.line + 1);
        if range.is_match(&comment.text) {
            faults.push(format!("{place}: a range of rules cites nothing"));
        }
        let ids: Vec<_> = cited
            .captures_iter(&comment.text)
            .flat_map(|found| found[1].split(", ").map(str::to_owned).collect::<Vec<_>>())
            .collect();
        if ids.is_empty() {
            continue;
        }
        match owner(&functions, comment.line) {
            _ if comment.head => faults.push(format!("{place}: the head of a file cites nothing")),
            None => faults.push(format!("{place}: no function follows the citation")),
            Some(function) => {
                for id in ids {
                    citations.entry(id).or_default().insert(Citation {
                        test: source.test.clone(),
                        function: function.name.clone(),
                    });
                }
            }
        }
    }
    Ok(())
}

/// The innermost function around the line, or else the next one.
fn owner(functions: &[Function], line: usize) -> Option<&Function> {
    let around = functions
        .iter()
        .rev()
        .find(|f| f.first <= line && line <= f.last);
    around.or_else(|| functions.iter().find(|f| f.first > line))
}

/// Neighbouring comment lines as one text; the line is that of the last one.
struct Comment {
    line: usize,
    text: String,
    head: bool,
}

fn comments(source: &Source) -> Vec<Comment> {
    let mut comments: Vec<Comment> = Vec::new();
    let mut inside = false;
    let mut code_seen = false;
    for (number, line) in source.text.lines().enumerate() {
        let (text, whole) = comment_of(line, source.language, &mut inside);
        code_seen |= text.is_none() && !line.trim().is_empty();
        let Some(text) = text else { continue };
        let head = !code_seen && whole;
        code_seen |= !whole;
        match comments.last_mut() {
            Some(last) if whole && last.line + 1 == number && last.head == head => {
                last.text.push(' ');
                last.text.push_str(text);
                last.line = number;
            }
            _ => comments.push(Comment {
                line: number,
                text: text.to_owned(),
                head,
            }),
        }
    }
    comments
}

/// The comment of a line, and whether the line is nothing else.
fn comment_of<'a>(line: &'a str, language: Language, inside: &mut bool) -> (Option<&'a str>, bool) {
    let marker = match language {
        Language::C => {
            if *inside {
                *inside = !line.contains("*/");
                return (Some(line.trim().trim_start_matches("* ")), true);
            }
            match line.find("/*") {
                Some(at) => {
                    *inside = !line[at..].contains("*/");
                    return (Some(&line[at..]), line[..at].trim().is_empty());
                }
                None => "//",
            }
        }
        Language::Rust => "//",
        Language::Python => "#",
    };
    match line.find(marker) {
        Some(at) => (
            Some(line[at..].trim_start_matches(['/', '!', '#', ' '])),
            line[..at].trim().is_empty(),
        ),
        None => (None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cite(language: Language, text: &str) -> (Citations, Vec<String>) {
        let source = Source {
            test: "test_x".to_owned(),
            path: "test_x.c".into(),
            language,
            text: text.to_owned(),
        };
        let (mut citations, mut faults) = Default::default();
        collect(&source, &mut citations, &mut faults).unwrap();
        (citations, faults)
    }

    fn functions_of(citations: &Citations, id: &str) -> Vec<String> {
        let found = citations.get(id).into_iter().flatten();
        found.map(|citation| citation.function.clone()).collect()
    }

    #[test]
    fn a_citation_belongs_to_its_function_or_the_next_one() {
        let (citations, faults) = cite(
            Language::C,
            "/* Head. */\n#include <x.h>\n\n/* Text. [A-01,\n * not so: B-02] [C-03] */\nstatic void f(void)\n{\n    \
             g(); /* [D-04, D-05] */\n}\n\nstatic void h(void)\n{\n}\n",
        );
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(functions_of(&citations, "C-03"), ["f"]);
        assert_eq!(functions_of(&citations, "D-04"), ["f"]);
        assert_eq!(functions_of(&citations, "D-05"), ["f"]);
        assert!(functions_of(&citations, "A-01").is_empty());
    }

    #[test]
    fn a_list_may_go_on_in_the_next_line() {
        let (citations, _) = cite(
            Language::Rust,
            "use x;\n// [A-01,\n// B-02]\n#[test]\nfn f() {\n}\n",
        );
        assert_eq!(functions_of(&citations, "B-02"), ["f"]);
    }

    #[test]
    fn heads_ranges_and_citations_of_nothing_are_faults() {
        let head = cite(
            Language::C,
            "/*\n * About. [A-01]\n */\nint f(void)\n{\n}\n",
        );
        assert_eq!(head.1, ["test_x.c:3: the head of a file cites nothing"]);
        assert!(head.0.is_empty());
        let range = cite(Language::C, "int x;\n/* [A-01..05] */\nint f(void)\n{\n}\n");
        assert_eq!(range.1, ["test_x.c:2: a range of rules cites nothing"]);
        let end = cite(Language::C, "int f(void)\n{\n}\n/* [A-01] */\n");
        assert_eq!(end.1, ["test_x.c:4: no function follows the citation"]);
    }
}
