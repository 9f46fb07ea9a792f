//! The faults of the example, as the process itself explains them: one incident each, with its cause.

use std::time::{Duration, SystemTime};

use perf_runtime::text::parse_rfc3339;
use serde_json::{Value, json};

use crate::fixed_load::get;
use crate::program::Program;
use crate::servers::PATIENCE;

/// So soon after a fault begins there must be one incident with its cause.
const SOON: Duration = Duration::from_secs(40);
/// The time after a fault begins at which every alert must be a part of the incident. More of them come later, where there is time.
const FOLDED: Duration = Duration::from_secs(25);

/// The kind, the series and the further series of the likely cause, in one text.
fn blamed(incident: &Value) -> String {
    let cause = &incident["causes"][0];
    format!("{} {} {} {}", cause["sureness"], cause["kind"], cause["series"], cause["also"])
}

async fn incidents(url: &str) -> Vec<Value> {
    let all: Value = get(&format!("{url}/api/v1/incidents")).await.parse().expect("JSON");
    all["incidents"].as_array().expect("a list").clone()
}

/// Each alert that fires is one of the only incident; this gives the incident.
async fn only(url: &str) -> Value {
    let alerts: Value = get(&format!("{url}/api/v1/alerts")).await.parse().expect("JSON");
    // Asked afterwards: what fires by now was looked at before, or comes with the next look.
    tokio::time::sleep(Duration::from_secs(7)).await;
    let [incident] = incidents(url).await.try_into().expect("one incident, and no other");
    let folded: Vec<&Value> =
        incident["alerts"].as_array().expect("a list").iter().map(|alert| &alert["fingerprint"]).collect();
    for alert in alerts["alerts"].as_array().expect("a list") {
        let is_told = alert["state"] != "firing" || folded.contains(&&alert["fingerprint"]);
        assert!(is_told, "an alert beside the incident: {alert:#}");
    }
    incident
}

/// The incident of a fault of three quarters of a minute. Where there is time, its end too.
async fn explained(fault: &str) -> Value {
    // As README has it: ten seconds tell what is usual. One client: tests share the machine.
    let mut program =
        Program::start(&["--port", "0", "--load", "1", "--fault", fault, "--fault-after", "10s", "--fault-for", "45s"]);
    let url = program.url();
    program.wait_for(|line| line.starts_with("fault ") && line.contains(" begins"));
    let begun = SystemTime::now();
    assert_eq!(incidents(&url).await, Vec::<Value>::new(), "before the fault");
    let first = loop {
        if let Some(incident) = incidents(&url).await.into_iter().find(|one| one["sureness"] == "likely") {
            break incident;
        }
        assert!(begun.elapsed().expect("a span") < 2 * SOON, "no cause: {:#?}", incidents(&url).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    let first_began = parse_rfc3339(first["began"].as_str().expect("a time")).expect("a time");
    assert!(first_began.duration_since(begun).unwrap_or_default() <= SOON, "{first:#}");
    let is_slow = std::env::var_os("PERF_SLOW_TESTS").is_some();
    let folded = if is_slow { SOON } else { FOLDED };
    tokio::time::sleep(folded.saturating_sub(begun.elapsed().expect("a span") + Duration::from_secs(7))).await;
    let incident = only(&url).await;
    assert_eq!(incident["id"], first["id"], "the first stays");
    println!("{fault}: likely after {:?}: {}", first_began.duration_since(begun), blamed(&incident));
    if is_slow {
        let deadline = SystemTime::now() + PATIENCE;
        loop {
            let [now] = incidents(&url).await.try_into().expect("still one");
            assert_eq!(now["id"], incident["id"]);
            if !now["ended"].is_null() {
                println!("{fault}: over after {:?}", begun.elapsed());
                break;
            }
            assert!(SystemTime::now() < deadline, "it does not end: {now:#}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    let ended = program.interrupt();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    if fault == "failing-db" {
        let (before, after) = ended.stdout.split_once("fault failing-db begins").expect("it began");
        assert!(before.lines().any(|line| line == "health 100 healthy"), "{before}");
        let is_told = |line: &str| line.contains(" unhealthy ") && line.contains("db_operation.errors red");
        assert!(after.lines().any(is_told), "the health falls: {after}");
    }
    incident
}

/// The incident of each of several faults, at the same time: most of it is waiting.
fn explained_beside_each_other<const N: usize>(faults: [&'static str; N]) -> [Value; N] {
    let alone = |fault| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(explained(fault))
    };
    let all = faults.map(|fault| std::thread::spawn(move || alone(fault)));
    all.map(|one| one.join().expect("its own panic is printed above"))
}

#[test]
fn each_fault_of_the_database_is_one_incident_with_its_likely_cause() {
    let [slow, failing] = explained_beside_each_other(["slow-db", "failing-db"]);
    let cause = &slow["causes"][0];
    assert_eq!((&cause["sureness"], &cause["kind"]), (&json!("likely"), &json!("series")), "{slow:#}");
    assert_eq!(cause["component"], "select on points", "{slow:#}");
    let cause = blamed(&failing);
    assert!(cause.starts_with(r#""likely" "failures" "db_operation{"#), "{failing:#}");
    let evidence = failing["causes"][0]["evidence"].to_string();
    assert!(evidence.contains("new since then"), "the error is named: {evidence}");
}
