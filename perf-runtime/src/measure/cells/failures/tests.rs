//! Groups of failures, on a meter of their own.

use super::*;
use crate::measure::clock::manual::ManualClock;
use crate::measure::model::error_type::Sorts;
use std::fmt::{self, Display};
use std::time::Duration;

/// Keeps other tests' monitors from having nothing kept.
fn wanted() -> wishes::Wish {
    wishes::Wish::new(wishes::ErrorSettings::default())
}

fn error(shown: &dyn Display) -> Failed<'_> {
    Failed { sorts: &Sorts::NONE, index: 0, type_name: || "tests::Error", shown: Some(shown) }
}

fn groups(failures: &Failures) -> Vec<(Option<String>, u64)> {
    let text = |group: &Group| group.text.as_deref().map(str::to_owned);
    failures.read(|groups, _| groups.iter().map(|group| (text(group), group.count)).collect()).unwrap_or_default()
}

#[test]
fn ten_thousand_failures_that_differ_in_ids_are_one_group() {
    let _wanted = wanted();
    let failures = Failures::new();
    for id in 0..10_000_u64 {
        let text = format!("no user {id} ({:x}) at '10.0.0.{id}'", id.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 << 63);
        failures.note_error(&error(&text), true, None);
    }
    assert_eq!(groups(&failures).iter().map(|(_, count)| *count).collect::<Vec<_>>(), [10_000]);
}

#[test]
fn groups_beyond_the_bound_give_way_and_their_failures_are_among_the_others() {
    let _wanted = wanted();
    let clock = ManualClock::hold();
    let failures = Failures::new();
    let word = |place: usize| {
        (0..6).map(|at| char::from(b'g' + u8::try_from(place / 10_usize.pow(at) % 10).unwrap())).collect::<String>()
    };
    for place in 0..10_000 {
        clock.advance(Duration::from_millis(1));
        failures.note_error(&error(&word(place)), true, None);
    }
    let (kept, others) =
        failures.read(|groups, others| (groups.iter().map(|group| group.count).sum::<u64>(), others)).unwrap();
    assert_eq!((groups(&failures).len(), kept + others), (wishes::MAX_GROUPS, 10_000));
    assert!(size_of::<Group>() <= 144 && failures.bytes() < 4 * 1_024, "{}, {}", size_of::<Group>(), failures.bytes());
    // The most recent ones stay.
    assert!(groups(&failures).iter().any(|(text, _)| text.as_deref() == Some(&word(9_999))));
}

#[test]
fn a_text_is_cut_between_characters_and_a_display_that_panics_is_told_as_such() {
    struct Panics;
    impl Display for Panics {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half of it")?;
            panic!("no text");
        }
    }
    let _wanted = wanted();
    let failures = Failures::new();
    failures.note_error(&error(&"ä".repeat(300).as_str()), true, None);
    failures.note_error(&error(&format_args!("a{}", "ä".repeat(300))), true, None);
    failures.note_error(&error(&Panics), true, None);
    let texts: Vec<String> = groups(&failures).into_iter().filter_map(|(text, _)| text).collect();
    assert_eq!(texts.iter().map(String::len).collect::<Vec<_>>(), [512, 511, "(its Display panicked)".len()]);
    assert_eq!(texts[2], "(its Display panicked)");
}

#[test]
fn a_text_that_nobody_asks_for_is_not_written() {
    struct Unwanted;
    impl Display for Unwanted {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            unreachable!("nobody asks for it")
        }
    }
    let _wanted = wanted();
    let failures = Failures::new();
    // Another test of this process may want texts meanwhile; then it is one that panicked.
    failures.note_error(&error(&Unwanted), false, None);
    let texts: Vec<Option<String>> = groups(&failures).into_iter().map(|(text, _)| text).collect();
    assert!(texts == [None] || wishes::want_text(), "{texts:?}");
}

#[test]
fn a_panic_of_before_a_call_began_is_not_its_own() {
    let _wanted = wanted();
    last_panic::remember();
    let clock = ManualClock::hold();
    let started = clock::now();
    clock.advance(Duration::from_secs(1));
    assert!(std::panic::catch_unwind(|| panic!("number {}", 7)).is_err());
    let (own, other) = (Failures::new(), Failures::new());
    own.note_panic(started, true, None);
    clock.advance(Duration::from_secs(1));
    other.note_panic(clock::now(), true, None);
    let places = |failures: &Failures| {
        let place = |group: &Group| (group.place.is_some(), group.text.as_deref().map(str::to_owned));
        failures.read(|groups, _| groups.iter().map(place).collect::<Vec<_>>()).unwrap()
    };
    assert_eq!(places(&own), [(true, Some("number 7".to_owned()))]);
    assert_eq!(places(&other), [(false, None)]);
}
