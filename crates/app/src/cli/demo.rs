use super::*;
pub async fn run(_: DemoArgs) -> Outcome {
    Ok(())
}
pub async fn serve(_: ServeArgs) -> Outcome {
    Ok(())
}
