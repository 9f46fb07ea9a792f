//! The values that are kept, and how much of them.

use super::*;
use std::cell::Cell;
use std::fmt;
use tracing::field::{Empty, debug, display};

const NAMES: Names = &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r"];

fn kept(values: &[&dyn Value]) -> Option<KeptValues> {
    Values::capture(NAMES, values).map(|values| values.keep())
}

/// The names, the values, and whether there was more of them.
fn texts(values: &[&dyn Value]) -> Vec<(&'static str, String, bool)> {
    let shown = |Shown { name, value }: Shown<'_>| {
        (name, value.to_string(), matches!(value, KeptValue::Text { is_cut: true, .. }))
    };
    kept(values).iter().flat_map(KeptValues::iter).map(shown).collect()
}

fn whole(name: &'static str, value: &str) -> (&'static str, String, bool) {
    (name, value.to_owned(), false)
}

#[test]
fn values_are_kept_as_a_span_would_show_them() {
    let error: Box<dyn Error> = "it failed".into();
    let values: &[&dyn Value] = &[
        &u64::MAX,
        &i64::MIN,
        &1.0_f64,
        &true,
        &"a\u{1}b\n\"quoted\"",
        &display("shown"),
        &debug("shown"),
        &error,
        &u128::MAX,
        &Empty,
        &f64::NAN,
    ];
    let expected = [
        whole("a", "18446744073709551615"),
        whole("b", "-9223372036854775808"),
        whole("c", "1.0"),
        whole("d", "true"),
        whole("e", "a\u{1}b\n\"quoted\""),
        whole("f", "shown"),
        whole("g", "\"shown\""),
        whole("h", "it failed"),
        whole("i", "340282366920938463463374607431768211455"),
        // One that is recorded later is not there.
        whole("k", "NaN"),
    ];
    assert_eq!(texts(values), expected);
    assert!(kept(&[&Empty]).is_none() && kept(&[]).is_none());
}

#[test]
fn long_values_are_cut_between_characters() {
    // 100 KB, of three bytes each.
    let long = "€".repeat(33_333);
    let fits = "x".repeat(MOST_TEXT);
    let [cut, whole] = &texts(&[&long.as_str(), &fits.as_str()])[..] else { panic!("two values") };
    assert_eq!((cut.1.as_str(), cut.2), ("€".repeat(MOST_TEXT / 3).as_str(), true));
    assert_eq!((whole.1.as_str(), whole.2), (fits.as_str(), false));
}

#[test]
fn the_values_of_a_call_are_so_many_and_so_long() {
    let numbers = [7_u64; 18];
    let values = numbers.each_ref().map(|number| number as &dyn Value);
    let all = texts(&values);
    assert_eq!(all.len(), 18);
    assert!(all[..MOST_VALUES].iter().all(|(_, text, is_cut)| text == "7" && !is_cut));
    // Nothing is missing in silence.
    assert!(all[MOST_VALUES..].iter().all(|(_, text, is_cut)| text.is_empty() && *is_cut));
    // Fields that are recorded later are none of them.
    let later: Vec<&dyn Value> =
        [&Empty as &dyn Value, &Empty].into_iter().chain(values[..16].iter().copied()).collect();
    assert!(texts(&later).iter().all(|(_, text, is_cut)| text == "7" && !is_cut));
    let long = "y".repeat(10_000);
    let long = [long.as_str(); 18];
    let values = long.each_ref().map(|text| text as &dyn Value);
    let all = texts(&values);
    let (texts_there, marks): (Vec<_>, Vec<_>) = all.iter().partition(|(_, text, _)| !text.is_empty());
    let bytes: usize = texts_there.iter().map(|(_, text, _)| text.len() + HEAD).sum();
    assert!((MOST_BYTES - 8 * HEAD..=MOST_BYTES).contains(&bytes), "{bytes} in {}", texts_there.len());
    assert!(all.iter().all(|(_, _, is_cut)| *is_cut));
    assert_eq!(texts_there.len() + marks.len(), 18);
    // Behind them there is no room for a number either, and one that is recorded later is still not there.
    let values: Vec<&dyn Value> = values.iter().take(5).copied().chain([&1_u64 as &dyn Value, &Empty]).collect();
    let all = texts(&values);
    assert_eq!(all.last(), Some(&("f", String::new(), true)));
    let kept = kept(&values).unwrap();
    assert!(kept.bytes() <= MOST_BYTES + 2 * HEAD + size_of::<KeptValues>());
}

/// Counts how often its text is asked for.
struct Counted<'a>(&'a Cell<u32>);

impl Debug for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.set(self.0.get() + 1);
        f.write_str("asked")
    }
}

#[test]
fn a_value_that_is_left_out_is_not_asked_for_its_text() {
    let asked = Cell::new(0);
    let counted = debug(Counted(&asked));
    let all = texts(&[&counted as &dyn Value; 18]);
    assert_eq!((all.len(), asked.get()), (18, 16));
}

/// Writes a part of itself, and then this.
struct Hostile(fn(&mut fmt::Formatter<'_>) -> fmt::Result);

impl Debug for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("begun ")?;
        (self.0)(f)
    }
}

#[test]
fn a_value_that_panics_or_fails_spoils_no_other() {
    let panics = Hostile(|_| panic!("as the test says"));
    let fails = Hostile(|_| Err(fmt::Error));
    // It panics where somebody has no room for it.
    let insists = Hostile(|f| {
        (0..10_000).for_each(|_| f.write_str("much of it ").unwrap());
        Ok(())
    });
    let shown = texts(&[&debug(&panics), &debug(&fails), &debug(&insists), &3_u64]);
    assert_eq!(shown[0], whole("a", PANICKED));
    assert_eq!(shown[1], ("b", "begun ".to_owned(), true));
    assert_eq!((shown[2].1.len(), shown[2].2), (MOST_TEXT, true));
    assert_eq!(shown[3], whole("d", "3"));
}

#[test]
fn boxes_are_used_again_and_keep_little_memory() {
    let first = Values::capture(NAMES, &[&1_u64]).unwrap();
    let address = std::ptr::from_ref(&*first);
    release(first);
    let second = Values::capture(NAMES, &[&"other"]).unwrap();
    assert_eq!(std::ptr::from_ref(&*second), address);
    assert_eq!(second.keep().iter().map(|shown| shown.value.to_string()).collect::<Vec<_>>(), ["other"]);
    release(second);
    let long = "z".repeat(MOST_TEXT);
    let mut large = Values::capture(NAMES, &[&long.as_str(); 5].map(|text| text as &dyn Value)).unwrap();
    assert!(large.size() > MOST_BYTES);
    large.clear();
    assert!(large.size() <= MOST_TEXT + size_of::<Values>());
}

#[test]
fn each_value_is_looked_at_once() {
    struct Counted<'a>(&'a Cell<u32>);
    impl fmt::Display for Counted<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.set(self.0.get() + 1);
            f.write_str("counted")
        }
    }
    let looks = Cell::new(0);
    assert_eq!(texts(&[&display(Counted(&looks))]), [whole("a", "counted")]);
    assert_eq!(looks.get(), 1);
}
