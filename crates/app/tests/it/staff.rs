//! Accounts by command.

use super::cli::{run_on, run_with};
use chrono::TimeDelta;
use registry::record::Area;

/// Entered, changed and closed; what is missing is asked for; a closed account's open session is worth nothing.
#[tokio::test]
async fn accounts_are_entered_changed_and_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let office = crate::office(data).await;
    let area = |code: &str, parent: Option<&str>| Area {
        code: code.into(),
        name: code.into(),
        name_en: String::new(),
        parent: parent.map(Into::into),
    };
    let areas = [
        area("d", None),
        area("d1", Some("d")),
        area("d2", Some("d")),
    ];
    office.store.put_areas(&areas).await.expect("areas");

    let at = data.to_str().expect("a path");
    let put = |input: &str, more: &[&str]| {
        let mut args = vec!["staff", "put", "li"];
        args.extend(more);
        args.extend(["--data", at]);
        run_with(input, &args)
    };
    let told = put("", &["--pass-phrase"]).exits(2).err;
    assert!(told.contains("--role"), "{told}");
    let told = put("", &["--role", "caseworker"]).exits(2).err;
    assert!(told.contains("--pass-phrase"), "{told}");
    let new = ["--role", "caseworker", "--pass-phrase", "--area", "d1"];
    let told = put("short\n", &new).exits(2).err;
    assert!(told.contains("fewer than 8"), "{told}");
    let elsewhere = ["--role", "caseworker", "--pass-phrase", "--area", "x9"];
    let told = put("long enough\n", &elsewhere).exits(2).err;
    assert!(told.contains("x9"), "{told}");
    put("long enough\n", &new).exits(0);
    // What is not given stays.
    put(
        "",
        &["--area", "d1", "--area", "d2", "--display", "李梅 · Li Mei"],
    )
    .exits(0);
    let listed = run_on(data, &["staff", "list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["role"], "caseworker");
    assert_eq!(listed[0]["areas"], serde_json::json!(["d1", "d2"]));

    let now = chrono::Utc::now();
    let until = now + TimeDelta::hours(1);
    let token = [7u8; 32];
    let store = &office.store;
    store
        .put_session(token, "li", now, until)
        .await
        .expect("a session");
    let whose = store.session(token, now).await.expect("read");
    assert_eq!(whose.map(|s| s.name).as_deref(), Some("li"));
    assert!(store.session(token, until).await.expect("read").is_none());
    run_on(data, &["staff", "close", "li"]).exits(0);
    assert!(store.session(token, now).await.expect("read").is_none());
    let told = run_on(data, &["staff", "close", "nobody"]).exits(2).err;
    assert!(told.contains("staff list"), "{told}");
}
