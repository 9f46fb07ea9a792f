//! The `OpenAPI` document, put together from the parts that describe each its own routes.
//!
//! A part of an [`Extension`](crate::Extension) describes its routes with the types of `utoipa`, which are re-exported here,
//! by its macros or with the words of this module:
//!
//! ```
//! use perf_server::openapi::utoipa::openapi::path::HttpMethod;
//! use perf_server::openapi::{Description, Fields, Operations, count, list, object, read};
//!
//! let summary = read("reports", "The numbers of the last reports").json("Reports");
//! let document = Description::new()
//!     .operation(HttpMethod::Get, "/api/v1/reports", summary)
//!     .schema("Reports", object("Numbers of reports.").has("reports", list(count())))
//!     .build();
//! ```

pub use describe::{
    Description, Fields, Operations, admin, choice, count, flag, kind, labels, list, map, named, next, number,
    number_or_null, object, one_of, public, read, text, text_or_null, time, window,
};
pub use utoipa;

use crate::error::ServeError;
use crate::extension::conflict;
use crate::respond::ProblemKind;
use crate::table::OWN;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{LazyLock, OnceLock};
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, License, OpenApi, OpenApiBuilder, OpenApiVersion, Server};

mod alerts;
mod describe;
mod health;
mod live;
mod login;
mod mcp;
mod metrics;
mod objectives;
mod recorded;
mod series;
mod tree;

/// Stands in the document for the name of the session's cookie, which the address that is asked has a part in.
pub(crate) const COOKIE: &str = "{{session}}";

const INTRODUCTION: &str = "Figures that a process measures of itself. Units: seconds, bytes, ratios 0 to 1, unless a field says otherwise. Without tokens everybody may read and nobody may change anything. With any token set, reading needs the read token or the admin token, and changing the admin token, as `Authorization: Bearer ..` or by a session of the login page, whose cookie has a name of its own for each service, instance and port. Paths are relative to where the router is mounted. Answers come compressed to those who accept gzip, and with a tag for `If-None-Match`. Every refusal is a problem document (RFC 9457), whose `type` is a stable name.";

/// The document of our own routes and those of parts, written when somebody first asks for it: most processes are never asked.
pub(crate) struct Document {
    parts: Vec<OpenApi>,
    text: OnceLock<String>,
}

impl Document {
    /// A document with these parts, each with the name of who describes it.
    ///
    /// # Errors
    /// An operation or a schema that two of them describe.
    pub(crate) fn new(parts: Vec<(String, OpenApi)>) -> Result<Self, ServeError> {
        static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| own().iter().flat_map(names).collect());
        let mut known: BTreeMap<String, &str> = NAMES.iter().map(|name| (name.clone(), OWN)).collect();
        for (part, document) in &parts {
            for name in names(document) {
                if let Some(other) = known.insert(name.clone(), part) {
                    return Err(conflict("description", &name, other, part));
                }
            }
        }
        let parts = parts.into_iter().map(|(_, document)| document).collect();
        Ok(Self { parts, text: OnceLock::new() })
    }

    /// It as JSON.
    pub(crate) fn text(&self) -> &str {
        self.text.get_or_init(|| {
            let mut all = base();
            own().into_iter().chain(self.parts.iter().cloned()).for_each(|document| all.merge(document));
            // A tree of texts and numbers can always be written.
            all.to_json().unwrap_or_default()
        })
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

/// The descriptions of our own routes.
fn own() -> [OpenApi; 10] {
    [
        alerts::part(),
        objectives::part(),
        health::part(),
        live::part(),
        login::part(),
        mcp::part(),
        metrics::part(),
        recorded::part(),
        series::part(),
        tree::part(),
    ]
}

/// The names of everything that a document describes: its paths with their methods, its schemas and responses.
fn names(document: &OpenApi) -> Vec<String> {
    let of_path = |item: &utoipa::openapi::PathItem| {
        let methods = [
            ("GET", item.get.is_some()),
            ("PUT", item.put.is_some()),
            ("POST", item.post.is_some()),
            ("DELETE", item.delete.is_some()),
            ("PATCH", item.patch.is_some()),
        ];
        methods.into_iter().filter(|(_, is_there)| *is_there).map(|(method, _)| method)
    };
    let paths = document.paths.paths.iter();
    let operations = paths.flat_map(|(path, item)| of_path(item).map(move |method| format!("{method} {path}")));
    let components = document.components.iter();
    let components = components.flat_map(|all| all.schemas.keys().chain(all.responses.keys()).cloned());
    operations.chain(components).collect()
}

fn base() -> OpenApi {
    let info = InfoBuilder::new().title("perf").version("1").description(Some(INTRODUCTION));
    let info = info.license(Some(License::new("MIT OR Apache-2.0"))).build();
    let bearer = || SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let components = ComponentsBuilder::new()
        .security_scheme("readToken", bearer())
        .security_scheme("adminToken", bearer())
        .security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE))));
    let mut base = OpenApiBuilder::new()
        .openapi(OpenApiVersion::Version31)
        .info(info)
        .servers(Some([Server::new("/")]))
        .components(Some(components.build()))
        .build();
    base.merge(shared());
    base
}

/// The descriptions that the operations of all parts share: problems.
fn shared() -> OpenApi {
    let kinds: Vec<String> = ProblemKind::ALL.iter().map(|kind| format!("`{kind}`")).collect();
    let kinds = format!("A stable name: one of {}, or one that a part has of its own.", kinds.join(", "));
    let problem = object("A problem document (RFC 9457).")
        .has("type", text().note(&kinds))
        .has("title", text())
        .has("status", count())
        .has("detail", text().note("The fault and the remedy, for people."))
        .may_have("field", text().note("The parameter or field that is wrong."))
        .may_have("value", text().note("The value that was given there."))
        .may_have("allowed", text().note("The values that are allowed there."));
    Description::new()
        .schema("Problem", problem)
        .response("Unauthorized", "No token, or one that is not known.")
        .response("NotAcceptable", "The header Accept leaves JSON out.")
        .response(
            "Forbidden",
            "The token is for reading only, no admin token is set, or the request comes from a page of another site.",
        )
        .response("NotAllowed", "A value that is not allowed; it says what is.")
        .response("NoQuery", "The query of the address cannot be read.")
        .response(
            "UnknownHost",
            "No token is set, and the service is asked for under a name that is not this machine's.",
        )
        .response("TooMany", "Too many answers are being made: the header Retry-After says when to come back.")
        .response("TooLate", "The body did not arrive in time.")
        .response("NoJson", "The body is no JSON, or broke off, or the query of the address cannot be read.")
        .response("TooLarge", "The body is too large.")
        .response("NotSaidToBeJson", "The body is not said to be JSON.")
        .response("CrossSite", "The request comes from a page of another site.")
        .build()
}
