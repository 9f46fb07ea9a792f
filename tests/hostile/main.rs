//! Whatever a client with the read token does, the service goes on: its memory, its probes, its own answers. The bench `soak`
//! does the same for ten minutes.

mod clients;
mod service;

use clients::attack;
use service::Started;
use std::process::Command;
use std::time::Duration;

/// Set in the process that is the service.
const IS_SERVICE: &str = "PERF_HOSTILE_SERVICE";

#[test]
fn whatever_clients_do_the_service_goes_on() {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "the_service_that_is_asked", "--nocapture"]).env(IS_SERVICE, "1");
    // Beside other tests requests pile up, and what glibc keeps of it in an arena for each thread would hide what the service itself keeps. In `soak` the
    // service has glibc's own arenas, as users have them.
    command.env("MALLOC_ARENA_MAX", "2");
    let mut started = Started::new(&mut command);
    let finding = attack(&started.service(), 30, Duration::from_secs(15));
    println!("{finding}");
    println!("Beyond the bounds of time, beside other tests: {:?}", finding.slow());
    assert_eq!(finding.faults(), [""; 0], "{finding}");
}

/// The service, where this is its process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_that_is_asked() {
    if std::env::var_os(IS_SERVICE).is_some() {
        service::serve().await;
    }
}
