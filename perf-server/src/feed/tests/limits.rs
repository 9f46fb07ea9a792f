//! The limits on what one client may ask of the feed, and keep of it.

use super::{Client, PATIENCE, Service, monitor};
use crate::auth::Access;
use axum::extract::ConnectInfo;
use futures::{SinkExt, StreamExt};
use std::net::SocketAddr;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, connect_async};

/// The code and the reason with which a client is sent away that says these things.
async fn sent_away(service: &Service, said: impl IntoIterator<Item = String>) -> (u16, String) {
    let mut client = service.listen("/ws").await;
    for text in said {
        // It may be sent away before it has said all.
        if client.0.send(Message::text(text)).await.is_err() {
            break;
        }
    }
    loop {
        match timeout(PATIENCE, client.0.next()).await.expect("in time") {
            Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn who_asks_for_too_much_is_sent_away_and_told_why() {
    let service = Service::start(monitor()).await;
    let changes = (0..21).map(|change| format!(r#"{{"window":"1h","kind":"tool","labels":["{change}"]}}"#));
    let (code, reason) = sent_away(&service, changes).await;
    assert!(code == 1008 && reason.contains("20 in 10 s"), "{code} {reason}");
    for labels in [vec!["x".repeat(257)], vec![String::from("x"); 33]] {
        let wanted = serde_json::json!({ "kind": "tool", "labels": labels });
        let (code, reason) = sent_away(&service, [wanted.to_string()]).await;
        assert!(code == 1008 && reason.contains("labels"), "{code} {reason}");
        let labels: String = form_urlencoded::byte_serialize(wanted["labels"].to_string().as_bytes()).collect();
        assert_eq!(service.refusal(&format!("/ws?kind=tool&labels={labels}"), None).await.0, 422);
    }
    let (code, _) = sent_away(&service, [format!(r#"{{"window":"{}"}}"#, "x".repeat(17 << 10))]).await;
    assert!(code == 1009 || code == 1002, "a message of more than 16 KiB: {code}");
    // A client that asks twenty times is heard.
    let mut client = service.listen("/ws").await;
    client.wait_for("initial_data").await;
    for _ in 0..20 {
        client.say(r#"{"window":"5m"}"#).await;
        assert_eq!(client.wait_for("initial_data").await["window"], "5m");
    }
}

#[tokio::test]
async fn whoever_breaks_the_protocol_is_told_how_and_an_orderly_close_is_answered() {
    let service = Service::start(monitor()).await;
    for (bytes, code) in [
        // A text that is not UTF-8: RFC 6455, section 7.4.1.
        (&[0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28][..], 1007_u16),
        // A reserved bit, no mask, an operation that there is not.
        (&[0xF1, 0x80, 0, 0, 0, 0], 1002),
        (&[0x81, 0x01, b'x'], 1002),
        (&[0x83, 0x80, 0, 0, 0, 0], 1002),
    ] {
        let mut client = service.listen("/ws").await;
        let MaybeTlsStream::Plain(stream) = client.0.get_mut() else { panic!("no TLS") };
        stream.write_all(bytes).await.unwrap();
        assert_eq!(close_of(&mut client).await, Some(code), "{bytes:x?}");
    }
    let mut client = service.listen("/ws").await;
    client.0.close(Some(CloseFrame { code: CloseCode::Normal, reason: "bye".into() })).await.unwrap();
    assert_eq!(close_of(&mut client).await, Some(1000));
}

/// The code of the close frame that a client is sent.
async fn close_of(client: &mut Client) -> Option<u16> {
    loop {
        match timeout(PATIENCE, client.0.next()).await.expect("in time") {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn no_peer_has_all_seats() {
    let peer: SocketAddr = "10.0.0.1:1".parse().unwrap();
    let service = Service::start_with(monitor(), |app| {
        // Let in by who serves it, for there is no token.
        app.layer(axum::Extension(ConnectInfo(peer))).layer(axum::Extension(Access::Read))
    })
    .await;
    let mut seated = Vec::new();
    for _ in 0..32 {
        seated.push(service.listen("/ws").await);
    }
    let Err(Error::Http(refused)) = connect_async(format!("ws://{}/ws", service.address)).await else {
        panic!("it has a seat");
    };
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    drop(seated.pop());
    // Its seat is free once its end is seen.
    timeout(PATIENCE, async { while connect_async(format!("ws://{}/ws", service.address)).await.is_err() {} })
        .await
        .expect("a seat that was left is free");
}
