//! The values of the two labels: the same bytes in every library, sorted as their numbers are.

use crate::MODULES;
use perf_runtime::Label;

/// The values of both labels, of the series with this number.
pub(crate) fn of(series: usize) -> (String, String) {
    (function(series / MODULES), module(series % MODULES))
}

pub(crate) fn function(number: usize) -> String {
    format!("function_{number:05}")
}

pub(crate) fn module(number: usize) -> String {
    format!("module_{number}")
}

/// One of so many functions.
pub(crate) struct Function<const FUNCTIONS: usize>(pub(crate) usize);

impl<const FUNCTIONS: usize> Function<FUNCTIONS> {
    const BYTES: [[u8; 14]; FUNCTIONS] = numbered(*b"function_00000");
    const TEXTS: [&'static str; FUNCTIONS] = texts(&Self::BYTES);
}

impl<const FUNCTIONS: usize> Label for Function<FUNCTIONS> {
    const VALUES: &'static [&'static str] = &Self::TEXTS;

    fn index(&self) -> usize {
        self.0
    }
}

/// One of the modules.
pub(crate) struct Module(pub(crate) usize);

impl Label for Module {
    const VALUES: &'static [&'static str] = {
        const BYTES: [[u8; 8]; MODULES] = numbered(*b"module_0");
        &texts(&BYTES)
    };

    fn index(&self) -> usize {
        self.0
    }
}

/// The pattern with its last digits counting.
const fn numbered<const LENGTH: usize, const COUNT: usize>(pattern: [u8; LENGTH]) -> [[u8; LENGTH]; COUNT] {
    let mut all = [pattern; COUNT];
    let mut number = 0;
    while number < COUNT {
        let (mut rest, mut place) = (number, LENGTH);
        while rest > 0 {
            place -= 1;
            all[number][place] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        number += 1;
    }
    all
}

const fn texts<const LENGTH: usize, const COUNT: usize>(bytes: &[[u8; LENGTH]; COUNT]) -> [&str; COUNT] {
    let mut texts = [""; COUNT];
    let mut number = 0;
    while number < COUNT {
        texts[number] = match str::from_utf8(&bytes[number]) {
            Ok(text) => text,
            Err(_) => "",
        };
        number += 1;
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_known_when_compiled_are_those_made_at_run_time() {
        for (number, &text) in Function::<1_000>::VALUES.iter().enumerate() {
            assert_eq!(text, function(number));
        }
        for (number, &text) in Module::VALUES.iter().enumerate() {
            assert_eq!(text, module(number));
        }
    }
}
