//! Functions that return a stream.

use super::Body;
use crate::shape::{Held, Holder, item_of};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::parse_quote;

impl Body<'_> {
    /// As [`made_future`](Self::made_future), of a stream. An error in its place is a call that failed at its making.
    pub(super) fn made_stream(&self, Held { by, in_result }: Held) -> TokenStream {
        let Self { call, value, runtime, .. } = self;
        let (prepared, closure) = (self.prepared(), self.closure());
        let allow = self.allow_complex_type();
        // Said before items are judged by type, for what the body says alone may leave the type open.
        let item = item_of(&self.function.sig).unwrap_or_else(|| parse_quote!(_));
        let body = match (by, in_result) {
            (Holder::Nothing, false) => quote!(stream_body::<#item, _>),
            (Holder::Nothing, true) => quote!(try_stream_body::<#item, _, _>),
            (Holder::Pin | Holder::Box, _) => quote!(body),
        };
        let stream = Ident::new("__perf_stream", Span::mixed_site());
        let watched = self.watched_stream(&stream, by, in_result);
        if !in_result {
            return quote! {
                let #call = #prepared;
                #allow
                let #stream = #runtime::#body(#closure);
                #watched
            };
        }
        let error = Ident::new("__perf_error", Span::mixed_site());
        let shown = self.model.err.as_ref().map(|err| self.show_error(err, &quote!(&#value), err.may_be_missing));
        quote! {
            let #call = #prepared.making();
            match #runtime::#body(#closure) {
                ::core::result::Result::Ok(#stream) => ::core::result::Result::Ok(#watched),
                ::core::result::Result::Err(#error) => {
                    let #value = ::core::result::Result::<::core::convert::Infallible, _>::Err(#error);
                    let #call = &mut #call.start_of_making();
                    #shown
                    #runtime::returned(&#value).finish(#call);
                    ::core::result::Result::Err(#runtime::no_stream(#value))
                }
            }
        }
    }

    /// A stream, measured, behind the pointer that it came by.
    fn watched_stream(&self, stream: &Ident, by: Holder, in_result: bool) -> TokenStream {
        let Self { model, call, value, runtime, .. } = self;
        let pinned = (by == Holder::Box).then(|| quote!(let #stream = ::std::boxed::Box::into_pin(#stream);));
        let profiled = model.profile.as_ref().map(|_| quote!(let #stream = #call.profiled(#stream);));
        let usage = self.usage();
        let metered = usage.map(|usage| quote!(let #stream = #call.metered_stream(#stream, #usage);));
        let errors = model.item_errors.tokens(runtime);
        let shown = model.err.as_ref().map(|err| {
            // Of a function that may fail, `err` may be for that alone.
            self.show_error(err, &quote!(#value), err.may_be_missing || in_result)
        });
        let judged = self.judged(&quote!(#value), call);
        let watched = quote!(#runtime::watch_stream(#call, #stream, #errors, |#value, #call| { #shown #judged }));
        let pointed = match by {
            Holder::Nothing => watched,
            Holder::Pin => quote!(::std::boxed::Box::pin(#watched)),
            Holder::Box => quote!(::std::boxed::Box::new(#watched)),
        };
        quote!({ #pinned #profiled #metered #pointed })
    }
}
