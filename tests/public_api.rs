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
    let list = public_api().join("\n") + "\n";
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
fn the_root_has_few_names() {
    let exports = exports();
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
    /// The name of the item, where it is exported under another.
    item: String,
}

/// An item's lines, each behind its name.
type Described = BTreeMap<String, BTreeSet<String>>;

fn public_api() -> Vec<String> {
    let described = described();
    let mut lines = BTreeSet::new();
    for export in exports() {
        let path: Vec<&str> =
            ["perf_runtime", &export.module, &export.name].into_iter().filter(|part| !part.is_empty()).collect();
        let path = path.join("::");
        lines.insert(path.clone());
        for line in described.get(&export.item).into_iter().flatten() {
            lines.insert(format!("{path}{line}"));
        }
    }
    lines.into_iter().collect()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../perf-runtime/src")
}

/// Everything that `lib.rs` exports, and every module that it has declared public.
fn exports() -> Vec<Export> {
    let root = syn::parse_file(&fs::read_to_string(source().join("lib.rs")).unwrap()).unwrap();
    let mut found = Vec::new();
    collect_exports("", &root.items, &mut found);
    found
}

fn collect_exports(module: &str, items: &[Item], found: &mut Vec<Export>) {
    for item in items {
        match item {
            Item::Use(one) if is_public(&one.vis) => leaves(&one.tree, &mut |item, name| {
                found.push(Export { module: module.to_owned(), name, item });
            }),
            Item::Mod(one) if is_public(&one.vis) && !is_hidden(one) => {
                let name = one.ident.to_string();
                let inside = if module.is_empty() { name.clone() } else { format!("{module}::{name}") };
                match &one.content {
                    Some((_, items)) => collect_exports(&inside, items, found),
                    None => collect_exports(&inside, &module_file(&inside).items, found),
                }
            }
            other => {
                if let Some(name) = public_name(other) {
                    found.push(Export { module: module.to_owned(), name: name.clone(), item: name });
                }
            }
        }
    }
}

fn module_file(module: &str) -> syn::File {
    let path = source().join(module.replace("::", "/"));
    let file = [path.with_extension("rs"), path.join("mod.rs")].into_iter().find(|file| file.exists()).unwrap();
    syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap()
}

/// Shows each name that a `use` brings, with the item behind it.
fn leaves(tree: &UseTree, show: &mut dyn FnMut(String, String)) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, show),
        UseTree::Name(name) => show(name.ident.to_string(), name.ident.to_string()),
        UseTree::Rename(name) => show(name.ident.to_string(), name.rename.to_string()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, show)),
        UseTree::Glob(_) => show("*".to_owned(), "*".to_owned()),
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(module: &ItemMod) -> bool {
    module.attrs.iter().any(|attribute| attribute.to_token_stream().to_string().contains("hidden"))
}

fn public_name(item: &Item) -> Option<String> {
    let (visibility, name) = match item {
        Item::Struct(one) => (&one.vis, &one.ident),
        Item::Enum(one) => (&one.vis, &one.ident),
        Item::Trait(one) => (&one.vis, &one.ident),
        Item::Fn(one) => (&one.vis, &one.sig.ident),
        Item::Const(one) => (&one.vis, &one.ident),
        Item::Type(one) => (&one.vis, &one.ident),
        _ => return None,
    };
    is_public(visibility).then(|| name.to_string())
}

/// Fields, variants and methods of every public item in the crate, by its name.
fn described() -> Described {
    let mut described = Described::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
            if path.is_dir() && !is_test {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !is_test {
                let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
                file.items.iter().for_each(|item| describe(item, &mut described));
            }
        }
    }
    described
}

fn describe(item: &Item, described: &mut Described) {
    let mut add = |name: String, line: String| {
        described.entry(name).or_default().insert(line);
    };
    match item {
        Item::Struct(one) => fields(&one.fields).for_each(|field| add(one.ident.to_string(), format!(".{field}"))),
        Item::Enum(one) => {
            for variant in &one.variants {
                let name = variant.ident.to_string();
                let fields: Vec<String> = variant.fields.iter().map(|field| text(&field.ty)).collect();
                let shown = if fields.is_empty() { name } else { format!("{name}({})", fields.join(", ")) };
                add(one.ident.to_string(), format!("::{shown}"));
            }
        }
        Item::Trait(one) => {
            for item in &one.items {
                if let TraitItem::Fn(function) = item {
                    add(one.ident.to_string(), format!(": {}", text(&function.sig)));
                }
            }
        }
        Item::Fn(one) if is_public(&one.vis) => add(one.sig.ident.to_string(), format!(": {}", text(&one.sig))),
        Item::Impl(one) if one.trait_.is_none() => {
            let Type::Path(of) = &*one.self_ty else { return };
            let Some(name) = of.path.segments.last().map(|last| last.ident.to_string()) else { return };
            for item in &one.items {
                match item {
                    ImplItem::Fn(function) if is_public(&function.vis) => {
                        add(name.clone(), format!(": {}", text(&function.sig)));
                    }
                    ImplItem::Const(constant) if is_public(&constant.vis) => {
                        add(name.clone(), format!("::{}: {}", constant.ident, text(&constant.ty)));
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
