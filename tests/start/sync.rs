//! Locks and channels: from one that is waited for to the route, the page and the health.

use super::*;
use perf_kit::monitor;
use perf_kit::sync::tokio::{Mutex, mpsc, watch_channel};

#[test]
fn locks_are_shown_from_a_wait_to_the_route() {
    passes("locks", FREE_PORT, &[]);
    passes("channels", FREE_PORT, &[]);
    let output = run("locks", "[server]\nport = 0\n[sync]\ndeadlock = true\n", &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("deadlock"), "{text}");
}

static INVENTORY: Mutex<u32> = Mutex::named("inventory", 3);

#[monitor("locks_checkout", crate = perf_kit)]
async fn checkout() {
    *INVENTORY.lock().await -= 1;
}

pub(super) fn locks() -> Tested {
    runtime().block_on(async {
        let perf = perf_kit::start("shop")?;
        let address = perf.server_address().expect("a port");
        let held = INVENTORY.lock().await;
        let waiting = tokio::spawn(checkout());
        let view = perf.locks().expect("it is on");
        while view.view().locks.iter().all(|lock| lock.waiting == 0) {
            tokio::task::yield_now().await;
        }
        let (status, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/locks", "")).await??;
        assert_eq!(status, 200, "{text}");
        let body: serde_json::Value = serde_json::from_str(&text)?;
        let lock = &body["locks"][0];
        assert_eq!((&lock["lock"], &lock["mode"]), (&"inventory".into(), &"lock".into()), "{text}");
        assert_eq!(
            (&lock["waiting"], &lock["holding"], &lock["attempts"]),
            (&1.into(), &1.into(), &2.into()),
            "{text}"
        );
        assert_eq!(lock["waiters"][0]["series"], "operation{operation=locks_checkout}", "{text}");
        assert_eq!(body["deadlocks"], serde_json::json!([]));
        drop(held);
        waiting.await?;
        perf.monitor().tick();
        let (_, text) = tokio::task::spawn_blocking(move || get(address, "/metrics", "")).await??;
        let line = r#"lock_acquisitions_total{lock="inventory",mode="lock",outcome="waited"} 1"#;
        assert!(text.contains(line), "{text}");
        let (status, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/locks?of=1", "")).await??;
        assert_eq!(status, 422, "a parameter that there is not: {text}");
        let (_, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/openapi.json", "")).await??;
        assert!(text.contains("/api/v1/locks") && text.contains("LockHolder"), "the document describes it");
        let (_, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/pages", "")).await??;
        assert!(text.contains("\"locks\""), "{text}");
        perf.shutdown().await;
        Ok(())
    })
}

#[monitor("channels_order", crate = perf_kit)]
async fn order(jobs: mpsc::Sender<u32>) {
    jobs.send(2).await.expect("the receiver is there");
}

pub(super) fn channels() -> Tested {
    runtime().block_on(async {
        let perf = perf_kit::start("shop")?;
        let address = perf.server_address().expect("a port");
        let (jobs, mut receiver) = mpsc::channel("jobs", 1);
        let (mails, _mails) = tokio::sync::mpsc::channel::<u32>(8);
        assert!(watch_channel("mails", &mails));
        jobs.send(1).await?;
        mails.send(1).await?;
        let waiting = tokio::spawn(order(jobs.clone()));
        let view = perf.locks().expect("it is on");
        while view.channels().channels.iter().all(|channel| channel.waiting == 0) {
            tokio::task::yield_now().await;
        }
        let (status, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/channels", "")).await??;
        assert_eq!(status, 200, "{text}");
        let body: serde_json::Value = serde_json::from_str(&text)?;
        let channel = &body["channels"][0];
        assert_eq!((&channel["channel"], &channel["kind"]), (&"jobs".into(), &"mpsc".into()), "{text}");
        for (field, value) in
            [("attempts", 2), ("sent", 1), ("waiting", 1), ("queued", 1), ("capacity", 1), ("lost", 0)]
        {
            assert_eq!(channel[field], value, "{field} of {text}");
        }
        assert_eq!(channel["waiters"][0]["series"], "operation{operation=channels_order}", "{text}");
        let existing = serde_json::json!([
            { "channel": "mails", "kind": "existing_mpsc", "channels": 1, "queued": 1, "capacity": 8 }
        ]);
        assert_eq!(body["existing"], existing);
        assert_eq!((receiver.recv().await, receiver.recv().await), (Some(1), Some(2)));
        waiting.await?;
        perf.monitor().tick();
        let (_, text) = tokio::task::spawn_blocking(move || get(address, "/metrics", "")).await??;
        for line in [
            r#"channel_sends_total{channel="jobs",kind="mpsc",outcome="sent"} 2"#,
            r#"channel_queue_seconds_count{channel="jobs",kind="mpsc"} 2"#,
            r#"channel_send_wait_seconds_count{channel="jobs",kind="mpsc"} 1"#,
            r#"channel_queued{channel="mails",kind="existing_mpsc"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        let (status, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/channels?of=1", "")).await??;
        assert_eq!(status, 422, "a parameter that there is not: {text}");
        let (_, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/openapi.json", "")).await??;
        assert!(text.contains("/api/v1/channels") && text.contains("ExistingChannel"), "the document describes it");
        let (_, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/pages", "")).await??;
        assert!(text.contains("\"channels\""), "{text}");
        perf.shutdown().await;
        Ok(())
    })
}
