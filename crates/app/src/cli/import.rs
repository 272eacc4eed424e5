//! `minsheng import`
use super::{Failure, ImportArgs, Outcome};
pub async fn run(_: ImportArgs) -> Outcome {
    Err(Failure::Input("import is not wired yet".into()))
}
