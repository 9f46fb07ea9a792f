//! A newer table of prices from an address, by a server of our own that speaks TLS.

use super::written;
use perf_llm::cost::{Call, Prices, RefreshError, TableUrl};
use perf_llm::meter::View;
use perf_llm::usage::Usage;
use perf_llm::{Llm, Settings};
use perf_runtime::Monitor;
use perf_runtime::test_util::isolated;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

const LATER: &str = "Last-Modified: Sat, 21 Nov 2026 00:00:00 GMT\r\n";
const EARLIER: &str = "Last-Modified: Fri, 20 Nov 2026 00:00:00 GMT\r\n";
const FUTURE: &str = "Last-Modified: Fri, 20 Nov 2099 00:00:00 GMT\r\n";

fn table(input: f64) -> Vec<u8> {
    format!(
        r#"[{{"id": "openai", "name": "OpenAI", "api_pattern": "https://api\\.openai\\.com", "models": [
            {{"id": "gpt-4o", "match": {{"equals": "gpt-4o"}}, "prices": {{"input_mtok": {input}, "output_mtok": 10}}}}]}}]"#
    )
    .into_bytes()
}

/// The answer of a server: the line of its status, its headers, and its body.
type Answer = (&'static str, &'static str, Vec<u8>);

/// A server that gives one answer, which can be changed.
struct Server {
    folder: tempfile::TempDir,
    port: u16,
    answer: Arc<Mutex<Answer>>,
}

impl Server {
    /// `None` where there is no `openssl` to make a certificate.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
            .current_dir(folder.path())
            .output();
        let is_made = made.is_ok_and(|made| made.status.success());
        assert!(is_made || std::env::var_os("PERF_REQUIRE_SERVERS").is_none(), "openssl makes a certificate");
        if !is_made {
            println!("skipped: there is no openssl");
            return None;
        }
        let answer = Arc::new(Mutex::new(("200 OK", LATER, table(3.0))));
        let port = serve(folder.path(), Arc::clone(&answer));
        Some(Self { folder, port, answer })
    }

    fn answers(&self, status: &'static str, headers: &'static str, body: Vec<u8>) {
        *self.answer.lock().unwrap() = (status, headers, body);
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/data.json", self.port)
    }

    fn authorities(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }
}

fn serve(folder: &Path, answer: Arc<Mutex<Answer>>) -> u16 {
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = rustls::StreamOwned::new(rustls::ServerConnection::new(config.clone()).unwrap(), stream);
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                request.push(byte[0]);
            }
            let (status, headers, body) = answer.lock().unwrap().clone();
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    port
}

fn cost(prices: &Prices) -> i64 {
    let usage = Usage::of(1_000_000, 0);
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_000_000);
    prices.price(&Call::new("openai", "gpt-4o", at, &usage)).unwrap().total().unwrap().picos()
}

#[test]
fn a_table_is_taken_from_an_address_and_one_that_cannot_be_right_is_not() {
    let Some(server) = Server::start() else { return };
    let prices = Prices::bundled();
    assert!(prices.wait(Duration::from_secs(120)));
    let url = TableUrl::trusting(&server.url(), &server.authorities()).unwrap();
    let whole = prices.table();
    let shrunk = prices.refresh_url(&url).unwrap_err();
    assert!(matches!(shrunk, RefreshError::Shrunk { models: 1, .. }) && prices.table() == whole, "{shrunk}");
    // By hand it is taken.
    prices.refresh(&table(2.0), SystemTime::UNIX_EPOCH + Duration::from_secs(1_794_000_000)).unwrap();
    let info = prices.refresh_url(&url).unwrap();
    assert!(info.version.starts_with("2026-11-21 ") && cost(&prices) == 3_000_000_000_000, "{}", info.version);
    assert_eq!(prices.refresh_url(&url).unwrap(), info, "the same once more");
    let refused = |status, headers, body| {
        server.answers(status, headers, body);
        let error = prices.refresh_url(&url).unwrap_err();
        assert_eq!(prices.table(), Some(info.clone()), "the last good one stays: {error}");
        error
    };
    let older = refused("200 OK", EARLIER, table(4.0));
    assert!(matches!(older, RefreshError::Older { .. }), "{older}");
    assert!(matches!(refused("200 OK", "", table(0.0)), RefreshError::FellToZero { .. }));
    let large = refused("200 OK", "", vec![b' '; (8 << 20) + 1]);
    assert!(matches!(large, RefreshError::TooLarge { bytes: 8_388_609 }), "{large}");
    let missing = refused("404 Not Found", "", Vec::new());
    assert!(missing.to_string().contains("localhost") && missing.to_string().contains("404"), "{missing}");
    // Over http it is not asked for, wherever a server sends it.
    let away = refused("302 Found", "Location: http://localhost:1/\r\n", Vec::new());
    assert!(matches!(away, RefreshError::Url { .. }), "{away}");
    let strange = prices.refresh_url(&TableUrl::new(&server.url()).unwrap()).unwrap_err();
    assert!(matches!(&strange, RefreshError::Url { .. }), "a certificate that nobody trusts: {strange}");
    server.answers("200 OK", FUTURE, table(5.0));
    let info = prices.refresh_url(&url).unwrap();
    assert!(info.as_of <= SystemTime::now() && cost(&prices) == 5_000_000_000_000, "no table is from the future");
}

#[test]
fn the_last_good_table_is_there_at_the_next_start() {
    let _alone = isolated();
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let file = folder.path().join("prices.json");
    std::fs::write(&file, table(2.0)).unwrap();
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_794_000_000);
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(made).unwrap();
    let settings = || {
        let (url, authorities) = (server.url(), server.authorities());
        written(&format!(
            "[llm]\npath = {state:?}\nprices = {file:?}\nprices_url = {url:?}\nprices_ca_file = {authorities:?}\n"
        ))
        .unwrap()
    };
    let until = |llm: &Llm, done: &dyn Fn(&View) -> bool| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !done(&llm.meter().view()) {
            assert!(Instant::now() < deadline, "{:?}", llm.meter().view());
            thread::sleep(Duration::from_millis(10));
        }
    };
    let of_the_21st = |view: &View| view.prices.as_deref().is_some_and(|of| of.starts_with("2026-11-21 "));
    {
        let monitor = Monitor::builder().build().unwrap();
        let llm = Llm::with_settings(&monitor, settings()).unwrap();
        until(&llm, &of_the_21st);
        until(&llm, &|_| state.join("llm-prices.json").exists());
        assert_eq!(llm.meter().view().prices_refused, None);
    }
    server.answers("503 Unavailable", "", Vec::new());
    let monitor = Monitor::builder().build().unwrap();
    let llm = Llm::with_settings(&monitor, settings()).unwrap();
    until(&llm, &|view| view.prices_refused.as_deref().is_some_and(|why| why.contains("503")));
    assert!(of_the_21st(&llm.meter().view()), "{:?}", llm.meter().view().prices);
    let text = monitor.render_prometheus();
    assert!(text.contains("llm_price_refreshes_total{outcome=\"refused\"} 1"), "{text}");
}

#[test]
fn an_address_that_is_not_allowed_is_named() {
    let refused = |lines: &str| {
        let monitor = Monitor::builder().build().unwrap();
        let settings: Settings = written(&format!("[llm]\n{lines}\n")).unwrap();
        Llm::with_settings(&monitor, settings).unwrap_err()
    };
    for url in ["http://example.com/a", "https://", "nonsense", "https://ada:secret@example.com/?key=1"] {
        let error = refused(&format!("prices_url = {url:?}"));
        assert_eq!(error.field, "llm.prices_url", "{error}");
        assert!(!error.to_string().contains("secret") && !error.to_string().contains("key"), "{error}");
    }
    let url = "prices_url = \"https://example.com\"\n";
    assert_eq!(refused(&format!("{url}prices_every = \"1m\"")).field, "llm.prices_every");
    assert_eq!(refused(&format!("{url}prices_ca_file = \"/nowhere.pem\"")).field, "llm.prices_ca_file");
}
