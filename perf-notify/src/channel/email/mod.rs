//! Messages by SMTP: a connection for each, encrypted unless the settings say otherwise.

mod body;

use super::address::allowed;
use super::secret::{Scrub, base64};
use super::settings::{ChannelError, ChannelSettings, SmtpTls};
use super::written::read_file;
use super::{Accepted, Again, Channel, Opening, Refused};
use crate::message::Message;
use crate::words::clean::line;
use crate::words::{Count, Style};
use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, CertificateStore, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// The longest that the connection, and each of the server's answers, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most receivers.
const MAX_RECEIVERS: usize = 50;

/// A server, and who writes to whom.
pub(super) struct Email {
    host: String,
    port: u16,
    tls: Option<(SmtpTls, TlsParameters)>,
    credentials: Option<Credentials>,
    from: Mailbox,
    to: Vec<Mailbox>,
    allow_link_local: bool,
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
            (Some(name), Some(password)) => Some((name.clone(), password.expose().to_owned())),
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
            [password.clone(), base64(format!("\0{name}\0{password}").as_bytes()), base64(password.as_bytes())]
        });
        let sent: Vec<String> = sent.collect();
        Ok(Self {
            host: host.clone(),
            port,
            tls: (kind != SmtpTls::None).then(|| tls(host, settings)).transpose()?.map(|tls| (kind, tls)),
            credentials: credentials.map(|(name, password)| Credentials::new(name, password)),
            from: mailbox("from", settings.from.as_deref().unwrap_or_default())?,
            to: to.collect::<Result<_, _>>()?,
            allow_link_local: settings.allow_link_local,
            scrub: Scrub::new(sent.iter().map(String::as_str), []),
        })
    }

    /// The addresses of the server that may be connected to.
    fn addresses(&self) -> Result<Vec<SocketAddr>, Refused> {
        let refused =
            |reason: String, again| Refused { reason: format!("{}: {reason}", self.host), status: None, again };
        let resolved = (self.host.as_str(), self.port).to_socket_addrs();
        let resolved = resolved.map_err(|error| refused(error.to_string(), Again::Later))?;
        let checked = allowed(resolved, self.allow_link_local);
        if checked.is_empty() {
            return Err(refused(super::address::AddressRefused.to_string(), Again::Never));
        }
        Ok(checked)
    }

    /// A connection that is encrypted and logged in, as the settings say.
    fn connect(&self, address: SocketAddr) -> Result<SmtpConnection, Error> {
        let hello = ClientId::default();
        let wrapper = self.tls.as_ref().filter(|(kind, _)| *kind == SmtpTls::Tls).map(|(_, tls)| tls);
        let mut connection = SmtpConnection::connect(address, Some(PATIENCE), &hello, wrapper, None)?;
        if let Some((SmtpTls::Starttls, tls)) = &self.tls {
            connection.starttls(tls, &hello)?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials)?;
        }
        Ok(connection)
    }

    /// Hands a mail over. A receiver that the server does not know keeps it from none of the others.
    fn deliver(&self, connection: &mut SmtpConnection, mail: &[u8]) -> Result<String, Error> {
        connection.command(Mail::new(Some(self.from.email.clone()), Vec::new()))?;
        let (mut refused, mut failure) = (Vec::new(), None);
        for to in &self.to {
            if let Err(error) = connection.command(Rcpt::new(to.email.clone(), Vec::new())) {
                refused.push(format!("not to {}: {error}", to.email));
                failure = Some(error);
            }
        }
        if let Some(error) = failure.filter(|_| refused.len() == self.to.len()) {
            return Err(error);
        }
        connection.command(Data)?;
        let answer = connection.message(mail)?;
        Ok([said(&answer)].into_iter().chain(refused).collect::<Vec<_>>().join("; "))
    }

    fn try_all(&self, mail: &[u8]) -> Result<String, Refused> {
        let mut last = None;
        for address in self.addresses()? {
            match self.connect(address) {
                Ok(mut connection) => {
                    let answer = self.deliver(&mut connection, mail);
                    // It was taken or not already.
                    let _ = connection.quit();
                    return answer.map_err(|error| self.refused(&error));
                }
                Err(error) => last = Some(self.refused(&error)),
            }
        }
        let none = || Refused { reason: format!("{}: no address", self.host), status: None, again: Again::Later };
        Err(last.unwrap_or_else(none))
    }

    fn refused(&self, error: &Error) -> Refused {
        let reason = self.scrub.clean(&line(&format!("{}: {error}", self.host)));
        let again = if error.is_permanent() || error.is_client() { Again::Never } else { Again::Later };
        Refused { reason: Style::Plain.fitted(&reason, 1_024, Count::Bytes), status: None, again }
    }
}

impl Channel for Email {
    fn send(&mut self, message: &Message) -> Result<Accepted, Refused> {
        let mail = body::mail(message, &self.from, &self.to);
        let mail = mail.map_err(|reason| Refused { reason, status: None, again: Again::Never })?;
        // As over HTTP: nobody hears on this thread what is sent.
        let nobody = tracing::Dispatch::none();
        let answer = tracing::dispatcher::with_default(&nobody, || self.try_all(&mail))?;
        let body = Style::Plain.fitted(&self.scrub.clean(&line(&answer)), 1_024, Count::Bytes);
        Ok(Accepted { status: None, body })
    }
}

/// `250 OK`.
fn said(answer: &Response) -> String {
    format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" "))
}

/// The parameters of a connection that is encrypted. lettre takes the process' provider of cryptography where there is one,
/// and ring's else; it installs none.
fn tls(host: &str, settings: &ChannelSettings) -> Result<TlsParameters, ChannelError> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(path) = &settings.ca_file {
        let allowed = "a file with at least one certificate in PEM";
        let refused = || ChannelError::new("ca_file", path.display().to_string(), allowed);
        let text = read_file("ca_file", path)?;
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            return Err(refused());
        }
        let certificate = Certificate::from_pem(text.as_bytes()).map_err(|_| refused())?;
        parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    parameters
        .build()
        .map_err(|error| ChannelError::new("host", host, format!("a server that TLS can be spoken with: {error}")))
}

/// An address with or without a name. Only ASCII, which every server takes.
fn mailbox(field: &str, text: &str) -> Result<Mailbox, ChannelError> {
    let refused = || ChannelError::new(field, line(text), "an address in ASCII, such as \"perf <perf@example.com>\"");
    let mailbox: Mailbox = text.parse().map_err(|_| refused())?;
    let address: &str = mailbox.email.as_ref();
    if !address.is_ascii() || text.contains(char::is_control) { Err(refused()) } else { Ok(mailbox) }
}
