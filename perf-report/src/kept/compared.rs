//! Comparisons that somebody wants kept: two ranges of time side by side.

use super::error::MakeError;
use super::id::ReportId;
use super::keeper::{Keeper, checked};
use super::listed::KeptReport;
use super::room::Meta;
use crate::Format;
use crate::moment::to_millis;
use std::io;
use std::time::SystemTime;

/// The formats of a comparison: it has no others.
const FORMATS: [Format; 2] = [Format::Html, Format::Json];

impl Keeper {
    /// Compares two ranges and keeps what was found, or finds the comparison that is there; says whether it is new.
    pub(super) fn make_comparison(
        &self,
        before: [SystemTime; 2],
        after: [SystemTime; 2],
    ) -> Result<(KeptReport, bool), MakeError> {
        let compare = self.sources.comparing.as_ref();
        let nobody =
            || MakeError::Unknown("nothing compares ranges of time here: it takes the feature `insight`".to_owned());
        let compare = compare.ok_or_else(nobody)?;
        let now = self.monitor.time_of_day();
        let ranges = [checked(before, now)?, checked(after, now)?];
        let unnamed = || MakeError::Range("two ranges after 1970".to_owned());
        let id = ReportId::comparison(before, after).ok_or_else(unnamed)?;
        let _alone = self.room.lock()?.ok_or(MakeError::Busy)?;
        if let Some(there) = self.room.get(id)? {
            return Ok((there, false));
        }
        let compared = compare(&self.monitor, ranges);
        if !compared.is_known() {
            let text = "nothing can be compared: one of the ranges has too few values that are known";
            return Err(MakeError::Unknown(text.to_owned()));
        }
        let made = to_millis(self.monitor.time_of_day());
        let meta = Meta::new([to_millis(after[0]), to_millis(after[1]), made], None, false);
        let is_over = |id| self.schedule.is_over(id, made);
        self.room.keep(id, &meta, (&FORMATS, false), &is_over, |format, out| match format {
            Format::Html => compared.html(out),
            _ => serde_json::to_writer(out, &compared).map_err(io::Error::from),
        })?;
        Ok((self.there(id)?, true))
    }
}
