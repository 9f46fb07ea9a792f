//! Tools for a coding agent: a message a line on the standard input, an answer a line on the standard output.

use super::FINE;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;
use perf_mcp::{Got, Refusal, Step, read};
use std::io::{BufRead, Read};

/// The longest message, in bytes.
const LONGEST: u64 = 1 << 20;
/// Routes that a service may be without. Where others are not there it is no such service, or another address.
const OF_PARTS: [&str; 5] =
    ["/api/v1/channels", "/api/v1/incidents", "/api/v1/insight", "/api/v1/locks", "/api/v1/statements"];

pub(super) fn mcp(client: &Client, output: &mut Output<'_>) -> Result<u8, Failure> {
    let mut input = std::io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let read_of_line = input.by_ref().take(LONGEST).read_until(b'\n', &mut line);
        let broken = |error| Failure::Unreachable(format!("the standard input cannot be read: {error}"));
        if read_of_line.map_err(broken)? == 0 {
            return Ok(FINE);
        }
        let step = if line.len() as u64 == LONGEST && !line.ends_with(b"\n") {
            input.skip_until(b'\n').map_err(broken)?;
            Step::Refuse(Refusal::too_long(LONGEST))
        } else if line.trim_ascii().is_empty() {
            Step::Nothing
        } else {
            read(&line)
        };
        let answer = match step {
            Step::Nothing => continue,
            Step::Reply(answer) => answer,
            Step::Refuse(refusal) => refusal.answer(),
            Step::Ask(asked) => {
                let got = asked.questions().iter().map(|question| ask(client, question)).collect();
                asked.answer(got)
            }
        };
        let out = output.writer();
        out.write_all(answer.as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
}

fn ask(client: &Client, question: &str) -> Got {
    match client.get(question, &[]) {
        Ok(answer) => Got::Document(answer.json),
        Err(Failure::Missing(_)) if OF_PARTS.iter().any(|part| question.starts_with(part)) => Got::NotThere,
        Err(failure) => Got::Refused(failure.to_string()),
    }
}
