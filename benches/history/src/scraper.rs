//! A real Prometheus that scrapes.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A Prometheus that scrapes one target and is ended with its guard.
pub(crate) struct Prometheus {
    child: Child,
    api: std::net::SocketAddr,
    data: PathBuf,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Starts it, with its data in the folder. Calls in flight are a gauge, which the history has not: it leaves them out.
    pub(crate) fn start(folder: &Path, target: &str, interval: &str) -> Self {
        let api = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
        let (config, data) = (folder.join("prometheus.yml"), folder.join("data"));
        let _ = fs::remove_dir_all(&data);
        let text = format!(
            "global: {{ scrape_interval: {interval}, scrape_timeout: {interval} }}\nscrape_configs:\n  - job_name: example\n    static_configs: [{{ targets: ['{target}'] }}]\n    metric_relabel_configs: [{{ source_labels: [__name__], regex: '.*_in_flight|active_.*', action: drop }}]\n"
        );
        fs::write(&config, text).expect("room");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address={api}"))
            .arg("--web.enable-admin-api")
            .stderr(Stdio::null())
            .spawn();
        Self { child: child.expect("prometheus"), api, data }
    }

    /// Ends it, and gives the bytes of the snapshot that it made of itself before, a compacted block.
    pub(crate) fn bytes_of_snapshot(self) -> u64 {
        let (api, data) = (self.api, self.data.clone());
        let mut stream = TcpStream::connect(api).expect("its API");
        let request = format!(
            "POST /api/v1/admin/tsdb/snapshot HTTP/1.1\r\nHost: {api}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("it is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.contains("\"success\""), "{answer}");
        drop(self);
        bytes_in(&data.join("snapshots"))
    }
}

pub(crate) fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_in(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}
