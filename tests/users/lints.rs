//! A user whose own lints fire: each is told at its line, marked here, as it would be without an attribute.
#![warn(clippy::pedantic)]
#![allow(dead_code, clippy::unused_async)]

use perf_runtime::{Label, monitor};
use std::future::Future;
use std::pin::Pin;

#[derive(Clone, Copy, Label)]
enum Tier {
    Free,
    Paid,
}

#[monitor("lints_parameters")]
fn parameters(
    unused: u8, //~ unused_variables
    mut used: u8, //~ unused_mut
    _fine: u8,
) -> u8 {
    used
}

#[monitor("lints_parameters_async")]
async fn parameters_async(
    unused: u8, //~ unused_variables
    mut used: [u8; 64], //~ unused_mut
    (part, _): (u8, u8), //~ unused_variables
    (first, mut second): (u8, u8), //~ unused_mut
) -> u8 {
    used[0] + first + second
}

#[monitor("lints_in_labels", labels(tier = tier), fields(note = note))]
async fn used_by_the_attribute_alone(
    tier: Tier,
    note: u8,
    other: u8, //~ unused_variables
) {
}

#[monitor("lints_body")]
fn body(n: u8) -> u8 {
    let unused = 1; //~ unused_variables
    let mut constant = n; //~ unused_mut
    let mut assigned = 1; //~ unused_assignments
    assigned = constant;
    n.checked_add(1); //~ unused_must_use
    if (n == 1) { //~ unused_parens
        return 1;
        empty(); //~ unreachable_code
    }
    assigned
}

#[monitor("lints_body_async")]
async fn body_async(n: u8) -> Result<u8, String> {
    let unused = 1; //~ unused_variables
    empty_async(); //~ unused_must_use
    fails().await; //~ unused_must_use
    loop {
        if n > 1 {
            return Err(format!("{}", n)); //~ clippy::uninlined_format_args
        }
    }
    Ok(1) //~ unreachable_code
}

fn empty() {}
async fn empty_async() {}
async fn fails() -> Result<(), ()> {
    Err(())
}

#[monitor("lints_clippy")]
fn clippy(text: &str) -> usize {
    let owned = text.to_owned();
    let length = owned.len() as u8; //~ clippy::cast_possible_truncation
    if length == 0 { true } else { false }; //~ clippy::needless_bool
    match text.chars().next() { //~ clippy::single_match
        Some(_) => empty(),
        _ => (),
    }
    0
}

#[monitor("lints_clippy_async")]
async fn clippy_async(texts: Vec<String>) -> usize {
    let mut sum = 0;
    for i in 0..texts.len() { //~ clippy::needless_range_loop
        sum += texts[i].len();
    }
    sum
}

#[monitor("lints_boxed")]
fn boxed(unused: u8) -> Pin<Box<dyn Future<Output = u8> + Send>> { //~ unused_variables
    let also = 2; //~ unused_variables
    Box::pin(async { 1 })
}

#[monitor("lints_closure")]
fn closure(unused: u8) -> impl Fn(u8) -> u8 { //~ unused_variables
    |n| n
}

struct Methods;

impl Methods {
    #[monitor("lints_method")]
    fn method(&self, unused: u8) { //~ unused_variables
        let x = self;
        x; //~ path_statements
    }
}

#[monitor("lints_items")]
fn items(n: u8) -> u8 {
    let m = n;
    fn one() -> u8 { 1 } //~ clippy::items_after_statements
    m + one()
}

#[derive(Copy)]
struct Copied(u8);

impl Clone for Copied { //~ clippy::expl_impl_clone_on_copy
    #[monitor("lints_clone")]
    fn clone(&self) -> Self { //~ clippy::non_canonical_clone_impl
        Self(self.0)
    }
}

impl PartialEq for Copied {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Copied {}

impl Ord for Copied {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Copied { //~ clippy::non_canonical_partial_ord_impl
    #[monitor("lints_partial_cmp")]
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.0.partial_cmp(&other.0)
    }
}

#[monitor("lints_deprecated")]
fn deprecated() {
    old(); //~ deprecated
}

#[deprecated]
fn old() {}
