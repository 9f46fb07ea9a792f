//! The public API of `perf-runtime`, as a list that is checked in: `tests/public_api.txt`. A change of it shows in a review;
//! `PERF_BLESS=1 cargo test -p perf-tests --test public_api` writes it anew.
//!
//! The sources are read as text: what `lib.rs` exports, with the fields, variants and methods of each item. Implementations
//! of traits are left out.

use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};
use syn::{Fields, ImplItem, Item, ItemMod, TraitItem, Type, UseTree, Visibility};

/// The most names at the root of the crate, modules among them.
const MOST_AT_THE_ROOT: usize = 40;

#[test]
fn the_list_is_up_to_date() {
    let list = list_of(&modules()).join("\n") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("public_api.txt");
    if env::var_os("PERF_BLESS").is_some() {
        fs::write(&path, &list).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let (kept, list): (BTreeSet<&str>, BTreeSet<&str>) = (kept.lines().collect(), list.lines().collect());
    let gone: Vec<_> = kept.difference(&list).collect();
    let new: Vec<_> = list.difference(&kept).collect();
    assert!(gone.is_empty() && new.is_empty(), "gone: {gone:#?}\nnew: {new:#?}\nPERF_BLESS=1 writes the list anew");
}

#[test]
fn namesakes_of_two_modules_share_no_line() {
    let parse = |source: &str| syn::parse_file(source).unwrap().items;
    let mut modules = Modules::new();
    add_module(
        String::new(),
        parse("pub mod shown { pub use crate::a::Part; pub use crate::b::Part as Other; }"),
        &mut modules,
    );
    add_module("a".to_owned(), parse("mod more; pub struct Part { pub length: u64 }"), &mut modules);
    add_module("a::more".to_owned(), parse("use super::Part; impl Part { pub fn longest() {} }"), &mut modules);
    add_module(
        "b".to_owned(),
        parse("pub use inner::Part; mod inner { pub struct Part { pub width: u64 } }"),
        &mut modules,
    );
    assert_eq!(
        list_of(&modules),
        [
            "perf_runtime::shown::Other",
            "perf_runtime::shown::Other.width: u64",
            "perf_runtime::shown::Part",
            "perf_runtime::shown::Part.length: u64",
            "perf_runtime::shown::Part: fn longest()",
        ]
    );
}

#[test]
fn the_root_has_few_names() {
    let exports = exports_of(&modules());
    let root: BTreeSet<&str> =
        exports.iter().filter(|one| one.module.is_empty()).map(|one| one.name.as_str()).collect();
    let modules: BTreeSet<&str> =
        exports.iter().filter_map(|one| one.module.split("::").find(|part| !part.is_empty())).collect();
    let all: BTreeSet<&str> = root.union(&modules).copied().collect();
    assert!(all.len() <= MOST_AT_THE_ROOT, "{} names at the root: {all:?}", all.len());
    assert!(all.len() > 20, "the sources were read: {all:?}");
}

/// One exported name.
struct Export {
    /// The module that it is exported from; empty for the root.
    module: String,
    name: String,
    /// The path of the item behind it; `None` where another crate has it.
    item: Option<String>,
}

/// One module of the crate, by its path inside the crate; the root's is empty.
#[derive(Default)]
struct Module {
    items: Vec<Item>,
    /// The path that each imported name stands for, as it is written.
    imports: BTreeMap<String, Vec<String>>,
}

type Modules = BTreeMap<String, Module>;

/// An item's lines, by the path of the item.
type Described = BTreeMap<String, BTreeSet<String>>;

fn list_of(modules: &Modules) -> Vec<String> {
    let described = described(modules);
    let mut lines = BTreeSet::new();
    for export in exports_of(modules) {
        let path: Vec<&str> =
            ["perf_runtime", &export.module, &export.name].into_iter().filter(|part| !part.is_empty()).collect();
        let path = path.join("::");
        lines.insert(path.clone());
        for line in export.item.and_then(|item| described.get(&item)).into_iter().flatten() {
            lines.insert(format!("{path}{line}"));
        }
    }
    lines.into_iter().collect()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../perf-runtime/src")
}

/// Every module of the crate but those of tests.
fn modules() -> Modules {
    let (source, mut modules) = (source(), Modules::new());
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
            if path.is_dir() && !is_test {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !is_test {
                let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
                let inside = path.strip_prefix(&source).unwrap().with_extension("");
                let parts: Vec<&str> = inside.iter().map(|part| part.to_str().unwrap()).collect();
                let parts = parts.strip_suffix(&["mod"]).unwrap_or(&parts);
                let name = if parts == ["lib"] { String::new() } else { parts.join("::") };
                add_module(name, file.items, &mut modules);
            }
        }
    }
    modules
}

fn add_module(name: String, items: Vec<Item>, modules: &mut Modules) {
    let mut module = Module::default();
    for item in items {
        match item {
            Item::Use(one) => {
                leaves(&one.tree, &mut Vec::new(), &mut |path, name| {
                    module.imports.insert(name, path.to_vec());
                });
                module.items.push(Item::Use(one));
            }
            Item::Mod(one) => {
                if let Some((_, inside)) = one.content.as_ref().filter(|_| one.ident != "tests") {
                    add_module(joined(&name, &one.ident.to_string()), inside.clone(), modules);
                }
                module.items.push(Item::Mod(one));
            }
            other => module.items.push(other),
        }
    }
    modules.insert(name, module);
}

fn joined(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

/// The path of the item that `path` names inside of a module, through all imports; `None` where it is another crate's.
fn resolved(modules: &Modules, module: &str, path: &[String]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let begin = match first.as_str() {
        "crate" => String::new(),
        "self" => module.to_owned(),
        "super" => parent.to_owned(),
        name => found_in(modules, module, name)?,
    };
    let mut found = begin;
    for name in rest {
        found = match name.as_str() {
            "super" => found.rsplit_once("::").map_or(String::new(), |(parent, _)| parent.to_owned()),
            name => found_in(modules, &found, name)?,
        };
    }
    Some(found)
}

/// The path of what is called so in a module: a module below it, an item of its own, or what it imports.
fn found_in(modules: &Modules, module: &str, name: &str) -> Option<String> {
    let (inside, here) = (joined(module, name), modules.get(module)?);
    if modules.contains_key(&inside) || here.items.iter().any(|item| name_of(item).is_some_and(|own| own == name)) {
        return Some(inside);
    }
    let imported = here.imports.get(name)?;
    // `use name::..` of a module that has `name` from nowhere else is of another crate.
    if imported.first().is_some_and(|first| first == name) {
        return None;
    }
    resolved(modules, module, imported)
}

/// Everything that `lib.rs` exports, and every module that it has declared public.
fn exports_of(modules: &Modules) -> Vec<Export> {
    let mut found = Vec::new();
    collect_exports(modules, "", "", &mut found);
    found
}

/// Collects the exports of the module at `path`, which is called `shown` from outside.
fn collect_exports(modules: &Modules, path: &str, shown: &str, found: &mut Vec<Export>) {
    for item in &modules[path].items {
        match item {
            Item::Use(one) if is_public(&one.vis) => leaves(&one.tree, &mut Vec::new(), &mut |used, name| {
                let item = resolved(modules, path, used);
                if let Some(module) = item.as_ref().filter(|item| modules.contains_key(*item)) {
                    collect_exports(modules, module, &joined(shown, &name), found);
                }
                found.push(Export { module: shown.to_owned(), name, item });
            }),
            Item::Mod(one) if is_public(&one.vis) && !is_hidden(one) => {
                let name = one.ident.to_string();
                collect_exports(modules, &joined(path, &name), &joined(shown, &name), found);
            }
            other => {
                let public = public_name(other);
                found.extend(public.map(|name| {
                    let item = Some(joined(path, &name));
                    Export { module: shown.to_owned(), name, item }
                }));
            }
        }
    }
}

/// Shows each name that a `use` brings, with the path that it stands for.
fn leaves(tree: &UseTree, above: &mut Vec<String>, show: &mut dyn FnMut(&[String], String)) {
    let mut leaf = |item: String, name: String| {
        above.push(item);
        show(above, name);
        above.pop();
    };
    match tree {
        UseTree::Name(name) if name.ident == "self" => {
            let name = above.last().cloned().unwrap_or_default();
            show(above, name);
        }
        UseTree::Name(name) => leaf(name.ident.to_string(), name.ident.to_string()),
        UseTree::Rename(name) => leaf(name.ident.to_string(), name.rename.to_string()),
        UseTree::Glob(_) => leaf("*".to_owned(), "*".to_owned()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, above, show)),
        UseTree::Path(path) => {
            above.push(path.ident.to_string());
            leaves(&path.tree, above, show);
            above.pop();
        }
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(module: &ItemMod) -> bool {
    module.attrs.iter().any(|attribute| attribute.to_token_stream().to_string().contains("hidden"))
}

/// The visibility and the name of an item that can be exported.
fn visible(item: &Item) -> Option<(&Visibility, &syn::Ident)> {
    Some(match item {
        Item::Struct(one) => (&one.vis, &one.ident),
        Item::Enum(one) => (&one.vis, &one.ident),
        Item::Trait(one) => (&one.vis, &one.ident),
        Item::Fn(one) => (&one.vis, &one.sig.ident),
        Item::Const(one) => (&one.vis, &one.ident),
        Item::Type(one) => (&one.vis, &one.ident),
        _ => return None,
    })
}

fn name_of(item: &Item) -> Option<&syn::Ident> {
    visible(item).map(|(_, name)| name)
}

fn public_name(item: &Item) -> Option<String> {
    visible(item).filter(|(visibility, _)| is_public(visibility)).map(|(_, name)| name.to_string())
}

/// Fields, variants and methods of every public item in the crate, by its path.
fn described(modules: &Modules) -> Described {
    let mut described = Described::new();
    for (path, module) in modules {
        module.items.iter().for_each(|item| describe(item, modules, path, &mut described));
    }
    described
}

fn describe(item: &Item, modules: &Modules, module: &str, described: &mut Described) {
    let mut add = |path: String, line: String| {
        described.entry(path).or_default().insert(line);
    };
    let here = |name: &syn::Ident| joined(module, &name.to_string());
    match item {
        Item::Struct(one) => fields(&one.fields).for_each(|field| add(here(&one.ident), format!(".{field}"))),
        Item::Enum(one) => {
            for variant in &one.variants {
                let name = variant.ident.to_string();
                let fields: Vec<String> = variant.fields.iter().map(|field| text(&field.ty)).collect();
                let shown = if fields.is_empty() { name } else { format!("{name}({})", fields.join(", ")) };
                add(here(&one.ident), format!("::{shown}"));
            }
        }
        Item::Trait(one) => {
            for item in &one.items {
                if let TraitItem::Fn(function) = item {
                    add(here(&one.ident), format!(": {}", text(&function.sig)));
                }
            }
        }
        Item::Fn(one) if is_public(&one.vis) => add(here(&one.sig.ident), format!(": {}", text(&one.sig))),
        Item::Impl(one) if one.trait_.is_none() => {
            let Type::Path(of) = &*one.self_ty else { return };
            let path: Vec<String> = of.path.segments.iter().map(|one| one.ident.to_string()).collect();
            let Some(of) = resolved(modules, module, &path) else { return };
            for item in &one.items {
                match item {
                    ImplItem::Fn(function) if is_public(&function.vis) => {
                        add(of.clone(), format!(": {}", text(&function.sig)));
                    }
                    ImplItem::Const(constant) if is_public(&constant.vis) => {
                        add(of.clone(), format!("::{}: {}", constant.ident, text(&constant.ty)));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn fields(fields: &Fields) -> impl Iterator<Item = String> + '_ {
    fields.iter().filter(|field| is_public(&field.vis)).map(|field| {
        let name = field.ident.as_ref().map_or_else(|| "0".to_owned(), ToString::to_string);
        format!("{name}: {}", text(&field.ty))
    })
}

/// Tokens as people write them, nearly.
fn text(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (spaced, tight) in [
        (" :: ", "::"),
        ("& ", "&"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" :", ":"),
        ("' ", "'"),
        (" ;", ";"),
        ("[ ", "["),
        (" ]", "]"),
        ("-> ", "-> "),
    ] {
        text = text.replace(spaced, tight);
    }
    text.replace("->", " -> ").split_whitespace().collect::<Vec<_>>().join(" ")
}
