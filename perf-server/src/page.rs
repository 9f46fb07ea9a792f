//! The pages of the dashboard as data: our own and those of other parts, in one navigation.

use crate::error::ServeError;
use crate::extension::conflict;
use crate::table::OWN;
use perf_runtime::metric::names;
use serde::Serialize;
use std::borrow::Cow;

/// Where a page stands in the navigation. Each group is set apart from the one before; a part's pages stand behind ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Place {
    /// With the overview and the kinds of calls.
    Calls,
    /// With the calls that run now and the alerts.
    Now,
    /// With the host, the process and the application's own metrics.
    #[default]
    Resources,
}

/// A page of the dashboard that a part adds: [`Extension::page`](crate::Extension::page).
///
/// Its script is an ES module whose `default` export is a class. The dashboard makes one when somebody opens the page, puts its
/// `element` into the page, calls `update(store)` after each message, and has the feed send what its `topic` asks for:
///
/// ```js
/// import { h, text } from "./dom.js";
///
/// export default class {
///   title = "History";
///   topic = { of: "history" };
///   value = h("p");
///   element = h("div", { class: "page" }, h("h1", {}, this.title), this.value);
///
///   update(store) {
///     text(this.value, String(store.data?.uptime));
///   }
/// }
/// ```
///
/// The script is served beside our own, so that it can import them; they may change with any version of this crate. It must be
/// plain: the content security policy allows no inline script or style, and nothing from elsewhere.
#[derive(Clone, Debug)]
#[must_use = "a page shows nothing until an extension has it"]
pub struct Page {
    id: String,
    title: String,
    script: Cow<'static, str>,
    style: Option<Cow<'static, str>>,
    place: Place,
    metrics: Vec<String>,
}

impl Page {
    /// A page. `id` stands in its address (`#/<id>`): lowercase letters, digits and dashes, at most 40. `title` stands in the
    /// navigation. `script` is the text of the module.
    pub fn new(id: impl Into<String>, title: impl Into<String>, script: impl Into<Cow<'static, str>>) -> Self {
        let (id, title, script) = (id.into(), title.into(), script.into());
        Self { id, title, script, style: None, place: Place::default(), metrics: Vec::new() }
    }

    /// Adds a style sheet, which is loaded when somebody opens the page.
    pub fn style(mut self, style: impl Into<Cow<'static, str>>) -> Self {
        self.style = Some(style.into());
        self
    }

    /// Sets the place in the navigation: [`Place::Resources`] by default.
    pub fn place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Shows the page in the navigation only where there is a metric whose name begins with one of these.
    pub fn when_metrics(mut self, prefixes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.metrics = prefixes.into_iter().map(Into::into).collect();
        self
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The texts of its files.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.script).chain(self.style.as_deref())
    }
}

/// One page in the list of all: `GET /api/v1/pages`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PageEntry {
    pub(crate) id: String,
    title: String,
    part: String,
    place: Place,
    /// Shown where there are series of one of these kinds, or metrics that begin so; always where both are empty.
    kinds: Vec<&'static str>,
    metrics: Vec<String>,
    /// The addresses of the part's module and style, relative to the dashboard. Those of our own pages are in it.
    script: Option<String>,
    style: Option<String>,
}

/// A file that a page of a part brings.
#[derive(Debug)]
pub(crate) struct PageFile {
    pub(crate) name: String,
    pub(crate) is_script: bool,
    pub(crate) text: Cow<'static, str>,
}

/// Our own pages: id, title, place, kinds of calls, prefixes of metrics.
type Own = (&'static str, &'static str, Place, &'static [&'static str], &'static [&'static str]);
const OWN_PAGES: &[Own] = &[
    ("overview", "Overview", Place::Calls, &[], &[]),
    ("requests", "Requests", Place::Calls, &["http_request"], &[]),
    ("database", "Database", Place::Calls, &["db_operation"], &[]),
    ("workflows", "Workflows", Place::Calls, &["workflow", "workflow_step"], &[]),
    ("agents", "Agents, tools", Place::Calls, &["agent", "tool", "mcp_call", "llm_call"], &[]),
    ("external", "External calls", Place::Calls, &["external_call"], &[]),
    ("operations", "Operations", Place::Calls, &["operation"], &[]),
    ("running", "Running now", Place::Now, &[], &[]),
    ("map", "Call map", Place::Now, &[], &[]),
    ("alerts", "Alerts", Place::Now, &[], &[]),
    ("host", "Host", Place::Resources, &[], &["system_", "container_"]),
    ("process", "Process", Place::Resources, &[], &["process_", "allocator_", "jemalloc_", names::MEMORY_USAGE_BYTES]),
    ("executor", "Executor", Place::Resources, &[], &["tokio_", "executor_"]),
    ("pools", "Pools, caches", Place::Resources, &[], &["db_client_connection", "db_pool_", "cache_"]),
    ("gpu", "GPU", Place::Resources, &[], &["hw_"]),
    ("browsers", "Browsers", Place::Resources, &[], &["ui_"]),
    ("monitoring", "Own cost", Place::Resources, &[], &["monitoring_", "perf_"]),
    ("metrics", "Own metrics", Place::Resources, &[], &[]),
];

/// Every page in the order of the navigation, and the files of those that parts add. `base` is where files are served.
pub(crate) fn all(
    parts: &[(String, Page)],
    base: impl Fn(&str) -> String,
) -> Result<(Vec<PageEntry>, Vec<PageFile>), ServeError> {
    let own = OWN_PAGES.iter().map(|&(id, title, place, kinds, metrics)| PageEntry {
        id: id.to_owned(),
        title: title.to_owned(),
        part: OWN.to_owned(),
        place,
        kinds: kinds.to_vec(),
        metrics: metrics.iter().map(|&prefix| prefix.to_owned()).collect(),
        script: None,
        style: None,
    });
    let (mut pages, mut files): (Vec<PageEntry>, Vec<PageFile>) = (own.collect(), Vec::new());
    for (part, page) in parts {
        // The address of a page of one series.
        let taken = if page.id == "series" { Some(OWN) } else { None };
        let known = pages.iter().find(|other| other.id == page.id).map(|other| other.part.as_str());
        if let Some(other) = known.or(taken) {
            return Err(conflict("page", &page.id, other, part));
        }
        let mut file = |ending: &str, text: &Cow<'static, str>| {
            let name = format!("{part}-{}.{ending}", page.id);
            let address = base(&name);
            files.push(PageFile { name, is_script: ending == "js", text: text.clone() });
            address
        };
        let script = Some(file("js", &page.script));
        let style = page.style.as_ref().map(|style| file("css", style));
        let (id, title, part) = (page.id.clone(), page.title.clone(), part.clone());
        let (place, metrics) = (page.place, page.metrics.clone());
        pages.push(PageEntry { id, title, part, place, kinds: Vec::new(), metrics, script, style });
    }
    // A stable sort: within a group ours stand first.
    pages.sort_by_key(|page| page.place);
    Ok((pages, files))
}
