//! The rooms of `perf-runtime`: what is imported points only to the left, and no two files import each other.
//!
//! `perf-runtime/src` is read as text. A path counts that begins with `crate`, `super`, `self` or the name of a module
//! inside the file's own; comments, strings and tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from left to right. The first four are for all of them.
const ROOMS: [&str; 13] = [
    "guarded",
    "log_level",
    "text",
    "error",
    "measure",
    "observe",
    "record",
    "judge",
    "collect",
    "expose",
    "config",
    "extend",
    "monitor",
];
/// The rooms inside `measure`, from left to right.
const MEASURE: [&str; 5] = ["model", "clock", "cells", "site", "call"];

/// The imports between the modules of a crate, each module by its path inside the crate (`measure::clock`).
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn a_room_imports_only_what_stands_to_the_left_of_it() {
    let wrong = against_the_flow(&imports_of_the_runtime(), "", &ROOMS);
    assert!(wrong.is_empty(), "imports that point to the right:\n{}", wrong.join("\n"));
}

#[test]
fn the_rooms_inside_measure_have_an_order_too() {
    let wrong = against_the_flow(&imports_of_the_runtime(), "measure::", &MEASURE);
    assert!(wrong.is_empty(), "imports that point to the right:\n{}", wrong.join("\n"));
}

#[test]
fn no_files_import_each_other() {
    // Left out: `Monitor` and its facets are one type in several files.
    let mut imports = imports_of_the_runtime();
    imports.retain(|module, _| !module.starts_with("monitor"));
    let circles = circles(&imports);
    assert!(circles.is_empty(), "files that import each other:\n{}", circles.join("\n"));
}

#[test]
fn every_file_is_in_a_room() {
    let imports = imports_of_the_runtime();
    let strays: Vec<&String> =
        imports.keys().filter(|module| !module.is_empty() && place(module, "", &ROOMS).is_none()).collect();
    assert!(strays.is_empty(), "modules outside of all rooms: {strays:?}");
    assert!(imports.len() > 100, "the sources were read");
}

#[test]
fn each_name_of_a_metric_is_typed_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    let _ = ["perf-runtime", "perf-host", "perf-server"].map(|name| files_in(&root.join(name).join("src"), &mut files));
    // The OpenAPI document names fields of JSON, of which one is called as a metric is.
    files.retain(|file| file.iter().all(|part| part != "tests" && part != "openapi") && !file.ends_with("tests.rs"));
    let code: Vec<String> = files
        .iter()
        .map(|file| {
            let source = fs::read_to_string(file).unwrap();
            let lines = source.split("\nmod tests").next().unwrap().lines();
            lines.filter(|line| !line.trim_start().starts_with("//")).collect()
        })
        .collect();
    for known in perf_runtime::metric::names::ALL {
        let quoted = format!("\"{}\"", known.name);
        let typed: usize = code.iter().map(|code| code.matches(&quoted).count()).sum();
        assert_eq!(typed, 1, "{quoted}");
    }
}

#[test]
fn an_import_to_the_right_is_found() {
    let modules = ["measure::clock", "judge::rule", "judge::health"].map(String::from).into();
    let source = r#"
        //! crate::judge::rule in a comment
        use crate::judge::{rule::Rule, health};
        fn text() -> &'static str { "crate::judge::rule" }
        #[cfg(test)]
        mod tests { use crate::judge::rule::Rule; }
    "#;
    let found = imports_in(source, "measure::clock", &modules);
    assert_eq!(found, BTreeSet::from(["judge::rule".to_owned(), "judge::health".to_owned()]));
    let imports = BTreeMap::from([("measure::clock".to_owned(), found)]);
    assert_eq!(against_the_flow(&imports, "", &ROOMS).len(), 2);
    let both = [("a", "b"), ("b", "a")].map(|(from, to)| (from.to_owned(), BTreeSet::from([to.to_owned()])));
    assert_eq!(circles(&both.into()).len(), 1);
}

/// The imports whose target stands to the right of their source, or is the crate's root.
fn against_the_flow(imports: &Imports, above: &str, rooms: &[&str]) -> Vec<String> {
    let all = imports.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
    let wrong = all.filter(|(from, to)| match (place(from, above, rooms), place(to, above, rooms)) {
        (Some(from), Some(to)) => to > from,
        (Some(_), None) => to.is_empty(),
        (None, _) => false,
    });
    wrong.map(|(from, to)| format!("{from} -> {}", if to.is_empty() { "the root" } else { to })).collect()
}

/// Which of the rooms a module is in.
fn place(module: &str, above: &str, rooms: &[&str]) -> Option<usize> {
    let room = module.strip_prefix(above)?.split("::").next()?;
    rooms.iter().position(|one| *one == room)
}

/// The sets of modules each of which leads to every other, as text. A module and what is inside it are told apart.
fn circles(imports: &Imports) -> Vec<String> {
    let reach: BTreeMap<&String, BTreeSet<&String>> =
        imports.keys().map(|from| (from, reached(imports, from))).collect();
    let mut found = BTreeSet::new();
    for (from, to) in &reach {
        let circle: Vec<&str> = to
            .iter()
            .filter(|other| *other != from && reach.get(*other).is_some_and(|back| back.contains(from)))
            .map(|other| other.as_str())
            .chain([from.as_str()])
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        if circle.len() > 1 {
            found.insert(circle.join(", "));
        }
    }
    found.into_iter().collect()
}

/// Every module that one leads to, over any number of imports.
fn reached<'a>(imports: &'a Imports, from: &'a String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        for to in imports.get(module).into_iter().flatten() {
            if reached.insert(to) {
                next.push(to);
            }
        }
    }
    reached
}

fn imports_of_the_runtime() -> Imports {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../perf-runtime/src");
    let mut files = Vec::new();
    files_in(&root, &mut files);
    let sources: BTreeMap<String, String> = files
        .iter()
        .map(|file| (module_of(file.strip_prefix(&root).unwrap()), fs::read_to_string(file).unwrap()))
        .filter(|(module, _)| !module.split("::").any(|part| part == "tests" || part == "model_check"))
        .collect();
    let modules: BTreeSet<String> = sources.keys().cloned().collect();
    let root_is_no_import = |(module, source): (&String, &String)| {
        let found = if module.is_empty() { BTreeSet::new() } else { imports_in(source, module, &modules) };
        (module.clone(), found)
    };
    sources.iter().map(root_is_no_import).collect()
}

fn files_in(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_in(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

/// `measure/clock.rs` and `measure/clock/mod.rs` are `measure::clock`; the root has no name.
fn module_of(file: &Path) -> String {
    let path = file.with_extension("");
    let mut parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
    if matches!(parts.last(), Some(&("mod" | "lib"))) {
        parts.pop();
    }
    parts.join("::")
}

/// The modules that a source imports from, without itself and those that it is inside of.
fn imports_in(source: &str, module: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let code = without_tests(&without_comments_and_strings(source));
    let here: Vec<&str> = module.split("::").collect();
    let mut found = BTreeSet::new();
    for (path, mut inside) in paths(&code) {
        let mut rest = path.iter().map(String::as_str).peekable();
        let mut base = here.clone();
        if rest.next_if_eq(&"crate").is_some() {
            base.clear();
        } else {
            while let Some(step) = rest.next_if(|part| matches!(*part, "super" | "self")) {
                match step {
                    "super" if inside > 0 => inside -= 1,
                    "super" => drop(base.pop()),
                    _ => {}
                }
            }
            // The contents of an inline module are in this file.
            if inside > 0 {
                continue;
            }
        }
        let own = path.first().is_some_and(|first| !matches!(first.as_str(), "crate" | "super" | "self"));
        let starts_at = base.len();
        base.extend(rest);
        let known = (0..=base.len()).rev().map(|length| base[..length].join("::")).find(|name| modules.contains(name));
        let Some(target) = known else { continue };
        let depth = if target.is_empty() { 0 } else { target.split("::").count() };
        // Of a path without `crate`, only what leads into a module of the file's own.
        if (own && depth <= starts_at) || target == module {
            continue;
        }
        found.insert(target);
    }
    found
}

/// Every path in the code, with the groups of `use` written out: `a::{b, c::d}` is `a::b` and `a::c::d`. With each goes
/// the number of inline modules around it.
fn paths(code: &str) -> Vec<(Vec<String>, usize)> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            tokens.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    let mut found = Vec::new();
    let mut at = 0;
    let mut depth = 0;
    // The depths at which inline modules began.
    let mut inline = Vec::new();
    while at < tokens.len() {
        if tokens[at] == "mod" {
            if tokens.get(at + 2) == Some(&"{") {
                inline.push(depth);
            }
            at += 2;
            continue;
        }
        depth += usize::from(tokens[at] == "{");
        if tokens[at] == "}" {
            depth = depth.saturating_sub(1);
            inline.pop_if(|begun| *begun == depth);
        }
        // `pub(in crate::observe)` says who may look, and imports nothing; `a.super_b` is no path.
        let is_visibility = at >= 2 && ["in", "("].contains(&tokens[at - 1]) && ["(", "pub"].contains(&tokens[at - 2]);
        let before = at.checked_sub(1).map_or("", |before| tokens[before]);
        if is_word(tokens[at]) && !is_visibility && before != "." {
            let mut paths = Vec::new();
            at = path_at(&tokens, at, &mut Vec::new(), &mut paths);
            found.extend(paths.into_iter().map(|path| (path, inline.len())));
        } else {
            at += 1;
        }
    }
    found
}

/// Reads the path that begins at a token, adds what it stands for, and says where it ends.
fn path_at(tokens: &[&str], mut at: usize, front: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let length = front.len();
    front.push(tokens[at].to_owned());
    at += 1;
    while tokens.get(at) == Some(&"::") {
        match tokens.get(at + 1) {
            Some(word) if is_word(word) => {
                front.push((*word).to_owned());
                at += 2;
            }
            Some(&"{") => {
                at += 2;
                while tokens.get(at).is_some_and(|token| *token != "}") {
                    at = if is_word(tokens[at]) { path_at(tokens, at, front, found) } else { at + 1 };
                }
                front.truncate(length);
                return at + 1;
            }
            _ => break,
        }
    }
    found.push(front.clone());
    front.truncate(length);
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The code without what is only compiled for tests: from `#[cfg(test)]` to the end of the item.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(start) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..start]);
        let item = &rest[start..];
        let mut depth = 0;
        let end = item.char_indices().find_map(|(at, c)| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            (depth == 0 && (c == '}' || c == ';')).then_some(at + 1)
        });
        rest = &item[end.unwrap_or(item.len())..];
    }
    kept + rest
}

/// The code alone. Lifetimes stay: a quote begins a character only where one closes it.
fn without_comments_and_strings(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            3 + raw.find("\"#").map_or(raw.len(), |end| end + 2)
        } else if first == '"' {
            1 + end_of_string(&rest[1..])
        } else if first == '\'' {
            let chars: Vec<char> = rest.chars().take(4).collect();
            match chars[..] {
                ['\'', '\\', _, '\'', ..] => 4,
                ['\'', one, '\'', ..] => 2 + one.len_utf8(),
                ['\'', '\\', ..] => rest[2..].find('\'').map_or(1, |end| end + 3),
                _ => 0,
            }
        } else {
            0
        };
        if skipped > 0 {
            rest = &rest[skipped..];
            code.push(' ');
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    code
}

/// The length of a string's text with its closing quote.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().find(|&(_, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}
