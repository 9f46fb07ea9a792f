//! Patterns of names, in which `*` stands for any text.

/// Whether a name is one of a pattern.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        // The first place where it fits leaves the most for what follows.
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_is_any_text() {
        let name = "db_operation{operation=select,table=users}";
        for pattern in [name, "*", "db_*", "*table=users}", "*select*users*", "db_operation{*}", "**"] {
            assert!(matches(pattern, name), "{pattern}");
        }
        for pattern in ["", "db_operation", "*x*", "users*", "*select*select*", "db_operation{*}x"] {
            assert!(!matches(pattern, name), "{pattern}");
        }
        assert!(matches("", "") && !matches("a*a", "a"), "a part is not used twice");
    }
}
