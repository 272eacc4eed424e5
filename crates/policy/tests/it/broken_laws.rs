//! Laws that are wrong in one way each: the checker says so, at the right place, with a remedy.

use crate::{read_dir, root};
use policy::law::{Language, Law, SourceFile, search};

/// Every `NAME.md` of the folder (with the files of `NAME.d`, if there is one) is loaded on top of the
/// shared places and evidence kinds, with the reforms of `NAME.reforms` laid over it; what the checker prints must be `NAME.txt`, word for word.
/// `MINSHENG_ACCEPT=1` writes the files anew, for review by eye.
#[test]
fn each_broken_law_is_reported_as_expected() {
    let dir = root().join("tests/corpus/broken-laws");
    let shared: Vec<SourceFile> = ["places.csv", "base.md"]
        .iter()
        .map(|name| SourceFile {
            path: (*name).into(),
            text: std::fs::read_to_string(dir.join(name)).expect("shared file"),
        })
        .collect();
    let accept = std::env::var_os("MINSHENG_ACCEPT").is_some();
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in read_dir(&dir) {
        let Some(name) = file.path.strip_suffix(".md") else {
            continue;
        };
        if name == "base" || name.contains('/') {
            continue;
        }
        count += 1;
        let name = name.to_string();
        let mut files = shared.clone();
        files.push(file);
        let more = dir.join(format!("{name}.d"));
        if more.is_dir() {
            files.extend(read_dir(&more));
        }
        let over = dir.join(format!("{name}.reforms"));
        let reforms = if over.is_dir() {
            read_dir(&over)
        } else {
            Vec::new()
        };
        let (law, mut report) = Law::check_with(files, reforms);
        if let Some(law) = law {
            report.merge(law.search(search::SITUATIONS).0);
        }
        let found = report.render(Language::Both);
        let sidecar = dir.join(format!("{name}.txt"));
        if accept {
            std::fs::write(&sidecar, &found).expect("written");
        }
        let expected = std::fs::read_to_string(&sidecar).unwrap_or_default();
        if found.is_empty() {
            wrong.push(format!("{name}: nothing is found in a broken law"));
        } else if found != expected {
            wrong.push(format!("{name}: expected\n{expected}\nfound\n{found}"));
        }
        for finding in &report.findings {
            let texts = [&finding.message, &finding.remedy];
            if texts.iter().any(|t| t.zh.is_empty() || t.en.is_empty()) {
                wrong.push(format!(
                    "{name}: `{}` lacks a message or a remedy in one language",
                    finding.code
                ));
            }
        }
    }
    assert!(count >= 50, "only {count} broken laws");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
