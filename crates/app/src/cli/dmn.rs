use clap::Subcommand;
#[derive(Debug, Subcommand)]
pub enum DmnCommand {
    Tck,
}
pub fn run(_: DmnCommand) -> super::Outcome {
    Ok(())
}
