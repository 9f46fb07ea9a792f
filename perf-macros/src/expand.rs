//! Writes the tokens: one `static`, one call in, one call out.

use crate::args::{Args, combine};
use crate::block::Block;
use crate::function::Function;
use crate::kind::Kind;
use crate::model::{Model, SpanLevel};
use crate::sorts::Sorts;
use body::Body;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::Error;

/// The section by which the runtime finds sites before their first call. Its name carries the version, which is the same as
/// the runtime's (each pins the other), so that two versions in one program do not meet.
pub(crate) const SECTION: &str = concat!(
    "perf_sites_",
    env!("CARGO_PKG_VERSION_MAJOR"),
    "_",
    env!("CARGO_PKG_VERSION_MINOR"),
    "_",
    env!("CARGO_PKG_VERSION_PATCH")
);

/// Expands an attribute. Where something is wrong, the function is emitted as it was, with the errors after it: so that
/// whatever else uses it does not fail for that.
pub(crate) fn attribute(kind: Kind, args: TokenStream, item: &TokenStream) -> TokenStream {
    expand(kind, args, item.clone()).unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote!(#item #error)
    })
}

fn expand(kind: Kind, args: TokenStream, item: TokenStream) -> Result<TokenStream, Error> {
    if let (Kind::Operation, Some(block)) = (kind, Block::read(&item)?) {
        return block.expand(&args);
    }
    let function = Function::read(item, kind.attribute())?;
    let (args, mut errors) = Args::read(args);
    match (Model::new(kind, args, &function), &errors) {
        (Ok(model), None) => return Ok(function_of(&model, &function)),
        // The model lacks the arguments that could not be read: the message about those is enough.
        (Err(error), None) => combine(&mut errors, error),
        _ => {}
    }
    Err(errors.unwrap_or_else(|| Error::new(Span::call_site(), "invalid attribute")))
}

/// The measured function: the site, then the body that uses it.
fn function_of(model: &Model, function: &Function) -> TokenStream {
    let path = &model.runtime;
    let runtime = quote!(#path::__private);
    let site = Ident::new("__PERF_SITE", Span::mixed_site());
    let sorts = Sorts::of(&function.sig, path);
    let declared = site_static(model, &sorts, &runtime, &site);
    let (signature, body) = Body::new(model, function, runtime, site).expand();
    function.with_body(&signature, &quote!(#declared #body))
}

/// The site, as a literal: what differs from function to function stands in it, all else is a constant of the runtime's.
fn site_static(model: &Model, sorts: &Sorts, runtime: &TokenStream, site: &Ident) -> TokenStream {
    let kind = format_ident!("{}", model.kind.variant());
    let labels = model.labels.specs(runtime);
    let more_labels = model.labels.more_tokens();
    let values = model.labels.seen_values(runtime);
    let span = span_spec(model, runtime);
    let errors = sorts.value(runtime).map(|errors| quote!(errors: #errors,));
    let targets =
        model.targets.tokens(runtime, &model.span.name, model.profile.as_ref(), model.plan, model.is_stream());
    let (targets, state) = match targets {
        None => (None, quote!(#runtime::State::#kind)),
        Some(made) => {
            let targets = quote!(targets: &#made,);
            (Some(targets), quote!(#runtime::State::new(#runtime::Kind::#kind, &#made)))
        }
    };
    let budget = model.budget.as_ref().map(|budget| budget.tokens(runtime)).map(|budget| quote!(budget: #budget,));
    let complete =
        budget.is_some() && more_labels.is_some() && values.is_some() && errors.is_some() && targets.is_some();
    let blank = (!complete).then(|| quote!(..#runtime::Spec::BLANK));
    quote! {
        #[used]
        #[cfg_attr(
            any(target_os = "linux", target_os = "android", target_os = "freebsd"),
            unsafe(link_section = #SECTION)
        )]
        static #site: #runtime::Site = #runtime::Site {
            spec: #runtime::Spec {
                kind: #runtime::Kind::#kind,
                labels: &[#(#labels),*],
                #more_labels
                #values
                #errors
                #targets
                #budget
                span: #span,
                #blank
            },
            state: #state,
        };
    }
}

fn span_spec(model: &Model, runtime: &TokenStream) -> TokenStream {
    let name = &model.span.name;
    let module = quote!(::core::module_path!());
    let target = model.span.target.as_ref().map_or(module, |target| quote!(#target));
    let fields = model.span.fields.iter().map(crate::args::Field::text);
    let level = match &model.span.level {
        SpanLevel::Default => quote!(::core::option::Option::Some(#runtime::Level::INFO)),
        SpanLevel::Off => quote!(::core::option::Option::None),
        SpanLevel::Given(level) => quote!(::core::option::Option::Some(#runtime::Level::#level)),
    };
    quote!(#runtime::SpanSpec { name: #name, target: #target, fields: &[#(#fields),*], level: #level, location: ::core::panic::Location::caller() })
}

mod body;
#[cfg(test)]
mod tests;
