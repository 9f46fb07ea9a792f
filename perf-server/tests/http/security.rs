//! Access with tokens and cookies, refused changes, and the security headers for browsers.

use crate::common::{ADMIN, HOST, READ, ask, get, guarded, monitor, open, post, request, session, with_tokens};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use perf_runtime::Window;
use perf_server::{Access, ServeError, Server};
use std::io::Write;

const RESET: &str = "/api/v1/metrics/reset";

#[tokio::test]
async fn a_reader_cannot_reset_and_an_admin_can() {
    let monitor = monitor();
    let app = guarded(&monitor);
    let total = || monitor.summary(Window::LastHour).series.iter().map(|one| one.total.finished()).sum::<u64>();
    let before = total();
    let bearer = |token: &str| format!("Bearer {token}");
    let reader = post(&app, RESET, &[("authorization", &bearer(READ))], "").await;
    assert_eq!((reader.status, total()), (StatusCode::FORBIDDEN, before));
    assert!(reader.text.contains("admin token"), "{}", reader.text);
    let admin = post(&app, RESET, &[("authorization", &bearer(ADMIN))], "").await;
    assert_eq!((admin.status, total()), (StatusCode::OK, 0), "{}", admin.text);
    assert!(monitor.render_prometheus().contains(r#"operations_total{operation="search",outcome="ok"} 3"#));
}

#[tokio::test]
async fn without_tokens_all_is_read_and_nothing_changed() {
    let app = open(&monitor());
    assert_eq!(get(&app, "/api/v1/series").await.status, StatusCode::OK);
    let refused = post(&app, RESET, &[], "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("PERF_ADMIN_TOKEN"), "{}", refused.text);
}

#[tokio::test]
async fn a_middleware_that_knows_who_asks_goes_before_tokens() {
    let who = |access: Access| {
        from_fn(move |mut request: Request, next: Next| {
            request.extensions_mut().insert(access);
            next.run(request)
        })
    };
    let admin: Router = open(&monitor()).layer(who(Access::Admin));
    // Even so no other admin token is set, and it is they who say that the request may change something.
    assert_eq!(post(&admin, RESET, &[], "").await.status, StatusCode::OK);
    let reader: Router = guarded(&monitor()).layer(who(Access::Read));
    assert_eq!(get(&reader, "/metrics").await.status, StatusCode::OK);
    assert_eq!(post(&reader, RESET, &[], "").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_login_page_keeps_a_session_where_no_script_can_read_it() {
    let app = guarded(&monitor());
    let form = [("content-type", "application/x-www-form-urlencoded"), ("origin", "http://127.0.0.1:8080")];
    let page = get(&app, "/login").await;
    assert!(page.text.contains("<form method=\"post\" action=\"login\">"));
    for part in ["login.css", "login.js", "login.svg"] {
        assert!(page.text.contains(part), "{part}");
        assert_eq!(get(&app, &format!("/{part}")).await.status, StatusCode::OK, "{part} needs no token");
    }
    let wrong = ask(&app, request("POST", "/login", &form, "token=a-token-of-nobody")).await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (StatusCode::UNAUTHORIZED, ""));
    assert!(!wrong.text.contains("nobody"));
    let right = ask(&app, request("POST", "/login", &form, &format!("token=%20{ADMIN}%0A"))).await;
    assert_eq!((right.status, right.header("location")), (StatusCode::SEE_OTHER, "./"));
    let cookie = right.header("set-cookie").to_owned();
    assert!(cookie.starts_with("perf_session_") && !cookie.contains(ADMIN), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"), "{cookie}");
    let pair = format!("theme=dark; {}", cookie.split(';').next().unwrap());
    let own = [("cookie", pair.as_str()), ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")];
    assert_eq!(post(&app, RESET, &own, "").await.status, StatusCode::OK);
    assert_eq!(post(&app, RESET, &own[..1], "").await.status, StatusCode::FORBIDDEN, "no word of where it comes from");
    let over_tls = [&form[..], &[("x-forwarded-proto", "https")]].concat();
    let secure = ask(&app, request("POST", "/login", &over_tls, &format!("token={READ}"))).await;
    assert!(secure.header("set-cookie").ends_with("; Secure"));
    let out = ask(&app, request("POST", "/logout", &own, "")).await;
    let name = cookie.split('=').next().unwrap();
    assert!(out.header("set-cookie").starts_with(&format!("{name}=;")), "{}", out.header("set-cookie"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(post(&app, RESET, &own, "").await.status, StatusCode::UNAUTHORIZED, "the session has ended");
}

#[tokio::test]
async fn only_whom_the_cookie_lets_in_is_offered_to_log_out() {
    let guarded = guarded(&monitor());
    let (read, admin) = (session(&guarded, READ).await, session(&guarded, ADMIN).await);
    let (read_bearer, admin_bearer) = (format!("Bearer {READ}"), format!("Bearer {ADMIN}"));
    let nobody = format!("{}=1.a-session-of-nobody", read.split('=').next().unwrap());
    let known = from_fn(|mut request: Request, next: Next| {
        request.extensions_mut().insert(Access::Admin);
        next.run(request)
    });
    let behind_another: Router = with_tokens(&monitor()).router().unwrap().layer(known);
    for (what, app, headers, is_offered) in [
        ("no token is needed", &open(&monitor()), &[][..], false),
        ("no token is needed, with a cookie of before", &open(&monitor()), &[("cookie", &read)], false),
        ("the read token by cookie", &guarded, &[("cookie", &read)], true),
        ("the admin token by cookie", &guarded, &[("cookie", &admin)], true),
        ("the read token by header", &guarded, &[("authorization", &read_bearer)], false),
        ("the admin token by header", &guarded, &[("authorization", &admin_bearer)], false),
        ("a header goes before a cookie", &guarded, &[("authorization", &read_bearer), ("cookie", &read)], false),
        ("a middleware knows who it is", &behind_another, &[("cookie", &admin)], false),
    ] {
        let headers: Vec<_> = headers.iter().map(|&(name, value)| (name, value.as_str())).collect();
        let page = ask(app, request("GET", "/", &headers, "")).await;
        assert_eq!(page.status, StatusCode::OK, "{what}");
        assert_eq!(page.text.contains("<form id=\"logout\" method=\"post\" action=\"logout\">"), is_offered, "{what}");
        assert!(!page.text.contains("{{"), "{what}: {}", page.text);
        // A browser would show the copy of the page that it keeps to whoever goes back.
        assert_eq!(page.header("cache-control") == "no-store", is_offered, "{what}");
    }
    for headers in [&[][..], &[("cookie", nobody.as_str())]] {
        let page = ask(&guarded, request("GET", "/", headers, "")).await;
        assert_eq!((page.status, page.text.contains("logout")), (StatusCode::UNAUTHORIZED, false));
    }
}

#[tokio::test]
async fn nobody_is_logged_out_by_another_site() {
    let app = guarded(&monitor());
    let cookie = session(&app, READ).await;
    let log_out = async |origin: &[(&str, &str)]| {
        let headers = [&[("cookie", cookie.as_str())], origin].concat();
        ask(&app, request("POST", "/logout", &headers, "")).await
    };
    for foreign in [
        &[("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "same-site")],
        &[],
    ] {
        let refused = log_out(foreign).await;
        assert_eq!((refused.status, refused.header("set-cookie")), (StatusCode::FORBIDDEN, ""), "{foreign:?}");
    }
    let own = [("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")];
    let out = log_out(&own).await;
    assert_eq!((out.status, out.header("location")), (StatusCode::SEE_OTHER, "login"));
    let name = cookie.split('=').next().unwrap();
    assert_eq!(out.header("set-cookie"), format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"));
    assert_eq!(get(&app, "/logout").await.status, StatusCode::METHOD_NOT_ALLOWED, "a link logs nobody out");
}

#[tokio::test]
async fn another_origin_may_where_it_is_named() {
    let app = with_tokens(&monitor()).allow_origin("https://ops.example.com").router().unwrap();
    let bearer = format!("Bearer {ADMIN}");
    for (origin, status) in
        [("https://ops.example.com", StatusCode::OK), ("https://ops.example.org", StatusCode::FORBIDDEN)]
    {
        let headers = [("authorization", bearer.as_str()), ("origin", origin), ("sec-fetch-site", "cross-site")];
        assert_eq!(post(&app, RESET, &headers, "").await.status, status, "{origin}");
    }
}

#[tokio::test]
async fn browsers_are_told_to_run_nothing_that_is_not_ours() {
    let app = guarded(&monitor());
    for path in ["/health/live", "/login", "/metrics", "/api/v1/series"] {
        let answer = get(&app, path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
    }
}

#[tokio::test]
async fn outside_loopback_there_is_no_server_without_a_token() {
    let unprotected = |error: ServeError| matches!(error, ServeError::Unprotected(_));
    for address in ["0.0.0.0:0", "[::]:0"] {
        let refused = Server::builder(&monitor()).bind(address).await.map(drop);
        assert!(refused.is_err_and(unprotected), "{address}");
        let refused = perf_server::serve(&monitor(), address).await;
        assert!(refused.is_err_and(unprotected), "{address}");
    }
    Server::builder(&monitor()).bind("127.0.0.1:0").await.map(drop).unwrap();
    with_tokens(&monitor()).bind("0.0.0.0:0").await.map(drop).unwrap();
}

#[tokio::test]
async fn tokens_come_from_files_and_are_never_shown() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{ADMIN}").unwrap();
    let builder = Server::builder(&monitor()).read_token(READ).admin_token_file(file.path());
    let shown = format!("{builder:?}");
    assert!(!shown.contains(READ) && !shown.contains(ADMIN), "{shown}");
    let app = builder.router().unwrap();
    let bearer = format!("bearer {ADMIN}");
    assert_eq!(post(&app, RESET, &[("authorization", &bearer)], "").await.status, StatusCode::OK);
    let missing = Server::builder(&monitor()).admin_token_file("/no/such/file").router().map(drop).unwrap_err();
    assert!(missing.to_string().contains("/no/such/file"), "{missing}");
    let short = Server::builder(&monitor()).read_token("hunter2").router().map(drop).unwrap_err();
    assert!(short.to_string().contains("read_token") && !short.to_string().contains("hunter2"), "{short}");
}

#[tokio::test]
async fn settings_that_are_not_allowed_are_named() {
    let builder = || Server::builder(&monitor());
    for (name, wrong) in [
        ("body_limit", builder().body_limit(0)),
        ("max_connections", builder().max_connections(1)),
        ("header_timeout", builder().header_timeout(std::time::Duration::ZERO)),
        ("stall_timeout", builder().stall_timeout(std::time::Duration::MAX)),
        ("allow_origin", builder().allow_origin("ops.example.com")),
    ] {
        let error = wrong.router().map(drop).unwrap_err();
        assert!(matches!(&error, ServeError::Setting { field, .. } if field == name), "{error}");
    }
}

#[tokio::test]
async fn who_may_look_at_the_page_is_sent_to_the_login() {
    let app = guarded(&monitor());
    let page = ask(&app, request("GET", "/", &[("accept", "text/html,*/*;q=0.8")], "")).await;
    if page.status != StatusCode::NOT_FOUND {
        assert_eq!((page.status, page.header("location")), (StatusCode::SEE_OTHER, "login"));
    }
    let open_page = get(&open(&monitor()), "/").await.text;
    let asset = open_page.split('"').find(|part| part.starts_with("perf-assets/")).unwrap();
    for (path, status) in [(format!("/{asset}"), 401), ("/perf-assets/x/main.js".to_owned(), 401)] {
        assert_eq!(get(&app, &path).await.status, status, "{path}");
    }
    let program = ask(&app, request("GET", "/metrics", &[("accept", "text/html,*/*;q=0.8")], "")).await;
    assert_eq!(program.status, StatusCode::UNAUTHORIZED, "of {HOST}");
}

#[tokio::test]
async fn what_a_client_can_make_us_keep_is_bounded() {
    let app = guarded(&monitor());
    let bearer = format!("Bearer {ADMIN}");
    let silence = async |labels: serde_json::Value| {
        let wish = serde_json::json!({ "by": "ada", "for": "1h", "rule": "deep-queue", "labels": labels }).to_string();
        post(&app, "/api/v1/alerts/silence", &[("authorization", bearer.as_str())], &wish).await.status.as_u16()
    };
    let for_how_long = async |span: &str| {
        let wish = serde_json::json!({ "by": "ada", "for": span, "rule": "deep-queue" }).to_string();
        post(&app, "/api/v1/alerts/silence", &[("authorization", bearer.as_str())], &wish).await
    };
    let too_long = for_how_long("91d").await;
    assert_eq!((too_long.status, &too_long.json()["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &"for".into()));
    assert!(too_long.json()["allowed"].as_str().unwrap().contains("90d"), "{}", too_long.text);
    let kept = for_how_long("90d").await;
    assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.text);
    let id = kept.json()["id"].to_string();
    let ended = request("DELETE", &format!("/api/v1/alerts/silences/{id}"), &[("authorization", bearer.as_str())], "");
    assert_eq!(ask(&app, ended).await.status, StatusCode::NO_CONTENT);
    assert_eq!(silence(serde_json::json!({ "queue": "x".repeat(40_000) })).await, 422);
    let many: serde_json::Map<_, _> = (0..17).map(|name| (format!("label{name}"), "x".into())).collect();
    assert_eq!(silence(many.into()).await, 422);
    let by = serde_json::json!({ "by": "\u{200b}", "for": "1h", "rule": "deep-queue" }).to_string();
    let nobody = post(&app, "/api/v1/alerts/silence", &[("authorization", bearer.as_str())], &by).await;
    assert_eq!(nobody.status, StatusCode::UNPROCESSABLE_ENTITY);
    for _ in 0..200 {
        assert_eq!(silence(serde_json::json!({})).await, 201);
    }
    assert_eq!(silence(serde_json::json!({})).await, 409);
}

#[tokio::test]
async fn the_texts_of_all_silences_together_are_bounded() {
    let app = guarded(&monitor());
    let bearer = format!("Bearer {ADMIN}");
    let wish = serde_json::json!({ "by": "ada", "for": "1h", "rule": "deep-queue", "comment": "x".repeat(2_000) });
    let mut statuses = Vec::new();
    for _ in 0..100 {
        let answer = post(&app, "/api/v1/alerts/silence", &[("authorization", &bearer)], &wish.to_string()).await;
        statuses.push(answer.status.as_u16());
    }
    assert_eq!((statuses[0], statuses[60], statuses[99]), (201, 201, 409), "128 KiB");
}

#[tokio::test]
async fn each_refusal_is_a_problem_with_the_status_of_its_kind() {
    let app = guarded(&monitor());
    let bearer = format!("Bearer {ADMIN}");
    let own = [("authorization", bearer.as_str())];
    let path = post(&app, "/api/v1/alerts/%ff/acknowledge", &own, r#"{"by":"ada"}"#).await;
    assert_eq!(
        (path.status, path.header("content-type")),
        (StatusCode::UNPROCESSABLE_ENTITY, "application/problem+json")
    );
    let packed = [&own[..], &[("content-encoding", "gzip")]].concat();
    let packed = post(&app, "/api/v1/alerts/1/acknowledge", &packed, "\u{1f}").await;
    assert_eq!(packed.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let broken = axum::body::Body::from_stream(futures::stream::iter([Err::<axum::body::Bytes, _>("framing")]));
    let headers = [&own[..], &[("content-type", "application/json")]].concat();
    let broken = request("POST", "/api/v1/alerts/1/acknowledge", &headers, "").map(|_| broken);
    assert_eq!(ask(&app, broken).await.status, StatusCode::BAD_REQUEST);
    let foreign = post(&app, RESET, &[("origin", "https://ops.example.com")], "").await;
    assert!(foreign.text.contains("allow_origin") && foreign.text.contains("Host"), "{}", foreign.text);
    let form = [("content-type", "application/x-www-form-urlencoded"), ("x-forwarded-proto", "HTTPS, http")];
    for token in [READ, "a-token-of-nobody"] {
        let answer = ask(&app, request("POST", "/login", &form, &format!("token={token}"))).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("set-cookie").contains("; Secure"), token == READ);
    }
    let folder = tempfile::tempdir().unwrap();
    let refused = Server::builder(&monitor()).read_token_file(folder.path()).router().map(drop).unwrap_err();
    assert!(refused.to_string().contains("regular file"), "{refused}");
    let refused = Server::builder(&monitor()).read_token_file("/dev/zero").router().map(drop).unwrap_err();
    assert!(refused.to_string().contains("regular file"), "{refused}");
    let long = folder.path().join("long");
    std::fs::write(&long, "x".repeat(4_097)).unwrap();
    let refused = Server::builder(&monitor()).read_token_file(&long).router().map(drop).unwrap_err();
    assert!(refused.to_string().contains("at most 4 KiB"), "{refused}");
}

/// A pipe that nobody writes to would keep whoever opens it waiting, and so the start of the service.
#[cfg(unix)]
#[test]
fn a_pipe_is_no_token_file_and_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (tell, told) = std::sync::mpsc::channel();
    // On a thread of its own, so that a wait is a failure and no test that never ends.
    std::thread::spawn(move || {
        let refused = Server::builder(&monitor()).read_token_file(&pipe).router().map(drop).unwrap_err();
        tell.send(refused.to_string())
    });
    let refused = told.recv_timeout(std::time::Duration::from_secs(60)).expect("nobody waits for a writer");
    assert!(refused.contains("regular file"), "{refused}");
}
