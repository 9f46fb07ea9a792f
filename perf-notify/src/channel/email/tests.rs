//! Servers that are slow, talk too much, or are somebody in between.

use super::*;
use crate::words::tests::{alert, message};
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

const PATIENCE: Duration = Duration::from_millis(1_500);

/// A channel to a server on loopback that serves one connection in this way, and has this patience.
fn email(fields: &serde_json::Value, serve: impl FnOnce(TcpStream) + Send + 'static) -> Email {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || serve(listener.accept().unwrap().0));
    let mut all = json!({
        "type": "email", "host": "127.0.0.1", "port": port, "tls": "none", "allow_plain_auth": true,
        "from": "perf <perf@example.com>", "to": ["a@example.com", "b@example.com"],
    });
    for (name, value) in fields.as_object().unwrap() {
        all[name] = value.clone();
    }
    let settings = serde_json::from_value(all).unwrap();
    let opening = Opening { allow_commands: false, variable: &|_| None };
    Email { patience: PATIENCE, ..Email::open(&settings, &opening).unwrap() }
}

fn send(mut email: Email) -> Result<Accepted, Refused> {
    email.send(&message(vec![alert(&json!({}))]))
}

/// A server that answers commands as it is told, takes mails, and tells every line that it reads.
fn answering(
    answer: impl Fn(&str) -> &'static str + Send + 'static,
) -> (impl FnOnce(TcpStream) + Send + 'static, Receiver<String>) {
    let (sender, lines) = channel();
    let serve = move |mut stream: TcpStream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        stream.write_all(b"220 ready\r\n").unwrap();
        let mut is_mail = false;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_owned();
            let _ = sender.send(line.clone());
            if is_mail && line != "." {
                continue;
            }
            is_mail = line == "DATA";
            let _ = stream.write_all(answer(&line).as_bytes());
        }
    };
    (serve, lines)
}

fn usual(line: &str) -> &'static str {
    match line {
        _ if line.starts_with("EHLO") => "250-here\r\n250-AUTH LOGIN XOAUTH2\r\n250 8BITMIME\r\n",
        "AUTH LOGIN" | "dQ==" => "334 more\r\n",
        "DATA" => "354 go on\r\n",
        _ if line.ends_with("<b@example.com>") => "550 no such user\r\n",
        _ => "250 fine\r\n",
    }
}

#[test]
fn a_mail_is_handed_over_line_by_line() {
    let (serve, lines) = answering(usual);
    let taken = send(email(&json!({"username": "u", "password": "p4ss-s3cret"}), serve)).unwrap();
    assert_eq!(taken.body, "250 fine; not to b@example.com: the server answered 550 no such user");
    let lines: Vec<String> = lines.iter().collect();
    let head = ["EHLO [127.0.0.1]", "AUTH LOGIN", "dQ==", "cDRzcy1zM2NyZXQ=", "MAIL FROM:<perf@example.com>"];
    assert_eq!(lines[..5], head);
    assert_eq!(lines[5..8], ["RCPT TO:<a@example.com>", "RCPT TO:<b@example.com>", "DATA"]);
    assert_eq!(lines[lines.len() - 2..], [".", "QUIT"]);
}

#[test]
fn one_deadline_is_for_all_of_a_delivery() {
    let drip = |mut stream: TcpStream| {
        for byte in b"220 ".iter().chain(std::iter::repeat(&b'x')) {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    };
    // Each of its answers comes in time, but there are many.
    let (serve, _lines) = answering(|line| {
        thread::sleep(Duration::from_millis(400));
        usual(line)
    });
    let silent = |stream: TcpStream| {
        thread::sleep(Duration::from_secs(20));
        drop(stream);
    };
    let all = [email(&json!({}), drip), email(&json!({}), serve), email(&json!({}), silent)];
    let threads = all.map(|email| {
        thread::spawn(|| {
            let begun = Instant::now();
            (send(email).unwrap_err(), begun.elapsed())
        })
    });
    for thread in threads {
        let (refused, took) = thread.join().unwrap();
        assert!(took < PATIENCE + Duration::from_secs(2), "{took:?}");
        assert_eq!(
            (refused.reason.as_str(), refused.again),
            ("127.0.0.1: the mail server took too long", Again::Later)
        );
    }
}

#[test]
fn a_server_that_keeps_back_its_farewell_took_the_mail_all_the_same() {
    let (serve, _lines) = answering(|line| if line == "QUIT" { "" } else { usual(line) });
    let begun = Instant::now();
    send(email(&json!({}), serve)).unwrap();
    assert!(begun.elapsed() < PATIENCE + Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn no_answer_is_read_without_end() {
    let forever = |text: &'static [u8]| move |mut stream: TcpStream| while stream.write_all(text).is_ok() {};
    for (text, why) in [
        (b"220 xxxxxxxxxxxxxxxxxxxx".as_slice(), "a line of the answer is too long"),
        (b"220-more\r\n", "the server's answer is none of SMTP"),
        (b"HTTP/1.1 400 Bad Request\r\n", "the server's answer is none of SMTP"),
    ] {
        let refused = send(email(&json!({}), forever(text))).unwrap_err();
        assert_eq!((refused.reason.as_str(), refused.again), (&*format!("127.0.0.1: {why}"), Again::Later));
    }
}

#[test]
fn what_somebody_adds_before_the_encryption_is_not_taken_for_the_servers() {
    let (serve, lines) = answering(|line| match line {
        "STARTTLS" => "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n",
        _ => "250-here\r\n250 STARTTLS\r\n",
    });
    let fields = json!({"tls": "starttls", "username": "u", "password": "p4ss-s3cret"});
    let refused = send(email(&fields, serve)).unwrap_err();
    assert!(refused.reason.contains("more than one answer came before the encryption"), "{}", refused.reason);
    assert_eq!(lines.iter().collect::<Vec<_>>(), ["EHLO [127.0.0.1]", "STARTTLS"]);
}

#[test]
fn a_server_that_cannot_encrypt_gets_no_password() {
    let (serve, lines) = answering(usual);
    let fields = json!({"tls": "starttls", "username": "u", "password": "p4ss-s3cret"});
    let refused = send(email(&fields, serve)).unwrap_err();
    assert_eq!(
        (refused.again, refused.reason.as_str()),
        (Again::Never, "127.0.0.1: the server does not offer STARTTLS")
    );
    assert_eq!(lines.iter().collect::<Vec<_>>(), ["EHLO [127.0.0.1]"]);
}
