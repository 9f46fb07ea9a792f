use perf_runtime::monitor_agent;

#[monitor_agent("researcher")]
pub enum Agent {
    One,
}

fn main() {
    let _ = Agent::One;
}
