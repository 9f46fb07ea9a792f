//! The plan for a function's calls: `cancel = "expected"` and `waits`.

use crate::args::{CANCEL, ObjectivePart};
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Error, LitStr, Result};

/// Ends and waits that are no sign of ill health, because they are meant.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Calls are cancelled.
    cancel: bool,
    /// Calls wait for long.
    waits: bool,
}

impl Plan {
    pub(crate) fn new(
        cancel: Option<&LitStr>,
        waits: Option<&Ident>,
        slow: Option<&LitStr>,
        objective: Option<&[ObjectivePart]>,
    ) -> Result<Self> {
        if let Some(other) = cancel.filter(|cancel| cancel.value() != "expected") {
            return Err(Error::new(other.span(), format!("the option `cancel` takes {CANCEL}")));
        }
        if let Some(waits) = waits {
            let latency = objective.and_then(|parts| parts.iter().find(|part| part.name == "latency"));
            let judged = match (slow, latency) {
                (Some(_), _) => "`slow`",
                (_, Some(_)) => "the `latency` of an objective",
                (None, None) => return Ok(Self { cancel: cancel.is_some(), waits: true }),
            };
            let message = format!("`waits` says that nobody judges how long calls take, and {judged} does: keep one");
            return Err(Error::new(waits.span(), message));
        }
        Ok(Self { cancel: cancel.is_some(), waits: false })
    }

    /// Whether nothing was said.
    pub(crate) fn is_plain(self) -> bool {
        !self.cancel && !self.waits
    }

    /// The part of the site's targets.
    pub(crate) fn target(self) -> TokenStream {
        let cancel = self.cancel.then(|| quote!(.cancel_expected()));
        let waits = self.waits.then(|| quote!(.waits()));
        quote!(#cancel #waits)
    }
}
