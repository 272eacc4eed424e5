//! A driver without a nightly compiler: `drive seeds` gathers the first corpus from the repository's
//! files, `drive run TARGET SECONDS [SEED]` changes them at random and calls the entry, `drive replay
//! TARGET FILE…` runs files. A panic ends it and leaves the input in `artifacts/TARGET/`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["seeds", more @ ..] => seeds(more),
        ["run", target, seconds, rest @ ..] => {
            let seconds = seconds.parse().unwrap_or(600);
            let seed = rest.first().and_then(|s| s.parse().ok()).unwrap_or(1);
            run(target, Duration::from_secs(seconds), seed)
        }
        ["replay", target, files @ ..] => replay(target, files),
        _ => Err(
            "usage: drive seeds [TCK-DIR] | run TARGET SECONDS [SEED] | replay TARGET FILE…".into(),
        ),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        std::process::exit(2);
    }
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn entry(target: &str) -> Result<fn(&[u8]), String> {
    let found = minsheng_fuzz::ENTRIES
        .iter()
        .find(|(name, _)| *name == target);
    found.map(|(_, entry)| *entry).ok_or_else(|| {
        let names: Vec<&str> = minsheng_fuzz::ENTRIES.iter().map(|(n, _)| *n).collect();
        format!("there is no target `{target}`; {}", names.join(", "))
    })
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for found in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = found.path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
    out.sort();
}

/// Writes `corpus/TARGET/` from the law files, the broken laws, the models and forms of the tests, and,
/// where a folder of the public TCK is given, its models and expressions.
fn seeds(more: &[&str]) -> Result<(), String> {
    let root = here().join("..");
    let mut found = Vec::new();
    for folder in ["law", "tests/corpus", "docs", "demo"] {
        files(&root.join(folder), &mut found);
    }
    for folder in more {
        files(Path::new(folder), &mut found);
    }
    let mut count = 0;
    for path in found {
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        let ending = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let targets: &[&str] = match ending.as_str() {
            "md" => &["law"],
            "dmn" => &["dmn"],
            "csv" | "xlsx" => &["sheet"],
            _ => &[],
        };
        for target in targets {
            count += put(target, &bytes)?;
        }
        let text = String::from_utf8_lossy(&bytes);
        for expression in expressions(&text) {
            for first in ["0", "1"] {
                let seed = format!("{first}{expression}");
                count += put("expression", seed.as_bytes())? + put("evaluate", seed.as_bytes())?;
            }
        }
    }
    for (_, example) in policy::feel::reference::examples() {
        let seed = format!("1{example}");
        count += put("expression", seed.as_bytes())? + put("evaluate", seed.as_bytes())?;
    }
    println!("{count} seeds in {}", here().join("corpus").display());
    Ok(())
}

fn put(target: &str, bytes: &[u8]) -> Result<usize, String> {
    if bytes.len() > 40_000 {
        return Ok(0);
    }
    let dir = here().join("corpus").join(target);
    std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let path = dir.join(format!("{:016x}", hash(bytes)));
    std::fs::write(&path, bytes).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(1)
}

fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The bodies of `feel` blocks and of `<text>` elements.
fn expressions(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("```feel ") {
        let body = &rest[at..];
        let Some((_, body)) = body.split_once('\n') else {
            break;
        };
        let end = body.find("```").unwrap_or(body.len());
        out.push(body[..end].to_string());
        rest = &body[end..];
    }
    rest = text;
    while let Some(at) = rest.find("text>") {
        let body = &rest[at + 5..];
        let end = body.find("</").unwrap_or(body.len());
        if end < 2_000 {
            out.push(
                body[..end]
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&quot;", "\"")
                    .replace("&amp;", "&"),
            );
        }
        rest = &body[end..];
    }
    out
}

/// Small and quick; the same seed gives the same inputs.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

/// Pieces that mean something to one of the readers.
const PIECES: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "..",
    "**",
    "-",
    "/",
    "\"",
    "\\u",
    "\n",
    "|",
    "| --- |",
    "```",
    "@table ",
    "if ",
    " then ",
    " else ",
    "for i in 1..",
    " return ",
    "some x in ",
    " satisfies ",
    "function(x) ",
    " instance of ",
    "null",
    "not(",
    " between ",
    " and ",
    "1e6144",
    "-1e-6143",
    "9999999999999999999999",
    "date(\"",
    "duration(\"P",
    "@\"2026-01-01T00:00:00@Asia/Shanghai\"",
    "replace(",
    "sort(",
    "，",
    "（",
    "甲",
    "&#x41;",
    "<![CDATA[",
    "]]>",
    "</",
    "/>",
    "hit C#",
    "?",
    "→",
    "---\n",
    "2026-01-01",
];

fn change(dice: &mut Dice, input: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(input.len() + 1);
        let length = dice.roll(24) + 1;
        let end = (at + length).min(input.len());
        match dice.roll(7) {
            0 if !input.is_empty() => {
                let at = at.min(input.len() - 1);
                input[at] = dice.roll(256) as u8;
            }
            1 => drop(input.drain(at..end)),
            2 => {
                let copy = input[at..end].to_vec();
                for _ in 0..=dice.roll(6) {
                    input.splice(at..at, copy.iter().copied());
                }
            }
            3 if !other.is_empty() => {
                let from = dice.roll(other.len());
                let to = (from + dice.roll(80)).min(other.len());
                input.splice(at..end, other[from..to].iter().copied());
            }
            _ => {
                let piece = PIECES[dice.roll(PIECES.len())];
                input.splice(at..at, piece.bytes());
            }
        }
    }
    input.truncate(40_000);
}

fn run(target: &str, time: Duration, seed: u64) -> Result<(), String> {
    let entry = entry(target)?;
    let mut paths = Vec::new();
    files(&here().join("corpus").join(target), &mut paths);
    let corpus: Vec<Vec<u8>> = paths.iter().filter_map(|p| std::fs::read(p).ok()).collect();
    if corpus.is_empty() {
        return Err(format!("corpus/{target} is empty; first: drive seeds"));
    }
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (begun, mut count, mut slowest) = (Instant::now(), 0u64, Duration::ZERO);
    while begun.elapsed() < time {
        let mut input = corpus[dice.roll(corpus.len())].clone();
        let other = &corpus[dice.roll(corpus.len())];
        change(&mut dice, &mut input, other);
        let one = Instant::now();
        if std::panic::catch_unwind(|| entry(&input)).is_err() {
            return Err(format!("panic; the input is {}", keep(target, &input)?));
        }
        if one.elapsed() > slowest {
            slowest = one.elapsed();
            if slowest > Duration::from_secs(1) {
                println!("{slowest:?}: {}", keep(target, &input)?);
            }
        }
        count += 1;
    }
    println!(
        "{target}: {count} inputs in {:?}, the slowest took {slowest:?}",
        begun.elapsed()
    );
    Ok(())
}

fn keep(target: &str, input: &[u8]) -> Result<String, String> {
    let dir = here().join("artifacts").join(target);
    std::fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
    let path = dir.join(format!("{:016x}", hash(input)));
    std::fs::write(&path, input).map_err(|e| e.to_string())?;
    Ok(path.display().to_string())
}

fn replay(target: &str, paths: &[&str]) -> Result<(), String> {
    let entry = entry(target)?;
    for path in paths {
        let bytes = std::fs::read(path).map_err(|e| format!("{path}: {e}"))?;
        let begun = Instant::now();
        entry(&bytes);
        println!("{path}: {:?}", begun.elapsed());
    }
    Ok(())
}
