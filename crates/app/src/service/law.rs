//! Laws that were in use here: kept with their texts, loaded again for a replay, and what follows when a
//! text is corrected.

use super::rules::{determined_for_everybody, programme_ids};
use super::{Office, ServiceError};
use base::{Day, Id, Month};
use entitlement::Bilingual;
use entitlement::change::{At, Change};
use entitlement::determination::PeriodKey;
use entitlement::situation::LawRules;
use policy::law::{Law, SourceFile};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The setting that holds the digest of the law that everybody's determinations were last brought under.
const APPLIED: &str = "law-applied";

impl Office {
    /// Keeps the law that is loaded, so that what is determined under it can be replayed when the files
    /// are corrected.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn keep_law(&self, at: At) -> Result<bool, ServiceError> {
        let files: Vec<(&str, &str)> = self
            .law()
            .files()
            .iter()
            .map(|f| (f.path.as_str(), f.text.as_str()))
            .collect();
        let digest = self.law().digest();
        // Where nothing was determined before, everything is determined under this one.
        if self.store.setting(APPLIED).await?.is_none() && self.store.periods().await?.is_empty() {
            self.store.set_setting(APPLIED, digest).await?;
        }
        Ok(self.store.keep_law(digest, &files, at.now).await?)
    }

    /// The law with a digest: the one that is loaded, or an earlier one from the kept texts. `None` when
    /// its texts are not kept.
    ///
    /// # Errors
    /// When the database fails, or the kept texts do not load any more.
    pub async fn rules_of(&self, digest: &str) -> Result<Option<Arc<LawRules>>, ServiceError> {
        if digest == self.law().digest() {
            return Ok(Some(self.rules.clone()));
        }
        let mut earlier = self.earlier.lock().await;
        if let Some(rules) = earlier.get(digest) {
            return Ok(rules.clone());
        }
        let files = self.store.law_files(digest).await?;
        let rules = if files.is_empty() {
            None
        } else {
            let files = files
                .into_iter()
                .map(|(path, text)| SourceFile { path, text })
                .collect();
            let law = Law::load(files).map_err(|report| ServiceError::Law(Box::new(report)))?;
            Some(Arc::new(LawRules::new(law)))
        };
        earlier.insert(digest.to_string(), rules.clone());
        Ok(rules)
    }

    /// What a corrected law changes, file by file, in words; empty when either law is not kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn law_changed(
        &self,
        before: &str,
        after: &str,
    ) -> Result<Vec<Bilingual>, ServiceError> {
        if before == after {
            return Ok(Vec::new());
        }
        let (Some(old), Some(new)) = (self.rules_of(before).await?, self.rules_of(after).await?)
        else {
            return Ok(vec![Bilingual {
                zh: "认定时所依据的法规文本与现在的不同".into(),
                en: "it was determined under another text of the law than today's".into(),
            }]);
        };
        let kept = self.store.law_books().await?;
        let day = kept
            .iter()
            .find(|book| book.digest == after)
            .map(|book| At::new(book.kept_at).today);
        let when = day.map_or_else(String::new, |d| d.to_string());
        Ok(changed_files(old.law(), new.law())
            .into_iter()
            .map(|file| Bilingual {
                zh: format!(
                    "{when} 法规文件更正：{}（{}）",
                    file.title.zh, file.articles
                ),
                en: format!(
                    "law file corrected on {when}: {} ({})",
                    file.title.en, file.articles
                ),
            })
            .collect())
    }

    /// Brings everybody under the law that is loaded, when it is not the one that they were last brought
    /// under: every month that was opened, from the first day that a changed file speaks of. Gives what
    /// changed and how many were redetermined. A run that was killed starts again, and writes nothing twice.
    pub(super) async fn apply_law(
        &self,
        by: &str,
        at: At,
    ) -> Result<(Vec<String>, u64), ServiceError> {
        let loaded = self.law().digest().to_string();
        let applied = self.store.setting(APPLIED).await?;
        if applied.as_deref() == Some(loaded.as_str()) {
            return Ok((Vec::new(), 0));
        }
        let mut told = Vec::new();
        let mut redetermined = 0;
        let old = match &applied {
            Some(before) => self.rules_of(before).await?,
            None => None,
        };
        let from = match old {
            Some(old) => {
                let files = changed_files(old.law(), self.law());
                told.extend(files.iter().map(|f| format!("{} {}", f.path, f.articles)));
                files.iter().map(|f| f.from).min()
            }
            // Nobody knows what it said: everything is looked at.
            None => Some(Day::MIN),
        };
        if let Some(from) = from {
            let all = programme_ids(self.law());
            let cause = |_: Option<&str>| Change::Law { from };
            redetermined = self.redetermine_all(from, &all, &cause, by, at).await?;
        }
        self.store.set_setting(APPLIED, &loaded).await?;
        Ok((told, redetermined))
    }

    /// Redetermines everybody whose periods of the programmes from `from` on come out otherwise now. `cause`
    /// says why: for one programme, or for all when events are looked at.
    pub(super) async fn redetermine_all(
        &self,
        from: Day,
        programmes: &[&str],
        cause: &(dyn Fn(Option<&str>) -> Change<'static> + Sync),
        by: &str,
        at: At,
    ) -> Result<u64, ServiceError> {
        let monthly = determined_for_everybody(self.law());
        let mut months: BTreeMap<Month, Vec<&str>> = BTreeMap::new();
        for programme in programmes.iter().filter(|p| monthly.contains(p)) {
            for month in self.opened_months(programme).await? {
                if month.last() >= from {
                    months.entry(month).or_default().push(programme);
                }
            }
        }
        let mut redetermined = 0;
        for (month, together) in months {
            let cause = |programme: &str| cause(Some(programme));
            let runs = self
                .run_month(&together, month, &cause, by, at, &|_| {})
                .await?;
            redetermined += runs.iter().map(|r| r.differing + r.rewritten).sum::<u64>();
        }
        // Events belong to no month that is opened: whoever had one is looked at.
        let events: BTreeSet<&str> = programmes
            .iter()
            .copied()
            .filter(|id| !monthly.contains(id))
            .collect();
        let mut subjects: BTreeSet<Id> = BTreeSet::new();
        for (programme, period, _) in self.store.periods().await? {
            if matches!(period, PeriodKey::Event(_)) && events.contains(programme.as_str()) {
                subjects.extend(self.store.marks(&programme, period).await?.into_keys());
            }
        }
        let subjects: Vec<Id> = subjects.into_iter().collect();
        self.record_each(&subjects, &cause(None), by, at, &|_| {})
            .await?;
        Ok(redetermined)
    }

    /// The months of a programme that were opened and lie before or after `month`.
    pub(super) async fn opened_around(
        &self,
        programme: &str,
        month: Month,
    ) -> Result<(Vec<Month>, bool), ServiceError> {
        let months = self.opened_months(programme).await?;
        let later = months.iter().any(|m| *m > month);
        Ok((months.into_iter().filter(|m| *m < month).collect(), later))
    }
}

/// A file in which two laws differ.
struct Changed {
    path: String,
    title: Bilingual,
    /// First day that it speaks of, in either law.
    from: Day,
    /// Articles whose text differs, as they are numbered.
    articles: String,
}

/// The law files in which two laws differ; examples change nothing.
fn changed_files(old: &Law, new: &Law) -> Vec<Changed> {
    let text = |law: &Law, path: &str| -> Option<String> {
        let file = law.files().iter().find(|f| f.path == path)?;
        Some(file.text.clone())
    };
    let paths: BTreeSet<&str> = old
        .files()
        .iter()
        .chain(new.files())
        .map(|f| f.path.as_str())
        .filter(|path| !path.ends_with(".examples.yaml"))
        .collect();
    let mut found = Vec::new();
    for path in paths {
        let (before, after) = (text(old, path), text(new, path));
        if before == after {
            continue;
        }
        let of = |law: &'_ Law| {
            law.instruments()
                .iter()
                .find(|i| i.file == path)
                .map(|i| (i.from, i.title.clone()))
        };
        let (was, is) = (of(old), of(new));
        let title = is.as_ref().or(was.as_ref()).map(|(_, title)| title.clone());
        let from = [was, is].into_iter().flatten().map(|(from, _)| from).min();
        found.push(Changed {
            articles: changed_articles(
                before.as_deref().unwrap_or(""),
                after.as_deref().unwrap_or(""),
            ),
            title: title.unwrap_or_else(|| Bilingual {
                zh: path.into(),
                en: path.into(),
            }),
            // Places and the like have no first day.
            from: from.unwrap_or(Day::MIN),
            path: path.into(),
        });
    }
    found
}

/// The numbers of the articles whose text differs, by their headings.
fn changed_articles(before: &str, after: &str) -> String {
    let split = |text: &str| -> Vec<(String, String)> {
        let mut parts: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("##") {
                let heading = heading.trim_start_matches('#').trim();
                let number = heading.split_whitespace().next().unwrap_or("").to_string();
                parts.push((number, String::new()));
            }
            if let Some((_, text)) = parts.last_mut() {
                text.push_str(line);
                text.push('\n');
            }
        }
        parts
    };
    let (old, new) = (split(before), split(after));
    let mut numbers: Vec<&str> = Vec::new();
    for (one, other) in [(&new, &old), (&old, &new)] {
        for part in one {
            if !other.contains(part) && !numbers.contains(&part.0.as_str()) {
                numbers.push(&part.0);
            }
        }
    }
    numbers.join("、")
}

#[cfg(test)]
mod tests {
    use super::changed_articles;

    #[test]
    fn articles_whose_text_differs_are_named_once() {
        let before = "---\nnumber: a\n---\n## 第一条 甲 · A\nx\n## 第二条 乙 · B\ny\n";
        let after =
            "---\nnumber: a\n---\n## 第一条 甲 · A\nx\n## 第二条 乙 · B\nz\n## 第三条 丙 · C\n";
        assert_eq!(changed_articles(before, after), "第二条、第三条");
        assert_eq!(changed_articles(before, before), "");
    }
}
