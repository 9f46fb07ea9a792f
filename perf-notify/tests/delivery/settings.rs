//! Settings that are not allowed: each names its field, its value and what is allowed.

use perf_notify::{Notifier, Settings};
use perf_runtime::{ConfigError, Monitor};

fn opened(text: &str) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("perf.toml");
    std::fs::write(&file, text).unwrap();
    let monitor: Monitor = Notifier::set_up(Monitor::builder()).config_file(&file).build()?;
    Settings::read(&monitor.section("notify")?)
}

const CHANNEL: &str = "[notify.channels.team]\ntype = \"console\"\n";

#[test]
fn wrong_settings_are_told_by_field_value_and_what_is_allowed() {
    for (text, field, value, allowed) in [
        ("[[notify.routes]]\nchannels = [\"taem\"]", "notify.routes.1.channels", "taem", "team"),
        ("[[notify.routes]]\nchannels = []", "notify.routes.1.channels", "[]", "at least one channel"),
        ("[[notify.routes]]\nchannels = [\"team\"]\nwithin = [\"night\"]", "notify.routes.1.within", "night", "none"),
        (
            "[[notify.routes]]\nchannels = [\"team\"]\ngroup_wait = \"2h\"",
            "notify.routes.1.group_wait",
            "2h",
            "0s to 1h",
        ),
        ("[[notify.routes]]\nchannels = [\"team\"]\nrepeat = \"1s\"", "notify.routes.1.repeat", "1s", "1m to 28d"),
        (
            "[[notify.routes]]\nname = \"a\"\nchannels = [\"team\"]\n[[notify.routes]]\nname = \"a\"\nchannels = [\"team\"]",
            "notify.routes.2.name",
            "a",
            "no other route",
        ),
        (
            "[[notify.routes]]\nchannels = [\"team\"]\nescalate = [{ after = \"5m\", channels = [\"boss\"] }]",
            "notify.routes.1.escalate.1.channels",
            "boss",
            "team",
        ),
        (
            "[[notify.routes]]\nchannels = [\"team\"]\nescalate = [{ after = \"5m\", channels = [\"team\"] }, { after = \"5m\", channels = [\"team\"] }]",
            "notify.routes.1.escalate.2.after",
            "5m",
            "more than the step before",
        ),
        ("[[notify.routes]]\nchannels = [\"team\"]\nonly = { rules = [] }", "notify.routes", "", "at least one name"),
        (
            "[[notify.routes]]\nchannels = [\"team\"]\nonly = { labels = { table = \"\" } }",
            "notify.routes",
            "",
            "not an empty text",
        ),
        (
            "[[notify.routes]]\nchannels = [\"team\"]\nonly = { kinds = [\"database\"] }",
            "notify.routes",
            "",
            "db_operation",
        ),
        ("[[notify.routes]]\nchanels = [\"team\"]", "notify.routes", "chanels", "channels"),
        (
            "[[notify.maintenance]]\nfrom = \"2026-12-02T00:00:00Z\"\nto = \"2026-12-01T00:00:00Z\"",
            "notify.maintenance.1.to",
            "",
            "after `from`",
        ),
        ("[[notify.maintenance]]\ncomment = \"work\"", "notify.maintenance.1.from", "", "`from` and `to`"),
        ("[notify.windows.night]\nzone = \"Berlin\"", "notify.windows", "Berlin", "Europe/Berlin"),
        ("[notify]\nenabeld = true", "notify", "enabeld", "enabled"),
        (
            "[notify]\ntrace_url = \"javascript:{trace_id}\"",
            "notify.trace_url",
            "javascript:{trace_id}",
            "http or https with {trace_id} behind its host",
        ),
    ] {
        let text = if text.starts_with("[notify]") { text.to_owned() } else { format!("{CHANNEL}{text}") };
        let error = opened(&text).unwrap_err();
        assert!(error.field.starts_with(field), "{text}: {error}");
        assert!(error.value.contains(value), "{text}: {error}");
        assert!(error.allowed.contains(allowed), "{text}: {error}");
        assert!(error.source.as_deref().is_none_or(|source| source.ends_with("perf.toml")), "{error:?}");
    }
}

#[test]
fn without_routes_every_channel_is_told_of_everything() {
    let settings = opened(CHANNEL).unwrap();
    assert_eq!((settings.routes.len(), settings.routes[0].channels.clone()), (1, vec!["team".to_owned()]));
    assert!(opened("").unwrap().routes.is_empty());
}

#[test]
fn a_route_groups_by_incident_unless_it_says_by_what() {
    let group_by = |notify: &str, route: &str| {
        let text = format!("[notify]\n{notify}\n{CHANNEL}[[notify.routes]]\nchannels = [\"team\"]\n{route}");
        opened(&text).unwrap().routes.remove(0).group_by
    };
    let names = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(group_by("", ""), names(&["incident"]));
    assert_eq!(group_by("", "group_by = []"), names(&[]), "one group a service");
    assert_eq!(group_by("", "group_by = [\"rule\"]"), names(&["rule"]));
    assert_eq!(group_by("by_incident = false", ""), None);
}
