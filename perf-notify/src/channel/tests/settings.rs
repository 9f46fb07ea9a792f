//! Settings that are refused: each names the field, the value and what is allowed.

use super::*;
use perf_runtime::Monitor;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// The error of these settings: field, value and what is allowed.
fn error(fields: Value) -> ChannelError {
    let shown = fields.to_string();
    try_open(fields).err().unwrap_or_else(|| panic!("{shown} is taken"))
}

#[track_caller]
fn refused(fields: Value, field: &str, value: &str, allowed: &str) {
    let error = error(fields);
    assert_eq!((error.field.as_str(), error.value.as_str()), (field, value), "{error}");
    assert!(error.allowed.contains(allowed), "{error}");
}

#[test]
fn every_type_opens_with_what_it_needs() {
    for fields in [
        json!({"type": "console"}),
        json!({"type": "webhook", "url": "http://127.0.0.1:1/"}),
        json!({"type": "webhook", "url": "https://nowhere.invalid/hook"}),
        json!({"type": "slack", "url": "https://hooks.slack.example/services/T/B/X"}),
        json!({"type": "discord", "url": "https://discord.example/api/webhooks/1/x"}),
        json!({"type": "teams", "url": "https://teams.example/x"}),
        json!({"type": "alertmanager", "urls": ["http://am-1:9093", "http://am-2:9093/prefix/"]}),
        json!({"type": "pagerduty", "routing_key": "R"}),
        json!({"type": "telegram", "token": "1:A", "chat_id": "@ops"}),
        json!({"type": "ntfy", "topic": "ops"}),
    ] {
        try_open(fields.clone()).unwrap_or_else(|error| panic!("{fields}: {error}"));
    }
}

#[test]
fn wrong_settings_are_named() {
    let secret = "(not shown)";
    refused(json!({}), "type", "", "console, webhook, slack");
    refused(json!({"type": "slack"}), "url", "", "one of url, url_env and url_file must be set");
    refused(json!({"type": "slack", "url": "ftp://a/"}), "url", secret, "http or https");
    refused(json!({"type": "slack", "url": "hooks.slack.com/x"}), "url", secret, "http or https");
    refused(json!({"type": "slack", "url": "https:///x"}), "url", secret, "with a host");
    refused(json!({"type": "slack", "url": "http://a/", "url_env": "A"}), "url", secret, "not several");
    refused(
        json!({"type": "slack", "url_env": "PERF_TEST_UNSET"}),
        "url_env",
        "PERF_TEST_UNSET",
        "variable that is set",
    );
    refused(json!({"type": "slack", "url_file": "/nowhere/url"}), "url_file", "/nowhere/url", "No such file");
    refused(json!({"type": "slack", "url": "http://a/", "to": ["x"]}), "to", "", "the keys of type slack are url");
    refused(json!({"type": "slack", "url": "http://a/", "token_env": "A"}), "token_env", "", "the keys of type slack");
    refused(json!({"type": "console", "url": "http://a/"}), "url", "", "no other keys");
    refused(json!({"type": "webhook", "url": "http://a/", "token": ""}), "token", secret, "not empty");
    refused(json!({"type": "pagerduty"}), "routing_key", "", "must be set");
    refused(json!({"type": "telegram", "token": "1:A"}), "chat_id", "", "the id of a chat");
    refused(json!({"type": "telegram", "token": "a/../b", "chat_id": "1"}), "token", secret, "the token of a bot");
    refused(json!({"type": "ntfy"}), "topic", "", "the name of a topic");
    refused(json!({"type": "ntfy", "topic": "a/b"}), "topic", secret, "letters, digits");
    refused(json!({"type": "alertmanager"}), "urls", "0", "1 to 16 addresses");
    refused(json!({"type": "alertmanager", "urls": ["http://a", "b"]}), "urls.1", secret, "http or https");
    refused(json!({"type": "command", "command": ["true"]}), "type", "command", "notify.allow_commands = true");
}

#[test]
fn a_command_is_opened_only_where_commands_are_allowed() {
    let with = |command: Value| {
        let fields = settings(json!({"type": "command", "command": command}));
        open("ops", &fields, &Opening { allow_commands: true, variable: &|_| None }).map(drop)
    };
    with(json!(["/usr/local/bin/page", "--team", "shop"])).unwrap();
    for wrong in [json!([]), json!([""]), json!(["a\u{0}b"])] {
        let error = with(wrong).unwrap_err();
        assert!(error.field == "command" && error.allowed.starts_with("a program and its arguments"), "{error}");
    }
}

#[test]
fn wrong_headers_and_templates_are_named() {
    let with = |name: &str, value: Value| {
        let mut fields = json!({"type": "webhook", "url": "http://127.0.0.1:1/"});
        fields[name] = value;
        fields
    };
    refused(with("headers", json!({"X Team": "a"})), "headers.X Team", "(not shown)", "the name of a header");
    refused(
        with("headers", json!({"X-Team": "a\r\nB: c"})),
        "headers.X-Team",
        "(not shown)",
        "without control characters",
    );
    refused(with("headers", json!({"Host": "a"})), "headers.Host", "(not shown)", "another header");
    refused(with("template", json!("{% if %}")), "template", "{% if %}", "a template of Jinja");
    refused(with("template", json!("{{ nothing }}")), "template", "{{ nothing }}", "undefined value");
    refused(
        with("template", json!("{\"a\": \"{{ headline }}\"}")),
        "template",
        "{\"a\": \"{{ headline }}\"}",
        "it gives no JSON",
    );
    refused(
        with("template", json!("{{ text(\"latex\", 9) }}")),
        "template",
        "{{ text(\"latex\", 9) }}",
        "there are plain",
    );
    refused(with("template_file", json!("/nowhere")), "template_file", "/nowhere", "No such file");
    refused(with("content_type", json!("a\nb/c")), "content_type", "a b/c", "a content type");
    refused(with("ca_file", json!("/nowhere")), "ca_file", "/nowhere", "No such file");
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    refused(with("ca_file", json!(empty)), "ca_file", empty.to_str().unwrap(), "at least one certificate");
}

#[cfg(feature = "email")]
#[test]
fn wrong_settings_of_a_mail_are_named() {
    let with = |change: Value| {
        let mut fields =
            json!({"type": "email", "host": "smtp.example.com", "from": "perf@example.com", "to": ["a@example.com"]});
        for (name, value) in change.as_object().unwrap() {
            fields[name] = value.clone();
        }
        fields
    };
    try_open(with(json!({}))).unwrap();
    refused(with(json!({"host": null})), "host", "", "the name of a server");
    refused(with(json!({"host": "a b"})), "host", "a b", "the name of a server");
    refused(with(json!({"to": []})), "to", "0", "1 to 50 addresses");
    refused(with(json!({"to": ["a@example.com", "b"]})), "to.1", "b", "an address in ASCII");
    refused(with(json!({"from": "a@b\r\nBcc: c@d"})), "from", "a@b  Bcc: c@d", "an address in ASCII");
    refused(with(json!({"username": "a"})), "password", "", "the password of username");
    refused(with(json!({"password": "a"})), "username", "", "the name that the password is of");
    let plain = json!({"username": "a", "password": "b", "tls": "none"});
    refused(with(plain.clone()), "tls", "none", "unless allow_plain_auth = true");
    let mut allowed = with(plain);
    allowed["allow_plain_auth"] = json!(true);
    try_open(allowed).unwrap();
}

#[cfg(not(feature = "email"))]
#[test]
fn a_mail_needs_the_feature() {
    refused(json!({"type": "email"}), "type", "email", "feature `email`");
}

/// The channels of a `perf.toml`.
fn of_file(text: &str) -> Result<BTreeMap<String, ChannelSettings>, String> {
    #[derive(Deserialize)]
    struct Notify {
        channels: BTreeMap<String, ChannelSettings>,
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("perf.toml");
    std::fs::write(&file, text).unwrap();
    let monitor = Monitor::builder().config_file(file).section("notify").build().unwrap();
    let read = monitor.section("notify").unwrap().read::<Notify>();
    read.map(|notify| notify.channels).map_err(|error| error.to_string())
}

#[test]
fn a_file_is_read_and_what_is_wrong_in_it_is_named() {
    let channels = of_file(
        "[notify.channels.ops]\ntype = \"webhook\"\nurl_env = \"OPS\"\nheaders = { X-Team = \"shop\" }\n\
        [notify.channels.mail]\ntype = \"email\"\nhost = \"smtp\"\nport = 2525\ntls = \"tls\"\nto = [\"a@b.c\"]\n\
        [notify.channels.am]\ntype = \"alertmanager\"\nurls = [\"http://a\", \"http://b\"]\nallow_link_local = true\n",
    );
    let channels = channels.unwrap();
    assert_eq!(channels["ops"].url_env.as_deref(), Some("OPS"));
    assert_eq!(channels["ops"].headers["X-Team"], Secret::new("shop"));
    assert_eq!((channels["mail"].port, channels["mail"].tls), (Some(2_525), Some(SmtpTls::Tls)));
    assert!(channels["am"].urls.len() == 2 && channels["am"].allow_link_local);
    for (text, expected) in [
        (
            "type = \"slak\"",
            "notify.channels.ops.type: \"slak\" is not allowed; it takes a known name: did you mean \"slack\"?",
        ),
        ("urll = \"x\"", "notify.channels.ops: \"urll\" is not allowed; it takes a known name: did you mean \"url\"?"),
        ("port = \"many\"", "notify.channels.ops.port: \"many\" is not allowed; it takes a whole number"),
        ("tls = \"yes\"", "notify.channels.ops.tls: \"yes\" is not allowed; it takes one of starttls, tls, none"),
    ] {
        let error = of_file(&format!("[notify.channels.ops]\n{text}\n")).unwrap_err();
        assert!(error.ends_with(expected), "{error}");
    }
}
