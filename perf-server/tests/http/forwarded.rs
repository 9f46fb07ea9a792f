//! Headers in which proxies name the client and the protocol that it spoke, and the use that the server makes of them.

use crate::common::{ADMIN, HOST, Log, READ, ask, guarded, monitor, open, request, with_tokens};
use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use std::net::SocketAddr;

const FORM: [(&str, &str); 2] =
    [("content-type", "application/x-www-form-urlencoded"), ("origin", "http://127.0.0.1:8080")];

#[tokio::test]
async fn the_cookie_is_for_tls_alone_where_either_header_says_that_the_browser_spoke_it() {
    let app = guarded(&monitor());
    for (name, value, is_secure) in [
        ("x-forwarded-proto", "https", true),
        ("x-forwarded-proto", "http, https", false),
        ("forwarded", "proto=https", true),
        ("forwarded", "for=\"[2001:db8::1]:47\";Proto=\"HTTPS\", for=10.0.0.2;proto=http", true),
        ("forwarded", "for=203.0.113.7;proto=http, proto=https", false),
        ("forwarded", "for=\"proto=https\"", false),
    ] {
        let headers = [&FORM[..], &[(name, value)]].concat();
        let answer = ask(&app, request("POST", "/login", &headers, &format!("token={READ}"))).await;
        assert_eq!(answer.header("set-cookie").ends_with("; Secure"), is_secure, "{name}: {value}");
    }
}

#[tokio::test]
async fn without_a_token_nobody_is_answered_whom_a_proxy_speaks_for() {
    let app = open(&monitor());
    for (name, value) in [
        ("forwarded", "for=203.0.113.7"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.example"),
        ("x-real-ip", "203.0.113.7"),
        ("via", "1.1 proxy"),
    ] {
        let answer = ask(&app, request("GET", "/metrics", &[(name, value)], "")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}");
    }
    assert_eq!(ask(&app, request("GET", "/metrics", &[("host", HOST)], "")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_a_proxy_speaks_for_is_told_beside_the_peer_and_never_in_its_place() {
    let app = guarded(&monitor());
    let forged =
        format!("{}evil\u{fe}\"\u{7f}changed\", 203.0.113.7", "9.9.9.9, ".repeat(2_000)).replace('\u{7f}', "\t");
    for (token, word, headers, told) in [
        (ADMIN, "changed", &[][..], None),
        (ADMIN, "changed", &[("x-forwarded-for", "203.0.113.7, 10.0.0.2")], Some("203.0.113.7, 10.0.0.2")),
        (READ, "refused", &[("forwarded", "for=203.0.113.7;proto=https, for=unknown")], Some("203.0.113.7, unknown")),
        (READ, "refused", &[("x-forwarded-for", forged.as_str())], Some("changed?, 203.0.113.7")),
    ] {
        let bearer = format!("Bearer {token}");
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        let log = Log::default();
        let mut request = request("POST", "/api/v1/metrics/reset", &headers, "");
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 2], 77))));
        {
            let _told = log.listen();
            ask(&app, request).await;
        }
        let logged = log.text();
        let lines: Vec<&str> = logged.lines().filter(|line| line.contains("perf_server::audit")).collect();
        let [line] = lines[..] else { panic!("one line: {logged}") };
        assert!(line.contains(word) && line.contains("peer=10.0.0.2:77"), "{line}");
        assert_eq!(line.contains("forwarded_for="), told.is_some(), "{line}");
        assert!(told.is_none_or(|told| line.contains(&format!("{told}\""))), "{line}");
        assert!(line.len() < 500, "{line}");
    }
}

#[tokio::test]
async fn wrong_log_ins_below_an_application_are_told_with_their_peer_and_summed_up() {
    const ALL: usize = 200;
    let app: Router = with_tokens(&monitor()).mount(Router::<()>::new()).unwrap();
    let log = Log::default();
    {
        let _told = log.listen();
        for _ in 0..ALL {
            let mut request = request("POST", "/perf/login", &FORM, "token=a-token-of-nobody");
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 2], 77))));
            assert!(ask(&app, request).await.status.is_client_error());
        }
        drop(app);
    }
    let logged = log.text();
    let lines: Vec<&str> = logged.lines().filter(|line| line.contains("perf_server::audit")).collect();
    let (sums, told): (Vec<&str>, Vec<&str>) = lines.iter().partition(|line| line.contains("not told one by one"));
    assert!(told.iter().all(|line| line.contains("peer=10.0.0.2:77") && line.contains("path=\"/login\"")), "{logged}");
    // On a machine that is so slow that another while begins, some more are told.
    assert!((20..ALL / 2).contains(&told.len()) && sums.len() == 1, "{logged}");
    let untold = lines.iter().filter_map(|line| line.split_once("untold=")?.1.split(' ').next()?.parse::<usize>().ok());
    assert_eq!(told.len() + untold.sum::<usize>(), ALL, "{logged}");
}
