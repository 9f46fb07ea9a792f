//! An alert, its message, and the page of its signed link.

use super::*;

/// The secret in the address of a webhook.
const PLANTED: &str = "planted-in-an-address";

const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";
const READ: &str = "authorization: Bearer 0123456789abcdef\r\n";
const ADMIN: &str = "authorization: Bearer fedcba9876543210\r\n";
const TEST: &str = "/api/v1/notify/channels/team/test";

#[test]
fn an_alert_is_told_and_acknowledged_by_its_link() {
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let file = format!(
        "[server]\nport = 0\npublic_url = \"https://ops.example.com/perf\"\n\
        [notify.channels.team]\ntype = \"webhook\"\nurl = \"http://{}/{PLANTED}\"\n\
        [[notify.routes]]\nchannels = [\"team\"]\ngroup_wait = \"0s\"\n\
        [rules.deep-queue]\nmetric = \"queue_depth\"\nwarning = 10\n",
        receiver.local_addr().unwrap()
    );
    let reading = thread::spawn(move || {
        let (mut stream, _) = receiver.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let (mut text, mut part) = (String::new(), [0; 4_096]);
        while let Ok(read @ 1..) = stream.read(&mut part) {
            text.push_str(&String::from_utf8_lossy(&part[..read]));
            if text.ends_with('}') {
                break;
            }
        }
        // It repeats what it was sent, as some receivers do.
        let body = text.split("\r\n\r\n").last().unwrap_or_default();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let _ = stream.write_all(answer.as_bytes());
        text
    });
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link");
    let variables = [
        ("PERF_READ_TOKEN", "0123456789abcdef"),
        ("PERF_ADMIN_TOKEN", "fedcba9876543210"),
        ("PERF_KIT_LINK", link.to_str().unwrap()),
    ];
    let case = thread::scope(|scope| {
        let case = scope.spawn(|| run("notifications", &file, &variables));
        let text = reading.join().unwrap();
        // The first message is about the incident, not only about its alert.
        assert!(text.contains("notification_incident") && text.contains(r#""incident":""#), "{text}");
        let address = text.split('"').find(|text| text.contains("/acknowledge?")).expect("a link").to_owned();
        std::fs::write(link.with_extension("new"), address).unwrap();
        std::fs::rename(link.with_extension("new"), &link).unwrap();
        case.join().unwrap()
    });
    let text = [case.stdout, case.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).join("\n");
    assert!(case.status.success(), "{text}");
    assert!(!text.contains(PLANTED), "{text}");
}

pub(super) fn notifications() -> Tested {
    runtime().block_on(async {
        let perf = perf_kit::start("shop")?;
        let address = perf.server_address().expect("a port");
        perf.monitor().record_custom_metric("queue_depth", 25.0, "jobs");
        let link = env::var("PERF_KIT_LINK")?;
        let begun = Instant::now();
        let link = loop {
            if let Ok(link) = std::fs::read_to_string(&link) {
                break link;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "no message came");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let path = link.strip_prefix("https://ops.example.com/perf").expect("below the public address").to_owned();
        let path: &'static str = path.leak();
        let ask =
            move |path: &'static str, head: &'static str| tokio::task::spawn_blocking(move || get(address, path, head));
        let (status, text) = ask(path, "").await??;
        assert_eq!(status, 200, "without a token: {text}");
        assert!(text.contains("queue_depth") && text.contains("method=\"post\""), "{text}");
        assert!(perf.monitor().alerts().active()[0].acknowledged.is_none(), "to look changes nothing");
        let post = move |path: &'static str, head: &'static str, body: &'static str| {
            tokio::task::spawn_blocking(move || send(address, "POST", path, head, body))
        };
        let (status, text) = post(path, FORM, "by=Ada&comment=on+it").await??;
        assert_eq!(status, 200, "{text}");
        let by = perf.monitor().alerts().active()[0].acknowledged.clone().map(|known| (known.by, known.comment));
        assert_eq!(by, Some(("Ada".to_owned(), "on it".to_owned())));
        assert_eq!(post(path, FORM, "by=Eve").await??.0, 409, "a link works once");
        let forged: &'static str = path.replace("signature=", "signature=00").leak();
        assert_eq!(ask(forged, "").await??.0, 403);
        let (_, signature) = path.split_once("signature=").expect("a signed link");
        for (path, holds) in [
            ("/api/v1/notify", "team"),
            ("/api/v1/notify/attempts", "signature=(not shown)"),
            ("/api/v1/alerts/deliveries?channel=team", "\"outcome\":\"delivered\""),
            ("/api/v1/info", "shop"),
            ("/api/v1/notify/route?rule=deep-queue", "team"),
        ] {
            let (status, text) = ask(path, READ).await??;
            assert_eq!(status, 200, "{path}: {text}");
            assert!(!text.contains(PLANTED) && !text.contains(signature), "{path}: {text}");
            assert!(text.contains(holds), "{path}: {text}");
        }
        assert_eq!(ask("/api/v1/notify", "").await??.0, 401);
        assert_eq!(post(TEST, READ, "").await??.0, 403);
        let (status, text) = post(TEST, ADMIN, "").await??;
        // The receiver has gone by now: that is an answer too.
        assert!(status == 200 && text.contains("\"delivered\":false") && !text.contains(PLANTED), "{status} {text}");
        assert_eq!(post("/api/v1/notify/channels/tame/test", ADMIN, "").await??.0, 404);
        perf.shutdown().await;
        Ok(())
    })
}
