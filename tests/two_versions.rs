//! Two versions of `perf-runtime` in one program, as happens where a library and its user name different ones: each finds
//! its own functions before their first call, and none of the other's. Sites of the two have different layouts, by their fields for
//! the span: one version that took a site of the other for its own would read another type's bytes.
//!
//! A copy of the crates gets another version and layout, and a program that links both is built and run: half a minute, so only with
//! `PERF_SLOW_TESTS=1`. Needs no network: every crate is there already.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const PROGRAM: &str = r#"
#[one::monitor("of_one", fields(rows), crate = ::one)]
fn of_one() {}
#[two::monitor("of_two", fields(rows), crate = ::two)]
fn of_two() {}

/// Keeps the names of spans with those of their fields.
struct Spans(std::sync::Mutex<Vec<String>>);

impl tracing::Subscriber for Spans {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        let metadata = span.metadata();
        let fields: Vec<&str> = metadata.fields().iter().map(|field| field.name()).collect();
        self.0.lock().unwrap().push(format!("{} in {}: {}", metadata.name(), metadata.target(), fields.join(" ")));
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

fn main() {
    assert_ne!(size_of::<one::__private::Site>(), size_of::<two::__private::Site>());
    let of = |one: bool, operation: &str| {
        let text = if one {
            one::Monitor::builder().build().unwrap().render_prometheus()
        } else {
            two::Monitor::builder().build().unwrap().render_prometheus()
        };
        text.contains(&format!("operations_total{{operation=\"{operation}\",outcome=\"ok\"}} "))
    };
    assert!(of(true, "of_one") && !of(true, "of_two"), "the first has its own");
    assert!(of(false, "of_two") && !of(false, "of_one"), "the second has its own");
    let spans = std::sync::Arc::new(Spans(std::sync::Mutex::default()));
    tracing::subscriber::with_default(spans.clone(), || {
        of_one();
        of_two();
    });
    let own = "outcome error error_type";
    let expected = ["of_one", "of_two"].map(|name| format!("{name} in program: rows {own}"));
    assert_eq!(*spans.0.lock().unwrap(), expected);
    assert!(of(true, "of_one") && !of(true, "of_two"));
    assert!(of(false, "of_two") && !of(false, "of_one"));
}
"#;

#[test]
fn each_of_two_versions_finds_its_own_functions() {
    if env::var_os("PERF_SLOW_TESTS").is_none() {
        eprintln!("skipped: it builds the crates twice; PERF_SLOW_TESTS=1 runs it");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    for member in ["perf-macros", "perf-runtime"] {
        copy(&root.join(member), &other.join(member));
    }
    // The fields of the span stand elsewhere in its sites, and the sites are larger.
    for (file, text, other_text) in [
        (
            "perf-runtime/src/measure/site/callsite.rs",
            "pub struct SpanSpec {",
            "pub struct SpanSpec {\n    pub between: [u64; 9],",
        ),
        ("perf-runtime/src/measure/site/annotated.rs", "SpanSpec { name:", "SpanSpec { between: [7; 9], name:"),
        ("perf-macros/src/expand.rs", "SpanSpec { name:", "SpanSpec { between: [7; 9], name:"),
    ] {
        let file = other.join(file);
        let source = fs::read_to_string(&file).unwrap();
        assert_eq!(source.matches(text).count(), 1, "{text} stands once in {}", file.display());
        fs::write(file, source.replace(text, other_text)).unwrap();
    }
    let version = env!("CARGO_PKG_VERSION");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let members = manifest.lines().find(|line| line.starts_with("members")).unwrap();
    let manifest = manifest
        .replace(members, r#"members = ["perf-macros", "perf-runtime"]"#)
        .replace(&format!("version = \"{version}\""), "version = \"99.0.0\"")
        .replace(&format!("version = \"={version}\""), "version = \"=99.0.0\"");
    assert!(manifest.contains("=99.0.0"), "the version is where it was thought to be");
    fs::write(other.join("Cargo.toml"), manifest).unwrap();
    // The README is an example of the crate's docs.
    fs::copy(root.join("README.md"), other.join("README.md")).unwrap();

    let program = folder.path().join("program");
    fs::create_dir_all(program.join("src")).unwrap();
    fs::write(program.join("src/main.rs"), PROGRAM).unwrap();
    fs::copy(root.join("Cargo.lock"), program.join("Cargo.lock")).unwrap();
    let dependency = |name: &str, path: PathBuf| {
        format!("{name} = {{ package = \"perf-runtime\", path = {:?} }}\n", path.display().to_string())
    };
    let manifest = format!(
        "[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\ntracing = \"*\"\n{}{}",
        dependency("one", root.join("perf-runtime")),
        dependency("two", other.join("perf-runtime")),
    );
    fs::write(program.join("Cargo.toml"), manifest).unwrap();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--offline", "--quiet"])
        .current_dir(&program)
        .env("CARGO_TARGET_DIR", folder.path().join("target"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}
