//! A district of some hundred households and its partitions, made once for all tests of one build.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The month that is determined.
pub const MONTH: &str = "2026-09";

/// What a command said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub told: String,
}

impl Said {
    pub fn of(output: Output) -> Said {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said {
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            told: text(&output.stderr),
        }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|e| panic!("{e}: {} {}", self.out, self.told))
    }
}

pub struct District {
    root: PathBuf,
}

/// The binary under test.
pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_minsheng-cluster")
}

/// The law's folder.
pub fn law() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../law")
        .canonicalize()
        .unwrap()
}

impl District {
    /// The district, made if this build has not made it yet.
    pub fn get() -> District {
        let minsheng = Path::new(binary()).with_file_name("minsheng");
        let built = minsheng
            .metadata()
            .and_then(|m| m.modified())
            .unwrap_or_else(|e| panic!("{}: {e}; build the workspace", minsheng.display()));
        let stamp = format!(
            "{built:?} {:?}",
            Path::new(binary()).metadata().unwrap().modified()
        );
        let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let lock = File::create(base.join("district.lock")).unwrap();
        lock.lock().unwrap();
        let root = base.join("district");
        let district = District { root: root.clone() };
        if std::fs::read_to_string(root.join("stamp")).ok().as_deref() != Some(stamp.as_str()) {
            let _ = std::fs::remove_dir_all(&root);
            std::fs::create_dir_all(&root).unwrap();
            let data = root.join("data").display().to_string();
            let parts = district.partitions().display().to_string();
            for words in [
                &[
                    "demo",
                    "--no-serve",
                    "--households",
                    "300",
                    "--months",
                    "2026-08..2026-09",
                    "--data",
                    &data,
                ][..],
                &[
                    "export-partitions",
                    "--months",
                    "2026-08..2026-09",
                    "--data",
                    &data,
                    "--out",
                    &parts,
                ],
            ] {
                let said = Said::of(Command::new(&minsheng).args(words).output().unwrap());
                assert_eq!(said.code, 0, "{words:?}: {}", said.told);
            }
            run(&district, &district.reference(), &[]);
            std::fs::write(root.join("stamp"), stamp).unwrap();
        }
        district
    }

    pub fn partitions(&self) -> PathBuf {
        self.root.join("partitions")
    }

    /// Results of a run in one process.
    pub fn reference(&self) -> PathBuf {
        self.root.join("reference")
    }

    /// The programme with most rows.
    pub fn programme(&self) -> String {
        let (_, first) = table(&self.reference());
        let programmes = first[0]["programmes"].as_object().unwrap();
        programmes.keys().next().unwrap().clone()
    }

    /// A command over the partitions and a folder of results.
    pub fn cluster(&self, words: &[&str], out: &Path) -> Said {
        cluster_in(words, &self.partitions(), out)
    }
}

pub fn cluster_in(words: &[&str], data: &Path, out: &Path) -> Said {
    let mut command = Command::new(binary());
    command
        .args(words)
        .arg("--data")
        .arg(data)
        .arg("--out")
        .arg(out);
    if words[0] != "compare" && !words.contains(&"--law") {
        command.arg("--law").arg(law());
    }
    Said::of(command.output().unwrap())
}

/// Determines [`MONTH`], and gives the summary.
pub fn run(district: &District, out: &Path, more: &[&str]) -> serde_json::Value {
    let mut words = vec!["run", "--json", "--month", MONTH];
    words.extend(more);
    let said = district.cluster(&words, out);
    assert_eq!(said.code, 0, "{}", said.told);
    said.json()
}

fn table(out: &Path) -> (serde_json::Value, Vec<serde_json::Value>) {
    let text = std::fs::read_to_string(out.join("run.jsonl")).unwrap();
    let mut lines = text.lines().map(|l| serde_json::from_str(l).unwrap());
    let identity = lines.next().unwrap();
    let mut done: Vec<serde_json::Value> = lines.collect();
    done.sort_by_key(|d: &serde_json::Value| std::cmp::Reverse(d["rows"].as_u64()));
    (identity, done)
}

/// The digest of each result file, of its bytes as they lie there.
pub fn digests(out: &Path) -> BTreeMap<String, String> {
    let (_, done) = table(out);
    let mut digests = BTreeMap::new();
    for one in done {
        let path = one["path"].as_str().unwrap().to_string();
        let bytes = std::fs::read(out.join(&path)).unwrap();
        let digest = cluster::partitions::hex(&<sha2::Sha256 as sha2::Digest>::digest(&bytes));
        assert_eq!(one["digest"], digest.as_str(), "{path}");
        digests.insert(path, digest);
    }
    digests
}

/// The law with every unverified figure of some size a little higher.
pub fn altered_law(to: &Path) {
    copy(&law(), to);
    let mut changed = 0;
    let mut open = vec![to.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                let text = std::fs::read_to_string(&path).unwrap();
                let lines: Vec<String> = text
                    .lines()
                    .map(|line| {
                        let figure = line.split('|').nth(1).map(str::trim);
                        let value = figure.and_then(|f| f.parse::<u32>().ok());
                        match value {
                            Some(value) if value >= 500 && line.ends_with("| unverified |") => {
                                changed += 1;
                                line.replacen(&value.to_string(), &(value + 7).to_string(), 1)
                            }
                            _ => line.to_string(),
                        }
                    })
                    .collect();
                std::fs::write(&path, lines.join("\n") + "\n").unwrap();
            }
        }
    }
    assert!(changed > 0);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
