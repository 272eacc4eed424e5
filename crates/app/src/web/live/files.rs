//! Files of evidence from those who work in an area: forms to fill in, checking, recording.

use super::Live;
use crate::service::intake::{HowToTake, Intake, kind_specs};
use crate::web::session::Viewer;
use crate::web::source::Trouble;
use crate::web::view::Named;
use crate::web::view::payment::Download;
use policy::programme::{Bilingual, Subject};
use registry::import::{KindSpec, OnError, template};

impl Live {
    /// Kinds of evidence that files may bring, under the headings of the articles that declare them.
    pub(super) fn kinds_for_files(&self) -> Vec<(Bilingual, Vec<Named>)> {
        let law = self.office.law();
        let mut groups: Vec<(Bilingual, Vec<Named>)> = Vec::new();
        for spec in kind_specs(law) {
            let mut both = [Subject::Household, Subject::Person].into_iter();
            let Some(kind) = both.find_map(|s| law.kind(s, &spec.name)) else {
                continue;
            };
            let heading = self.shelf.heading(&kind.citation);
            let named = Named {
                id: spec.name.clone(),
                name: Bilingual {
                    zh: spec.name,
                    en: spec.en,
                },
            };
            match groups.iter_mut().find(|(held, _)| *held == heading) {
                Some((_, kinds)) => kinds.push(named),
                None => groups.push((heading, vec![named])),
            }
        }
        groups
    }

    /// An empty form for a kind: `xlsx` or `csv`.
    pub(super) fn form_of(&self, kind: &str, format: &str) -> Result<Download, Trouble> {
        let specs: Vec<KindSpec> = kind_specs(self.office.law())
            .into_iter()
            .filter(|spec| spec.name == kind)
            .collect();
        if specs.is_empty() {
            return Err(Trouble::NotFound("kind"));
        }
        let (bytes, media) = match format {
            "xlsx" => (
                template::evidence_xlsx(&specs)
                    .map_err(|error| Trouble::Internal(error.to_string()))?,
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ),
            _ => (template::evidence_csv(&specs), "text/csv; charset=utf-8"),
        };
        Ok(Download {
            name: format!("form.{format}"),
            media,
            bytes,
        })
    }

    /// Checks a file, or records it: what it says of anybody outside the viewer's areas is a wrong row.
    pub(super) async fn take_file(
        &self,
        viewer: &Viewer,
        name: &str,
        bytes: &[u8],
        record: Option<OnError>,
    ) -> Result<Intake, Trouble> {
        let within = viewer.codes();
        let how = HowToTake {
            // A check counts what its good rows would bring.
            on_error: record.unwrap_or(OnError::Skip),
            by: &viewer.name,
            at: self.at(),
            within: &within,
            record: record.is_some(),
        };
        let taken = self.office.take_in(name, bytes, &how, &|_| {}).await?;
        if record.is_some() {
            self.counts.forget();
        }
        Ok(taken)
    }
}
