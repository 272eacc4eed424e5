use super::*;
pub async fn import(_: ImportArgs) -> Outcome {
    Ok(())
}
pub async fn determine(_: DetermineArgs) -> Outcome {
    Ok(())
}
pub async fn night(_: NightArgs) -> Outcome {
    Ok(())
}
pub async fn pay(_: PayArgs) -> Outcome {
    Ok(())
}
pub async fn reconcile(_: ReconcileArgs) -> Outcome {
    Ok(())
}
pub async fn replay(_: ReplayArgs) -> Outcome {
    Ok(())
}
pub async fn verify(_: VerifyArgs) -> Outcome {
    Ok(())
}
