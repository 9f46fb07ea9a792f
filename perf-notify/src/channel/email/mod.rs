//! Messages by SMTP: a connection for each, encrypted unless the settings say otherwise.

mod body;
mod session;
#[cfg(test)]
mod tests;
mod wire;

use super::address::{addresses_of, allowed};
use super::secret::{Scrub, Secret, base64};
use super::settings::{ChannelError, ChannelSettings, SmtpTls};
use super::written::read_file;
use super::{Accepted, Again, Channel, Opening, Refused};
use crate::message::Message;
use crate::words::clean::line;
use crate::words::{Count, Style};
use lettre::message::Mailbox;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use session::{Failure, Hello, Session};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::{Encryption, left};

/// The longest that a delivery takes in all: some servers look through a mail before they answer.
const WHOLE: Duration = Duration::from_secs(60);
/// The longest that the look-up of the server's name takes.
const RESOLVE: Duration = Duration::from_secs(5);
/// The most receivers.
const MAX_RECEIVERS: usize = 50;

/// A server, and who writes to whom.
pub(super) struct Email {
    host: String,
    port: u16,
    tls: Option<(SmtpTls, Encryption)>,
    credentials: Option<(String, Secret)>,
    from: Mailbox,
    to: Vec<Mailbox>,
    allow_link_local: bool,
    patience: Duration,
    scrub: Scrub,
}

impl Email {
    pub(super) fn open(settings: &ChannelSettings, opening: &Opening<'_>) -> Result<Self, ChannelError> {
        let kind = settings.tls.unwrap_or_default();
        let is_host =
            |host: &&String| !host.is_empty() && !host.contains(|c: char| c.is_control() || " /@".contains(c));
        let shown = line(settings.host.as_deref().unwrap_or_default());
        let host = settings.host.as_ref().filter(is_host);
        let host =
            host.ok_or_else(|| ChannelError::new("host", shown, "the name of a server, such as smtp.example.com"))?;
        let port = settings.port.unwrap_or(match kind {
            SmtpTls::Starttls => 587,
            SmtpTls::Tls => 465,
            SmtpTls::None => 25,
        });
        let password = settings.password().read(opening.variable)?;
        let credentials = match (&settings.username, &password) {
            (None, None) => None,
            (Some(name), Some(password)) => Some((name.clone(), password.clone())),
            (Some(_), None) => return Err(ChannelError::missing("password", "the password of username")),
            (None, Some(_)) => return Err(ChannelError::missing("username", "the name that the password is of")),
        };
        if credentials.is_some() && kind == SmtpTls::None && !settings.allow_plain_auth {
            let allowed = "\"starttls\" or \"tls\" with a password, unless allow_plain_auth = true";
            return Err(ChannelError::new("tls", "none", allowed));
        }
        if settings.to.is_empty() || settings.to.len() > MAX_RECEIVERS {
            let allowed = format!("1 to {MAX_RECEIVERS} addresses, such as [\"on-call@example.com\"]");
            return Err(ChannelError::new("to", settings.to.len().to_string(), allowed));
        }
        let to = settings.to.iter().enumerate().map(|(place, address)| mailbox(&format!("to.{place}"), address));
        // The server may repeat what it was sent, in either encoding.
        let sent = credentials.iter().flat_map(|(name, password)| {
            let password = password.expose();
            [password.to_owned(), base64(format!("\0{name}\0{password}").as_bytes()), base64(password.as_bytes())]
        });
        let sent: Vec<String> = sent.collect();
        Ok(Self {
            host: host.clone(),
            port,
            tls: (kind != SmtpTls::None).then(|| encryption(host, settings)).transpose()?.map(|tls| (kind, tls)),
            credentials,
            from: mailbox("from", settings.from.as_deref().unwrap_or_default())?,
            to: to.collect::<Result<_, _>>()?,
            allow_link_local: settings.allow_link_local,
            patience: WHOLE,
            scrub: Scrub::new(sent.iter().map(String::as_str), []),
        })
    }

    /// The addresses of the server that may be connected to.
    fn addresses(&self, deadline: Instant) -> Result<Vec<SocketAddr>, Refused> {
        let time = left(deadline).map(|left| left.min(RESOLVE));
        let resolved = time.and_then(|time| addresses_of((self.host.clone(), self.port), time));
        let resolved = resolved.map_err(|error| self.refused(&Failure::Broken(error)))?;
        let checked = allowed(resolved, self.allow_link_local);
        if checked.is_empty() {
            let reason = format!("{}: {}", self.host, super::address::AddressRefused);
            return Err(Refused { reason, status: None, again: Again::Never });
        }
        Ok(checked)
    }

    /// Hands a mail over by the first of the server's addresses that takes a session. All of it together has one deadline.
    fn try_all(&self, mail: &[u8]) -> Result<String, Refused> {
        let deadline = Instant::now() + self.patience;
        let encryption = |wanted| self.tls.as_ref().filter(|(kind, _)| *kind == wanted).map(|(_, tls)| tls);
        let hello = Hello {
            deadline,
            at_once: encryption(SmtpTls::Tls),
            after_greeting: encryption(SmtpTls::Starttls),
            credentials: self.credentials.as_ref(),
        };
        let mut last = None;
        for address in self.addresses(deadline)? {
            match Session::begin(address, &hello) {
                Ok(mut session) => {
                    let to = self.to.iter().map(|to| to.email.as_ref());
                    let answer = session.deliver(self.from.email.as_ref(), to, mail);
                    session.end();
                    return answer.map_err(|failure| self.refused(&failure));
                }
                Err(failure) => last = Some(self.refused(&failure)),
            }
        }
        let none = || Refused { reason: format!("{}: no address", self.host), status: None, again: Again::Later };
        Err(last.unwrap_or_else(none))
    }

    fn refused(&self, failure: &Failure) -> Refused {
        let reason = self.scrub.clean(&line(&format!("{}: {failure}", self.host)));
        let again = if failure.is_final() { Again::Never } else { Again::Later };
        Refused { reason: Style::Plain.fitted(&reason, 1_024, Count::Bytes), status: None, again }
    }
}

impl Channel for Email {
    fn send(&mut self, message: &Message) -> Result<Accepted, Refused> {
        let mail = body::mail(message, &self.from, &self.to);
        let mail = mail.map_err(|reason| Refused { reason, status: None, again: Again::Never })?;
        let answer = self.try_all(&mail)?;
        let body = Style::Plain.fitted(&self.scrub.clean(&line(&answer)), 1_024, Count::Bytes);
        Ok(Accepted { status: None, body })
    }
}

/// How a connection is encrypted: by ring, handed in and not installed for the process.
fn encryption(host: &str, settings: &ChannelSettings) -> Result<Encryption, ChannelError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &settings.ca_file {
        let allowed = "a file with at least one certificate in PEM";
        let refused = || ChannelError::new("ca_file", path.display().to_string(), allowed);
        let text = read_file("ca_file", path)?;
        let certificates = CertificateDer::pem_slice_iter(text.as_bytes()).filter_map(Result::ok);
        if roots.add_parsable_certificates(certificates).0 == 0 {
            return Err(refused());
        }
    } else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let refused = |error: &dyn std::fmt::Display| {
        ChannelError::new("host", host, format!("a server that TLS can be spoken with: {error}"))
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| refused(&error))?;
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| refused(&error))?;
    Ok(Encryption { config: Arc::new(builder.with_root_certificates(roots).with_no_client_auth()), name })
}

/// An address with or without a name. Only ASCII, which every server takes.
fn mailbox(field: &str, text: &str) -> Result<Mailbox, ChannelError> {
    let refused = || ChannelError::new(field, line(text), "an address in ASCII, such as \"perf <perf@example.com>\"");
    let mailbox: Mailbox = text.parse().map_err(|_| refused())?;
    let address: &str = mailbox.email.as_ref();
    // A quoted name may hold what ends an address on the wire.
    let is_plain = address.is_ascii() && !address.contains(['<', '>', ' ']) && !text.contains(char::is_control);
    if is_plain { Ok(mailbox) } else { Err(refused()) }
}
