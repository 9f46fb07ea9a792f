//! The settings of one channel: a table `[notify.channels.NAME]`.

use super::secret::Secret;
use super::written::Written;
use crate::outbox::Limit;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The settings of one channel: a table `[notify.channels.NAME]`, of which `type` says what else may be set. They are read
/// once, at start; nothing of them can be set over HTTP.
///
/// ```toml
/// [notify.channels.team]
/// type = "slack"
/// url_env = "SLACK_WEBHOOK_URL"
///
/// [notify.channels.on-call]
/// type = "email"
/// host = "smtp.example.com"
/// username = "perf"
/// password_file = "/run/secrets/smtp"
/// from = "perf <perf@example.com>"
/// to = ["on-call@example.com"]
///
/// [notify.channels.tickets]
/// type = "webhook"
/// url = "https://tickets.example.com/new"
/// token_env = "TICKETS_TOKEN"
/// template = '{"title": {{ headline }}, "text": {{ body("plain", 4000) }}}'
/// ```
///
/// # Secrets
///
/// Addresses, tokens, passwords and keys are secrets. Each may be written in one of three ways: as it is (`token`), by the name
/// of an environment variable (`token_env`), or by the path of a file (`token_file`, whose last line end is left out). They are
/// shown in no log, error, answer or page.
///
/// # Types
///
/// | `type` | goes to | needs | may have |
/// |---|---|---|---|
/// | `console` | standard error, one line an alert, in colour on a terminal unless `NO_COLOR` is set | | |
/// | `webhook` | any HTTP receiver, as Alertmanager's webhook (version 4; a notice as `"type": "notice"`) or by a template | `url` | `token`, `headers`, `template` or `template_file`, `content_type`, `signing_key` |
/// | `slack` | an incoming webhook of Slack | `url` | |
/// | `discord` | a webhook of Discord | `url` | |
/// | `teams` | a webhook of a Microsoft Teams workflow; it answers before the card is posted | `url` | |
/// | `email` | an SMTP server (feature `email`) | `host`, `from`, `to` | `port`, `tls`, `username`, `password`, `allow_plain_auth` |
/// | `alertmanager` | each member of an Alertmanager, API version 2: told each minute what fires | `url` or `urls` | `token`, `headers` |
/// | `pagerduty` | Events API version 2: one incident a group, which ends with its last alert; a test opens one of severity info | `routing_key` | `url` |
/// | `telegram` | a chat of a bot | `token`, `chat_id` | `url` |
/// | `ntfy` | a topic of ntfy | `topic` | `url`, `token` |
/// | `command` | a program, with the webhook's JSON on its standard input; only with `allow_commands = true` | `command` | |
///
/// All may have `burst`, `per_minute` and `fallback`. All that speak HTTP, and `email`, may have `ca_file` and `allow_link_local`.
///
/// Names are resolved and addresses checked at each attempt: link-local addresses, those where clouds tell a machine its
/// credentials, unspecified and multicast ones are refused unless `allow_link_local` is set. Redirects are not followed, and no
/// proxy of the environment is used: it would resolve the name itself, so that the address could not be checked.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ChannelSettings {
    /// The type of the channel. It must be set.
    #[serde(rename = "type")]
    pub kind: Option<ChannelKind>,
    /// The address: http or https. A name and a password in it are sent as basic authentication.
    pub url: Option<Secret>,
    /// The environment variable that holds `url`.
    pub url_env: Option<String>,
    /// The file that holds `url`.
    pub url_file: Option<PathBuf>,
    /// `alertmanager`: the address of each member, such as `http://am-1:9093`.
    pub urls: Vec<Secret>,
    /// A token: sent as `Authorization: Bearer`; of `telegram` that of the bot.
    pub token: Option<Secret>,
    /// The environment variable that holds `token`.
    pub token_env: Option<String>,
    /// The file that holds `token`.
    pub token_file: Option<PathBuf>,
    /// `email`: the password of `username`.
    pub password: Option<Secret>,
    /// The environment variable that holds `password`.
    pub password_env: Option<String>,
    /// The file that holds `password`.
    pub password_file: Option<PathBuf>,
    /// `pagerduty`: the integration key.
    pub routing_key: Option<Secret>,
    /// The environment variable that holds `routing_key`.
    pub routing_key_env: Option<String>,
    /// The file that holds `routing_key`.
    pub routing_key_file: Option<PathBuf>,
    /// `webhook`: the key of a signature. Each request then has the header `X-Perf-Signature: t=<unix time>,v1=<hex>`, the
    /// HMAC-SHA256 of the time, a dot and the body.
    pub signing_key: Option<Secret>,
    /// The environment variable that holds `signing_key`.
    pub signing_key_env: Option<String>,
    /// The file that holds `signing_key`.
    pub signing_key_file: Option<PathBuf>,
    /// Headers of each request by name. Their values are secrets.
    pub headers: BTreeMap<String, Secret>,
    /// `webhook`: the body as a template of Jinja. It sees what Alertmanager's payload has (`alerts`, `commonLabels`, ..), the
    /// words (`headline`, `severity`, `service`, `paragraphs`, `link`), `message` (`id`, `reason`, `at`), `notice` (`key`, `text`; none of alerts), and the functions
    /// `text(style, most, count)` and `body(style, most, count)`: the words in a style (`"plain"`, `"slack"`, `"html"`,
    /// `"discord"`, `"teams"`), at most so many `"characters"`, `"bytes"` or `"json"` bytes. Filters: `cut(most)`,
    /// `cut_bytes(most)`, `escape_for(style, most)` and `key(most)`. Where `content_type` is JSON, each value is written as JSON, quotes and
    /// all: `{"text": {{ headline }}}`. A name that there is not is an error: a label that not every alert has needs `| default("")`.
    pub template: Option<String>,
    /// The file that holds `template`.
    pub template_file: Option<PathBuf>,
    /// `webhook`: the content type; `application/json` without it.
    pub content_type: Option<String>,
    /// `email`: the name of the SMTP server, which its certificate must have.
    pub host: Option<String>,
    /// `email`: the port; 587, or 465 with `tls = "tls"`, or 25 with `tls = "none"`.
    pub port: Option<u16>,
    /// `email`: how the connection is encrypted; `"starttls"` without it.
    pub tls: Option<SmtpTls>,
    /// `email`: the name to log in with.
    pub username: Option<String>,
    /// `email`: the sender, such as `"perf <perf@example.com>"`.
    pub from: Option<String>,
    /// `email`: the receivers.
    pub to: Vec<String>,
    /// `email`: whether the password may be sent without encryption.
    pub allow_plain_auth: bool,
    /// `telegram`: the chat.
    pub chat_id: Option<String>,
    /// `ntfy`: the topic. Whoever knows it can read along.
    pub topic: Option<Secret>,
    /// `command`: the program and its arguments. No shell reads them. It has 10 s, and of the environment only `PATH`.
    pub command: Vec<String>,
    /// A file of certificates (PEM) that are trusted instead of those that Mozilla trusts.
    pub ca_file: Option<PathBuf>,
    /// Whether addresses are sent to that are refused otherwise: link-local ones and those of clouds' metadata.
    pub allow_link_local: bool,
    /// Messages at once: 1 to 1,000, 3 unless set.
    pub burst: Option<u32>,
    /// Messages in the long run: 1 to 6,000 a minute, 6 unless set. Of more, one message tells all that waits.
    pub per_minute: Option<u32>,
    /// The channel that is told where this one has failed for 5 minutes, or refuses a message for good.
    pub fallback: Option<String>,
}

/// The type of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ChannelKind {
    /// Standard error.
    Console,
    /// Any HTTP receiver.
    Webhook,
    /// An incoming webhook of Slack.
    Slack,
    /// A webhook of Discord.
    Discord,
    /// An SMTP server.
    Email,
    /// An Alertmanager.
    Alertmanager,
    /// PagerDuty's Events API.
    Pagerduty,
    /// A workflow of Microsoft Teams.
    Teams,
    /// A chat of Telegram.
    Telegram,
    /// A topic of ntfy.
    Ntfy,
    /// A program.
    Command,
}

impl ChannelKind {
    /// The name of the type, as `type` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Email => "email",
            Self::Alertmanager => "alertmanager",
            Self::Pagerduty => "pagerduty",
            Self::Teams => "teams",
            Self::Telegram => "telegram",
            Self::Ntfy => "ntfy",
            Self::Command => "command",
        }
    }

    pub(super) const ALL: &str =
        "console, webhook, slack, discord, email, alertmanager, pagerduty, teams, telegram, ntfy or command";

    /// The keys that a channel of this type may have; of a secret only the first of the three.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Console => &[],
            Self::Webhook => &[
                "url",
                "token",
                "headers",
                "template",
                "template_file",
                "content_type",
                "signing_key",
                "ca_file",
                "allow_link_local",
            ],
            Self::Slack | Self::Discord | Self::Teams => &["url", "ca_file", "allow_link_local"],
            Self::Email => &[
                "host",
                "port",
                "tls",
                "username",
                "password",
                "from",
                "to",
                "allow_plain_auth",
                "ca_file",
                "allow_link_local",
            ],
            Self::Alertmanager => &["url", "urls", "token", "headers", "ca_file", "allow_link_local"],
            Self::Pagerduty => &["routing_key", "url", "ca_file", "allow_link_local"],
            Self::Telegram => &["token", "chat_id", "url", "ca_file", "allow_link_local"],
            Self::Ntfy => &["topic", "url", "token", "ca_file", "allow_link_local"],
            Self::Command => &["command"],
        }
    }
}

/// How the connection to an SMTP server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SmtpTls {
    /// By `STARTTLS`, without which nothing is sent.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
    /// Not at all.
    None,
}

/// A setting of a channel that is not allowed. It belongs to the table of the channel, `notify.channels.NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelError {
    /// The key, below the table: `url` or `headers.X-Team`.
    pub field: String,
    /// The value, or `(not shown)` where it is a secret.
    pub value: String,
    /// The values that are allowed.
    pub allowed: String,
}

impl ChannelError {
    pub(super) fn new(field: impl Into<String>, value: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { field: field.into(), value: value.into(), allowed: allowed.into() }
    }

    /// An error of a secret, whose value is not shown.
    pub(super) fn of_secret(field: &str, allowed: impl Into<String>) -> Self {
        Self::new(field, Secret::default().to_string(), allowed)
    }

    pub(super) fn missing(field: &str, allowed: &str) -> Self {
        Self::new(field, "", allowed)
    }
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} is not allowed; it takes {}", self.field, self.value, self.allowed)
    }
}

impl std::error::Error for ChannelError {}

impl ChannelSettings {
    /// A webhook at this address, with Alertmanager's payload.
    pub fn webhook(url: impl Into<String>) -> Self {
        Self { kind: Some(ChannelKind::Webhook), url: Some(Secret::new(url)), ..Self::default() }
    }

    /// How many messages it is sent.
    pub(crate) fn limit(&self) -> Result<Limit, ChannelError> {
        let default = Limit::default();
        let within = |key: &str, set: Option<u32>, default: u32, most: u32| match set {
            Some(set) if (1..=most).contains(&set) => Ok(set),
            Some(set) => Err(ChannelError::new(key, set.to_string(), format!("1 to {most}"))),
            None => Ok(default),
        };
        Ok(Limit {
            burst: within("burst", self.burst, default.burst, 1_000)?,
            per_minute: within("per_minute", self.per_minute, default.per_minute, 6_000)?,
        })
    }
}

impl ChannelSettings {
    /// The type, after a check that only its keys are set.
    pub(super) fn kind(&self) -> Result<ChannelKind, ChannelError> {
        let kind = self.kind.ok_or_else(|| ChannelError::missing("type", ChannelKind::ALL))?;
        match self.set_keys().find(|(_, key)| !kind.keys().contains(key)) {
            Some((written, _)) if kind.keys().is_empty() => {
                Err(ChannelError::new(written, "", format!("nothing: {} has no other keys than type", kind.as_str())))
            }
            Some((written, _)) => {
                let keys = kind.keys().join(", ");
                Err(ChannelError::new(written, "", format!("nothing: the keys of type {} are {keys}", kind.as_str())))
            }
            None => Ok(kind),
        }
    }

    /// The keys that are set: as they are written, and as [`ChannelKind::keys`] has them.
    fn set_keys(&self) -> impl Iterator<Item = (String, &'static str)> {
        let secrets = self.secrets().into_iter().flat_map(|written| {
            let Written { key, value, variable, file } = written;
            [("", value.is_some()), ("_env", variable.is_some()), ("_file", file.is_some())]
                .map(|(end, is_set)| (format!("{key}{end}"), key, is_set))
        });
        let others = [
            ("urls", !self.urls.is_empty()),
            ("headers", !self.headers.is_empty()),
            ("template", self.template.is_some()),
            ("template_file", self.template_file.is_some()),
            ("content_type", self.content_type.is_some()),
            ("host", self.host.is_some()),
            ("port", self.port.is_some()),
            ("tls", self.tls.is_some()),
            ("username", self.username.is_some()),
            ("from", self.from.is_some()),
            ("to", !self.to.is_empty()),
            ("allow_plain_auth", self.allow_plain_auth),
            ("chat_id", self.chat_id.is_some()),
            ("topic", self.topic.is_some()),
            ("command", !self.command.is_empty()),
            ("ca_file", self.ca_file.is_some()),
            ("allow_link_local", self.allow_link_local),
        ];
        let others = others.map(|(key, is_set)| (key.to_owned(), key, is_set));
        secrets.chain(others).filter(|(_, _, is_set)| *is_set).map(|(written, key, _)| (written, key))
    }

    fn secrets(&self) -> [Written<'_>; 5] {
        [self.url(), self.token(), self.password(), self.routing_key(), self.signing_key()]
    }

    pub(super) fn url(&self) -> Written<'_> {
        Written { key: "url", value: &self.url, variable: &self.url_env, file: &self.url_file }
    }

    pub(super) fn token(&self) -> Written<'_> {
        Written { key: "token", value: &self.token, variable: &self.token_env, file: &self.token_file }
    }

    pub(super) fn password(&self) -> Written<'_> {
        Written { key: "password", value: &self.password, variable: &self.password_env, file: &self.password_file }
    }

    pub(super) fn routing_key(&self) -> Written<'_> {
        let (value, variable, file) = (&self.routing_key, &self.routing_key_env, &self.routing_key_file);
        Written { key: "routing_key", value, variable, file }
    }

    pub(super) fn signing_key(&self) -> Written<'_> {
        let (value, variable, file) = (&self.signing_key, &self.signing_key_env, &self.signing_key_file);
        Written { key: "signing_key", value, variable, file }
    }
}
