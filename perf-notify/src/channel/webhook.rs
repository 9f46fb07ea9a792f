//! The webhook: Alertmanager's payload or a template over HTTP, and the receivers that are such a template.

use super::http::{Http, Request, Target, headers};
use super::notice::body as payload_of;
use super::secret::{Scrub, Secret};
use super::settings::{ChannelError, ChannelKind, ChannelSettings};
use super::template::Template;
use super::written::read_file;
use super::{Accepted, Again, Channel, Opening, Refused};
use crate::hex::hex;
use crate::message::Message;
use crate::words::{Words, clean};
use ring::hmac;
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};
use ureq::http::{HeaderMap, HeaderValue};

const JSON: &str = "application/json";
/// The header of the signature.
const SIGNATURE: &str = "x-perf-signature";

/// A receiver over HTTP.
pub(super) struct Webhook {
    name: String,
    http: Http,
    target: Target,
    headers: HeaderMap,
    content_type: String,
    body: Body,
    signing_key: Option<hmac::Key>,
    scrub: Scrub,
    /// Whether its receiver is for alerts alone: one incident a group, that ends.
    is_pager: bool,
}

/// The way in which a message becomes the body of a request.
enum Body {
    /// Alertmanager's payload.
    Payload,
    /// A template, and the settings that it sees.
    Template(Box<Template>, Vec<(&'static str, Secret)>),
    /// Slack's blocks.
    Slack,
}

/// A receiver that is a template: its address where it has one of its own, and the template.
fn built_in(kind: ChannelKind) -> Option<(Option<&'static str>, &'static str)> {
    Some(match kind {
        ChannelKind::Pagerduty => {
            (Some("https://events.pagerduty.com/v2/enqueue"), include_str!("templates/pagerduty.json"))
        }
        ChannelKind::Telegram => (Some("https://api.telegram.org"), include_str!("templates/telegram.json")),
        ChannelKind::Ntfy => (Some("https://ntfy.sh"), include_str!("templates/ntfy.json")),
        ChannelKind::Discord => (None, include_str!("templates/discord.json")),
        ChannelKind::Teams => (None, include_str!("templates/teams.json")),
        _ => return None,
    })
}

impl Webhook {
    pub(super) fn open(
        name: &str,
        kind: ChannelKind,
        settings: &ChannelSettings,
        opening: &Opening<'_>,
    ) -> Result<Self, ChannelError> {
        let built_in = built_in(kind);
        let url = match built_in {
            Some((Some(own), _)) => settings.url().read(opening.variable)?.unwrap_or_else(|| Secret::new(own)),
            _ => settings.url().required(opening.variable)?,
        };
        let token = match kind {
            ChannelKind::Telegram => Some(settings.token().required(opening.variable)?),
            _ => settings.token().read(opening.variable)?,
        };
        let mut target = Target::parse("url", &url)?;
        let mut bearer = token.as_ref();
        if let (ChannelKind::Telegram, Some(token)) = (kind, &token) {
            let is_token = token.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b":_-".contains(&byte));
            let refused = || ChannelError::of_secret("token", "the token of a bot, such as 123456:ABC-DEF");
            target = target
                .below(&format!("/bot{}/sendMessage", token.expose()))
                .filter(|_| is_token)
                .ok_or_else(refused)?;
            bearer = None;
        }
        let signing_key = settings.signing_key().read(opening.variable)?;
        let content_type = settings.content_type.clone().unwrap_or_else(|| JSON.to_owned());
        if HeaderValue::from_str(&content_type).is_err() || !content_type.contains('/') {
            return Err(ChannelError::new(
                "content_type",
                clean::line(&content_type),
                "a content type, such as text/plain",
            ));
        }
        let body = match built_in {
            _ if kind == ChannelKind::Slack => Body::Slack,
            Some((_, source)) => {
                let template = Template::parse(source.to_owned(), JSON);
                let template = template.map_err(|error| ChannelError::new("type", kind.as_str(), error))?;
                Body::Template(Box::new(template), seen(kind, settings, opening)?)
            }
            None => own_template(settings, &content_type)?,
        };
        let seen: Vec<Secret> = match &body {
            // The number of a chat is no secret, and too short to be removed from answers.
            Body::Template(_, seen) => {
                seen.iter().filter(|(name, _)| *name != "chat_id").map(|(_, secret)| secret.clone()).collect()
            }
            Body::Payload | Body::Slack => Vec::new(),
        };
        let scrub =
            target.scrub([&token, &signing_key].into_iter().flatten().chain(settings.headers.values()).chain(&seen));
        Ok(Self {
            name: name.to_owned(),
            http: Http::new(settings.ca_file.as_deref(), settings.allow_link_local)?,
            headers: headers(&settings.headers, bearer)?,
            target,
            content_type,
            body,
            signing_key: signing_key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes())),
            scrub,
            is_pager: kind == ChannelKind::Pagerduty,
        })
    }

    fn body(&self, message: &Message) -> Result<Vec<u8>, String> {
        match &self.body {
            Body::Payload => payload_of(&self.name, message).map_err(|error| error.to_string()),
            Body::Slack => Ok(super::slack::body(&Words::of(message)).to_string().into_bytes()),
            Body::Template(template, seen) => {
                let seen: Vec<(&str, &str)> = seen.iter().map(|(name, secret)| (*name, secret.expose())).collect();
                template.body(&self.name, message, &seen).map_err(|error| format!("the template failed: {error}"))
            }
        }
    }
}

/// The settings that the template of a receiver sees.
fn seen(
    kind: ChannelKind,
    settings: &ChannelSettings,
    opening: &Opening<'_>,
) -> Result<Vec<(&'static str, Secret)>, ChannelError> {
    Ok(match kind {
        ChannelKind::Pagerduty => vec![("routing_key", settings.routing_key().required(opening.variable)?)],
        ChannelKind::Telegram => {
            let chat = settings.chat_id.as_ref().filter(|chat| !chat.trim().is_empty());
            let missing = || ChannelError::missing("chat_id", "the id of a chat, such as -1001234567890 or @name");
            vec![("chat_id", Secret::new(chat.ok_or_else(missing)?))]
        }
        ChannelKind::Ntfy => {
            let topic = settings.topic.clone().ok_or_else(|| ChannelError::missing("topic", "the name of a topic"))?;
            let is_topic = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            if topic.expose().is_empty() || topic.expose().len() > 64 || !topic.expose().bytes().all(is_topic) {
                return Err(ChannelError::of_secret("topic", "up to 64 letters, digits, dashes and underscores"));
            }
            vec![("topic", topic)]
        }
        _ => Vec::new(),
    })
}

/// The body of a webhook: by the template of its settings, where there is one.
fn own_template(settings: &ChannelSettings, content_type: &str) -> Result<Body, ChannelError> {
    let (field, source) = match (&settings.template, &settings.template_file) {
        (None, None) => return Ok(Body::Payload),
        (Some(source), None) => ("template", source.clone()),
        (None, Some(file)) => ("template_file", read_file("template_file", file)?),
        (Some(_), Some(_)) => {
            return Err(ChannelError::new("template_file", "", "nothing: there is a template already"));
        }
    };
    let shown = match field {
        "template_file" => settings.template_file.as_ref().map(|file| file.display().to_string()).unwrap_or_default(),
        _ => clean::short(&source, 80),
    };
    let refused = |error: String| {
        ChannelError::new(field, &*shown, format!("a template of Jinja: {}", clean::short(&error, 400)))
    };
    let template = Template::parse(source, content_type).map_err(refused)?;
    // A name that there is not, or a body that is no JSON, is told now and not when something is wrong.
    template.body("example", &super::example(), &[]).map_err(refused)?;
    Ok(Body::Template(Box::new(template), Vec::new()))
}

impl Channel for Webhook {
    fn refuses_notices(&self) -> Option<String> {
        if self.is_pager {
            return Some("pagerduty takes alerts alone".to_owned());
        }
        let failed = |error: String| format!("its template fails with a notice: {}", clean::short(&error, 400));
        super::example_notices().iter().find_map(|notice| self.body(notice).err()).map(failed)
    }

    fn send(&mut self, message: &Message) -> Result<Accepted, Refused> {
        let failed = |reason: String| Refused { reason: self.scrub.clean(&reason), status: None, again: Again::Never };
        let body = self.body(message).map_err(failed)?;
        let mut headers = self.headers.clone();
        if let Some(key) = &self.signing_key
            && let Ok(signature) = HeaderValue::from_str(&signature(key, &body, SystemTime::now()))
        {
            headers.insert(SIGNATURE, signature);
        }
        let request = Request { content_type: &self.content_type, body: &body, id: &message.id, headers: &headers };
        let accepted = self.http.post(&self.target, &request, &self.scrub)?;
        match serde_json::from_str::<Value>(&accepted.body) {
            // Slack may answer 200 and say in the body that it did not take the message.
            Ok(answer) if matches!(self.body, Body::Slack) && answer["ok"] == Value::Bool(false) => {
                let reason = format!("{} answered: {}", self.target.host, accepted.body);
                Err(Refused { reason, status: accepted.status, again: Again::Never })
            }
            _ => Ok(accepted),
        }
    }
}

/// `t=<unix time>,v1=<hex>`: the HMAC-SHA256 of the time, a dot and the body.
fn signature(key: &hmac::Key, body: &[u8], now: SystemTime) -> String {
    let time = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{time}.").as_bytes());
    context.update(body);
    format!("t={time},v1={}", hex(context.sign().as_ref()))
}
