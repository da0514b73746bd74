//! The rules of the specification: `* **CFG-01** ...` and `| RC-02 | ...`.

use anyhow::{Context, Result, ensure};
use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const SPECIFICATION: &str = "docs/vdi-spec.md";

/// The longest title, in characters.
const TITLE_LENGTH: usize = 96;

/// What the id of a rule looks like.
pub(crate) const ID: &str = r"[A-Z]+(?:-[A-Z]+)*-[0-9A-F]{2}";

/// A numbered statement of the specification.
#[derive(Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) title: String,
    /// The chapter in which it stands, for example `9. Buffers`.
    pub(crate) chapter: String,
}

/// All rules in the order of the specification.
pub(crate) fn read(root: &Path) -> Result<Vec<Rule>> {
    let path = root.join(SPECIFICATION);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let rules = parse(&text)?;
    let ids: BTreeSet<_> = rules.iter().map(|rule| &rule.id).collect();
    ensure!(
        ids.len() == rules.len(),
        "{SPECIFICATION} defines a rule twice"
    );
    Ok(rules)
}

fn parse(text: &str) -> Result<Vec<Rule>> {
    let item = Regex::new(&format!(r"^\* \*\*({ID})(.*)$"))?;
    let row = Regex::new(&format!(r"^\| ({ID}) \|(.*)\|$"))?;
    let mut chapter = String::new();
    let mut rules = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            chapter = heading.to_owned();
        }
        let title = match (item.captures(line), row.captures(line)) {
            (Some(found), _) => (found[1].to_owned(), item_title(&found[2])?),
            (_, Some(found)) => (found[1].to_owned(), row_title(&found[2])),
            _ => continue,
        };
        rules.push(Rule {
            id: title.0,
            title: title.1,
            chapter: chapter.clone(),
        });
    }
    Ok(rules)
}

/// The first sentence without source tags; for a choice, its name.
fn item_title(text: &str) -> Result<String> {
    let (name, body) = text.split_once("**").unwrap_or(("", text));
    if !name.trim().is_empty() {
        return Ok(shorten(name.trim().trim_end_matches('.')));
    }
    let tags = Regex::new(r" *\[[^\]]*\]")?;
    let body = tags.replace_all(body, "");
    let end = Regex::new(r"[.;] |[.]$")?
        .find(&body)
        .map_or(body.len(), |end| end.start());
    Ok(shorten(body[..end].trim()))
}

/// The first two cells.
fn row_title(cells: &str) -> String {
    let cells: Vec<_> = cells.split(" | ").map(str::trim).take(2).collect();
    shorten(&cells.join(": "))
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= TITLE_LENGTH {
        return text.to_owned();
    }
    let cut: String = text.chars().take(TITLE_LENGTH).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{} …", &cut[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_rows_and_choices_are_rules() {
        let rules = parse(
            "## 2. Constants\n\
             | RC-0A | `VD_E_MEMORY` | 0x8077000A | -1 |\n\
             * **CFG-20** `deviceCount`: 1 to 64. [chm:5nqd]\n\
             * **AMB-32 RegisterDeviceClosed.** **Choice:** export it.\n\
             * **Not a rule** text\n",
        )
        .unwrap();
        let found: Vec<_> = rules.iter().map(|r| (&*r.id, &*r.title)).collect();
        assert_eq!(
            found,
            [
                ("RC-0A", "`VD_E_MEMORY`: 0x8077000A"),
                ("CFG-20", "`deviceCount`: 1 to 64"),
                ("AMB-32", "RegisterDeviceClosed"),
            ]
        );
        assert!(rules.iter().all(|rule| rule.chapter == "2. Constants"));
    }

    #[test]
    fn long_sentences_end_between_words() {
        let title = shorten(&"word ".repeat(40));
        assert!(title.ends_with("word …"));
        assert!(title.chars().count() <= TITLE_LENGTH + 2);
    }
}
