//! The connection to a mail server: plain or encrypted, with one deadline for all that is sent and read.

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest that a connection takes to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// The most bytes of a line: four times what RFC 5321 allows.
const MOST_OF_LINE: usize = 2_048;

/// How the connection is encrypted: by which settings, and the name that the certificate must have.
#[derive(Clone)]
pub(super) struct Encryption {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
}

/// A connection, and what was read of it beyond the last line.
pub(super) struct Wire {
    stream: Stream,
    ahead: Vec<u8>,
}

enum Stream {
    Plain(Timed),
    Encrypted(Box<StreamOwned<ClientConnection, Timed>>),
}

/// A socket, each use of which has the time that is left.
struct Timed {
    socket: TcpStream,
    deadline: Instant,
}

impl Wire {
    pub(super) fn connect(address: SocketAddr, deadline: Instant, encryption: Option<&Encryption>) -> io::Result<Self> {
        let socket = TcpStream::connect_timeout(&address, left(deadline)?.min(CONNECT))?;
        let plain = Self { stream: Stream::Plain(Timed { socket, deadline }), ahead: Vec::new() };
        match encryption {
            Some(encryption) => plain.encrypted(encryption),
            None => Ok(plain),
        }
    }

    /// The same connection encrypted, from the next byte on.
    ///
    /// # Errors
    /// The server sent something beyond its last answer: somebody in between may have, and it would be taken for the server's own
    /// words once these are encrypted.
    pub(super) fn encrypted(self, Encryption { config, name }: &Encryption) -> io::Result<Self> {
        let Stream::Plain(socket) = self.stream else { return Ok(self) };
        if !self.ahead.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "more than one answer came before the encryption"));
        }
        let connection = ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
        let stream = Stream::Encrypted(Box::new(StreamOwned::new(connection, socket)));
        Ok(Self { stream, ahead: Vec::new() })
    }

    /// The address of this end.
    pub(super) fn own_address(&self) -> io::Result<IpAddr> {
        let socket = match &self.stream {
            Stream::Plain(stream) => &stream.socket,
            Stream::Encrypted(stream) => &stream.sock.socket,
        };
        Ok(socket.local_addr()?.ip())
    }

    /// Brings the deadline forward, to so long from now.
    pub(super) fn hurry(&mut self, time: Duration) {
        let timed = match &mut self.stream {
            Stream::Plain(stream) => stream,
            Stream::Encrypted(stream) => &mut stream.sock,
        };
        timed.deadline = timed.deadline.min(Instant::now() + time);
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream: &mut dyn Write = match &mut self.stream {
            Stream::Plain(stream) => stream,
            Stream::Encrypted(stream) => stream,
        };
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// The next line, without its end.
    pub(super) fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.ahead.len() > MOST_OF_LINE {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line of the answer is too long"));
            }
            let mut more = [0; 1_024];
            let read = match &mut self.stream {
                Stream::Plain(stream) => stream.read(&mut more),
                Stream::Encrypted(stream) => stream.read(&mut more),
            }?;
            if read == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
            }
            self.ahead.extend(more.iter().take(read));
        }
    }
}

/// The time that is left.
pub(super) fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(too_late()) } else { Ok(left) }
}

fn too_late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the mail server took too long")
}

/// A system says in one of two ways that the time is over.
fn timed(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => too_late(),
        _ => error,
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(left(self.deadline)?))?;
        self.socket.read(buffer).map_err(timed)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(left(self.deadline)?))?;
        self.socket.write(bytes).map_err(timed)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
