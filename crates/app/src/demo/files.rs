//! The generated register as the files that an office would bring.

use super::{DemoError, Plan, chunks, draw, side_by_side};
use crate::cli::Progress;
use crate::service::intake::kind_specs;
use policy::law::Law;
use registry::import::write::{Tables, Written};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// Households and persons, and what is known of them.
const NAMES: [&str; 2] = ["households.csv", "facts.csv"];

/// Writes the district's register into `folder`. Gives the two files, in the order in which `import` wants
/// them, and what is in them.
///
/// # Errors
/// When the district cannot be drawn or the files not be written.
pub fn write(law: &Law, plan: &Plan, folder: &Path) -> Result<([PathBuf; 2], Written), DemoError> {
    let district = draw(plan)?;
    let files = NAMES.map(|name| folder.join(name));
    let fault = |path: &Path, e: std::io::Error| DemoError::File(path.display().to_string(), e);
    std::fs::create_dir_all(folder).map_err(|e| fault(folder, e))?;
    let create = |path: &Path| {
        File::create(path)
            .map(BufWriter::new)
            .map_err(|e| fault(path, e))
    };
    let kinds = kind_specs(law);
    let mut tables = Tables::new(create(&files[0])?, create(&files[1])?, &kinds)
        .map_err(|e| fault(folder, e))?;
    let bar = Progress::new("writing the files", district.len());
    let day = plan.first.first();
    for range in chunks(district.len()) {
        for (_, made) in side_by_side(range, |number| district.household(number)) {
            tables
                .add(&made.history, day, made.household.opened_at)
                .map_err(|e| fault(folder, e))?;
            bar.add(1);
        }
    }
    let (written, ..) = tables.finish().map_err(|e| fault(folder, e))?;
    bar.done(&format!("{} pieces of evidence", written.facts));
    Ok((files, written))
}
