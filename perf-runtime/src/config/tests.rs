//! Settings as text, laid over those of the code. Through the environment's variables, which need no feature; files are in
//! the tests of the public API.

use super::*;
use crate::judge::rule::condition::Threshold;
use crate::judge::rule::preset::presets;
use crate::judge::rule::severity::Severity;
use proptest::prelude::*;
use std::ffi::OsString;
use std::time::Duration;

fn code() -> Settings {
    Settings {
        namespace: "code".to_owned(),
        rules: presets::standard(),
        alert_history: 500,
        ..Settings::without_rules()
    }
}

fn from_environment(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
    let layer = environment::layer(variables, &code().rules, &RuleSet::new(), &[])?;
    apply(&[layer], &code())
}

fn refused(variables: &[(&str, &str)]) -> ConfigError {
    from_environment(variables).expect_err("refused")
}

#[test]
fn each_setting_has_its_variable() {
    let settings = from_environment(&[
        ("PERF_NAMESPACE", "shop"),
        ("PERF_ALERT_HISTORY", "200"),
        ("PERF_RULE_HTTP_LATENCY_WARNING", "250ms"),
        ("PERF_RULE_HTTP_LATENCY_FOR", "2m"),
        ("PERF_RULE_HTTP_ERRORS_CRITICAL", "10%"),
        ("PERF_RULE_CPU_ENABLED", "false"),
        ("PERF_RULE_MEMORY_WARNING", "0.7"),
        ("PERF_RULE_DB_LATENCY_NO_DATA", "alert"),
        ("PERF_RULE_DB_LATENCY_NO_DATA_FOR", "5m"),
        // Those of others.
        ("PERF_EXEC_PATH", "/usr/bin"),
        ("HOME", "/root"),
    ])
    .unwrap();
    assert_eq!((settings.namespace.as_str(), settings.alert_history), ("shop", 200));
    let rule = |id| settings.rules.get(id).unwrap();
    assert_eq!(rule("http-latency").threshold(Severity::Warning), Some(Threshold::Value(0.25)));
    assert_eq!(rule("http-latency").hold_for(), Duration::from_secs(120));
    assert_eq!(rule("http-latency").threshold(Severity::Critical), Some(Threshold::Value(1.0)), "as it was");
    assert_eq!(rule("http-errors").threshold(Severity::Critical), Some(Threshold::Value(0.1)));
    assert_eq!(rule("memory").threshold(Severity::Warning), Some(Threshold::Value(0.7)));
    assert!(!rule("cpu").is_enabled());
    assert_eq!(rule("db-latency").no_data, crate::judge::rule::definition::NoData::Alert(Duration::from_secs(300)));
}

#[test]
fn presets_are_replaced_by_name() {
    let settings = from_environment(&[("PERF_PRESETS", "agents, dashboard")]).unwrap();
    let mut expected = presets::agents();
    expected.extend(presets::dashboard());
    assert_eq!(settings.rules, expected);
    assert_eq!(from_environment(&[("PERF_PRESETS", "")]).unwrap().rules, RuleSet::new());
    let misspelt = refused(&[("PERF_PRESETS", "standart")]);
    assert_eq!((misspelt.field.as_str(), misspelt.value.as_str()), ("presets", "standart"));
    assert!(misspelt.to_string().contains("did you mean \"standard\"?"), "{misspelt}");
    // A rule is one of those that hold in the end.
    assert!(from_environment(&[("PERF_PRESETS", "dashboard"), ("PERF_RULE_FRAMES_WARNING", "24")]).is_ok());
    assert!(from_environment(&[("PERF_PRESETS", "dashboard"), ("PERF_RULE_CACHE_WARNING", "0.5")]).is_err());
}

#[test]
fn presets_from_outside_leave_the_codes_own_rules_alone() {
    let mut rules = presets::standard();
    rules.insert(Rule::builder("deep-queue").metric("queue_depth").warning(100.0).build().unwrap());
    rules.change("http-errors", |rule| rule.except("route", ["/flaky"])).unwrap();
    let code = Settings { rules: rules.clone(), ..Settings::without_rules() };
    let layer = |named: &str| {
        let presets = named.split(',').filter(|name| !name.is_empty()).map(Value::from).collect();
        vec![Layer { source: "file".to_owned(), table: [("presets".to_owned(), Value::List(presets))].into() }]
    };
    let merged = effective_rules(&layer("agents"), &code).unwrap();
    for own in ["deep-queue", "http-errors"] {
        assert_eq!(merged.get(own), rules.get(own), "{own} is the code's own");
    }
    assert_eq!(merged.get("agent-latency"), presets::agents().get("agent-latency"));
    assert_eq!(merged.get("db-latency"), None, "of a preset that is not named");
    let alone = effective_rules(&layer(""), &code).unwrap();
    assert_eq!(alone.ids().collect::<Vec<_>>(), ["http-errors", "deep-queue"]);
    // They can be changed from the environment, whatever presets it names.
    let variables = [("PERF_PRESETS", "agents"), ("PERF_RULE_DEEP_QUEUE_WARNING", "50")];
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
    assert!(environment::layer(variables, &rules, &staying(&code), &[]).is_ok());
}

#[test]
fn what_is_not_known_is_refused_with_the_nearest() {
    let cases = [
        ("PERF_RULE_HTTP_LATENCY_WARNNIG", "1s", "\"PERF_RULE_HTTP_LATENCY_WARNING\""),
        ("PERF_RULE_HTTP_LATENSY_WARNING", "1s", "\"PERF_RULE_HTTP_LATENCY_WARNING\""),
        ("PERF_NAMESPCE", "x", "\"PERF_NAMESPACE\""),
        ("PERF_RULE_HTTP_LATENCY_STATISTIC", "erorr_rate", "\"error_rate\""),
        ("PERF_RULE_HTTP_LATENCY_CONDITION", "abovee", "\"above\""),
        ("PERF_RULE_HTTP_LATENCY_WINDOW", "7m", "\"1m\""),
    ];
    for (name, value, near) in cases {
        let error = refused(&[(name, value)]);
        assert!(error.allowed.contains(near), "{error}");
        assert_eq!(error.source.as_deref(), Some("environment"));
    }
}

#[test]
fn values_have_their_units_and_contradictions_are_refused() {
    let cases = [
        ("PERF_RULE_HTTP_LATENCY_WARNING", "250", "rules.http-latency.warning", "\"250ms\""),
        ("PERF_RULE_HTTP_LATENCY_WARNING", "2s", "rules.http-latency.critical", "beyond the warning"),
        ("PERF_RULE_HTTP_LATENCY_FOR", "soon", "rules.http-latency.for", "\"5m\""),
        ("PERF_RULE_HTTP_LATENCY_FOR", "900h", "rules.http-latency.for", "7d"),
        ("PERF_RULE_HTTP_LATENCY_RECOVERY", "600ms", "rules.http-latency.recovery", "good side of 0.5"),
        ("PERF_RULE_HTTP_LATENCY_RECOVERY_WINDOW", "15m", "rules.http-latency.recovery_window", "shorter than 5m"),
        ("PERF_RULE_HTTP_ERRORS_CRITICAL", "80", "rules.http-errors.critical", "0 to 1"),
        ("PERF_RULE_HTTP_ERRORS_CRITICAL", "many%", "rules.http-errors.critical", "\"80%\""),
        ("PERF_RULE_CPU_ENABLED", "perhaps", "rules.cpu.enabled", "true or false"),
        ("PERF_RULE_HTTP_ERRORS_MIN_SAMPLES", "1.5", "rules.http-errors.min_samples", "whole"),
        ("PERF_RULE_HTTP_LATENCY_NO_DATA_FOR", "1m", "rules.http-latency.no_data_for", "\"ok\""),
        ("PERF_ALERT_HISTORY", "many", "alert_history", "number"),
    ];
    for (name, value, field, allowed) in cases {
        let error = refused(&[(name, value)]);
        assert_eq!(error.field, field, "{name}={value}");
        assert!(error.allowed.contains(allowed), "{error}");
    }
}

#[cfg(feature = "toml")]
#[test]
fn a_file_makes_rules_and_objectives_and_the_environment_changes_them() {
    let text = r#"
        namespace = "file"
        presets = ["mcp_backend"]

        [rules.deep-queue]
        metric = "queue_depth"
        condition = "outside"
        warning = [2, 8.5]
        labels = { team = "mail" }
        only = { queue = ["mail", "print"] }
        no_data = "keep"

        [objectives.checkout]
        kind = "http_request"
        only = { route = "/checkout" }
        latency = "250ms"
        percentile = 99
        success = "99.9%"
    "#;
    let file = file::parse(text, "perf.toml").unwrap();
    let variables = [("PERF_NAMESPACE", "env"), ("PERF_RULE_DEEP_QUEUE_FOR", "10s")];
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
    let layers = [file];
    let environment = environment::layer(variables, &presets::mcp_backend(), &RuleSet::new(), &layers).unwrap();
    let [file] = layers;
    let settings = apply(&[file, environment], &code()).unwrap();
    assert_eq!((settings.namespace.as_str(), settings.rules.len()), ("env", 10));
    let rule = settings.rules.get("deep-queue").unwrap();
    assert_eq!(rule.threshold(Severity::Warning), Some(Threshold::Range(2.0, 8.5)));
    assert_eq!(rule.hold_for(), Duration::from_secs(10));
    let objective = &settings.objectives[0];
    assert_eq!((objective.latency, objective.success), (Some((Duration::from_millis(250), 99.0)), Some(99.9)));
}

#[cfg(feature = "toml")]
#[test]
fn a_bad_file_is_refused_with_file_key_value_and_what_is_allowed() {
    let cases = [
        ("rule = 1", "rule", "1", "\"rules\""),
        ("presets = 3", "presets", "3", "list"),
        ("[rules.http-latensy]\nwarning = \"1s\"", "rules", "http-latensy", "\"http-latency\""),
        ("[rules.x]\nmetric = \"depth\"\nwarnign = 1", "rules.x", "warnign", "\"warning\""),
        ("[rules.x]\nmetric = \"depth\"", "rules.x.warning", "", "`critical`"),
        ("[rules.x]\nmetric = \"db_operatoin\"\nwarning = 1", "rules.x.metric", "db_operatoin", "\"db_operation\""),
        ("[rules.x]\nmetric = \"external_call\"\nwarning = \"2s\"", "rules.x.statistic", "", "p95"),
        ("[rules.x]\nmetric = \"external_call\"\nwarning = 2", "rules.x.statistic", "", "p95"),
        ("[rules.x]\nmetric = \"external_call\"\nwarning = \"5%\"", "rules.x.statistic", "", "p95"),
        ("[rules.x]\nmetric = \"external_call\"\nabsent = \"warning\"", "rules.x.statistic", "", "p95"),
        ("[rules.x]\nmetric = \"depth\"\nwarning = 1979-05-27", "rules.x.warning", "1979-05-27", "a number"),
        ("[rules.http-latency]\nfor = 30", "rules.http-latency.for", "30", "\"30s\""),
        (
            "[rules.x]\nmetric = \"http_request\"\nstatistic = \"p95\"\nwarning = \"1s\"\nonly = { rout = \"/\" }",
            "rules.x.only",
            "rout",
            "\"route\"",
        ),
        (
            "[objectives.a]\nkind = \"http_request\"\nlatency = \"3s\"\npercentile = 99\nonly = { rout = \"/\" }",
            "objectives.a.only",
            "rout",
            "\"route\"",
        ),
        ("[objectives.a]\nkind = \"tol\"", "objectives.a.kind", "tol", "\"tool\""),
        ("[objectives.a]\nkind = \"tool\"", "objectives.a.latency", "", "`success`"),
        ("[objectives.a]\nkind = \"tool\"\nlatency = \"3s\"", "objectives.a.latency", "3s", "a bound"),
        ("[objectives.a]\nkind = \"tool\"\nsuccess = 0.99", "objectives.a.success", "0.99", "\"99%\""),
        ("a = 1\nb = [", "line 2", "b = [", "TOML"),
    ];
    for (text, field, value, allowed) in cases {
        let layer = file::parse(text, "perf.toml");
        let error = layer.and_then(|layer| apply(&[layer], &code())).expect_err(text);
        assert_eq!(error.source.as_deref(), Some("perf.toml"), "{error}");
        if field == "rule" {
            assert_eq!(error.value, "rule", "{error}");
        } else {
            assert_eq!((error.field.as_str(), error.value.as_str()), (field, value));
        }
        assert!(error.allowed.contains(allowed), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_variable_makes_it_panic(name in "PERF_[A-Z_]{0,30}", rule in "[A-Z_]{0,20}", value in any::<String>()) {
        let rule = format!("PERF_RULE_{rule}");
        let _ = from_environment(&[(&name, &value)]);
        let _ = from_environment(&[(&rule, &value)]);
        for key in rule::KEYS {
            let known = format!("PERF_RULE_HTTP_LATENCY_{}", key.to_uppercase());
            let _ = from_environment(&[(&known, &value)]);
        }
    }
}

#[cfg(feature = "toml")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_file_makes_it_panic(
        text in any::<String>(),
        key in prop::sample::select(rule::KEYS.to_vec()),
        value in "([0-9]{1,4}|\"[a-z0-9%.]{0,8}\"|\\[1, [0-9]\\]|\\{ a = \"[a-z]{0,3}\" \\}|true)",
    ) {
        let rule = format!("[rules.http-latency]\n{key} = {value}\n");
        for text in [text, rule] {
            let _ = file::parse(&text, "perf.toml").and_then(|layer| apply(&[layer], &code()));
        }
    }
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Part {
    path: String,
    retention: Span,
    pages: u16,
    share: Share,
    sorts: Vec<Sort>,
    limits: Limits,
    is_on: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    Fine,
    Coarse,
}

#[derive(Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Limits {
    bytes: u64,
}

impl Default for Part {
    fn default() -> Self {
        Self {
            path: "here".to_owned(),
            retention: Span(Duration::from_secs(60)),
            pages: 10,
            share: Share(0.5),
            sorts: vec![Sort::Fine],
            limits: Limits::default(),
            is_on: None,
        }
    }
}

fn part_of(variables: &[(&str, &str)]) -> Result<Part, ConfigError> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
    Section::of_variables("history", variables)?.read()
}

#[test]
fn a_part_reads_its_section() {
    assert_eq!(part_of(&[("PERF_NAMESPACE", "shop"), ("PATH", "/bin")]).unwrap(), Part::default());
    let part = part_of(&[
        ("PERF_HISTORY_PATH", "there"),
        ("PERF_HISTORY_RETENTION", "2d"),
        ("PERF_HISTORY_PAGES", "20"),
        ("PERF_HISTORY_SHARE", "80%"),
        ("PERF_HISTORY_SORTS", "fine, coarse"),
        ("PERF_HISTORY_IS_ON", "true"),
    ])
    .unwrap();
    let expected = Part {
        path: "there".to_owned(),
        retention: Span(Duration::from_secs(2 * 86_400)),
        pages: 20,
        share: Share(0.8),
        sorts: vec![Sort::Fine, Sort::Coarse],
        limits: Limits::default(),
        is_on: Some(true),
    };
    assert_eq!(part, expected);
}

#[test]
fn a_parts_variable_that_is_wrong_is_told_with_what_is_allowed() {
    for (name, value, allowed) in [
        ("PERF_HISTORY_RETENTION", "5", "unit"),
        ("PERF_HISTORY_PAGES", "70000", "whole number"),
        ("PERF_HISTORY_PAGES", "1.5", "whole number"),
        ("PERF_HISTORY_SHARE", "180%", "share"),
        ("PERF_HISTORY_SORTS", "fine,course", "\"coarse\""),
        ("PERF_HISTORY_IS_ON", "perhaps", "true or false"),
        ("PERF_HISTORY_RETENTON", "5s", "\"PERF_HISTORY_RETENTION\""),
        ("PERF_HISTORY_COLOUR", "red", "PERF_HISTORY_PATH"),
        ("PERF_HISTORY_LIMITS", "5", "table"),
    ] {
        let error = part_of(&[(name, value)]).unwrap_err();
        assert_eq!((error.field.as_str(), error.source.as_deref()), (name, Some("environment")), "{error}");
        assert!(error.allowed.contains(allowed), "{error}");
    }
}

#[test]
fn secrets_are_in_no_error_and_no_debug_text() {
    #[derive(Debug, serde::Deserialize)]
    struct Guarded {
        #[serde(rename = "read_token")]
        _token: u64,
    }
    let variables = [("PERF_SERVER_READ_TOKEN".to_owned(), OsString::from("hunter2"))];
    let section = Section::of_variables("server", variables).unwrap();
    let errors = [section.read::<Guarded>().unwrap_err(), section.refused("read_token", "16 characters")];
    for text in errors.map(|error| error.to_string()).into_iter().chain([format!("{section:?}")]) {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn the_monitors_own_variables_reach_its_tables() {
    let settings = from_environment(&[
        ("PERF_ENABLED", "false"),
        ("PERF_INTERVAL", "5s"),
        ("PERF_RESET_EVERY", "24h"),
        ("PERF_MAX_SERIES", "5000"),
        ("PERF_MAX_LABEL_VALUES", "500"),
        ("PERF_MAX_EDGES", "300"),
        ("PERF_TRACE_URL", "https://tempo.example/{trace_id}"),
        ("PERF_LOG_LEVEL", "warn"),
        ("PERF_ERRORS_TEXT", "true"),
        ("PERF_ERRORS_MAX_GROUPS", "5"),
        ("PERF_RECORDER_ENABLED", "true"),
        ("PERF_RECORDER_SLOWEST", "9"),
        ("PERF_RECORDER_FIELDS", "read"),
        ("PERF_SERVICE_NAME", "shop"),
        ("PERF_SERVICE_VERSION", "1.4.2"),
    ])
    .unwrap();
    assert!(!settings.enabled);
    assert_eq!(settings.interval, Duration::from_secs(5));
    assert_eq!(settings.reset_every, Some(Duration::from_secs(86_400)));
    assert_eq!((settings.limits.series, settings.limits.values, settings.max_edges), (5_000, 500, 300));
    assert_eq!(settings.trace_url.as_deref(), Some("https://tempo.example/{trace_id}"));
    assert_eq!(settings.log_level, LogLevel::Warn);
    let errors = settings.errors;
    assert_eq!((errors.enabled, errors.text, errors.max_groups, errors.panics), (true, true, 5, false));
    let recorder = settings.recorder;
    assert_eq!((recorder.enabled, recorder.slowest, recorder.failed, recorder.calls), (true, 9, 3, 1_000));
    assert_eq!(recorder.fields, FieldAccess::Read);
    assert_eq!(refused(&[("PERF_RECORDER_CALLS", "many")]).field, "recorder.calls");
    let error = refused(&[("PERF_RECORDER_FIELDS", "everybody")]);
    assert_eq!((error.field.as_str(), error.value.as_str()), ("recorder.fields", "everybody"));
    assert!(["off", "admin", "read"].iter().all(|word| error.allowed.contains(word)), "{error}");
    assert_eq!(refused(&[("PERF_ERRORS_TEXT", "perhaps")]).field, "errors.text");
    assert_eq!(refused(&[("PERF_ERRORS_TEXTS", "true")]).field, "PERF_ERRORS_TEXTS");
    assert_eq!(settings.service, Some(Service::new("shop").version("1.4.2")));
    let error = refused(&[("PERF_LOG_LEVEL", "loud")]);
    assert_eq!(error.field, "log.level");
    assert_eq!(refused(&[("PERF_INTERVALL", "5s")]).field, "PERF_INTERVALL");
}

#[test]
fn sections_have_names_that_can_be_written() {
    for bad in ["rules", "rule", "Host", "my-part", "", "9"] {
        let sources = Sources { sections: vec![bad.to_owned()], ..Sources::default() };
        assert_eq!(sources.over(&code()).unwrap_err().field, "section", "{bad:?}");
    }
}

#[test]
fn the_keys_that_are_shown_of_a_rule_make_the_same_rule() {
    for (_, preset) in presets::BY_NAME {
        for rule in preset().iter() {
            let mut made = RuleSet::new();
            let keys = rule::keys_of(rule);
            rule::apply(&mut made, rule.id(), &keys).unwrap_or_else(|error| panic!("{keys:?}: {error}"));
            assert_eq!(made.get(rule.id()), Some(rule), "{keys:?}");
        }
    }
}

#[test]
fn the_keys_that_are_shown_of_an_objective_make_the_same_objective() {
    let objective = Objective::new(crate::Kind::HttpRequest).only("route", "/checkout");
    for objective in [objective.clone().success(99.9), objective.latency(Duration::from_millis(250), 99.0)] {
        assert_eq!(objective::read("objectives.checkout", &objective::keys_of(&objective)).unwrap(), objective);
    }
}

#[test]
fn settings_in_effect_show_no_secret() {
    let mut sections = Sections::named(["notify".to_owned()]);
    let text = |text: &str| Value::Text(text.to_owned());
    let secrets = [
        ("smtp_password", text("hidden-1")),
        ("apiKey", text("hidden-2")),
        ("urls", Value::List(vec![text("hidden-3")])),
        ("tokens", Value::Table([("ci".to_owned(), text("hidden-4"))].into())),
        ("channel", Value::Table([("secret".to_owned(), text("hidden-5")), ("name".to_owned(), text("ops"))].into())),
        ("store", text("postgres://hidden-6@db/shop")),
        ("hooks", Value::List(vec![text("https://hooks.example.com/hidden-7"), text("https://ops.example.com:8443/")])),
        ("key", Value::Number(86.0)),
        ("monkey", Value::Number(3.0)),
    ];
    let table: Table = secrets.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    sections.get_mut("notify").unwrap().set_table(&table, "perf.toml");
    let mut said = SaidByParts::default();
    said.add(
        "notify",
        [("monkey".to_owned(), Value::Number(4.0)), ("database_url".to_owned(), text("hidden-8"))].into(),
    );
    let shown = EffectiveSettings::of(&code(), &sections, &said);
    let json = serde_json::to_string(&shown).unwrap();
    assert!(!json.contains("hidden") && !json.contains("86"), "{json}");
    for (path, value) in [
        ("notify.smtp_password", text("(not shown)")),
        ("notify.channel.secret", text("(not shown)")),
        ("notify.channel.name", text("ops")),
        ("notify.hooks", Value::List(vec![text("(not shown)"), text("https://ops.example.com:8443/")])),
        ("notify.monkey", Value::Number(4.0)),
        ("namespace", text("code")),
        ("alert_history", Value::Number(500.0)),
    ] {
        assert_eq!(shown.get(path), Some(&value), "{path}");
    }
    assert_eq!(shown.get("notify.colour"), None);
    assert_eq!(serde_json::from_str::<EffectiveSettings>(&json).unwrap(), shown);
}

/// A gauge's rule that becomes one of a kind asks for the statistic, as a new one does.
#[test]
fn a_rule_whose_gauge_becomes_a_kind_needs_a_statistic() {
    let error = refused(&[("PERF_RULE_CPU_METRIC", "external_call")]);
    assert_eq!((error.field.as_str(), error.value.as_str()), ("rules.cpu.statistic", ""), "{error}");
    assert!(error.to_string().contains("p95"), "{error}");
}
