//! The new body: one call in, the user's body, one call out.

use crate::function::Function;
use crate::guard::Guard;
use crate::model::{ErrText, Model, OutcomeRule};
use crate::params::Params;
use crate::place::shown_at;
use crate::profile::Units;
use crate::shape::{Returns, Shape, future_of, makes_its_value, output_of};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Lifetime, ReturnType, Signature, parse_quote};

/// The pieces of the new body, and the names of our own in it, which no name of the user's can meet.
pub(super) struct Body<'a> {
    model: &'a Model,
    function: &'a Function,
    params: Params,
    returns: Returns,
    /// The hidden module of the runtime.
    runtime: TokenStream,
    site: Ident,
    call: Ident,
    value: Ident,
    /// How much the call does, where its arguments tell.
    units: Ident,
    /// The usage of language models while a sync body runs.
    metered: Ident,
}

impl<'a> Body<'a> {
    pub(super) fn new(model: &'a Model, function: &'a Function, runtime: TokenStream, site: Ident) -> Self {
        let ours = |name: &str| Ident::new(name, Span::mixed_site());
        let params = if matches!((&model.shape, model.guard), (Shape::Sync, Guard::Scope)) {
            Params::as_they_are(&function.sig)
        } else {
            Params::of(&function.sig, function.is_read_by_others(), &model.names_in_arguments(), &function.body)
        };
        Self {
            model,
            function,
            params,
            returns: Returns::of(&function.sig),
            runtime,
            site,
            call: ours("__perf_call"),
            value: ours("__perf_value"),
            units: ours("__perf_units"),
            metered: ours("__perf_metered"),
        }
    }

    /// The signature to be written, and what stands between the braces.
    pub(super) fn expand(self) -> (Signature, TokenStream) {
        let body = match &self.model.shape {
            Shape::Sync => match self.model.guard {
                Guard::Block => self.block(),
                Guard::Scope => self.scope(),
                Guard::Closure => self.sync(),
            },
            Shape::Async if self.may_stop_being_async() => return self.returned_future(),
            Shape::Async => self.awaited(),
            Shape::Future { boxed } => self.made_future(*boxed),
            Shape::Stream(held) => self.made_stream(*held),
        };
        (self.params.sig, body)
    }

    /// The body stays a block of the function's.
    fn block(&self) -> TokenStream {
        let Self { call, value, runtime, .. } = self;
        let [entered, frame] = ["__perf_entered", "__perf_frame"].map(|name| Ident::new(name, Span::mixed_site()));
        let (prepared, enter, metered) = (self.prepared(), self.or_profiled("enter"), self.metered_scope());
        let typed = self.typed_body(self.allow_complex_type().as_ref());
        if let Returns::Never = self.returns {
            // Between braces of ours temporaries of the last expression go before the parameters, whatever the function's edition.
            return quote! {
                let #frame = &#runtime::Frame::new();
                let #call = &mut #prepared;
                #metered
                let #entered = #call.#enter(#frame);
                { #typed }
            };
        }
        let (units, told, finish) = (self.units_taken(), self.usage_told(), self.finish(&quote!(&#value)));
        quote! {
            #units
            let #frame = &#runtime::Frame::new();
            let #call = &mut #prepared;
            #metered
            let #value = { let #entered = #call.#enter(#frame); #typed };
            #told
            #finish
            #value
        }
    }

    /// The body is a closure, so that all ways out of it lead here.
    fn sync(&self) -> TokenStream {
        let Self { call, value, .. } = self;
        let prepared = self.prepared();
        let (closure, finish) = (self.closure(), self.finish(&quote!(&#value)));
        let (run, metered, told) = (self.or_profiled("run"), self.metered_scope(), self.usage_told());
        if let Returns::Never = self.returns {
            return quote!(let #call = &mut #prepared; #metered #call.#run(#closure));
        }
        let units = self.units_taken();
        let allow = self.allow_complex_type();
        quote! {
            #units
            let #call = &mut #prepared;
            #metered
            #allow
            let #value = #call.#run(#closure);
            #told
            #finish
            #value
        }
    }

    /// The body stays where it is, and its call ends with its scope.
    fn scope(&self) -> TokenStream {
        let Self { call, runtime, .. } = self;
        let [entered, frame] = ["__perf_entered", "__perf_frame"].map(|name| Ident::new(name, Span::mixed_site()));
        let (prepared, block) = (self.prepared(), self.user_block());
        let profiled = Ident::new("__perf_profiled", Span::mixed_site());
        let profiled = self.model.profile.as_ref().map(|_| quote!(let #profiled = #call.profiled_scope();));
        let metered = self.metered_scope();
        quote! {
            let #frame = &#runtime::Frame::new();
            let #call = #prepared.start().scope();
            #metered
            let #entered = #call.enter(#frame);
            #profiled
            #block
        }
    }

    /// An `async fn` becomes a `fn` that returns the measured future: in an `async fn` around it all arguments would be
    /// held twice.
    fn returned_future(self) -> (Signature, TokenStream) {
        let (prepared, block, end) = (self.labelled(), self.async_block(), self.end());
        let (watch, usage, units) = (self.watch(), self.usage(), self.units_taken());
        let Self { runtime, call, .. } = &self;
        let watched = match self.fields() {
            None => quote!(#units #runtime::#watch(#prepared, #block, #usage #end)),
            // The arguments' values are looked at as the call starts, and are the body's from then on.
            Some(fields) => {
                let body = if self.model.profile.is_some() { quote!(#call.profiled(#block)) } else { block };
                let body = if self.model.is_metered() { quote!(#call.metered(#body, #usage)) } else { body };
                let watch = if self.model.is_metered() { quote!(watch_late_metered) } else { quote!(watch_late) };
                quote!(#units #runtime::#watch(#prepared, move |#call| { #call.open(#fields); #body }, #end))
            }
        };
        let Self { mut params, .. } = self;
        params.sig.output = future_of(&params.sig.output);
        params.sig.asyncness = None;
        (params.sig, watched)
    }

    /// `-> !` cannot be named as what a future returns.
    fn may_stop_being_async(&self) -> bool {
        !matches!(self.returns, Returns::Never) && self.function.may_stop_being_async()
    }

    fn awaited(&self) -> TokenStream {
        let Self { runtime, .. } = self;
        let (prepared, block, end) = (self.prepared(), self.async_block(), self.end());
        let (watch, usage, units) = (self.watch(), self.usage(), self.units_taken());
        if let Returns::Never = self.returns {
            return quote!(#runtime::#watch(#prepared.start(), #runtime::endless(#block), #usage #end).await);
        }
        quote!(#units #runtime::#watch(#prepared.start(), #block, #usage #end).await)
    }

    /// The sync part runs at once, as it did; what it makes is measured from its first poll.
    fn made_future(&self, boxed: bool) -> TokenStream {
        let Self { call, runtime, .. } = self;
        let (prepared, closure, end) = (self.prepared(), self.closure(), self.end());
        let future = Ident::new("__perf_future", Span::mixed_site());
        let allow = self.allow_complex_type();
        let (watch, usage, units) = (self.watch(), self.usage(), self.units_taken());
        // Said before the outcome is looked up by type, for what the body says alone may leave the type open.
        let output = output_of(&self.function.sig).unwrap_or_else(|| parse_quote!(_));
        let body = if boxed { quote!(body) } else { quote!(future_body::<#output, _>) };
        let watched = quote!(#runtime::#watch(#call, #future, #usage #end));
        let made = if boxed { quote!(::std::boxed::Box::pin(#watched)) } else { watched };
        quote! {
            #units
            let #call = #prepared;
            #allow
            let #future = #runtime::#body(#closure);
            #made
        }
    }

    /// The body as a closure that returns what the function does. Said of the closure itself, the type guides coercions,
    /// `?` and early returns inside as it did before.
    fn closure(&self) -> TokenStream {
        let typed = self.typed_body(None);
        match &self.returns {
            Returns::Never => quote!(move || -> ! { #typed }),
            Returns::Value(Some(ty)) => quote!(move || -> #ty { #typed }),
            Returns::Value(None) => quote!(move || { #typed }),
        }
    }

    fn async_block(&self) -> TokenStream {
        let (hint, typed) = (self.return_type_hint(), self.typed_body(self.allow_complex_type().as_ref()));
        quote!(async move { #hint #typed })
    }

    /// An async block cannot say what it returns. A `return` of the right type that is never reached says it: it guides
    /// coercions, `?` and early returns.
    fn return_type_hint(&self) -> Option<TokenStream> {
        let Returns::Value(Some(ty)) = &self.returns else { return None };
        // Where the compiler says that the type comes from here, it shows the signature.
        let at = Span::mixed_site().located_at(ty.span());
        let runtime = shown_at(at, &self.runtime);
        let returned = quote_spanned!(at=> return #runtime::unreached::<#ty>(););
        Some(quote!(if false { #returned }))
    }

    /// The parameters, then the user's block. The block's value goes through a typed `let`, so that temporaries of its
    /// last expression are gone before the parameters are dropped.
    fn typed_body(&self, allow: Option<&TokenStream>) -> TokenStream {
        let Self { runtime, value, params: Params { head, .. }, .. } = self;
        let block = self.user_block();
        let ty = match &self.returns {
            Returns::Never => return quote!(#head #block),
            Returns::Value(ty) => ty.as_ref(),
        };
        let ty = ty.map(|ty| quote!(: #ty));
        // A block that may be broken out of is thought to end, so nobody is told that what follows a `loop` or `todo!()`
        // of the user's is never reached. The `let` is for other macros, for `syn` 2 does not read `break 'a ::path`.
        let ends = Lifetime::new("'__perf_body", Span::mixed_site());
        quote! {
            #head
            #allow
            let #value #ty = #ends: {
                if false { let #value = #runtime::unreached(); break #ends #value; }
                #block
            };
            #value
        }
    }

    /// In a trait's implementation clippy asks nobody to simplify a type; in a `let` and of a closure it does.
    fn allow_complex_type(&self) -> Option<TokenStream> {
        let Returns::Value(Some(ty)) = &self.returns else { return None };
        (count_names(ty.to_token_stream()) >= 5).then(|| quote!(#[allow(clippy::type_complexity)]))
    }

    /// The body between the user's own braces: their edition decides when temporaries of its last expression are dropped.
    /// With a label before them, no lint asks for their removal; one that begins with `_` may be unused. The label is shown at the
    /// brace, so that the compiler shows the user's block where it speaks of the labelled one; that of another attribute of ours on the
    /// same function has another name.
    fn user_block(&self) -> TokenStream {
        let Function { body, brace, .. } = self.function;
        let at = brace.span.open();
        let label = Lifetime::new(&format!("'__perf_{}", self.model.kind.attribute()), at);
        let mut block = quote_spanned!(at=> #label:);
        brace.surround(&mut block, |inside| inside.extend(body.clone()));
        block
    }

    /// The call, with what of its arguments it needs, not yet started.
    fn prepared(&self) -> TokenStream {
        let labelled = self.labelled();
        self.fields().map_or(labelled.clone(), |fields| quote!(#labelled.with_fields(#fields)))
    }

    /// The call, with the labels that it brings.
    fn labelled(&self) -> TokenStream {
        let Self { model, runtime, site, params: Params { borrowed, .. }, .. } = self;
        let brought: Vec<&syn::Expr> = model.labels.brought().collect();
        if brought.is_empty() {
            return quote!(#runtime::prepare(&#site));
        }
        let budget = model.labels.budget(runtime);
        let Some(unseen) = model.labels.unseen() else {
            return quote!({ #borrowed #runtime::prepare_labelled::<{ #budget }, _>(&#site, &(#(&(#brought),)*)) });
        };
        let labels = Ident::new("__perf_labels", Span::mixed_site());
        let within_budget = self.within_budget(&labels, Span::call_site().located_at(unseen.span()));
        quote!({
            #borrowed
            let #labels = (#(&(#brought),)*);
            #within_budget
            #runtime::prepare_labelled::<{ #budget }, _>(&#site, &#labels)
        })
    }

    /// A pattern by which the compiler looks at the number of series even where it only checks: constants of a body are
    /// evaluated there if they are patterns.
    fn within_budget(&self, labels: &Ident, at: Span) -> TokenStream {
        let Self { model, .. } = self;
        let runtime = shown_at(at, &self.runtime);
        let budget = model.labels.budget(&runtime);
        quote_spanned! {at=>
            trait __PerfBudget: #runtime::Labels + ::core::marker::Sized {
                const KEPT: ::core::marker::PhantomData<Self> = #runtime::types_within_budget::<Self>(#budget);
            }
            impl<L: #runtime::Labels> __PerfBudget for L {}
            let <_ as __PerfBudget>::KEPT = #runtime::brought(&#labels).types();
        }
    }

    /// A closure that gives the values of the span's fields; `None` where there are no fields.
    fn fields(&self) -> Option<TokenStream> {
        let Self { model, runtime, params: Params { borrowed, .. }, .. } = self;
        let fields = &model.span.fields;
        let emit = Ident::new("__perf_emit", Span::mixed_site());
        let values = fields.iter().map(|field| field.value.tokens(runtime));
        (!fields.is_empty()).then(|| quote!(|#emit| { #borrowed #emit(&[#(#values),*]) }))
    }

    /// The function of the runtime's that does so, and measures what is used where that is wanted.
    fn or_profiled(&self, name: &str) -> Ident {
        let name = if self.model.profile.is_some() { format!("{name}_profiled") } else { name.to_owned() };
        Ident::new(&name, Span::call_site())
    }

    /// The function of the runtime's that watches a future.
    fn watch(&self) -> Ident {
        let watch = self.or_profiled("watch");
        if self.model.is_metered() { Ident::new(&format!("{watch}_metered"), watch.span()) } else { watch }
    }

    /// Asks for the usage of language models while a sync body runs.
    fn metered_scope(&self) -> Option<TokenStream> {
        let Self { model, call, metered, .. } = self;
        model.is_metered().then(|| quote!(let #metered = &mut #call.metered_scope();))
    }

    /// Tells the usage in what a sync body returned.
    fn usage_told(&self) -> Option<TokenStream> {
        let Self { metered, value, .. } = self;
        let usage = self.usage_in(&quote!(&#value))?;
        Some(quote!(#metered.tell(#usage);))
    }

    /// The argument of a future's watcher that gives the usage in what the future returned, with a comma behind it.
    fn usage(&self) -> Option<TokenStream> {
        let Self { model, runtime, value, .. } = self;
        if !model.is_metered() {
            return None;
        }
        let usage = self.usage_in(&quote!(#value)).filter(|_| !matches!(self.returns, Returns::Never));
        Some(usage.map_or_else(|| quote!(#runtime::no_usage,), |usage| quote!(|#value| #usage,)))
    }

    /// The usage, given a reference to what the body returned.
    fn usage_in(&self, value: &TokenStream) -> Option<TokenStream> {
        let function = self.model.usage.as_ref()?;
        let at = Span::mixed_site().located_at(function.span());
        let runtime = shown_at(at, &self.runtime);
        Some(quote_spanned!(at=> #runtime::usage_in(#value).by(#function)))
    }

    /// Takes from the arguments how much the call does.
    fn units_taken(&self) -> Option<TokenStream> {
        let Self { model, runtime, units, params: Params { borrowed, .. }, .. } = self;
        let taken = model.units_of_arguments()?;
        let at = Span::mixed_site().located_at(taken.span());
        let runtime = shown_at(at, runtime);
        let counted = quote_spanned!(at=> #runtime::units(#taken));
        Some(quote!(let #units = { #borrowed #counted };))
    }

    /// A closure that ends the call of a future, given a reference to the future's value.
    fn end(&self) -> TokenStream {
        let Self { call, value, .. } = self;
        if let Returns::Never = self.returns {
            return quote!(|_, _| {});
        }
        let finish = self.finish(&quote!(#value));
        let brings_units = self.model.units_of_arguments().map(|_| quote!(move));
        quote!(#brings_units |#value, #call| { #finish })
    }

    /// Ends the call, given a reference to what the body returned.
    fn finish(&self, value: &TokenStream) -> TokenStream {
        let Self { model, runtime, call, .. } = self;
        let ending = Ident::new("__perf_ending", Span::mixed_site());
        let counted =
            self.units_counted(value).map(|units| quote!(let #ending = &mut #runtime::with_units(#call, #units);));
        let ends = if counted.is_some() { &ending } else { call };
        let record_error = model.err.as_ref().map(|err| self.show_error(err, value, err.may_be_missing));
        let finish = self.judged(value, ends);
        quote!(#record_error #counted #finish)
    }

    /// Ends what is to be ended with the outcome, given a reference to what the body returned.
    fn judged(&self, value: &TokenStream, ends: &Ident) -> TokenStream {
        let Self { model, runtime, .. } = self;
        let at_once = (matches!(model.shape, Shape::Sync) && makes_its_value(&self.function.sig)).then(|| {
            let at = Span::mixed_site().located_at(return_type(&self.function.sig));
            let runtime = shown_at(at, runtime);
            quote_spanned!(at=> #runtime::returned_at_once(#value).finish(#ends))
        });
        let judged = match &model.outcome {
            OutcomeRule::ByType if at_once.is_some() => return quote!(#at_once;),
            OutcomeRule::ByType if matches!(model.shape, Shape::Sync) => {
                let at = Span::mixed_site().located_at(return_type(&self.function.sig));
                let runtime = shown_at(at, runtime);
                quote_spanned!(at=> #runtime::returned_unless_future(#value).finish(#ends);)
            }
            OutcomeRule::ByType => quote!(#runtime::returned(#value).finish(#ends);),
            OutcomeRule::OkIf(predicate) => {
                quote!(#runtime::returned(#value).finish_as(#runtime::ok_if(#value, #predicate), #ends);)
            }
            OutcomeRule::ErrorIf(predicate) => {
                quote!(#runtime::returned(#value).finish_as(#runtime::error_if(#value, #predicate), #ends);)
            }
        };
        // A predicate judges no stream or future either: it is only asked whether the value is one.
        let refused = at_once.map(|at_once| quote!(if false { #at_once; }));
        quote!(#refused #judged)
    }

    /// Writes the text of an error on the span and, where that is wanted, in an event.
    fn show_error(&self, err: &ErrText, value: &TokenStream, may_be_missing: bool) -> TokenStream {
        let Self { call, .. } = self;
        let at = err.at.resolved_at(Span::mixed_site());
        let (runtime, value) = (shown_at(at, &self.runtime), shown_at(at, value));
        let error = if may_be_missing {
            quote_spanned!(at=> #runtime::returned(#value).error())
        } else {
            quote_spanned!(at=> #runtime::error_of(#value))
        };
        let Some(level) = &err.event else { return quote_spanned!(at=> #call.record_error(#error);) };
        quote_spanned! {at=> {
            static __PERF_EVENT: #runtime::ErrorEvent = #runtime::ErrorEvent::new(#runtime::Level::#level);
            #call.report_error(#error, &__PERF_EVENT);
        }}
    }

    /// How much the call did, given a reference to what the body returned.
    fn units_counted(&self, value: &TokenStream) -> Option<TokenStream> {
        let Self { model, runtime, units, .. } = self;
        Some(match model.profile.as_ref()?.units.as_ref()? {
            Units::OfArguments(_) => quote!(#units),
            Units::OfReturned(function) => {
                let at = Span::mixed_site().located_at(function.span());
                let runtime = shown_at(at, runtime);
                quote_spanned!(at=> #runtime::units_of(#value).by(#function))
            }
        })
    }
}

mod stream;

/// Where the return type stands.
fn return_type(sig: &Signature) -> Span {
    match &sig.output {
        ReturnType::Default => sig.ident.span(),
        ReturnType::Type(_, ty) => ty.span(),
    }
}

fn count_names(tokens: TokenStream) -> usize {
    let count = |token| match token {
        TokenTree::Ident(_) => 1,
        TokenTree::Group(group) => count_names(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => 0,
    };
    tokens.into_iter().map(count).sum()
}
