//! The layout of law files: laying out anything never changes what it says, and what is laid out stays so.
//! The reference page is what the program prints.

use crate::{read_dir, root};
use policy::law::{Law, SourceFile, format};

/// With blanks made uneven where they mean nothing.
fn ragged(text: &str) -> String {
    let mut out = String::new();
    let (mut fence, mut rule) = (false, false);
    for line in text.lines() {
        if line.starts_with("```") {
            fence = !fence;
            rule = fence && line.starts_with("```feel ");
        }
        if !fence && line.starts_with('|') {
            out.push_str(&line.replace(" |", "    |"));
        } else if !fence && line.starts_with(['#', '@']) {
            out.push_str(&format!("\n\n\n{line}  "));
        } else if rule && !line.starts_with("//") && !line.contains('"') {
            out.push_str(&line.replace(" and ", "   and    ").replace(" * ", "*  "));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

fn laid(files: &[SourceFile]) -> Vec<SourceFile> {
    let lay = |f: &SourceFile| SourceFile {
        path: f.path.clone(),
        text: format::file(&f.path, &f.text),
    };
    files.iter().map(lay).collect()
}

#[test]
fn the_layout_keeps_the_meaning_and_is_a_fixed_point() {
    let shipped = read_dir(&root().join("law"));
    let uneven: Vec<SourceFile> = shipped
        .iter()
        .map(|f| SourceFile {
            path: f.path.clone(),
            text: match f.path.ends_with(".md") {
                true => ragged(&f.text),
                false => f.text.clone(),
            },
        })
        .collect();
    let (law, _) = Law::load_lenient(shipped.clone());
    for files in [shipped, uneven] {
        let once = laid(&files);
        assert_eq!(laid(&once), once);
        let (again, _) = Law::load_lenient(once);
        assert_eq!(format::difference(&law, &again), None);
    }
    // The comparison sees a difference when there is one.
    let mut other = read_dir(&root().join("law"));
    for file in &mut other {
        file.text = file.text.replace(" or ", " and ");
    }
    assert!(format::difference(&law, &Law::load_lenient(other).0).is_some());
}

#[test]
fn broken_laws_are_laid_out_without_harm() {
    for file in read_dir(&root().join("tests/corpus/broken-laws")) {
        let once = format::file(&file.path, &file.text);
        assert_eq!(format::file(&file.path, &once), once, "{}", file.path);
    }
}

#[test]
fn the_reference_page_is_current() {
    let path = root().join("docs/feel-reference.md");
    let page = policy::feel::reference::page();
    if std::env::var_os("MINSHENG_ACCEPT").is_some() {
        std::fs::write(&path, &page).expect("written");
    }
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == page,
        "run `minsheng law reference > docs/feel-reference.md`"
    );
}
