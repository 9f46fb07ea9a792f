//! The crates: the same functions in each, and another attribute.

use std::fmt::Write;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::SystemTime;

pub(crate) const FUNCTIONS: usize = 1_000;
const MODULES: usize = 20;

/// A crate to be.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The attribute of each function; `{n}` is the function's number.
    pub(crate) attribute: &'static str,
    /// The line in its manifest.
    dependency: &'static str,
}

const OURS: &str = concat!("perf-runtime = { path = '", env!("CARGO_MANIFEST_DIR"), "/../../perf-runtime' }");

/// The first is what the others are compared with.
pub(crate) const KINDS: [Kind; 7] = [
    Kind { name: "plain", attribute: "", dependency: "" },
    Kind { name: "ours", attribute: "#[perf_runtime::monitor(\"f{n}\")]", dependency: OURS },
    Kind { name: "ours-without-span", attribute: "#[perf_runtime::monitor(\"f{n}\", span = false)]", dependency: OURS },
    Kind {
        name: "instrument",
        attribute: "#[tracing::instrument]",
        dependency: "tracing = { version = '0.1', default-features = false, features = ['attributes', 'std'] }",
    },
    Kind {
        name: "fastrace-trace",
        attribute: "#[fastrace::trace]",
        dependency: "fastrace = { version = '0.7', features = ['enable'] }",
    },
    Kind {
        name: "hotpath-measure",
        attribute: "#[hotpath::measure]",
        dependency: "hotpath = { version = '0.30', default-features = false, features = ['hotpath'] }",
    },
    Kind {
        name: "autometrics-prometheus",
        attribute: "#[autometrics::autometrics]",
        dependency: "autometrics = { version = '3.0', features = ['prometheus'] }",
    },
];

/// Writes a workspace with a crate of each kind.
pub(crate) fn write(folder: &Path) -> io::Result<()> {
    let members = KINDS.map(|kind| format!("'{}'", kind.name)).join(", ");
    fs::create_dir_all(folder)?;
    fs::write(folder.join("Cargo.toml"), format!("[workspace]\nresolver = '3'\nmembers = [{members}]\n"))?;
    KINDS.iter().try_for_each(|kind| write_crate(&folder.join(kind.name), kind))
}

/// Makes cargo check a crate again.
pub(crate) fn touch(folder: &Path, kind: &Kind) -> io::Result<()> {
    let root = folder.join(kind.name).join("src/lib.rs");
    File::options().write(true).open(root)?.set_modified(SystemTime::now())
}

fn write_crate(folder: &Path, Kind { name, attribute, dependency }: &Kind) -> io::Result<()> {
    let sources = folder.join("src");
    fs::create_dir_all(&sources)?;
    let manifest = format!("[package]\nname = '{name}'\nedition = '2024'\n\n[dependencies]\n{dependency}\n");
    fs::write(folder.join("Cargo.toml"), manifest)?;
    let mut root = String::from("#[derive(Debug)]\npub struct Failed;\n\n");
    for module in 0..MODULES {
        fs::write(sources.join(format!("m{module}.rs")), module_source(module, attribute))?;
        let _ = writeln!(root, "pub mod m{module};");
    }
    fs::write(sources.join("lib.rs"), root)
}

fn module_source(module: usize, attribute: &str) -> String {
    const EACH: usize = FUNCTIONS / MODULES;
    let mut source = String::from("use super::Failed;\n");
    for number in module * EACH..(module + 1) * EACH {
        let attribute = attribute.replace("{n}", &number.to_string());
        let _ = write!(
            source,
            "
{attribute}
pub async fn f{number}(id: u64, name: &str) -> Result<u64, Failed> {{
    if id == {number} {{
        return Err(Failed);
    }}
    let length = name.len() as u64;
    Ok(id.wrapping_mul({number}) ^ length)
}}
"
        );
    }
    source
}
