//! A session of SMTP (RFC 5321): greeting, encryption, password, one mail.
//!
//! Spoken here and not by a library, since each answer must be bounded in length and all of them together in time: the server may be
//! anybody's.

use super::wire::{Encryption, Wire};
use crate::channel::secret::{Secret, base64};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// The most lines of an answer.
const MOST_LINES: usize = 100;
/// The most bytes of an answer that are kept.
const MOST_KEPT: usize = 1_024;
/// How long the server is waited for after everything is said.
const FAREWELL: Duration = Duration::from_secs(2);

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    code: u16,
    lines: Vec<String>,
}

/// Why a mail was not taken.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server said no: for now (4xx), or for good (5xx).
    Refused(Reply),
    /// The server cannot what the settings ask for.
    Unsuited(&'static str),
    /// The connection failed, or what came was no SMTP.
    Broken(io::Error),
}

impl Failure {
    /// Whether another attempt would fare no better.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Refused(reply) => (500..600).contains(&reply.code),
            Self::Unsuited(_) => true,
            Self::Broken(_) => false,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reply) => write!(f, "the server answered {reply}"),
            Self::Unsuited(why) => f.write_str(why),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join(" "))
    }
}

/// How a session begins, beside the address.
pub(super) struct Hello<'a> {
    pub(super) deadline: Instant,
    /// Encrypted from the first byte.
    pub(super) at_once: Option<&'a Encryption>,
    /// Encrypted after the greeting, or not at all.
    pub(super) after_greeting: Option<&'a Encryption>,
    /// Name and password.
    pub(super) credentials: Option<&'a (String, Secret)>,
}

/// A session in which mails can be handed over.
pub(super) struct Session {
    wire: Wire,
    /// The extensions that the server offers, a line each, in capitals.
    abilities: Vec<String>,
}

impl Session {
    pub(super) fn begin(address: SocketAddr, hello: &Hello<'_>) -> Result<Self, Failure> {
        let mut session = Self { wire: Wire::connect(address, hello.deadline, hello.at_once)?, abilities: Vec::new() };
        session.answer()?;
        session.greet()?;
        if let Some(encryption) = hello.after_greeting {
            if !session.can("STARTTLS") {
                return Err(Failure::Unsuited("the server does not offer STARTTLS"));
            }
            session.command("STARTTLS")?;
            // The extensions that were offered before may be somebody's in between.
            let wire = session.wire.encrypted(encryption)?;
            session = Self { wire, abilities: Vec::new() };
            session.greet()?;
        }
        if let Some((name, password)) = hello.credentials {
            session.log_in(name, password.expose())?;
        }
        Ok(session)
    }

    /// Hands a mail over. A receiver that the server does not know keeps it from none of the others.
    pub(super) fn deliver<'a>(
        &mut self,
        from: &str,
        to: impl Iterator<Item = &'a str>,
        mail: &[u8],
    ) -> Result<String, Failure> {
        self.command(&format!("MAIL FROM:<{from}>"))?;
        let (mut refused, mut last, mut is_taken) = (Vec::new(), None, false);
        for to in to {
            match self.command(&format!("RCPT TO:<{to}>")) {
                Ok(_) => is_taken = true,
                Err(failure @ Failure::Refused(_)) => {
                    refused.push(format!("not to {to}: {failure}"));
                    last = Some(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
        if let Some(failure) = last.filter(|_| !is_taken) {
            return Err(failure);
        }
        self.command("DATA")?;
        self.wire.send(&stuffed(mail))?;
        let answer = self.answer()?;
        Ok([answer.to_string()].into_iter().chain(refused).collect::<Vec<_>>().join("; "))
    }

    /// Says goodbye. The mail was taken or not already.
    pub(super) fn end(mut self) {
        self.wire.hurry(FAREWELL);
        let _ = self.command("QUIT");
    }

    fn greet(&mut self) -> Result<(), Failure> {
        let name = match self.wire.own_address()? {
            IpAddr::V4(v4) => format!("[{v4}]"),
            IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
        };
        let answer = self.command(&format!("EHLO {name}"))?;
        self.abilities = answer.lines.iter().skip(1).map(|line| line.to_ascii_uppercase()).collect();
        Ok(())
    }

    fn can(&self, ability: &str) -> bool {
        self.abilities.iter().any(|line| line.split_whitespace().next() == Some(ability))
    }

    fn log_in(&mut self, name: &str, password: &str) -> Result<(), Failure> {
        let both = base64(format!("\0{name}\0{password}").as_bytes());
        let all = self.abilities.iter().filter_map(|line| line.strip_prefix("AUTH ")).flat_map(str::split_whitespace);
        let all: Vec<&str> = all.collect();
        if all.contains(&"PLAIN") {
            let answer = self.command(&format!("AUTH PLAIN {both}"))?;
            // A server that asks for it all the same.
            if answer.code == 334 {
                self.command(&both)?;
            }
        } else if all.contains(&"LOGIN") {
            self.command("AUTH LOGIN")?;
            self.command(&base64(name.as_bytes()))?;
            self.command(&base64(password.as_bytes()))?;
        } else {
            return Err(Failure::Unsuited("the server offers no way to log in that is known here: PLAIN or LOGIN"));
        }
        Ok(())
    }

    fn command(&mut self, command: &str) -> Result<Reply, Failure> {
        self.wire.send(format!("{command}\r\n").as_bytes())?;
        self.answer()
    }

    /// Reads an answer, which is a failure unless its code is 2xx or 3xx.
    fn answer(&mut self) -> Result<Reply, Failure> {
        let mut reply = Reply { code: 0, lines: Vec::new() };
        let mut kept = 0;
        for _ in 0..MOST_LINES {
            let line = self.wire.line()?;
            let parted = line.split_at_checked(3).and_then(|(code, rest)| Some((code.parse::<u16>().ok()?, rest)));
            let parted = parted
                .filter(|(code, rest)| (200..600).contains(code) && (rest.is_empty() || rest.starts_with([' ', '-'])));
            let Some((code, rest)) = parted else { return Err(no_smtp()) };
            reply.code = code;
            kept += rest.len();
            if kept <= MOST_KEPT {
                reply.lines.push(rest.get(1..).unwrap_or_default().to_owned());
            }
            if !rest.starts_with('-') {
                return if code < 400 { Ok(reply) } else { Err(Failure::Refused(reply)) };
            }
        }
        Err(no_smtp())
    }
}

fn no_smtp() -> Failure {
    Failure::Broken(io::Error::new(io::ErrorKind::InvalidData, "the server's answer is none of SMTP"))
}

/// A mail as it goes over the wire: dots at the beginning of lines doubled, and a lone one at the end.
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(mail.len() + 64);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            all.push(b'.');
        }
        all.extend(line);
    }
    if !all.ends_with(b"\r\n") {
        all.extend(b"\r\n");
    }
    all.extend(b".\r\n");
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_mail_ends_it() {
        let mail = b"Subject: a\r\n\r\n.\r\n..b\r\nMAIL FROM:<x>";
        assert_eq!(stuffed(mail), b"Subject: a\r\n\r\n..\r\n...b\r\nMAIL FROM:<x>\r\n.\r\n");
        assert_eq!(stuffed(b""), b"\r\n.\r\n");
    }
}
