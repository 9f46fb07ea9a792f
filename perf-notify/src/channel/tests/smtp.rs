//! A real mail server: aiosmtpd, with encryption and a password.

use super::*;
use crate::words::tests::{alert, ended, hostile, hostile_texts, message};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Stdio};

struct MailServer {
    _server: Server,
    port: u16,
    mails: Receiver<Value>,
}

impl MailServer {
    /// A server, where its packages are there: they are fetched, and may not be had.
    fn start_or_skip(tls: &str, folder: &Path) -> Option<Self> {
        if std::env::var_os("PERF_AIOSMTPD").is_none() {
            println!("skipped: PERF_AIOSMTPD names no folder with the packages of aiosmtpd");
            return None;
        }
        or_skip(Self::start(tls, folder))
    }

    fn start(tls: &str, folder: &Path) -> Result<Self, String> {
        certificate(folder)?;
        let python = |command: &mut Command| {
            // Where it is unpacked; else Python looks where it always does.
            if let Some(path) = std::env::var_os("PERF_AIOSMTPD") {
                command.env("PYTHONPATH", path);
            }
        };
        let mut command = Command::new("python3");
        python(command.args(["-c", "import aiosmtpd"]).stderr(Stdio::null()));
        if !command.status().map_err(|error| format!("python3: {error}"))?.success() {
            return Err("aiosmtpd is not installed; PERF_AIOSMTPD names the folder that it is in".to_owned());
        }
        let port = free_port();
        let script = folder.join("smtp.py");
        std::fs::write(&script, include_str!("smtp.py")).unwrap();
        let mut command = Command::new("python3");
        command.arg(script).arg(port.to_string()).arg(tls).arg(folder).stdout(Stdio::piped());
        python(&mut command);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, mails) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        let server = Self { _server: Server(child), port, mails };
        assert_eq!(server.next(), json!({"ready": true}));
        Ok(server)
    }

    fn next(&self) -> Value {
        self.mails.recv_timeout(Duration::from_secs(60)).expect("a line")
    }

    fn settings(&self, tls: &str, folder: &Path) -> Value {
        let mut fields = json!({
            "type": "email", "host": "localhost", "port": self.port, "tls": tls, "username": "perf",
            "password": "p4ss-s3cret", "from": "perf <perf@example.com>", "to": ["on-call@example.com"],
        });
        if tls == "none" {
            fields["allow_plain_auth"] = json!(true);
        } else {
            fields["ca_file"] = json!(folder.join("cert.pem"));
        }
        fields
    }
}

#[test]
fn a_mail_is_taken_over_every_kind_of_connection() {
    for tls in ["starttls", "tls", "none"] {
        let folder = tempfile::tempdir().unwrap();
        let Some(server) = MailServer::start_or_skip(tls, folder.path()) else { return };
        let mut channel = opened(server.settings(tls, folder.path()));
        let accepted = channel.send(&message(vec![alert(&json!({})), ended()]));
        let accepted = accepted.unwrap_or_else(|refused| panic!("{tls}: {refused:?}"));
        assert_eq!(accepted.body, "250 taken as 4711");
        let mail = server.next();
        assert_eq!((&mail["sender"], &mail["to"]), (&json!("perf@example.com"), &json!(["on-call@example.com"])));
        assert_eq!((&mail["tls"], &mail["login"]), (&json!(tls != "none"), &json!("perf")), "{tls}");
        let content = mail["content"].as_str().unwrap();
        assert!(content.contains("Subject: 1 alert fires in shop: 1 critical; 1 recovered"), "{content}");
        assert!(content.contains("multipart/alternative"), "{content}");
        assert!(rustls::crypto::CryptoProvider::get_default().is_none(), "none is installed");
    }
}

#[test]
fn what_a_mail_server_refuses_is_told_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = MailServer::start_or_skip("starttls", folder.path()) else { return };
    let refused = |change: Value| {
        let mut fields = server.settings("starttls", folder.path());
        for (name, value) in change.as_object().unwrap() {
            fields[name] = value.clone();
        }
        opened(fields).send(&message(vec![alert(&json!({}))])).unwrap_err()
    };
    let wrong = refused(json!({"password": "wr0ng-s3cret"}));
    assert!(wrong.again == Again::Never && !wrong.reason.contains("wr0ng"), "{wrong:?}");
    let untrusted = refused(json!({"ca_file": null}));
    assert_eq!(untrusted.again, Again::Later, "{untrusted:?}");
    let nobody = refused(json!({"to": ["nobody@example.com"]}));
    assert!(nobody.again == Again::Never && nobody.reason.contains("no such user"), "{nobody:?}");
    let away = refused(json!({"port": free_port()}));
    assert_eq!(away.again, Again::Later, "{away:?}");
    let metadata = refused(json!({"host": "169.254.169.254"}));
    assert!(metadata.again == Again::Never && metadata.reason.contains("allow_link_local"), "{metadata:?}");

    // An address that the server does not know keeps the mail from none of the others.
    let mut fields = server.settings("starttls", folder.path());
    fields["to"] = json!(["nobody@example.com", "b@example.com"]);
    let accepted = opened(fields).send(&message(vec![])).unwrap();
    assert!(accepted.body.starts_with("250 taken as 4711; not to nobody@example.com: "), "{}", accepted.body);
    assert_eq!(server.next()["to"], json!(["b@example.com"]));
}

#[test]
fn no_text_becomes_a_receiver_or_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = MailServer::start_or_skip("none", folder.path()) else { return };
    let mut channel = opened(server.settings("none", folder.path()));
    for text in hostile_texts().into_iter().filter(|text| text.len() < 1_000) {
        channel.send(&hostile(&text)).unwrap_or_else(|refused| panic!("{refused:?}"));
        let mail = server.next();
        assert_eq!(mail["to"], json!(["on-call@example.com"]));
        let (head, _) = mail["content"].as_str().unwrap().split_once("\r\n\r\n").unwrap();
        assert!(!head.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc:")), "{head}");
    }
}
