//! Sessions: a browser that has logged in holds the name of one in place of the token.

use super::token::Access;
use axum::http::uri::{Authority, Uri};
use axum::http::{HeaderMap, header};
use perf_runtime::Monitor;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;
use tokio::sync::watch;

/// The life of a session, from the log-in on.
pub(super) const LIFE: Duration = Duration::from_secs(12 * 3_600);
/// The most sessions of each right; one more ends the oldest of that right, so that readers end no session of an admin.
const MOST: usize = 256;
/// The length of a secret, in bytes: what nobody guesses.
const SECRET: usize = 32;

/// The sessions of one server. They end with the process.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    last: u64,
    by_number: BTreeMap<u64, Session>,
}

struct Session {
    /// In hexadecimal digits, as the cookie has it. Never shown.
    secret: String,
    access: Access,
    ends: Instant,
    /// Dropped with the session, which whoever listens in it is told by.
    is_open: watch::Sender<()>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("access", &self.access).field("ends", &self.ends).finish_non_exhaustive()
    }
}

/// The end of a session, to be waited for.
#[derive(Clone, Debug)]
pub(crate) struct SessionEnd {
    ends: Instant,
    is_open: watch::Receiver<()>,
}

impl SessionEnd {
    /// Returns when the session has ended: by its life, by a log-out, or by newer sessions.
    pub(crate) async fn reached(mut self) {
        // Nothing is ever sent: the receiver returns when the session is dropped.
        let _ = tokio::time::timeout_at(self.ends.into(), self.is_open.changed()).await;
    }
}

impl Sessions {
    /// Begins a session, and gives the value of its cookie. `None` where the system has no random bytes.
    pub(super) fn begin(&self, access: Access, now: Instant) -> Option<String> {
        let mut bytes = [0; SECRET];
        getrandom::fill(&mut bytes).ok()?;
        let secret = bytes.iter().fold(String::new(), |mut secret, byte| {
            // A text takes all that is written.
            let _ = write!(secret, "{byte:02x}");
            secret
        });
        let mut open = self.open();
        open.by_number.retain(|_, session| session.ends > now);
        let same: Vec<u64> =
            open.by_number.iter().filter(|(_, session)| session.access == access).map(|(number, _)| *number).collect();
        if let Some(oldest) = same.first().filter(|_| same.len() >= MOST) {
            open.by_number.remove(oldest);
        }
        open.last += 1;
        let (number, ends) = (open.last, now + LIFE);
        let value = format!("{number:x}.{secret}");
        open.by_number.insert(number, Session { secret, access, ends, is_open: watch::Sender::new(()) });
        Some(value)
    }

    /// The rights of a cookie's session, and its end.
    pub(super) fn find(&self, cookie: &[u8], now: Instant) -> Option<(Access, SessionEnd)> {
        let open = self.open();
        let (_, session) = open.find(cookie)?;
        let end = SessionEnd { ends: session.ends, is_open: session.is_open.subscribe() };
        (session.ends > now).then_some((session.access, end))
    }

    /// Ends the session of a cookie.
    pub(super) fn end(&self, cookie: &[u8]) {
        let mut open = self.open();
        if let Some(number) = open.find(cookie).map(|(number, _)| number) {
            open.by_number.remove(&number);
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// The session of a cookie. The number is no secret; the secret takes as long to compare wherever it differs.
    fn find(&self, cookie: &[u8]) -> Option<(u64, &Session)> {
        let (number, secret) = std::str::from_utf8(cookie).ok()?.split_once('.')?;
        let number = u64::from_str_radix(number, 16).ok()?;
        let session = self.by_number.get(&number)?;
        bool::from(session.secret.as_bytes().ct_eq(secret.as_bytes())).then_some((number, session))
    }
}

/// The name of the cookie. Browsers send cookies to every port of a host: by the service, its instance and the port, so
/// that the log-in of one service does not overwrite that of another.
pub(crate) fn cookie_name(monitor: &Monitor, headers: &HeaderMap, uri: &Uri) -> String {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse().ok());
    let asked: Option<Authority> = named.or_else(|| uri.authority().cloned());
    let mut hasher = DefaultHasher::new();
    monitor.service().map(|service| (&service.name, &service.instance)).hash(&mut hasher);
    asked.and_then(|asked| asked.port_u16()).hash(&mut hasher);
    format!("perf_session_{:08x}", hasher.finish() >> 32)
}

/// The value of the cookie of this name.
pub(super) fn in_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let cookies = headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let mut values = cookies.filter_map(|cookie| cookie.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    values.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_by_its_secret_until_it_ends() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let access = |cookie: &str, now| sessions.find(cookie.as_bytes(), now).map(|(access, _)| access);
        let (admin, reader) = (sessions.begin(Access::Admin, now).unwrap(), sessions.begin(Access::Read, now).unwrap());
        assert!(admin.len() > 2 * SECRET && admin.split_once('.').unwrap().1 != reader.split_once('.').unwrap().1);
        assert_eq!((access(&admin, now), access(&reader, now)), (Some(Access::Admin), Some(Access::Read)));
        let other = format!("{}{}", &admin[..admin.len() - 1], if admin.ends_with('0') { '1' } else { '0' });
        for wrong in ["", ".", "1", "1.", "1.0", other.as_str(), &admin.replacen('1', "2", 1), "zz.00"] {
            assert_eq!(access(wrong, now), None, "{wrong}");
        }
        assert_eq!(access(&admin, now + LIFE), None);
        sessions.end(other.as_bytes());
        assert_eq!(access(&admin, now), Some(Access::Admin));
        sessions.end(admin.as_bytes());
        assert_eq!((access(&admin, now), access(&reader, now)), (None, Some(Access::Read)));
        assert!(!format!("{sessions:?}").contains(reader.split_once('.').unwrap().1));
    }

    #[test]
    fn there_are_so_many_and_readers_end_no_session_of_an_admin() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let admin = sessions.begin(Access::Admin, now).unwrap();
        let first = sessions.begin(Access::Read, now).unwrap();
        for _ in 0..MOST {
            sessions.begin(Access::Read, now).unwrap();
        }
        assert_eq!(sessions.open().by_number.len(), MOST + 1);
        assert!(sessions.find(admin.as_bytes(), now).is_some() && sessions.find(first.as_bytes(), now).is_none());
        sessions.begin(Access::Read, now + LIFE).unwrap();
        assert_eq!(sessions.open().by_number.len(), 1, "those that ended are forgotten");
    }
}
