//! The example with each of its faults, and a script in the place of a coding agent: it begins with the overview and asks only what answers say is
//! worth asking, in the order in which they say it, five times at most.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fixed_load::get;
use crate::program::Program;

/// The most calls of tools.
const CALLS: usize = 5;
/// So often it is asked anew where it does not name the fault yet: some take seconds to show, and a loaded machine may be late.
const EACH: Duration = Duration::from_secs(2);
const AT_MOST: Duration = Duration::from_secs(90);
/// Programs that run at once.
const AT_ONCE: usize = 5;

struct Fault {
    name: &'static str,
    /// The answers of which each names it.
    named: &'static [Named],
}

/// A tool, and places in its answer with the texts that stand there or, after `>`, the number that is exceeded. In the place of a list, any entry that
/// has all of the texts is meant.
type Named = (&'static str, &'static [(&'static str, &'static [&'static str])]);

static FAULTS: [Fault; 14] = [
    Fault {
        name: "slow-db",
        named: &[
            ("alerts", &[("/incident/causes/0", &["likely", "table=points"])]),
            ("explain", &[("/time/series", &["series/{name}/points"]), ("/time/parts/0/series", &["table=points"])]),
        ],
    },
    Fault {
        name: "failing-db",
        named: &[("errors", &[("/errors/series", &["db_operation{", "a_table_that_nobody_created"])])],
    },
    Fault {
        name: "stuck-agent",
        named: &[
            ("in_flight", &[("/calls/calls/0/labels", &["analyst"])]),
            ("explain", &[("/time/series", &["/ask"]), ("/time/parts/0/series", &["agent=analyst"])]),
        ],
    },
    Fault {
        name: "deadlock",
        named: &[("contention", &[("/locks/deadlocks/0/text", &["rank_series", "age_visits"])])],
    },
    Fault {
        name: "full-channel",
        named: &[(
            "contention",
            &[("/channels/channels/0/channel", &["journal"]), ("/channels/channels/0", &["write_journal"])],
        )],
    },
    Fault {
        name: "convoy",
        named: &[(
            "contention",
            &[("/locks/locks/0/lock", &["catalog"]), ("/locks/locks/0/holders/0/series", &["reindex"])],
        )],
    },
    Fault {
        name: "n-plus-one",
        named: &[
            ("overview", &[("/statements/repeated", &["list_days", "FROM points"])]),
            ("overview", &[("/statements/repeated", &["series/{name}/daily", "FROM points"])]),
        ],
    },
    Fault {
        name: "starved-runtime",
        named: &[
            ("overview", &[("/alerts/alerts", &["blocked-worker", "summarize_journal"])]),
            ("alerts", &[("/incident/causes/0", &["blocked", "summarize_journal"])]),
        ],
    },
    Fault {
        name: "leak",
        named: &[(
            "explain",
            &[
                ("/figures/series/0/id", &["fill_page"]),
                ("/figures/series/0/profile/net_bytes", &[">8000000"]),
                ("/figures/series/0/profile/net_bytes_per_call", &[">100000"]),
            ],
        )],
    },
    Fault {
        name: "panics",
        named: &[("errors", &[("/errors/series", &["check_days", "panicked", "upkeep.rs", "a day without an hour"])])],
    },
    Fault {
        name: "growing-errors",
        named: &[("errors", &[("/errors/series", &["operation=insert", "table=points", "constraint"])])],
    },
    Fault {
        name: "hanging-tool",
        named: &[("errors", &[("/errors/series", &["agent=analyst", "busiest_day did not answer"])])],
    },
    Fault {
        name: "slow-statement",
        named: &[("statements", &[("/statements/statements/0/statement", &["RECURSIVE"])])],
    },
    Fault {
        name: "unmeasured-work",
        named: &[
            ("explain", &[("/time/series", &["list_days"]), ("/time/unannotated", &[">0.8"])]),
            // As the route has it: the time of the function itself.
            ("explain", &[("/time/series", &["series/{name}/daily"]), ("/time/parts/0/series", &["list_days"])]),
        ],
    },
];

#[test]
fn each_fault_is_named_within_five_calls() {
    let (mut table, mut unnamed) = (vec!["fault, calls, seconds".to_owned()], Vec::new());
    for some in FAULTS.chunks(AT_ONCE) {
        let begin = |fault: &'static Fault| std::thread::spawn(|| (fault.name, fault.try_out()));
        let running: Vec<_> = some.iter().map(begin).collect();
        for one in running {
            match one.join().expect("its own panic is printed above") {
                (name, Ok((calls, after))) => table.push(format!("{name}, {calls}, {:.1}", after.as_secs_f64())),
                (name, Err(said)) => unnamed.push(format!("{name} is not named:\n{said}")),
            }
        }
    }
    println!("{}", table.join("\n"));
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

#[test]
fn where_nothing_is_broken_an_overview_speaks_of_nothing_but_time() {
    let mut program = Program::start(&["--port", "0", "--load", "0"]);
    let url = program.url();
    let overview = block_on(async {
        for _ in 0..5 {
            get(&format!("{url}/series")).await;
            get(&format!("{url}/series/nyc_taxi/points?limit=5")).await;
        }
        ask(&url, "overview", &json!({})).await
    });
    let next = list(&overview, "/next_tool");
    assert!(!next.is_empty(), "{overview:#}");
    // Which series are slow is the machine's.
    for fault in ["errors", "contention", "in_flight", "memory"] {
        let is_of = |one: &Value| one["name"] == fault || one["why"].as_str().is_some_and(|why| why.contains(fault));
        assert!(!next.iter().any(is_of), "{fault}: {overview:#}");
    }
    // The workflow loads the files by a statement for each 500 rows.
    let repeated = list(&overview, "/statements/repeated");
    assert!(repeated.iter().all(|one| one["root"] == "workflow{workflow=data_processing}"), "{overview:#}");
    assert_eq!(program.interrupt().code, Some(0));
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// The answer of a tool.
async fn ask(url: &str, tool: &str, arguments: &Value) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let params = json!({ "name": tool, "arguments": arguments });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let response = client.post(format!("{url}/mcp")).json(&message).send().await.expect("an answer");
    let answer: Value = response.json().await.expect("JSON");
    let said = answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{tool}: {answer:#}"));
    assert!(said.len() <= 8 << 10, "{} bytes", said.len());
    said.parse().unwrap_or_else(|_| json!({ "refused": said }))
}

fn list<'a>(answer: &'a Value, place: &str) -> &'a [Value] {
    answer.pointer(place).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Fault {
    fn is_named(&self, tool: &str, answer: &Value) -> bool {
        let says = |value: &Value, wanted: &[&str]| {
            wanted.iter().all(|wanted| match wanted.strip_prefix('>') {
                Some(least) => value.as_f64().is_some_and(|value| value > least.parse().expect("a number")),
                None => value.to_string().contains(wanted),
            })
        };
        let is_there = |(place, wanted): &(&str, &[&str])| match answer.pointer(place) {
            Some(Value::Array(all)) => all.iter().any(|one| says(one, wanted)),
            Some(value) => says(value, wanted),
            None => false,
        };
        self.named.iter().any(|(by, places)| *by == tool && places.iter().all(is_there))
    }

    /// The number of calls after which it was named, and when; or what was said instead.
    fn try_out(&self) -> Result<(usize, Duration), String> {
        let fault = ["--fault", self.name, "--fault-after", "10s", "--fault-for", "10m"];
        let arguments = [&["--port", "0", "--load", "1"][..], &fault].concat();
        let mut program = Program::start_with(&arguments, "network,monitoring,executor");
        let url = program.url();
        program.wait_for(|line| line.starts_with("fault ") && line.contains(" begins"));
        let begun = Instant::now();
        block_on(async {
            loop {
                tokio::time::sleep(EACH).await;
                match self.find(&url).await {
                    Ok(calls) => return Ok((calls, begun.elapsed())),
                    Err(said) if begun.elapsed() > AT_MOST => return Err(said),
                    Err(_) => {}
                }
            }
        })
    }

    /// Asks until it is named, and says after how many calls, or what was asked and said.
    async fn find(&self, url: &str) -> Result<usize, String> {
        let mut next = VecDeque::from([("overview".to_owned(), json!({}))]);
        let (mut asked, mut said) = (Vec::new(), Vec::new());
        while let Some((tool, arguments)) = next.pop_front() {
            let answer = ask(url, &tool, &arguments).await;
            if self.is_named(&tool, &answer) {
                return Ok(asked.len() + 1);
            }
            said.push(format!("{tool} {arguments}: {answer}"));
            asked.push((tool, arguments));
            if asked.len() == CALLS {
                break;
            }
            for one in list(&answer, "/next_tool") {
                let one = (one["name"].as_str().unwrap_or_default().to_owned(), one["arguments"].clone());
                if !asked.contains(&one) && !next.contains(&one) {
                    next.push_back(one);
                }
            }
        }
        Err(said.join("\n"))
    }
}
