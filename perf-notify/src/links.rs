//! Addresses in messages: where the dashboard shows that moment, and the signed one by which somebody acknowledges.

use crate::hex::{hex, unhex};
use crate::message::Message;
use perf_runtime::Kind;
use perf_runtime::alert::{Alert, Fingerprint};
use perf_runtime::text::rfc3339;
use ring::hmac;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a link acknowledges.
const VALID: Duration = Duration::from_secs(24 * 3_600);
/// The time around a message that its link shows: before, and after it.
const SHOWN: (Duration, Duration) = (Duration::from_secs(45 * 60), Duration::from_secs(15 * 60));
const KEY_BYTES: usize = 32;
/// The purpose of a signature: it is good for nothing else.
const ACTION: &str = "acknowledge";

/// Makes addresses below the public one, and signs those that acknowledge.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    public_url: String,
    key: hmac::Key,
}

/// The alert that a link acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) alert: Fingerprint,
    /// When the alert began, in milliseconds since 1970: a link is for this time and no later one.
    pub(crate) since: u64,
    /// The second since 1970 at which it expires.
    pub(crate) until: u64,
}

impl Ticket {
    fn signed_text(&self) -> String {
        format!("{ACTION}\n{}\n{}\n{}", self.alert, self.since, self.until)
    }

    /// Whether it is for the alert as it is now.
    pub(crate) fn is_for(&self, alert: &Alert) -> bool {
        alert.fingerprint == self.alert && millis(alert.since) == self.since && alert.resolved_at.is_none()
    }
}

/// Why a link acknowledges nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoTicket {
    Forged,
    Expired,
}

impl Links {
    /// # Errors
    /// The system gives no random bytes. A key that can neither be read nor kept is told in the log: links are good for as long as the
    /// process lives.
    pub(crate) fn new(public_url: &str, folder: Option<&Path>) -> io::Result<Self> {
        let kept = folder.map(|folder| key_of(&folder.join("notify.key")));
        let key = match kept {
            Some(Ok(key)) => key,
            Some(Err(error)) => {
                let text = "the key of signed links cannot be kept: they are of no use after a restart";
                tracing::warn!(target: "perf::notify", %error, "{text}");
                new_key()?
            }
            None => new_key()?,
        };
        let public_url = public_url.trim_end_matches('/').to_owned();
        Ok(Self { public_url, key: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }

    /// Adds the addresses to a message.
    pub(crate) fn add(&self, message: &mut Message) {
        message.link = Some(format!("{}/#/alerts{}", self.public_url, range(message.at)));
        for one in &mut message.alerts {
            one.link = Some(self.of_series(&one.alert, message.at));
            let is_open = one.alert.resolved_at.is_none() && one.alert.acknowledged.is_none();
            one.acknowledge = is_open.then(|| self.acknowledge(&one.alert, message.at));
        }
    }

    /// The page of an alert's series, or that of the alerts where it has none.
    fn of_series(&self, alert: &Alert, at: SystemTime) -> String {
        let mut address = format!("{}/#/", self.public_url);
        let name = alert.series.split_once('{').map_or("", |(name, _)| name);
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
        let labels = kind.map(|kind| kind.label_names().iter().map(|name| alert.labels.get(*name)).collect());
        if let (Some(kind), Some(Some(labels))) = (kind, labels) {
            let labels: Vec<&String> = labels;
            let _ = write!(address, "series/{}", kind.as_str());
            for label in labels {
                address.push('/');
                encode(if label.is_empty() { " " } else { label }, &mut address);
            }
        } else {
            address.push_str("alerts");
        }
        address + &range(at)
    }

    fn acknowledge(&self, alert: &Alert, at: SystemTime) -> String {
        let ticket = Ticket { alert: alert.fingerprint, since: millis(alert.since), until: millis(at + VALID) / 1_000 };
        let tag = hmac::sign(&self.key, ticket.signed_text().as_bytes());
        let Ticket { alert, since, until } = ticket;
        format!(
            "{}/acknowledge?alert={alert}&since={since}&until={until}&signature={}",
            self.public_url,
            hex(tag.as_ref())
        )
    }

    /// Checks a link that somebody came by.
    pub(crate) fn check(&self, ticket: Ticket, signature: &str, at: SystemTime) -> Result<Vec<u8>, NoTicket> {
        let signature = unhex(signature).ok_or(NoTicket::Forged)?;
        hmac::verify(&self.key, ticket.signed_text().as_bytes(), &signature).map_err(|_| NoTicket::Forged)?;
        if ticket.until <= millis(at) / 1_000 { Err(NoTicket::Expired) } else { Ok(signature) }
    }
}

/// The range of a page around a moment.
fn range(at: SystemTime) -> String {
    let (before, after) = SHOWN;
    format!("?from={}&to={}", rfc3339(at.checked_sub(before).unwrap_or(UNIX_EPOCH)), rfc3339(at + after))
}

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            into.push(char::from(byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

/// The key of a folder, made where there is none, for its owner alone.
fn key_of(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    match read_key(path) {
        Ok(Some(key)) => return Ok(key),
        // A file that a crash left unfinished, or nobody wrote: no link was signed by it.
        Ok(None) => std::fs::remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Whole or not at all, for another process may look at the same moment; and the first one stays.
    let key = new_key()?;
    let unfinished = path.with_extension(format!("key-{:x}", crate::random()));
    let linked = write_key(&unfinished, &key).and_then(|()| std::fs::hard_link(&unfinished, path));
    let removed = std::fs::remove_file(&unfinished);
    match linked {
        Ok(()) => removed.map(|()| key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let refused = || io::Error::other(format!("{}: not a key of {KEY_BYTES} bytes", path.display()));
            read_key(path)?.ok_or_else(refused)
        }
        Err(error) => Err(error),
    }
}

/// The key of a file; `None` where it is none.
fn read_key(path: &Path) -> io::Result<Option<[u8; KEY_BYTES]>> {
    let file = std::fs::File::open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    let mut key = Vec::new();
    file.take(KEY_BYTES as u64 + 1).read_to_end(&mut key)?;
    Ok(key.try_into().ok())
}

fn write_key(path: &Path, key: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(key)?;
    file.sync_all()
}

fn new_key() -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    crate::fill_random(&mut key).map_err(|()| io::Error::other("the system gives no random bytes"))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify.key");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| key_of(&path).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "one of them");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        // A crash left it empty.
        std::fs::write(&path, "").unwrap();
        let made = key_of(&path).unwrap();
        assert_eq!((made != keys[0], key_of(&path).unwrap()), (true, made));
    }

    #[test]
    fn a_folder_that_cannot_be_used_keeps_nobody_from_a_link() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Links::new("https://ops.example.com", Some(file.path())).is_ok());
    }
}
