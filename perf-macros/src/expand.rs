//! Writes the tokens: one `static`, one call in, one call out.

use crate::args::{Args, combine};
use crate::block::Block;
use crate::function::Function;
use crate::kind::Kind;
use crate::model::{Model, OutcomeRule, SpanLevel};
use crate::shape::{Returns, Shape, rebind};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Error;

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
        (Ok(model), None) => return Ok(Expansion::new(&model, &function).function()),
        // What could not be read is missing from the model: of that the first message is enough.
        (Err(error), None) => combine(&mut errors, error),
        _ => {}
    }
    Err(errors.unwrap_or_else(|| Error::new(Span::call_site(), "invalid attribute")))
}

/// The pieces of the new body, and the names of our own in it, which no name of the user's can meet.
struct Expansion<'a> {
    model: &'a Model,
    function: &'a Function,
    /// The hidden module of the runtime.
    runtime: TokenStream,
    site: Ident,
    call: Ident,
    value: Ident,
}

impl<'a> Expansion<'a> {
    fn new(model: &'a Model, function: &'a Function) -> Self {
        let path = &model.runtime;
        let ours = |name: &str| Ident::new(name, Span::mixed_site());
        Self {
            model,
            function,
            runtime: quote!(#path::__private),
            site: ours("__PERF_SITE"),
            call: ours("__perf_call"),
            value: ours("__perf_value"),
        }
    }

    fn function(&self) -> TokenStream {
        let (signature, rebound) = rebind(&self.function.sig);
        let site = self.site_static();
        let body = match &self.model.shape {
            Shape::Sync => self.sync_body(&rebound),
            Shape::Async => self.async_body(&rebound),
            Shape::Future { boxed } => self.future_body(&rebound, *boxed),
        };
        self.function.with_body(&signature, &quote!(#site #body))
    }

    fn site_static(&self) -> TokenStream {
        let Self { model, runtime, site, .. } = self;
        let kind = format_ident!("{}", model.kind.variant());
        let name = &model.span.name;
        let (labels, more) = (model.labels.specs(runtime), &model.labels.more);
        let values = model.labels.seen_values(runtime);
        let targets = model.targets.tokens(runtime, name);
        let module = quote!(::core::module_path!());
        let target = model.span.target.as_ref().map_or(module, |target| quote!(#target));
        let fields: Vec<String> = model.span.fields.iter().map(crate::args::Field::text).collect();
        let fields = (!fields.is_empty()).then(|| quote!(.with_fields(&[#(#fields),*])));
        let level = match &model.span.level {
            SpanLevel::Default => None,
            SpanLevel::Off => Some(quote!(.with_level(::core::option::Option::None))),
            SpanLevel::Given(level) => Some(quote!(.with_level(::core::option::Option::Some(#runtime::Level::#level)))),
        };
        // The section is how the runtime finds sites before their first call; its name carries the version, so that two
        // versions in one program do not meet.
        quote! {
            #[used]
            #[cfg_attr(
                any(target_os = "linux", target_os = "android", target_os = "freebsd"),
                unsafe(link_section = "perf_sites_0_1_0")
            )]
            static #site: #runtime::Site =
                #runtime::Site::new(#runtime::Kind::#kind, #name, #target, &[#(#labels),*], &[#(#more),*])
                    #targets #values #fields #level;
        }
    }

    fn sync_body(&self, rebound: &TokenStream) -> TokenStream {
        let Self { call, value, .. } = self;
        let (enter, closure, finish) = (self.enter(), self.closure(rebound), self.finish());
        if let Returns::Never = Returns::of(&self.function.sig) {
            return quote!(let #call = #enter; #call.run(#closure));
        }
        quote! {
            let #call = #enter;
            let #value = #call.run(#closure);
            #finish
            #value
        }
    }

    fn async_body(&self, rebound: &TokenStream) -> TokenStream {
        let Self { call, .. } = self;
        let enter = self.enter();
        let typed = self.typed_body(rebound);
        let hint = self.return_type_hint();
        let watched = self.watched(&quote!(async move { #hint #typed }));
        quote!(let #call = #enter; #watched)
    }

    /// An async block cannot say what it returns. A `return` of the right type that is never reached says it: it guides
    /// coercions, `?` and early returns.
    fn return_type_hint(&self) -> Option<TokenStream> {
        let Returns::Value(Some(ty)) = Returns::of(&self.function.sig) else { return None };
        let typed = Ident::new("__perf_typed", Span::mixed_site());
        Some(quote! {
            #[allow(unreachable_code, clippy::diverging_sub_expression)]
            if false {
                let #typed: #ty = loop {};
                return #typed;
            }
        })
    }

    /// The sync part runs at once, as it did; what it makes is measured from its first poll.
    fn future_body(&self, rebound: &TokenStream, boxed: bool) -> TokenStream {
        let Self { call, runtime, .. } = self;
        let future = Ident::new("__perf_future", Span::mixed_site());
        let (closure, prepare) = (self.closure(rebound), self.prepare());
        let watched = self.watched(&quote!(#future));
        let block = quote!(async move { let #call = #call.start(); #watched });
        let made = if boxed { quote!(::std::boxed::Box::pin(#block)) } else { block };
        quote! {
            let #call = #prepare;
            let #future = #runtime::body(#closure);
            #made
        }
    }

    /// Polls a future inside the call, and ends the call when it is ready.
    fn watched(&self, future: &TokenStream) -> TokenStream {
        let Self { call, value, .. } = self;
        let finish = self.finish();
        if let (Shape::Async, Returns::Never) = (&self.model.shape, Returns::of(&self.function.sig)) {
            return quote! {
                let _ = #call.watch(#future).await;
                ::core::unreachable!()
            };
        }
        quote! {
            let (#value, #call) = #call.watch(#future).await;
            #finish
            #value
        }
    }

    /// The body as a closure that returns what the function does. Said of the closure itself, the type guides coercions,
    /// `?` and early returns inside as it did before.
    fn closure(&self, rebound: &TokenStream) -> TokenStream {
        let typed = self.typed_body(rebound);
        match Returns::of(&self.function.sig) {
            Returns::Never => quote!(move || -> ! { #typed }),
            Returns::Value(Some(ty)) => quote!(move || -> #ty { #typed }),
            Returns::Value(None) => quote!(move || { #typed }),
        }
    }

    /// The parameters, then the user's block. The block's value goes through a typed `let`, so that temporaries of its
    /// last expression are gone before the parameters are dropped.
    fn typed_body(&self, rebound: &TokenStream) -> TokenStream {
        let Self { value, .. } = self;
        let block = self.user_block();
        match Returns::of(&self.function.sig) {
            Returns::Never => quote!(#rebound #block),
            Returns::Value(Some(ty)) => quote!(#rebound let #value: #ty = #block; #value),
            Returns::Value(None) => quote!(#rebound let #value = #block; #value),
        }
    }

    /// The body between braces that stand where the user's did, but are ours: so no lint asks for their removal.
    fn user_block(&self) -> TokenStream {
        let body = &self.function.body;
        let at = Span::call_site().located_at(self.function.brace.span.join());
        quote_spanned!(at=> { #body })
    }

    fn prepare(&self) -> TokenStream {
        let Self { model, runtime, site, .. } = self;
        let emit = Ident::new("__perf_emit", Span::mixed_site());
        let values = model.span.fields.iter().map(|field| field.value.tokens(runtime));
        let fields = quote!(|#emit| #emit(&[#(#values),*]));
        let brought: Vec<&syn::Expr> = model.labels.brought().collect();
        if brought.is_empty() {
            return quote!(#runtime::prepare(&#site, #fields));
        }
        let budget = model.labels.budget(runtime);
        quote!(#runtime::prepare_labelled::<{ #budget }, _>(&#site, &(#(&(#brought),)*), #fields))
    }

    fn enter(&self) -> TokenStream {
        let Self { model, runtime, site, .. } = self;
        if model.span.fields.is_empty() && model.labels.brought().next().is_none() {
            return quote!(#runtime::enter(&#site));
        }
        let prepare = self.prepare();
        quote!(#prepare.start())
    }

    fn finish(&self) -> TokenStream {
        let Self { model, runtime, call, value, .. } = self;
        let record_error = model.err.map(|at| {
            let at = at.resolved_at(Span::mixed_site());
            quote_spanned!(at=> #call.record_error(&#value);)
        });
        let finish = match &model.outcome {
            OutcomeRule::ByType => quote!(#runtime::returned(&#value).finish(#call);),
            OutcomeRule::OkIf(predicate) => quote!(#call.finish(#runtime::ok_if(&#value, #predicate));),
            OutcomeRule::ErrorIf(predicate) => quote!(#call.finish(#runtime::error_if(&#value, #predicate));),
        };
        quote!(#record_error #finish)
    }
}

#[cfg(test)]
mod tests;
