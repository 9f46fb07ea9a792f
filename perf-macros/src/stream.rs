//! The option `item_error`: which items of a stream make its call an error.

use crate::args::ITEM_ERROR;
use crate::shape::Shape;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr, Result};

/// Which items that are errors make the call of a stream one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemErrors {
    /// The last item before the end or the drop.
    Last,
    Any,
    Ignored,
}

impl ItemErrors {
    /// Of a block the option is for the methods that return streams.
    pub(crate) fn new(option: Option<&LitStr>, shape: Option<&Shape>, in_block: bool) -> Result<Self> {
        let Some(option) = option else { return Ok(Self::Last) };
        if !in_block && shape.is_some_and(|shape| !matches!(shape, Shape::Stream(_))) {
            let message =
                "the option `item_error` is for sync functions that return a stream, whose items it speaks of";
            return Err(Error::new(option.span(), message));
        }
        match option.value().as_str() {
            "last" => Ok(Self::Last),
            "any" => Ok(Self::Any),
            "ignored" => Ok(Self::Ignored),
            _ => Err(Error::new(option.span(), format!("the option `item_error` takes {ITEM_ERROR}"))),
        }
    }

    /// The value of the runtime's.
    pub(crate) fn tokens(self, runtime: &TokenStream) -> TokenStream {
        match self {
            Self::Last => quote!(#runtime::ItemErrors::Last),
            Self::Any => quote!(#runtime::ItemErrors::Any),
            Self::Ignored => quote!(#runtime::ItemErrors::Ignored),
        }
    }
}
