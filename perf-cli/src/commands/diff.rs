//! `diff`: whether one version of a program is worse than another.

use super::{FINE, HOLDS};
use crate::args::{Diff, Format, Judging};
use crate::diff::{Side, Verdict, judge, show, side_of};
use crate::failure::Failure;
use crate::output::Output;

/// Nobody can tell, which is not fine.
const CANNOT_TELL: u8 = 2;

pub(super) fn diff(args: &Diff, output: &mut Output<'_>) -> Result<u8, Failure> {
    check(&args.judging, output)?;
    told(&side_of(&args.base)?, &side_of(&args.head)?, &args.judging, output)
}

/// Markdown is a form of its own.
pub(super) fn check(judging: &Judging, output: &Output<'_>) -> Result<(), Failure> {
    if judging.markdown && output.format != Format::People {
        return Err(Failure::Usage("--markdown cannot be used with --json or --plain".to_owned()));
    }
    Ok(())
}

/// Judges two sides and tells it.
pub(super) fn told(base: &Side, head: &Side, judging: &Judging, output: &mut Output<'_>) -> Result<u8, Failure> {
    let judgement = judge(base, head, judging)?;
    let code = match judgement.verdict() {
        Verdict::Fine => FINE,
        Verdict::Worse => HOLDS,
        Verdict::CannotTell => CANNOT_TELL,
    };
    // A reader that has seen enough, such as `head`, changes nothing of the verdict.
    match show(&judgement, judging, output) {
        Ok(()) | Err(Failure::Closed) => Ok(code),
        Err(failure) => Err(failure),
    }
}
