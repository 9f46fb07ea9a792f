//! Values of many threads in one list.

use super::*;
use std::collections::BTreeSet;
use std::thread;

#[expect(clippy::unnecessary_box_returns, reason = "the box is what this is about")]
fn values(number: u64) -> Box<Values> {
    Values::capture(&["number"], &[&number]).unwrap()
}

fn taken(list: &ValuesList) -> BTreeSet<(usize, String)> {
    let mut all = BTreeSet::new();
    list.take(|place, values| {
        for shown in values.keep().iter() {
            all.insert((place, shown.value.to_string()));
        }
    });
    all
}

#[test]
fn nothing_is_lost_between_threads_that_add_and_one_that_takes() {
    const EACH: usize = 16;
    let list = ValuesList::new();
    for _ in 0..200 {
        let mut all = BTreeSet::new();
        thread::scope(|scope| {
            for thread in 0..4 {
                let list = &list;
                scope.spawn(move || {
                    (thread * EACH..(thread + 1) * EACH).for_each(|place| list.add(place, values(place as u64)));
                });
            }
            all.append(&mut taken(&list));
        });
        all.append(&mut taken(&list));
        let refused = usize::try_from(list.refused()).unwrap();
        assert_eq!(all.len() + refused, 4 * EACH);
        assert!(all.iter().all(|(place, number)| place.to_string() == *number));
        list.clear();
    }
}

#[test]
fn beyond_the_bytes_of_a_root_values_are_counted_and_not_kept() {
    let list = ValuesList::new();
    let size = values(0).size();
    let fitting = MOST_BYTES / size;
    (0..fitting + 7).for_each(|place| list.add(place, values(1)));
    assert_eq!((taken(&list).len(), list.refused()), (fitting, 7));
    list.clear();
    list.add(0, values(1));
    assert_eq!((taken(&list).len(), list.refused()), (1, 0));
}
