//! A server for each way, and the load that they are put under in turn.

use crate::load::Loader;
use crate::server::Server;
use crate::table::Sample;
use crate::ways::Way;
use std::time::Duration;

/// How long each is under load in a round: the least that `wrk` can.
const ROUND: Duration = Duration::from_secs(1);
/// After so many rounds they are started anew: where a program lies in memory is chance, and makes a difference.
const ROUNDS_OF_A_PROCESS: usize = 10;

pub(crate) struct Servers<'a> {
    ways: &'a [Way],
    subscriber: bool,
    loader: Loader,
    /// Where they run, one for each way; which process of its way it is.
    running: Vec<Option<(usize, Server)>>,
}

impl<'a> Servers<'a> {
    pub(crate) fn new(ways: &'a [Way], subscriber: bool, loader: Loader) -> Self {
        Self { ways, subscriber, loader, running: ways.iter().map(|_| None).collect() }
    }

    /// One way's server, under load for a round.
    pub(crate) fn sample(&mut self, round: usize, way: usize) -> Result<Sample, String> {
        let loader = self.loader;
        let counts = self.ways[way].counter.is_some();
        let server = self.server(round / ROUNDS_OF_A_PROCESS, way)?;
        let before = server.ask()?;
        let load = loader.run(server.port(), ROUND)?;
        let after = server.ask()?;
        let sample = Sample::between(&before, &after, load);
        if counts && !sample.is_counted(&before, &after) {
            let counted = after.counted - before.counted;
            return Err(format!("{} requests were answered, and {counted} counted", load.requests));
        }
        Ok(sample)
    }

    /// A warm one: its caches are, and its threads had their first request.
    fn server(&mut self, process: usize, way: usize) -> Result<&mut Server, String> {
        let running = &mut self.running[way];
        if running.as_ref().is_none_or(|(started, _)| *started != process) {
            // The old one ends first.
            *running = None;
            let server = Server::start(self.ways[way], self.subscriber)?;
            self.loader.run(server.port(), ROUND)?;
            *running = Some((process, server));
        }
        running.as_mut().map(|(_, server)| server).ok_or_else(|| "it was started".to_owned())
    }
}
