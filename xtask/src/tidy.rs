//! The rules of the house, held by a program: which crate may know which, which names never stand in
//! code, how long a file may be, and that every room says what it decides.

use crate::root;
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Workspace crates that a crate may depend on (its allowed edges, `ARCHITECTURE.md`).
const EDGES: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("registry", &["base"]),
    ("policy", &["base"]),
    ("ledger", &["base"]),
    ("entitlement", &["base", "policy", "registry"]),
    ("casework", &["base", "entitlement", "registry", "ledger"]),
    ("monitoring", &["base", "registry", "entitlement", "ledger"]),
    (
        "store",
        &[
            "base",
            "registry",
            "policy",
            "entitlement",
            "ledger",
            "casework",
            "monitoring",
        ],
    ),
    (
        "app",
        &[
            "base",
            "registry",
            "policy",
            "entitlement",
            "ledger",
            "casework",
            "monitoring",
            "store",
            "lawbench",
        ],
    ),
    ("cluster", &["base", "registry", "policy", "entitlement"]),
    ("lawbench", &["base", "policy"]),
    ("xtask", &[]),
];

/// Never under `crates/`: programmes, benefits and places belong to `law/` and `demo/`.
const PROGRAMME_NAMES: &[&str] = &[
    "低保",
    "最低生活",
    "特困",
    "失业",
    "养老金",
    "医疗救助",
    "大病",
    "法定退休",
    "退休年龄",
    "dibao",
    "minimum living",
    "unemployment",
    "retirement",
    "大同",
    "矿区",
    "山西",
    "datong",
    "140203",
];

/// Words that a room does not know, with the reason.
const ROOM_WORDS: &[(&str, &[&str], &str)] = &[
    (
        "ledger",
        &["person", "household"],
        "the ledger knows ids and purposes only",
    ),
    (
        "policy",
        &["tokio", "SystemTime", "std::fs", "sqlx"],
        "law is computed, not fetched",
    ),
    (
        "casework",
        &["sqlx", "axum"],
        "casework decides, it does not store or serve",
    ),
    (
        "entitlement",
        &["sqlx", "axum", "Utc::now"],
        "pure code is handed `now`",
    ),
    (
        "registry",
        &["sqlx", "axum", "Utc::now"],
        "pure code is handed `now`",
    ),
];

/// Longest file; above the goal of 600 lines a file must hold one thing.
const FILE_LINES_MAX: usize = 1000;

/// Runs every rule and prints each breach with its place.
pub fn run() -> Result<()> {
    let breaches = breaches()?;
    for breach in &breaches {
        eprintln!("tidy: {breach}");
    }
    if !breaches.is_empty() {
        bail!("{} breaches of the rules of the house", breaches.len());
    }
    Ok(())
}

fn breaches() -> Result<Vec<String>> {
    let root = root();
    let sources = files(
        &root,
        &["crates", "bench", "xtask"],
        &["rs", "html", "ftl", "js", "css"],
    )?;
    let mut found = edges(&root)?;
    for path in &sources {
        let text = fs::read_to_string(path)?;
        let name = path
            .strip_prefix(&root)
            .unwrap_or(path)
            .display()
            .to_string();
        found.extend(names(&name, &text));
        found.extend(room_words(&name, &text));
        found.extend(length(&name, &text));
    }
    found.extend(rooms_say_what_they_decide(&root)?);
    found.extend(papers(&root));
    found.extend(machine_paths(&root)?);
    Ok(found)
}

/// Every dependency of one workspace crate on another must be an allowed edge.
fn edges(root: &Path) -> Result<Vec<String>> {
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut found = Vec::new();
    let mut manifests: Vec<PathBuf> = fs::read_dir(root.join("crates"))?
        .flatten()
        .map(|entry| entry.path().join("Cargo.toml"))
        .filter(|path| path.exists())
        .collect();
    manifests.push(root.join("bench/Cargo.toml"));
    manifests.push(root.join("xtask/Cargo.toml"));
    for manifest in manifests {
        let folder = manifest
            .parent()
            .and_then(Path::file_name)
            .unwrap_or_default();
        let name = match folder.to_string_lossy().into_owned() {
            name if name == "bench" => "lawbench".to_string(),
            name => name,
        };
        let Some(may) = allowed.get(name.as_str()) else {
            found.push(format!(
                "crates/{name}: a new room; add its edges to xtask/src/tidy.rs"
            ));
            continue;
        };
        for line in fs::read_to_string(&manifest)?.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if allowed.contains_key(dependency) && dependency != name && !may.contains(&dependency)
            {
                found.push(format!("crates/{name} may not depend on {dependency}"));
            }
        }
    }
    Ok(found)
}

fn names(file: &str, text: &str) -> Vec<String> {
    if !file.starts_with("crates/") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let lower = line.to_lowercase();
        for name in PROGRAMME_NAMES {
            if lower.contains(name) {
                found.push(format!(
                    "{file}:{}: `{name}` names a programme or a place; it belongs to law/ or demo/",
                    number + 1
                ));
            }
        }
    }
    found
}

fn room_words(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (room, words, why) in ROOM_WORDS {
        if !file.starts_with(&format!("crates/{room}/src/")) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in *words {
                if code.contains(word) {
                    found.push(format!("{file}:{}: `{word}` in {room}: {why}", number + 1));
                }
            }
        }
    }
    found
}

fn length(file: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > FILE_LINES_MAX && file.ends_with(".rs")).then(|| {
        format!("{file}: {lines} lines, more than {FILE_LINES_MAX}; split it by what it holds")
    })
}

/// The head of every lib.rs: what the room decides, what it never does, its entrance, its invariants.
fn rooms_say_what_they_decide(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join("crates"))?.flatten() {
        let lib = entry.path().join("src/lib.rs");
        if !lib.exists() {
            continue;
        }
        let text = fs::read_to_string(&lib)?;
        for word in ["//! Decides:", "//! Never:", "//! Entrance:"] {
            if !text.contains(word) {
                found.push(format!("{}: no line `{word} …`", entry.path().display()));
            }
        }
    }
    Ok(found)
}

fn papers(root: &Path) -> Vec<String> {
    let papers = [
        "README.md",
        "ARCHITECTURE.md",
        "DESIGN.md",
        "GLOSSARY.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "LICENSE",
    ];
    papers
        .iter()
        .filter(|name| !root.join(name).exists())
        .map(|name| format!("{name} is missing"))
        .collect()
}

/// No absolute path of somebody's machine in what the repository holds.
fn machine_paths(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let kinds = [
        "rs", "md", "toml", "yaml", "yml", "mjs", "js", "html", "ftl", "sh", "csv",
    ];
    for path in files(
        root,
        &["crates", "xtask", "law", "docs", "demo", "tests"],
        &kinds,
    )? {
        let text = fs::read_to_string(&path).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            let named = ["/wo\u{72}k/", "/ro\u{6f}t/", "/ho\u{6d}e/"]
                .iter()
                .any(|p| line.contains(p));
            if named {
                found.push(format!(
                    "{}:{}: a path of a machine",
                    path.display(),
                    number + 1
                ));
            }
        }
    }
    Ok(found)
}

fn files(root: &Path, folders: &[&str], extensions: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders
        .iter()
        .map(|f| root.join(f))
        .filter(|p| p.is_dir())
        .collect();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)?.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "node_modules" && name != "target" && name != "proptest-regressions" {
                    open.push(path);
                }
            } else if path
                .extension()
                .is_some_and(|ext| extensions.iter().any(|wanted| ext == *wanted))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let breaches = breaches().expect("the tree can be read");
        assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    }

    #[test]
    fn a_breach_is_found() {
        assert_eq!(names("crates/x/src/a.rs", "let x = \"低保\";").len(), 1);
        assert_eq!(names("law/x.md", "低保").len(), 0);
        assert_eq!(
            room_words("crates/ledger/src/a.rs", "struct Person; fn person() {}").len(),
            1
        );
        assert_eq!(
            length("crates/x/src/a.rs", &"\n".repeat(FILE_LINES_MAX + 1)).is_some(),
            true
        );
    }
}
