//! Alertmanager: told of all that fires, each of its members, by version 2 of its API.
//!
//! It forgets an alert that it is not told of again, and its members take each from whoever sends it: so every member is told.
//! Its own routes, groups and silences decide who hears.

use super::http::{Http, Request, Target, headers};
use super::payload::PostedAlert;
use super::secret::{Scrub, Secret};
use super::settings::{ChannelError, ChannelSettings};
use super::{Accepted, Again, Channel, Opening, Refused};
use crate::message::{Message, MessageAlert};
use crate::words::fires;
use perf_runtime::alert::Fingerprint;
use perf_runtime::extend::Service;
use std::collections::HashMap;
use std::io;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant, SystemTime};
use ureq::http::HeaderMap;

/// Where alerts are posted, below the address of a member.
const PATH: &str = "/api/v2/alerts";
/// The most alerts of one request.
const BATCH: usize = 256;
/// So long is a member told in several requests: it is told anew each minute.
const WHOLE: Duration = Duration::from_secs(40);
/// The most members.
const MAX_MEMBERS: usize = 16;

/// The members of an Alertmanager.
pub(super) struct Alertmanager {
    http: Http,
    members: Vec<(Target, Scrub)>,
    headers: HeaderMap,
    /// The alerts that it was last told to fire.
    told: HashMap<Fingerprint, PostedAlert>,
}

impl Alertmanager {
    pub(super) fn open(settings: &ChannelSettings, opening: &Opening<'_>) -> Result<Self, ChannelError> {
        let token = settings.token().read(opening.variable)?;
        let url = settings.url().read(opening.variable)?;
        let named = settings.urls.iter().enumerate().map(|(place, url)| (format!("urls.{place}"), url));
        let all: Vec<(String, &Secret)> = url.iter().map(|url| ("url".to_owned(), url)).chain(named).collect();
        if all.is_empty() || all.len() > MAX_MEMBERS {
            let allowed =
                format!("1 to {MAX_MEMBERS} addresses, such as [\"http://am-1:9093\", \"http://am-2:9093\"], or url");
            return Err(ChannelError::new("urls", all.len().to_string(), allowed));
        }
        let secrets: Vec<&Secret> = token.iter().chain(settings.headers.values()).collect();
        let member = |(field, url): &(String, &Secret)| {
            let base = Target::parse(field, url)?;
            let target = if base.ends_with(PATH) { Some(base) } else { base.below(PATH) };
            let target = target.ok_or_else(|| ChannelError::of_secret(field, "the address of a member"))?;
            let scrub = target.scrub(secrets.iter().copied());
            Ok((target, scrub))
        };
        Ok(Self {
            http: Http::new(settings.ca_file.as_deref(), settings.allow_link_local)?,
            members: all.iter().map(member).collect::<Result<_, ChannelError>>()?,
            headers: headers(&settings.headers, token.as_ref())?,
            told: HashMap::new(),
        })
    }

    /// The alerts to post. Alertmanager knows an alert by its labels, of which the severity is one: where that changed, the one that
    /// was told of before ends now, instead of when it is forgotten.
    fn posted(&mut self, alerts: &[MessageAlert], service: Option<&Service>, now: SystemTime) -> Vec<PostedAlert> {
        let (mut posted, mut told) = (Vec::with_capacity(alerts.len()), HashMap::new());
        for alert in alerts {
            let (fingerprint, new) = (alert.alert.fingerprint, PostedAlert::of(alert, service, now));
            if let Some(old) = self.told.remove(&fingerprint).filter(|old| !old.is_same_as(&new)) {
                posted.push(old.ended(now));
            }
            if fires(alert) {
                told.insert(fingerprint, new.clone());
            }
            posted.push(new);
        }
        self.told = told;
        posted
    }

    /// Tells one member.
    fn tell(&self, (target, scrub): &(Target, Scrub), bodies: &[Vec<u8>]) -> Result<Accepted, Refused> {
        let mut answer = Accepted { status: None, body: String::new() };
        let until = Instant::now() + WHOLE;
        for body in bodies {
            if Instant::now() >= until {
                let reason = format!("{}: it takes too long for {} requests", target.host, bodies.len());
                return Err(Refused { reason, status: None, again: Again::Later });
            }
            let request = Request { content_type: "application/json", body, id: "", headers: &self.headers };
            answer = self.http.post(target, &request, scrub)?;
        }
        Ok(answer)
    }
}

impl Channel for Alertmanager {
    fn send(&mut self, message: &Message) -> Result<Accepted, Refused> {
        // A try, beside what it is told of each minute.
        let told = std::mem::take(&mut self.told);
        let answer = self.mirror(&message.alerts, message.service.as_ref(), message.at);
        self.told = told;
        answer
    }

    fn mirrors(&self) -> bool {
        true
    }

    fn refuses_notices(&self) -> Option<String> {
        Some("alertmanager takes alerts alone".to_owned())
    }

    /// Tells every member. It is an error if none of them took all alerts; those that did not are named in the answer.
    fn mirror(
        &mut self,
        alerts: &[MessageAlert],
        service: Option<&Service>,
        now: SystemTime,
    ) -> Result<Accepted, Refused> {
        let posted = self.posted(alerts, service, now);
        let mut bodies: Vec<Vec<u8>> =
            posted.chunks(BATCH).filter_map(|batch| serde_json::to_vec(batch).ok()).collect();
        // A try has no alerts: the members are asked all the same.
        if bodies.is_empty() {
            bodies.push(b"[]".to_vec());
        }
        // Side by side, so that a member that does not answer holds up none.
        let answers: Vec<Result<Accepted, Refused>> = thread::scope(|scope| {
            let (this, bodies) = (&*self, &bodies);
            let tell = |member| thread::Builder::new().spawn_scoped(scope, move || this.tell(member, bodies));
            let threads: Vec<_> = self.members.iter().map(tell).collect();
            let lost = |reason: String| Err(Refused { reason, status: None, again: Again::Later });
            let answer = |thread: io::Result<ScopedJoinHandle<'_, Result<Accepted, Refused>>>| match thread {
                Ok(thread) => thread.join().unwrap_or_else(|_| lost("the thread that told it panicked".to_owned())),
                Err(error) => lost(format!("no thread to tell it: {error}")),
            };
            threads.into_iter().map(answer).collect()
        });
        let refused: Vec<&Refused> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        let reasons = refused.iter().map(|refused| refused.reason.as_str()).collect::<Vec<_>>().join("; ");
        match answers.iter().find_map(|answer| answer.as_ref().ok()) {
            Some(taken) if refused.is_empty() => Ok(taken.clone()),
            Some(taken) => Ok(Accepted { status: taken.status, body: format!("not every member took it: {reasons}") }),
            None => Err(Refused {
                status: refused.iter().find_map(|refused| refused.status),
                again: soonest(refused.iter().map(|refused| refused.again)),
                reason: reasons,
            }),
        }
    }
}

/// The time after which the first member may take it.
fn soonest(all: impl Iterator<Item = Again>) -> Again {
    let wait = |again: &Again| match again {
        Again::Later => Duration::ZERO,
        Again::After(wait) => *wait,
        Again::Never => Duration::MAX,
    };
    all.min_by_key(wait).unwrap_or(Again::Later)
}
