//! `#[derive(Label)]` and `#[derive(ErrorType)]`.

use crate::args::combine;
use crate::label;
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::BTreeMap;
use syn::parse::ParseStream;
use syn::{Data, DeriveInput, Error, Fields, Ident, LitStr, Path, Result, Token, Type, Variant, parse_quote};

/// Implements `Label` for an enum without fields.
pub(crate) fn label(input: TokenStream) -> TokenStream {
    syn::parse2(input).and_then(|input| expand_label(&input)).unwrap_or_else(Error::into_compile_error)
}

/// Implements `ErrorType` for an enum.
pub(crate) fn error_type(input: TokenStream) -> TokenStream {
    syn::parse2(input).and_then(|input| expand_error_type(&input)).unwrap_or_else(Error::into_compile_error)
}

fn expand_label(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        let message = "only an enum can derive `Label`: its variants are the values, known and few";
        return Err(Error::new(input.ident.span(), message));
    };
    if data.variants.is_empty() {
        return Err(Error::new(input.ident.span(), "an enum without variants has no value to be a label"));
    }
    let EnumOptions { runtime, .. } = EnumOptions::read(input, "label")?;
    let mut names: BTreeMap<String, LitStr> = BTreeMap::new();
    let mut errors = None;
    let mut values = Vec::with_capacity(data.variants.len());
    for variant in &data.variants {
        match value_of(variant) {
            Ok(value) => {
                if names.insert(value.value(), value.clone()).is_some() {
                    let message = format!(
                        "two variants have the value {:?}; give one another with `#[label(\"..\")]`",
                        value.value()
                    );
                    combine(&mut errors, Error::new(value.span(), message));
                }
                values.push(value);
            }
            Err(error) => combine(&mut errors, error),
        }
    }
    if let Some(errors) = errors {
        return Err(errors);
    }
    let (name, places) = (&input.ident, 0..data.variants.len());
    let variants = data.variants.iter().map(|variant| &variant.ident);
    let (impls, types, bounds) = input.generics.split_for_impl();
    let is_concrete = input.generics.params.is_empty();
    let concrete =
        is_concrete.then(|| quote!(#[automatically_derived] impl #runtime::__private::ConcreteLabel for #name {}));
    Ok(quote! {
        #concrete

        #[automatically_derived]
        impl #impls #runtime::Label for #name #types #bounds {
            const VALUES: &'static [&'static str] = &[#(#values),*];

            #[inline]
            fn index(&self) -> usize {
                match self {
                    #(Self::#variants => #places,)*
                }
            }
        }
    })
}

/// The attribute of a variant of an error enum.
struct ErrorVariant {
    sort: Sort,
    is_expected: bool,
}

/// The sort of error that a variant stands for.
enum Sort {
    Named(LitStr),
    /// The sort of the error that it carries, of this type.
    Nested(Box<Type>),
}

fn expand_error_type(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(input.ident.span(), "only an enum can derive `ErrorType`: its variants are the sorts"));
    };
    let EnumOptions { runtime, is_expected: all_expected } = EnumOptions::read(input, "error_type")?;
    let mut errors = None;
    let (mut lists, mut lengths, mut flags, mut arms) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for variant in &data.variants {
        let ident = &variant.ident;
        let before = quote!(0 #(+ #lengths)*);
        let ErrorVariant { sort, is_expected } = match read_variant(variant) {
            Ok(read) => read,
            Err(error) => {
                combine(&mut errors, error);
                continue;
            }
        };
        let is_expected = is_expected || all_expected;
        match sort {
            Sort::Named(name) => {
                lists.push(quote!(&[#name]));
                flags.push(quote!((&[#is_expected], 1)));
                lengths.push(quote!(1));
                arms.push(quote!(Self::#ident { .. } => #before,));
            }
            Sort::Nested(ty) => {
                let member = variant.fields.members().next();
                let nested = quote!(<#ty as #runtime::ErrorType>);
                lists.push(quote!(#nested::NAMES));
                flags.push(if is_expected {
                    quote!((&[true; #nested::NAMES.len()], #nested::NAMES.len()))
                } else {
                    quote!((#nested::EXPECTED, #nested::NAMES.len()))
                });
                lengths.push(quote!(#nested::NAMES.len()));
                arms.push(quote!(Self::#ident { #member: nested } => #before + #runtime::ErrorType::index(nested),));
            }
        }
    }
    if let Some(errors) = errors {
        return Err(errors);
    }
    let name = &input.ident;
    let (impls, types, bounds) = input.generics.split_for_impl();
    // An enum without variants is never there to be asked.
    let body = if arms.is_empty() { quote!(match *self {}) } else { quote!(match self { #(#arms)* }) };
    Ok(quote! {
        #[automatically_derived]
        impl #impls #runtime::ErrorType for #name #types #bounds {
            const NAMES: &'static [&'static str] =
                &#runtime::__private::concat::<{ 0 #(+ #lengths)* }>(&[#(#lists),*]);
            const EXPECTED: &'static [bool] =
                &#runtime::__private::concat_flags::<{ 0 #(+ #lengths)* }>(&[#(#flags),*]);

            fn index(&self) -> usize {
                #body
            }
        }
    })
}

/// Reads `#[error_type(..)]`. Without a sort in it, the sort is the variant's name in snake case.
fn read_variant(variant: &Variant) -> Result<ErrorVariant> {
    let name = snake_case(&variant.ident.to_string());
    let sort = Sort::Named(LitStr::new(&name, variant.ident.span()));
    let mut read = ErrorVariant { sort, is_expected: false };
    for attr in variant.attrs.iter().filter(|attr| attr.path().is_ident("error_type")) {
        let mut part = |input: ParseStream<'_>| {
            if input.peek(LitStr) {
                read.sort = Sort::Named(input.parse()?);
                return Ok(());
            }
            match input.parse::<Option<Ident>>()?.map(|word| word.to_string()).as_deref() {
                Some("nested") => read.sort = nested(variant)?,
                Some("expected") => read.is_expected = true,
                _ => {
                    let message = "`#[error_type(..)]` takes the name as a string, such as `#[error_type(\"timeout\")]`, or \
                                   `nested` for that of the error that the variant carries; and `expected` where callers are \
                                   meant to get it";
                    return Err(Error::new_spanned(attr, message));
                }
            }
            Ok(())
        };
        attr.parse_args_with(|input: ParseStream<'_>| {
            loop {
                part(input)?;
                if input.is_empty() {
                    return Ok(());
                }
                input.parse::<Token![,]>()?;
                if input.is_empty() {
                    return Ok(());
                }
            }
        })?;
    }
    if let Sort::Named(name) = &read.sort {
        label::check("error_type", name)?;
    }
    Ok(read)
}

fn nested(variant: &Variant) -> Result<Sort> {
    let mut fields = variant.fields.iter();
    if let (Some(field), None) = (fields.next(), fields.next()) {
        return Ok(Sort::Nested(Box::new(field.ty.clone())));
    }
    let message = "`nested` is for a variant with one field: the error that it carries";
    Err(Error::new(variant.ident.span(), message))
}

/// The attribute of an enum.
struct EnumOptions {
    /// `crate = path`, or where the runtime is.
    runtime: Path,
    /// `expected`, of an enum of errors.
    is_expected: bool,
}

impl EnumOptions {
    fn read(input: &DeriveInput, attribute: &str) -> Result<Self> {
        let mut read = Self { runtime: parse_quote!(::perf_runtime), is_expected: false };
        let is_of_errors = attribute == "error_type";
        for attr in input.attrs.iter().filter(|attr| attr.path().is_ident(attribute)) {
            attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("crate") {
                    read.runtime = meta.value()?.parse()?;
                    return Ok(());
                }
                if meta.path.is_ident("expected") && is_of_errors {
                    read.is_expected = true;
                    return Ok(());
                }
                let more = if is_of_errors { " and `expected`" } else { "" };
                Err(meta.error(format!(
                    "on the enum, `#[{attribute}(..)]` takes `crate = path`{more}; a name goes on its variant"
                )))
            })?;
        }
        Ok(read)
    }
}

/// The text in `#[label("..")]`, or the variant's name in snake case.
fn value_of(variant: &Variant) -> Result<LitStr> {
    if !matches!(variant.fields, Fields::Unit) {
        let message = format!(
            "the variant `{}` has fields, so its values are not a few known ones: label the enum's kinds with an enum \
             without fields",
            variant.ident
        );
        return Err(Error::new_spanned(&variant.fields, message));
    }
    let mut value = LitStr::new(&snake_case(&variant.ident.to_string()), variant.ident.span());
    for attr in variant.attrs.iter().filter(|attr| attr.path().is_ident("label")) {
        value = attr.parse_args().map_err(|error| {
            Error::new(error.span(), "`#[label(..)]` takes the value as a string, such as `#[label(\"pro\")]`")
        })?;
    }
    label::check(&variant.ident.to_string(), &value)?;
    Ok(value)
}

fn snake_case(name: &str) -> String {
    let name = name.trim_start_matches("r#");
    let mut snake = String::with_capacity(name.len() + 4);
    let mut previous_lower = false;
    for char in name.chars() {
        if char.is_uppercase() && previous_lower {
            snake.push('_');
        }
        previous_lower = char.is_lowercase() || char.is_numeric();
        snake.extend(char.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_snake_case() {
        for (name, snake) in [("Eu", "eu"), ("UsEast1", "us_east1"), ("HTTP", "http"), ("r#Move", "move"), ("A", "a")] {
            assert_eq!(snake_case(name), snake);
        }
    }
}
