//! What is known about every rule, and the report.

use crate::citations::{self, Citation, Citations};
use crate::mutants::{self, Mutant};
use crate::reasons::{self, Reason};
use crate::rules::{self, Rule};
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// So many tests are named in a row; the others are counted.
const NAMED_TESTS: usize = 3;

/// Rules, and what proves or excuses each.
pub(crate) struct Facts {
    rules: Vec<Rule>,
    citations: Citations,
    reasons: BTreeMap<String, Reason>,
    mutants: Vec<Mutant>,
}

/// Reads everything; the faults are those of the parts and of their fit.
pub(crate) fn collect(root: &Path) -> Result<(Facts, Vec<String>)> {
    let rules = rules::read(root)?;
    let (citations, mut faults) = citations::read(root)?;
    let (reasons, more) = reasons::read(root)?;
    faults.extend(more);
    let (mutants, more) = mutants::read(root)?;
    faults.extend(more);
    let facts = Facts {
        rules,
        citations,
        reasons,
        mutants,
    };
    faults.extend(facts.misfits());
    Ok((facts, faults))
}

impl Facts {
    fn misfits(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let known: BTreeSet<&str> = self.rules.iter().map(|rule| rule.id.as_str()).collect();
        for (id, citations) in &self.citations {
            if !known.contains(id.as_str()) {
                faults.push(format!(
                    "{id} is cited in {} and is no rule",
                    list(citations)
                ));
            }
        }
        for id in self.reasons.keys() {
            if !known.contains(id.as_str()) {
                faults.push(format!("{id} has a reason and is no rule"));
            }
        }
        for rule in &self.rules {
            match (self.citations.get(&rule.id), self.reasons.get(&rule.id)) {
                (None, None) => faults.push(format!("{} has no test and no reason", rule.id)),
                (Some(citations), Some(_)) => faults.push(format!(
                    "{} has a reason although {} cites it",
                    rule.id,
                    list(citations)
                )),
                _ => {}
            }
        }
        faults.extend(self.mutants.iter().flat_map(|mutant| self.stray(mutant)));
        faults
    }

    /// The rules of a mutant that its test does not cite.
    fn stray(&self, mutant: &Mutant) -> Vec<String> {
        let cites = |id: &&String| {
            let citations = self.citations.get(*id).into_iter().flatten();
            citations
                .into_iter()
                .any(|citation| citation.test == mutant.target())
        };
        let stray = mutant.rules.iter().filter(|id| !cites(id));
        stray
            .map(|id| {
                format!(
                    "a mutant breaks {id}, which {} does not cite",
                    mutant.target()
                )
            })
            .collect()
    }

    /// The number of rules that mutants prove.
    pub(crate) fn proven(&self) -> usize {
        mutants::by_rule(&self.mutants).len()
    }

    /// Some faults are listed with several tests.
    fn distinct_faults(&self) -> usize {
        let faults = self.mutants.iter();
        let faults: BTreeSet<_> = faults.map(|m| (&m.file, &m.old, &m.new)).collect();
        faults.len()
    }

    pub(crate) fn summary(&self) -> String {
        format!(
            "{} rules: {} with a test, {} with a reason; {} different mutants prove {} rules",
            self.rules.len(),
            self.rules
                .iter()
                .filter(|rule| self.citations.contains_key(&rule.id))
                .count(),
            self.reasons.len(),
            self.distinct_faults(),
            self.proven(),
        )
    }

    pub(crate) fn to_markdown(&self) -> String {
        let mut text = format!(
            "# Conformance\n\n\
             <!-- Written by `make conformance` from the citations in the tests. Do not edit. -->\n\n\
             What proves each rule of the [specification](vdi-spec.md): {}.\n\n\
             A test is named as *program: function*; C programs lie in `c-tests`, `lib` are the unit tests of `src`, the \
             others lie in `tests` and `cli`. The last column counts the deliberate faults that break the rule and that \
             its test notices (`conformance/mutants`, `make mutants`). Where a rule binds the client program or the \
             engine, the test acts it out with the reference devices and the script of `c-tests/support`, and fails if the \
             library mangles what they exchange. A rule without a test has a reason: it concerns \
             Windows, the engine above VDI, the client program, or history; it defines a term; its part is not built yet; or \
             nothing of it can be observed.\n",
            self.summary()
        );
        let mutants = mutants::by_rule(&self.mutants);
        let mut chapter = "";
        for rule in &self.rules {
            if rule.chapter != chapter {
                chapter = &rule.chapter;
                let _ = write!(
                    text,
                    "\n## {chapter}\n\n| Rule | Says | Proof | Faults |\n|---|---|---|---|\n"
                );
            }
            let faults = mutants.get(rule.id.as_str()).map(usize::to_string);
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                rule.id,
                escape(&rule.title),
                escape(&self.proof(&rule.id)),
                faults.unwrap_or_default()
            );
        }
        text
    }

    fn proof(&self, id: &str) -> String {
        match (self.citations.get(id), self.reasons.get(id)) {
            (Some(citations), _) => list(citations),
            (None, Some(reason)) => format!("*{}*: {}", reason.kind.name(), reason.text),
            (None, None) => "**none**".to_owned(),
        }
    }
}

fn list(citations: &BTreeSet<Citation>) -> String {
    let named = citations.iter().take(NAMED_TESTS);
    let named: Vec<_> = named
        .map(|citation| format!("{}: {}", citation.test, citation.function))
        .collect();
    let mut text = named.join("; ");
    if citations.len() > NAMED_TESTS {
        let _ = write!(text, "; {} more", citations.len() - NAMED_TESTS);
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reasons::Kind;

    fn facts() -> Facts {
        let rule = |id: &str| Rule {
            id: id.to_owned(),
            title: "says".to_owned(),
            chapter: "1. One".to_owned(),
        };
        let citation = Citation {
            test: "test_x".to_owned(),
            function: "f".to_owned(),
        };
        let reason = Reason {
            kind: Kind::Windows,
            text: "why".to_owned(),
        };
        Facts {
            rules: vec![rule("A-01"), rule("B-02")],
            citations: [("A-01".to_owned(), [citation].into())].into(),
            reasons: [("B-02".to_owned(), reason)].into(),
            mutants: vec![],
        }
    }

    fn mutant(test: &str) -> Mutant {
        Mutant {
            rules: vec!["A-01".to_owned()],
            file: "src/x.rs".into(),
            old: "a".to_owned(),
            new: "b".to_owned(),
            test: test.to_owned(),
        }
    }

    #[test]
    fn every_rule_has_a_test_or_a_reason() {
        assert_eq!(facts().misfits(), [] as [&str; 0]);
        let mut bare = facts();
        bare.reasons.clear();
        assert_eq!(bare.misfits(), ["B-02 has no test and no reason"]);
        let mut unknown = facts();
        unknown.rules.remove(0);
        assert_eq!(
            unknown.misfits(),
            ["A-01 is cited in test_x: f and is no rule"]
        );
        let mut both = facts();
        let citation = both.citations["A-01"].clone();
        both.citations.insert("B-02".to_owned(), citation);
        assert_eq!(
            both.misfits(),
            ["B-02 has a reason although test_x: f cites it"]
        );
    }

    #[test]
    fn a_mutant_proves_a_rule_that_its_test_cites() {
        let mut facts = facts();
        facts.mutants = vec![mutant("test_x"), mutant("test_y")];
        assert_eq!(
            facts.misfits(),
            ["a mutant breaks A-01, which test_y does not cite"]
        );
        assert_eq!(facts.proven(), 1);
    }

    #[test]
    fn the_report_has_a_row_for_every_rule() {
        let text = facts().to_markdown();
        assert!(text.contains("\n## 1. One\n"));
        assert!(text.contains("| A-01 | says | test_x: f |  |"));
        assert!(text.contains("| B-02 | says | *Windows*: why |  |"));
    }
}
