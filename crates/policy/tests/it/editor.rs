//! The grammar for editors knows the words that the engine knows, and its patterns work.

use crate::{read_dir, root};
use fancy_regex::Regex;
use policy::feel::{builtin, reference};
use serde_json::Value as Json;
use std::collections::BTreeSet;

fn json(name: &str) -> Json {
    let path = root().join("docs/editors").join(name);
    let text = std::fs::read_to_string(&path).expect("the file");
    serde_json::from_str(&text).expect("JSON")
}

fn pattern(grammar: &Json, name: &str, key: &str) -> Regex {
    let text = grammar["repository"][name][key].as_str();
    let text = text.unwrap_or_else(|| panic!("no {key} of {name}"));
    // As an editor has it: line by line.
    Regex::new(&format!("(?m){text}")).expect("a pattern")
}

/// The alternatives of a pattern's first group.
fn words(grammar: &Json, name: &str) -> BTreeSet<String> {
    let text = grammar["repository"][name]["match"]
        .as_str()
        .expect("a pattern");
    let (_, rest) = text.split_once(")(?:").expect("alternatives");
    let (list, _) = rest.split_once(')').expect("their end");
    list.split('|').map(|w| w.replace("\\s+", " ")).collect()
}

#[test]
fn the_grammar_has_the_words_of_the_engine() {
    let grammar = json("minsheng-law.tmLanguage.json");
    let builtins: BTreeSet<String> = builtin::ALL.iter().map(|b| b.name().into()).collect();
    assert_eq!(words(&grammar, "builtin"), builtins);
    let keywords: BTreeSet<String> = reference::keywords().map(String::from).collect();
    let found: BTreeSet<String> = &words(&grammar, "keyword") | &words(&grammar, "constant");
    assert_eq!(found, keywords);
    let package = json("package.json");
    let contributed = &package["contributes"]["grammars"][0];
    assert_eq!(contributed["scopeName"], grammar["scopeName"]);
    for file in [
        &contributed["path"],
        &package["contributes"]["languages"][0]["configuration"],
    ] {
        json(file.as_str().expect("a path").trim_start_matches("./"));
    }
}

/// Every pattern compiles, and every include is there.
#[test]
fn the_grammar_is_whole() {
    fn walk(json: &Json, repository: &Json, count: &mut usize) {
        match json {
            Json::Object(map) => {
                for (key, value) in map {
                    match (key.as_str(), value.as_str()) {
                        ("match" | "begin", Some(text)) => {
                            *count += 1;
                            assert!(Regex::new(text).is_ok(), "{text}");
                        }
                        ("include", Some(name)) => {
                            let known = name.strip_prefix('#').map(|n| &repository[n]);
                            assert!(known.is_some_and(Json::is_object), "{name}");
                        }
                        _ => walk(value, repository, count),
                    }
                }
            }
            Json::Array(items) => items.iter().for_each(|i| walk(i, repository, count)),
            _ => {}
        }
    }
    let grammar = json("minsheng-law.tmLanguage.json");
    let mut count = 0;
    walk(&grammar, &grammar["repository"], &mut count);
    assert!(count >= 14, "{count}");
}

#[test]
fn the_patterns_find_what_the_shipped_law_holds() {
    let grammar = json("minsheng-law.tmLanguage.json");
    let directive = pattern(&grammar, "directive", "match");
    let rule = pattern(&grammar, "rule", "begin");
    let [builtin, keyword] = ["builtin", "keyword"].map(|n| pattern(&grammar, n, "match"));
    let (mut directives, mut rules, mut calls, mut words) = (0, 0, 0, 0);
    for file in read_dir(&root().join("law")) {
        if !file.path.ends_with(".md") || file.path.ends_with("README.md") {
            continue;
        }
        for line in file.text.lines() {
            if line.starts_with('@') {
                let found = directive.captures(line).expect("runs");
                let found = found.unwrap_or_else(|| panic!("{}: {line}", file.path));
                assert!(
                    found.get(2).is_some() || line.starts_with("@calendar"),
                    "{line}"
                );
                directives += 1;
            } else if line.starts_with("```feel") {
                let found = rule.captures(line).expect("runs").expect("a rule's head");
                let name = found.get(3).expect("a name").as_str();
                let ty = found.get(5).map(|t| t.as_str());
                assert!(name.contains('(') || !name.contains(':'), "{line}");
                assert!(ty.is_some_and(|t| !t.is_empty()), "{line}");
                rules += 1;
            }
        }
        calls += builtin.find_iter(&file.text).count();
        words += keyword.find_iter(&file.text).count();
    }
    assert!(directives > 50 && rules > 100, "{directives} {rules}");
    assert!(calls > 50 && words > 100, "{calls} {words}");
    // A name that holds a keyword is no keyword, and a function needs its bracket.
    assert!(!keyword.is_match("不在校in内 order").expect("runs"));
    assert!(!builtin.is_match("the sum of all").expect("runs"));
    assert!(
        builtin
            .is_match("years and months  duration(a, b)")
            .expect("runs")
    );
}
