//! A receiver of webhooks: remembers what it was sent, and answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: serde_json::Value,
    /// The status that was answered.
    pub(crate) status: u16,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// The tables of the alerts that are told with this status.
    pub(crate) fn tables(&self, status: &str) -> Vec<String> {
        let alerts = self.body["alerts"].as_array().cloned().unwrap_or_default();
        let of_status = alerts.iter().filter(|alert| alert["status"] == status);
        of_status.map(|alert| alert["labels"]["table"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// The status and the headers of an answer to the request of this number, from 0 on.
type Answer = dyn Fn(usize) -> (u16, &'static str) + Send + Sync;

#[derive(Clone)]
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Sink {
    pub(crate) fn new(answer: impl Fn(usize) -> (u16, &'static str) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sink = Self { address: listener.local_addr().unwrap(), requests: Arc::default() };
        let (requests, answer): (_, Arc<Answer>) = (Arc::clone(&sink.requests), Arc::new(answer));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (requests, answer) = (Arc::clone(&requests), Arc::clone(&answer));
                thread::spawn(move || serve(connection, &requests, &*answer));
            }
        });
        sink
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those that were answered with 200.
    pub(crate) fn taken(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.status == 200).collect()
    }

    /// Waits until so many requests came; fails after 10 s.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Request> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let requests = self.requests();
            if requests.len() >= count {
                return requests;
            }
            assert!(Instant::now() < deadline, "{count} requests were wanted, {} came: {requests:#?}", requests.len());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn serve(connection: TcpStream, requests: &Mutex<Vec<Request>>, answer: &Answer) -> Option<()> {
    let mut reader = BufReader::new(connection.try_clone().ok()?);
    let mut writer = connection;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
        reader.read_exact(&mut body).ok()?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let (status, more) = {
            let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
            let (status, more) = answer(requests.len());
            requests.push(Request { headers, body, status });
            (status, more)
        };
        write!(writer, "HTTP/1.1 {status} Answer\r\n{more}Content-Length: 2\r\n\r\nok").ok()?;
    }
}
