//! A month under the law in force and under the law with reforms, side by side: what a reform costs, who
//! gains and who loses. Nothing is recorded.

use super::output::{Column, write_columns};
use super::replay::Explained;
use super::{Office, ServiceError};
use base::{Fen, Month};
use entitlement::change::At;
use entitlement::determination::SubjectKey;
use entitlement::situation::LawRules;
use entitlement::{Outcome, Subject};
use policy::law::Law;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// One subject under both laws.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Compared {
    /// Whom it is about.
    #[serde(flatten)]
    pub subject: SubjectKey,
    /// Under the law in force; absent where its rules do not ask about the subject.
    pub before: Option<Outcome>,
    /// Under the law with the reforms.
    pub after: Option<Outcome>,
    /// What the subject gains; below zero what it loses. Zero where either side is undetermined.
    pub gain: Fen,
}

/// What a reform would do to a month.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Effect {
    /// Programme id.
    pub programme: String,
    /// The month.
    pub month: String,
    /// Subjects that either law asks about.
    pub subjects: u64,
    /// Subjects by outcome under the law in force.
    pub before: BTreeMap<String, u64>,
    /// Subjects by outcome with the reforms.
    pub after: BTreeMap<String, u64>,
    /// What the law in force grants.
    pub granted_before: Fen,
    /// What the law with the reforms grants.
    pub granted_after: Fen,
    /// The difference.
    pub cost: Fen,
    /// Subjects that gain.
    pub winners: u64,
    /// What they gain together.
    pub won: Fen,
    /// Subjects that lose.
    pub losers: u64,
    /// What they lose together.
    pub lost: Fen,
    /// Entitled only with the reforms.
    pub newly_entitled: u64,
    /// Entitled only under the law in force.
    pub no_longer_entitled: u64,
    /// Subjects that are undetermined on either side, and so neither gain nor lose.
    pub undetermined: u64,
}

impl Office {
    /// Evaluates a programme for everybody for a month as known at `at`, under the office's law and under
    /// `reformed`. What earlier months handed over is taken from what was determined, for both alike.
    /// The office keeps the law it had.
    ///
    /// # Errors
    /// When the programme is unknown or the database fails.
    pub async fn compare_laws(
        &mut self,
        reformed: Law,
        programme: &str,
        month: Month,
        at: At,
    ) -> Result<(Effect, Vec<Compared>), ServiceError> {
        let before = self.determined(programme, month, at).await?;
        let own = std::mem::replace(&mut self.rules, Arc::new(LawRules::new(reformed)));
        let after = self.determined(programme, month, at).await;
        self.rules = own;
        Ok(compare(programme, month, before, after?))
    }
}

fn compare(
    programme: &str,
    month: Month,
    before: Vec<Explained>,
    after: Vec<Explained>,
) -> (Effect, Vec<Compared>) {
    let mut pairs: BTreeMap<SubjectKey, [Option<Outcome>; 2]> = BTreeMap::new();
    for (side, rows) in [before, after].into_iter().enumerate() {
        for row in rows {
            pairs.entry(row.subject).or_default()[side] = Some(row.evaluation.outcome);
        }
    }
    let mut effect = Effect {
        programme: programme.to_string(),
        month: month.to_string(),
        ..Effect::default()
    };
    let mut rows = Vec::with_capacity(pairs.len());
    for (subject, [before, after]) in pairs {
        let amount = |o: &Option<Outcome>| o.as_ref().map_or(Fen::ZERO, Outcome::amount);
        let is = |o: &Option<Outcome>, name: &str| o.as_ref().is_some_and(|o| o.name() == name);
        let open = is(&before, "undetermined") || is(&after, "undetermined");
        let gain = match open {
            true => Fen::ZERO,
            false => amount(&after) - amount(&before),
        };
        effect.subjects += 1;
        effect.undetermined += u64::from(open);
        for (side, outcome) in [(&mut effect.before, &before), (&mut effect.after, &after)] {
            if let Some(outcome) = outcome {
                *side.entry(outcome.name().to_string()).or_default() += 1;
            }
        }
        effect.granted_before = effect.granted_before + amount(&before);
        effect.granted_after = effect.granted_after + amount(&after);
        if gain > Fen::ZERO {
            effect.winners += 1;
            effect.won = effect.won + gain;
        } else if gain < Fen::ZERO {
            effect.losers += 1;
            effect.lost = effect.lost - gain;
        }
        let (was, will) = (is(&before, "entitled"), is(&after, "entitled"));
        effect.newly_entitled += u64::from(!was && will);
        effect.no_longer_entitled += u64::from(was && !will);
        rows.push(Compared {
            subject,
            before,
            after,
            gain,
        });
    }
    effect.cost = effect.granted_after - effect.granted_before;
    (effect, rows)
}

/// Writes the comparison of every subject: one JSON object a line, or Parquet with the columns `shard`,
/// `subject`, `kind`, `programme`, `before`, `before_fen`, `after`, `after_fen`, `gain_fen`.
///
/// # Errors
/// When the file cannot be written.
pub fn write(
    rows: &[Compared],
    programme: &str,
    parquet: bool,
    path: &Path,
) -> Result<(), ServiceError> {
    let failed = |cause| ServiceError::Folder {
        path: path.to_path_buf(),
        cause,
    };
    let file = std::fs::File::create(path).map_err(failed)?;
    if !parquet {
        let mut sink = std::io::BufWriter::new(file);
        for row in rows {
            let line = serde_json::to_string(row).unwrap_or_default();
            writeln!(sink, "{line}").map_err(failed)?;
        }
        return sink.flush().map_err(failed);
    }
    let name = |o: &Option<Outcome>| o.as_ref().map_or("", Outcome::name).to_string();
    let fen = |o: &Option<Outcome>| match o {
        Some(Outcome::Entitled { amount }) => amount.map(|fen| fen.0),
        _ => None,
    };
    write_columns(
        rows,
        &[
            ("shard", Column::Text(&|r| r.subject.shard.clone())),
            ("subject", Column::Text(&|r| r.subject.id.to_string())),
            (
                "kind",
                Column::Text(&|r| match r.subject.kind {
                    Subject::Household => "household".into(),
                    Subject::Person => "person".into(),
                }),
            ),
            ("programme", Column::Text(&|_| programme.to_string())),
            ("before", Column::Text(&|r| name(&r.before))),
            ("before_fen", Column::Fen(&|r| fen(&r.before))),
            ("after", Column::Text(&|r| name(&r.after))),
            ("after_fen", Column::Fen(&|r| fen(&r.after))),
            ("gain_fen", Column::Fen(&|r| Some(r.gain.0))),
        ],
        file,
    )
    .map_err(|error| failed(error.into()))
}
