//! What the pages say.

use super::{Browser, sample};
use axum::http::StatusCode;

/// Every page in both languages: no word is left untranslated, and the page says its language.
#[tokio::test]
async fn every_page_speaks_both_languages() {
    let household = sample::id(1);
    let mut paths = vec![
        "/".to_string(),
        "/lists/owed-not-covered".into(),
        "/households?q=x".into(),
        format!("/households/{household}"),
        format!("/households/{household}/why/first/2026-05"),
        "/tasks".into(),
        format!("/cases/{}", sample::id(50)),
        "/payments".into(),
        format!("/payments/{}", sample::id(70)),
        format!("/audit?household={household}&programme=first&period=2026-05&known=2026-06-01"),
        "/audit/journal".into(),
        "/audit/verify".into(),
    ];
    let open = [
        "/law",
        "/law/programmes",
        "/law/parameters",
        "/law/try",
        "/public/notice",
        "/help",
        "/api",
    ];
    paths.extend(open.map(String::from));
    paths.push(format!("/law/{}", app::web::page::encode("甲〔2020〕1号")));
    let mut browser = Browser::signed_in("auditor").await;
    let keys: Vec<&str> = app::web::words::EN
        .lines()
        .filter_map(|line| line.split_once(" = ").map(|(key, _)| key))
        .filter(|key| key.contains('-'))
        .collect();
    for path in &paths {
        for (lang, tag) in [("zh", "zh-CN"), ("en", "en")] {
            let joint = if path.contains('?') { '&' } else { '?' };
            let seen = browser.get(&format!("{path}{joint}lang={lang}")).await;
            assert_eq!(seen.status, StatusCode::OK, "{path}");
            assert!(
                seen.text.contains(&format!("<html lang=\"{tag}\">")),
                "{path}"
            );
            for key in &keys {
                assert!(
                    !seen.text.contains(&format!(">{key}<")),
                    "{path} shows the key `{key}`"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_language_stays_chosen() {
    let mut browser = Browser::new();
    assert!(browser.get("/help").await.text.contains("lang=\"zh-CN\""));
    browser.get("/help?lang=en").await;
    assert!(
        browser
            .get("/law")
            .await
            .text
            .contains("<html lang=\"en\">")
    );
}

#[tokio::test]
async fn a_change_is_previewed_before_it_is_recorded() {
    let mut browser = Browser::signed_in("community").await;
    let path = format!("/households/{}/report", sample::id(1));
    let fields = [
        ("id", "0199f7a0-0000-7000-8000-000000000001"),
        ("kind", "总收入"),
        ("value", "500"),
        ("valid_from", "2026-03-01"),
        ("source", "<b>slip</b>"),
    ];
    let preview = browser.post(&path, &fields).await;
    assert_eq!(preview.status, StatusCode::OK);
    assert!(preview.text.contains("name=\"value\" value=\"500\""));
    assert!(
        !preview.text.contains("<b>slip"),
        "what was typed is shown as text"
    );
    assert!(browser.sample.recorded.lock().expect("lock").is_empty());
    // A mistake comes back with the form as it was typed.
    let empty = [
        ("id", "x"),
        ("kind", "总收入"),
        ("value", ""),
        ("source", "纸条"),
    ];
    let again = browser.post(&path, &empty).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.text.contains("请填写内容") && again.text.contains("value=\"纸条\""));
}

#[tokio::test]
async fn who_is_who_is_corrected_with_a_reason_and_asked_about_once_more() {
    let mut browser = Browser::signed_in("approver").await;
    let path = format!("/households/{}/identity/{}", sample::id(1), sample::id(11));
    for (lang, title) in [("zh", "身份更正"), ("en", "Who is who")] {
        let page = browser.get(&format!("{path}?lang={lang}")).await;
        assert!(page.text.contains(title), "{}", page.text);
        assert!(!page.text.contains("<b>slip"), "sources are shown as text");
    }
    let (id, piece) = (sample::id(99).to_string(), sample::id(91).to_string());
    let place = sample::id(92).to_string();
    let mut fields = vec![
        ("id", id.as_str()),
        ("act", "split"),
        ("name", "钱二"),
        ("sex", "male"),
        ("birth", "1980-01-01"),
        ("piece", piece.as_str()),
        ("place", place.as_str()),
    ];
    let again = browser.post(&path, &fields).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.text.contains("钱二") && again.text.contains("checked"));
    fields.push(("reason", "出生登记"));
    let asked = browser.post(&path, &fields).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(asked.text.contains("name=\"confirm\" value=\"yes\""));
    assert!(asked.text.contains(&format!("action=\"{path}\"")));
    assert!(browser.sample.acts.lock().expect("lock").is_empty());
    fields.push(("confirm", "yes"));
    assert_eq!(
        browser.post(&path, &fields).await.status,
        StatusCode::SEE_OTHER
    );
    let done = browser.sample.acts.lock().expect("lock").clone();
    assert_eq!(done, [format!("split {piece}")]);
}

#[tokio::test]
async fn a_decision_is_asked_about_once_more() {
    let mut browser = Browser::signed_in("approver").await;
    let path = format!("/cases/{}/act", sample::id(50));
    let event = sample::id(99).to_string();
    let asked = browser
        .post(
            &path,
            &[("event", &event), ("act", "grant"), ("note", "好")],
        )
        .await;
    assert!(asked.text.contains("name=\"confirm\" value=\"yes\""));
    assert!(browser.sample.acts.lock().expect("lock").is_empty());
    let fields = [
        ("event", event.as_str()),
        ("act", "grant"),
        ("confirm", "yes"),
    ];
    assert_eq!(
        browser.post(&path, &fields).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(*browser.sample.acts.lock().expect("lock"), ["grant"]);
    let page = browser
        .get(&format!("/cases/{}", sample::id(50)))
        .await
        .text;
    assert!(page.contains("已记录"), "the message shows once");
    let page = browser
        .get(&format!("/cases/{}", sample::id(50)))
        .await
        .text;
    assert!(!page.contains("已记录"));
}

#[tokio::test]
async fn the_law_is_everybodys_and_can_be_tried() {
    let mut browser = Browser::new();
    let number = app::web::page::encode("甲〔2020〕1号");
    let page = browser.get(&format!("/law/{number}")).await.text;
    for text in ["第二条", "总收入 &#60; 甲标准", "未核实", "收入四百元"] {
        assert!(
            page.contains(text) || page.contains(&text.replace("&#60;", "&lt;")),
            "{text}"
        );
    }
    let fields = [
        ("place", "QQ"),
        ("day", "2026-05-01"),
        ("decision", "first"),
        ("members", "0"),
        ("h.总收入", "450"),
        ("how", "form"),
    ];
    let tried = browser.post("/law/try", &fields).await;
    assert_eq!(tried.status, StatusCode::OK);
    assert!(tried.text.contains("badge entitled") && tried.text.contains("150.00"));
    let fields = [
        ("place", "QQ"),
        ("day", "2026-05-01"),
        ("decision", "first"),
        ("members", "0"),
        ("how", "form"),
    ];
    let tried = browser.post("/law/try", &fields).await.text;
    assert!(
        tried.contains("badge undetermined"),
        "what is not known is not guessed"
    );
}

#[tokio::test]
async fn lists_can_be_taken_away() {
    let mut browser = Browser::signed_in("approver").await;
    let csv = browser.get("/lists/covered?format=csv").await;
    assert!(csv.kind.starts_with("text/csv"));
    assert_eq!(csv.text.lines().count(), 3);
    let xlsx = browser.get("/tasks?format=xlsx").await;
    assert!(xlsx.text.starts_with("PK"));
    let household = sample::id(1);
    for (path, lines) in [
        (format!("/households/{household}?format=csv"), 1),
        ("/payments?format=csv".into(), 1),
        (format!("/payments/{}?format=csv", sample::id(70)), 1),
        ("/law/parameters?format=csv".into(), 1),
    ] {
        let csv = browser.get(&path).await;
        assert!(csv.kind.starts_with("text/csv"), "{path}: {}", csv.text);
        assert!(csv.text.lines().count() > lines, "{path}");
    }
    let json = browser
        .get(&format!(
            "/households/{}/why/first/2026-05?format=json",
            sample::id(1)
        ))
        .await;
    let found: serde_json::Value = serde_json::from_str(&json.text).expect("JSON");
    assert_eq!(found["format"], "minsheng-explanation/1");
    assert_eq!(found["outcome"]["amount"], "200.00");
    let page = browser
        .get(&format!(
            "/households/{}/why/first/2026-05?lang=en",
            sample::id(1)
        ))
        .await;
    // The tree, the formula, the figure's article, and where the outcome would turn.
    for part in [
        "<details open><summary>",
        "= 甲标准 - 总收入",
        "format=json",
        "What would have to change",
        "<b>600</b>",
        ">600 <small>",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let mut browser = Browser::new();
    for path in ["/nowhere", "/law/none", "/assets/none.css"] {
        let seen = browser.get(path).await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND, "{path}");
        assert!(seen.text.contains("<h1>"), "{path}");
    }
}

/// A file is checked before anything is recorded, its wrong rows come back, and nobody else sees it.
#[tokio::test]
async fn a_file_is_checked_and_then_recorded() {
    let mut browser = Browser::signed_in("caseworker").await;
    let token = browser.token().await;
    let upload = |content: &str| {
        let body = format!(
            "--B\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n\
             --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{content}\r\n--B--\r\n"
        );
        axum::http::Request::post("/import")
            .header("content-type", "multipart/form-data; boundary=B")
            .body(axum::body::Body::from(body))
            .expect("a request")
    };
    let empty = browser.send(upload("")).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.text.contains("没有内容"), "{}", empty.text);
    let sent = browser.send(upload("x")).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let page = browser.get(&sent.location).await.text;
    assert!(
        page.contains("不是金额") && page.contains("应填数字"),
        "{page}"
    );
    assert!(
        !page.contains("<许多>"),
        "what a file says is shown as text"
    );
    assert!(browser.sample.acts.lock().expect("lock").is_empty());
    let wrong = browser.get(&format!("{}/wrong", sent.location)).await;
    assert_eq!(
        (wrong.kind.as_str(), wrong.text.as_str()),
        ("text/csv; charset=utf-8", "wrong")
    );
    let done = browser.post(&sent.location, &[("rows", "good")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(*browser.sample.acts.lock().expect("lock"), ["import Skip"]);
    assert!(browser.get(&done.location).await.text.contains("已登记"));
    // Somebody else's file is not there.
    browser.post("/signout", &[]).await;
    browser.post("/signin/demo", &[("name", "community")]).await;
    assert_eq!(
        browser.get(&sent.location).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}
