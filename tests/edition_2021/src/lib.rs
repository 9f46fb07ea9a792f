//! Tests of names that only later editions have as keywords.

#[cfg(test)]
mod tests {
    use perf_runtime::monitor;

    #[test]
    fn a_parameter_may_be_named_as_a_keyword_of_a_later_edition() {
        #[monitor("edition_gen")]
        fn f(gen: u8) -> u8 {
            gen
        }
        #[monitor("edition_gen_async")]
        async fn g((gen, _): (u8, u8), mut r#async: u8) -> u8 {
            r#async += 1;
            gen + r#async
        }
        assert_eq!(f(3), 3);
        assert_eq!(futures::executor::block_on(g((1, 2), 1)), 3);
    }
}
