//! Words for descriptions: what our own routes share, so that each is described in some lines.

use crate::respond::MAX_LABELS;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ComponentsBuilder, Object, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{
    Content, ContentBuilder, Info, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
    SecurityRequirement,
};

/// The description of a part's routes, begun empty.
#[derive(Default)]
#[must_use]
pub struct Description {
    paths: PathsBuilder,
    components: ComponentsBuilder,
}

impl Description {
    /// An empty description.
    pub fn new() -> Self {
        Self::default()
    }

    /// Describes a method of a path.
    pub fn operation(mut self, method: HttpMethod, path: &str, operation: impl Into<Operation>) -> Self {
        let item = utoipa::openapi::PathItem::new(method, operation);
        self.paths = self.paths.path(path, item);
        self
    }

    pub(super) fn get(self, path: &str, operation: OperationBuilder) -> Self {
        self.operation(HttpMethod::Get, path, operation)
    }

    pub(super) fn post(self, path: &str, operation: OperationBuilder) -> Self {
        self.operation(HttpMethod::Post, path, operation)
    }

    pub(super) fn delete(self, path: &str, operation: OperationBuilder) -> Self {
        self.operation(HttpMethod::Delete, path, operation)
    }

    /// Adds a schema that operations can [name](named).
    pub fn schema(mut self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.components = self.components.schema(name, schema);
        self
    }

    pub(super) fn response(mut self, name: &str, description: &str) -> Self {
        self.components = self.components.response(name, problem(description));
        self
    }

    /// The document.
    pub fn build(self) -> OpenApi {
        let info = Info::new("", "");
        OpenApiBuilder::new().info(info).paths(self.paths).components(Some(self.components.build())).build()
    }
}

fn operation(tag: &str, summary: &str, ways: &[&str]) -> OperationBuilder {
    let ways = ways.iter().map(|way| SecurityRequirement::new(*way, Vec::<String>::new()));
    OperationBuilder::new().tag(tag).summary(Some(summary)).securities(Some(ways))
}

/// An operation that anybody may call.
pub fn public(tag: &str, summary: &str) -> OperationBuilder {
    operation(tag, summary, &[])
}

/// An operation for whoever may read, with the answer to whoever may not.
pub fn read(tag: &str, summary: &str) -> OperationBuilder {
    guarded(operation(tag, summary, &["readToken", "adminToken", "cookie"]))
}

/// An operation that needs the admin token, with the answers to whoever has none.
pub fn admin(tag: &str, summary: &str) -> OperationBuilder {
    guarded(operation(tag, summary, &["adminToken", "cookie"]))
}

/// Adds the refusals: of no token, of a token without the right, and of an unknown host.
fn guarded(operation: OperationBuilder) -> OperationBuilder {
    operation.refused("401", "Unauthorized").refused("403", "Forbidden").refused("421", "UnknownHost")
}

/// The answers and parameters that our own operations share.
pub trait Operations: Sized {
    /// Answers `200` with JSON of a named schema, as [`respond::json`](crate::respond::json) does: with `304`, `406` and `429` in its
    /// place, and `400` and `422` where the query is wrong.
    #[must_use]
    fn json(self, schema: &str) -> Self;
    /// Answers with a body of a named schema, as JSON.
    #[must_use]
    fn answer(self, status: &str, description: &str, schema: &str) -> Self;
    /// Answers with text of a content type.
    #[must_use]
    fn text(self, status: &str, description: &str, content_type: &str) -> Self;
    /// Answers without a body.
    #[must_use]
    fn empty(self, status: &str, description: &str) -> Self;
    /// Answers with a problem document.
    #[must_use]
    fn problem(self, status: &str, description: &str) -> Self;
    /// Answers with a problem document that this crate describes: `Unauthorized`, `Forbidden`, `CrossSite`, `UnknownHost`,
    /// `NotAcceptable`, `NotAllowed`, `NoQuery`, `NoJson`, `TooLarge`, `TooLate`, `NotSaidToBeJson` or `TooMany`.
    #[must_use]
    fn refused(self, status: &str, response: &str) -> Self;
    /// Takes JSON of a named schema, with the refusals of [`Payload`](crate::respond::Payload).
    #[must_use]
    fn takes(self, schema: &str, example: serde_json::Value) -> Self;
    /// Takes a parameter of the query.
    #[must_use]
    fn query(self, name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Self;
    /// Takes `label` several times, as [`Params::labels`](crate::respond::Params::labels) does.
    #[must_use]
    fn labelled(self) -> Self;
    /// Takes `limit`, `sort` and `cursor`, as [`Params::listing`](crate::respond::Params::listing) does, and refuses other values.
    #[must_use]
    fn listed(self, sorts: &[&str], default: Option<usize>, most: usize) -> Self;
    /// Takes a text as a parameter of the path.
    #[must_use]
    fn path_text(self, name: &str, description: &str) -> Self;
    /// Takes a number as a parameter of the path.
    #[must_use]
    fn id(self, description: &str) -> Self;
}

impl Operations for OperationBuilder {
    fn json(self, schema: &str) -> Self {
        let this = self.answer("200", "As asked.", schema).empty("304", "It is as the client has it.");
        let this = this.refused("400", "NoQuery").refused("406", "NotAcceptable");
        this.refused("422", "NotAllowed").refused("429", "TooMany")
    }

    fn answer(self, status: &str, description: &str, schema: &str) -> Self {
        self.response(status, with_body(description, "application/json", named(schema)))
    }

    fn text(self, status: &str, description: &str, content_type: &str) -> Self {
        self.response(status, with_body(description, content_type, text()))
    }

    fn empty(self, status: &str, description: &str) -> Self {
        self.response(status, Response::new(description))
    }

    fn problem(self, status: &str, description: &str) -> Self {
        self.response(status, problem(description))
    }

    fn refused(self, status: &str, response: &str) -> Self {
        self.response(status, Ref::from_response_name(response))
    }

    fn takes(self, schema: &str, example: serde_json::Value) -> Self {
        let content = ContentBuilder::new().schema(Some(named(schema))).example(Some(example)).build();
        let body = RequestBodyBuilder::new().required(Some(Required::True)).content("application/json", content);
        let this = self.request_body(Some(body.build()));
        let this = this.refused("400", "NoJson").refused("408", "TooLate").refused("413", "TooLarge");
        this.refused("415", "NotSaidToBeJson").refused("422", "NotAllowed")
    }

    fn query(self, name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.parameter(parameter(name, ParameterIn::Query, description, schema).required(Required::False))
    }

    fn listed(self, sorts: &[&str], default: Option<usize>, most: usize) -> Self {
        let mut limit = count().minimum(Some(1_usize)).maximum(Some(most));
        if let Some(default) = default {
            limit = limit.default(Some(default.into()));
        }
        let down = sorts.iter().map(|sort| format!("-{sort}"));
        let sorts = text().enum_values(Some(sorts.iter().map(|sort| (*sort).to_owned()).chain(down)));
        self.query("limit", "How many at most.", limit)
            .query("sort", "By which field; with a dash before it the greatest first.", sorts)
            .query("cursor", "The cursor `next` of the page before, with the same sort.", matching("^([0-9a-f]{2})+$"))
            .problem("410", "The entry at which the cursor stood is gone.")
    }

    fn labelled(self) -> Self {
        let labels = list(matching("^[^=]+=")).max_items(Some(MAX_LABELS));
        self.query("label", "Only those with this label, such as table=users. May be given several times.", labels)
    }

    fn path_text(self, name: &str, description: &str) -> Self {
        let parameter = parameter(name, ParameterIn::Path, description, text());
        self.parameter(parameter.required(Required::True))
    }

    fn id(self, description: &str) -> Self {
        let id = parameter("id", ParameterIn::Path, description, id()).example(Some(1.into()));
        self.parameter(id.required(Required::True)).refused("422", "NotAllowed")
    }
}

/// Takes a range of time, as `window`, or `from` and `to`, name it.
pub(super) fn ranged(operation: OperationBuilder) -> OperationBuilder {
    let moment = || matching("^(now|-?[0-9.].*|[+].*)$");
    operation
        .query("window", "How far back; without it and `from`, an hour.", window())
        .query("from", "The start: RFC 3339, seconds since 1970, or a span before now such as -2h.", moment())
        .query("to", "The end, in the same ways; without it, now.", moment())
}

pub(super) fn parameter(
    name: &str,
    place: ParameterIn,
    description: &str,
    schema: impl Into<RefOr<Schema>>,
) -> ParameterBuilder {
    ParameterBuilder::new().name(name).parameter_in(place).description(Some(description)).schema(Some(schema))
}

fn with_body(description: &str, content_type: &str, schema: impl Into<RefOr<Schema>>) -> Response {
    ResponseBuilder::new().description(description).content(content_type, Content::new(Some(schema))).build()
}

fn problem(description: &str) -> Response {
    with_body(description, "application/problem+json", named("Problem"))
}

/// A schema by its name.
pub fn named(name: &str) -> Ref {
    Ref::from_schema_name(name)
}

/// A text.
pub fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A text that this regular expression of JSON Schema's finds something in.
pub(super) fn matching(pattern: &str) -> ObjectBuilder {
    text().pattern(Some(pattern))
}

/// A span of time, such as `30m`.
pub(super) fn span() -> ObjectBuilder {
    matching(r"^\s*[0-9][0-9a-zA-Zµ .,]*$").max_length(Some(100))
}

/// A moment.
pub fn time() -> ObjectBuilder {
    text().note("RFC 3339, UTC.")
}

/// A number.
pub fn number() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Number)
}

/// A whole number from 0.
pub fn count() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0_usize))
}

/// A number that counts up.
pub(super) fn id() -> ObjectBuilder {
    count().maximum(Some(u64::MAX))
}

/// True or false.
pub fn flag() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}

/// A value of one of several types.
pub fn one_of(types: &[Type]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Array(types.to_vec()))
}

/// A text, or null.
pub fn text_or_null() -> ObjectBuilder {
    one_of(&[Type::String, Type::Null])
}

/// A number, or null.
pub fn number_or_null() -> ObjectBuilder {
    one_of(&[Type::Number, Type::Null])
}

/// A number, or null. One that is not finite is a text.
pub(super) fn any_number_or_null() -> ObjectBuilder {
    one_of(&[Type::Number, Type::String, Type::Null]).note("One that is not finite is the text NaN, +Inf or -Inf.")
}

/// One of these texts.
pub fn choice(values: &[&str]) -> ObjectBuilder {
    text().enum_values(Some(values.iter().copied()))
}

/// A window, such as `5m`.
pub fn window() -> ObjectBuilder {
    choice(&["1m", "5m", "15m", "1h"])
}

/// A kind of calls.
pub fn kind() -> ObjectBuilder {
    choice(&perf_runtime::Kind::ALL.map(perf_runtime::Kind::as_str))
}

/// The cursor of the next page of a list.
pub fn next() -> ObjectBuilder {
    text().note("The cursor of the next page; left out on the last.")
}

/// A list.
pub fn list(items: impl Into<RefOr<Schema>>) -> ArrayBuilder {
    ArrayBuilder::new().items(items.into())
}

/// The names and values of labels.
pub fn labels() -> ObjectBuilder {
    map(text()).note("The value of each label, by its name.")
}

/// An object of any fields with values of one sort.
pub fn map(values: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(values.into()))
}

/// The service that a process is an instance of, or null.
pub(super) fn service() -> ObjectBuilder {
    one_of(&[Type::Object, Type::Null])
        .note("The service that the process is an instance of; null where nobody said it.")
        .has("name", text())
        .has("version", text_or_null())
        .has("instance", text_or_null())
}

/// An object, with its description.
pub fn object(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object).note(description)
}

/// The fields of an object.
pub trait Fields: Sized {
    /// Adds a field that is always there.
    #[must_use]
    fn has(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self;
    /// Adds a field that may be left out.
    #[must_use]
    fn may_have(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self;
    /// Allows no other fields.
    #[must_use]
    fn nothing_else(self) -> Self;
    /// Describes it in words.
    #[must_use]
    fn note(self, description: &str) -> Self;
}

impl Fields for ObjectBuilder {
    fn has(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.property(name, schema).required(name)
    }

    fn may_have(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.property(name, schema)
    }

    fn nothing_else(self) -> Self {
        let none = utoipa::openapi::schema::AdditionalProperties::<Schema>::FreeForm(false);
        self.additional_properties(Some(none))
    }

    fn note(self, description: &str) -> Self {
        self.description(Some(description))
    }
}

/// The same object with the fields of another behind its own.
pub(super) fn with_fields_of(builder: ObjectBuilder, other: ObjectBuilder) -> ObjectBuilder {
    let other: Object = other.build();
    let required = other.required;
    let all = other.properties.into_iter().fold(builder, |builder, (name, schema)| builder.property(name, schema));
    required.into_iter().fold(all, ObjectBuilder::required)
}
