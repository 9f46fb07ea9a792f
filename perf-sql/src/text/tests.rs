use super::*;
use dialects::{DIALECTS, Dialect};
use proptest::prelude::*;

mod dialects;
mod lexers;

/// Dialect, statement and what is shown of it, in lines. `\n`, `\t`, `\r` and `\\` stand for what they do in Rust.
const CORPUS: &str = include_str!("../../tests/corpus.tsv");

fn statement(written: &str) -> String {
    let plain = written.replace("\\\\", "\u{1}").replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r");
    plain.replace('\u{1}', "\\")
}

#[test]
fn each_statement_of_the_corpus_is_shown_as_written_there() {
    let mut wrong = Vec::new();
    let mut read = 0;
    for line in CORPUS.lines().filter(|line| !line.is_empty()) {
        let [dialect, raw, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("three columns: {line}")
        };
        let shown = normalize(&statement(raw)).text;
        read += 1;
        if shown != expected {
            wrong.push(format!("{dialect}: {raw}\n  is {shown}\n not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read >= 150, "{read} statements");
}

#[test]
fn secrets_of_the_corpus_are_not_shown() {
    for line in CORPUS.lines() {
        let shown = line.rsplit('\t').next().unwrap_or_default();
        for secret in ["secret", "ada@", "hunter2", "秘密", "tenant", "O''"] {
            assert!(!shown.contains(secret), "{line}");
        }
    }
}

#[test]
fn the_hash_is_the_same_in_every_process_and_tells_long_texts_apart() {
    assert_eq!(fnv(b""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(fnv(b"foobar"), 0x8594_4171_f739_67e8, "of the reference's test suite");
    let (one, other) = (normalize("SELECT a FROM t WHERE b = 1"), normalize("SELECT a  FROM t /* x */ WHERE b = 'x'"));
    assert_eq!(one, other);
    let long = |end: &str| normalize(&format!("SELECT {} FROM t WHERE {end} = 1", ["some_column"; 30].join(", ")));
    let (one, other) = (long("a"), long("b"));
    assert_eq!(one.text, other.text);
    assert_ne!(one.hash, other.hash);
    assert!(one.text.len() <= MOST_SHOWN && one.text.ends_with('…'), "{}", one.text);
}

#[test]
fn lists_of_any_length_are_one_statement() {
    let one = normalize("SELECT * FROM t WHERE a IN (1)");
    for count in [2, 10, 20_000] {
        assert_eq!(normalize(&format!("SELECT * FROM t WHERE a IN ({})", vec!["7"; count].join(","))), one);
    }
    let row = normalize("INSERT INTO t (a, b) VALUES (?, now())");
    assert_eq!(row.text, "INSERT INTO t (a, b) VALUES (?, now())");
    for count in [2, 3, 1_000] {
        let rows = vec!["(?, now())"; count].join(", ");
        assert_eq!(normalize(&format!("INSERT INTO t (a, b) VALUES {rows}")), row, "{count}");
    }
}

#[test]
fn a_text_that_is_too_long_is_cut() {
    let columns = (0..20_000).map(|number| format!("c{number}")).collect::<Vec<_>>().join(", ");
    let (mut text, long) = (String::new(), format!("SELECT {columns} FROM t WHERE a = 'secret'"));
    normalize_into(&long, DoubleQuotes::Auto, &mut text);
    assert!(text.len() < 4_200 && text.ends_with('…'));
    let literal = format!("SELECT '{}', b FROM t", "secret".repeat(20_000));
    assert_eq!(normalize(&literal).text, "SELECT …", "its quote is not closed where reading ends");
}

#[test]
fn in_brackets_beyond_those_that_are_known_nothing_in_double_quotes_is_a_name() {
    let deep = |brackets: usize| {
        let statement = format!("SELECT {}trim(a FROM \"hunter2\"){}", "(".repeat(brackets), ")".repeat(brackets));
        let mut text = String::new();
        normalize_into(&statement, DoubleQuotes::Auto, &mut text);
        text
    };
    for brackets in [0, 1, 61, 62, 63, 64, 65, 100] {
        assert!(deep(brackets).contains("FROM ?") && !deep(brackets).contains("hunter2"), "{}", deep(brackets));
    }
}

#[test]
fn double_quotes_are_names_where_that_is_set() {
    let mut text = String::new();
    normalize_into(r#"SELECT "id" FROM "users" WHERE "name" = 'x'"#, DoubleQuotes::Names, &mut text);
    assert_eq!(text, r#"SELECT "id" FROM "users" WHERE "name" = ?"#);
}

/// Stands in each literal and comment that is planted, in letters that no statement around it has.
const SECRET: &str = "zqxw";

/// A literal with this content, as a driver that knows the dialect writes it.
fn literal(dialect: Dialect, form: u8, content: &str) -> String {
    let single = content.replace('\'', "''");
    match (dialect, form % 4) {
        (Dialect::Postgres, 0) => format!("$tag${content}$tag$"),
        (Dialect::Postgres, 1) => format!("E'{}'", content.replace('\\', "\\\\").replace('\'', "\\'")),
        (Dialect::MySql, 0) => format!("'{}'", content.replace('\\', "\\\\").replace('\'', "\\'")),
        (Dialect::MySql, 1) => format!("\"{}\"", content.replace('\\', "\\\\").replace('"', "\\\"")),
        (Dialect::MySql, _) => format!("'{}'", content.replace('\\', "\\\\").replace('\'', "''")),
        (Dialect::SqlServer, 0 | 1) => format!("N'{single}'"),
        (Dialect::Sqlite, 0) => format!("\"{}\"", content.replace('"', "\"\"")),
        _ => format!("'{single}'"),
    }
}

/// A comment with this content, as the dialect has it.
fn comment(dialect: Dialect, form: u8, content: &str) -> String {
    let line = content.replace(['\n', '\r'], " ");
    match (dialect, form % 3) {
        (Dialect::MySql, 0) => format!("# {line}\n"),
        (_, 1) => format!("-- {line}\n"),
        // Nested ones are closed where they nest.
        (Dialect::Postgres | Dialect::SqlServer, _) => format!("/* {} */", content.replace("*/", "").replace("/*", "")),
        _ => format!("/* {} */", content.replace("*/", "")),
    }
}

/// Text that means much to a scanner.
fn nasty() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "'", "\"", "`", "\\", "\\\\", "''", "--", "/*", "*/", "#", "$$", "$1", ";", "(", ")", "[", "]", "{", ":", "\n",
        "\r", "?", "@", ",", ".", " ", "x", "E'", "1", "é", "FROM ", "=", "SELECT ", "-- x\n",
    ]);
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

prop_compose! {
    fn planted()(before in nasty(), after in nasty(), form in any::<u8>()) -> (String, u8) {
        // The tag of a dollar quote is one that its content has not.
        (format!("{before}{SECRET}{after}").replace("$tag$", ""), form)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_planted_literal_and_no_comment_is_ever_shown(
        dialect in prop::sample::select(DIALECTS.to_vec()),
        planted in prop::collection::vec(planted(), 4),
        shape in 0_u8..15,
    ) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|at| literal(dialect, planted[at].1, &planted[at].0));
        let said = comment(dialect, planted[0].1, &planted[1].0);
        let statement = match shape {
            0 => format!("SELECT a FROM t WHERE b = {a} AND c IN ({b}, {c}) ORDER BY {d}"),
            1 => format!("INSERT INTO t (a, b) VALUES ({a}, {b}), ({c}, {d})"),
            2 => format!("UPDATE t SET a = {a}, b = {b} WHERE c LIKE {c} AND d = {d}"),
            3 => format!("SELECT a {said} FROM t WHERE b = {b}"),
            4 => format!("{said}SELECT f({a},{b}) FROM t WHERE b={c};DELETE FROM t WHERE a={d}"),
            5 => format!("SET x = {a}; SELECT {b}, concat({c}, a) FROM t"),
            6 => format!("SELECT trim({a} from {b}) AS x, {c} FROM t JOIN u ON t.a = {d}"),
            7 => format!("SELECT a FROM {said} t WHERE b = {b}"),
            8 => format!("INSERT INTO t (SELECT a, {a} FROM u WHERE b = {b})"),
            9 => format!("UPDATE t SET a = 1 ORDER BY b, {a} = c, {b} LIMIT 1"),
            10 => format!("INSERT INTO t (a) VALUES ({a}) ON DUPLICATE KEY UPDATE a = trim(values(a) from {b})"),
            11 => format!("SELECT {}trim(a from {a}){}, {b}", "(".repeat(70), ")".repeat(70)),
            12 => format!("SELECT ARRAY[{a}, {b}], a #> {c} {said} FROM t"),
            13 if matches!(dialect, Dialect::MySql) => format!("SELECT a--trim(b\n from {a}), {b}"),
            _ => format!("CALL p({a}, {b}); SELECT * FROM t WHERE (a, b) = ({c}, {d}) LIMIT 1"),
        };
        let mut text = String::new();
        normalize_into(&statement, DoubleQuotes::Auto, &mut text);
        prop_assert!(!text.contains(SECRET), "{dialect:?}\n{statement}\n{text}");
        prop_assert!(!text.contains('\''), "{dialect:?}\n{statement}\n{text}");
    }

    #[test]
    fn ten_literals_in_each_dialect_are_not_shown(planted in prop::collection::vec(planted(), 10), shape in 0_u8..4) {
        for dialect in DIALECTS {
            let all: Vec<String> = planted.iter().map(|(content, form)| literal(dialect, *form, content)).collect();
            let (head, tail) = all.split_at(5);
            let statement = match shape {
                0 => format!("SELECT f({}) FROM t WHERE a IN ({})", head.join(", "), tail.join(",")),
                1 => format!("INSERT INTO t (a, b, c, d, e) VALUES ({}), ({})", head.join(", "), tail.join(", ")),
                2 => format!("UPDATE t SET a = {} WHERE b = {}", head.join(" || "), tail.join(" OR b LIKE ")),
                _ => format!("SELECT {}; CALL p({})", head.join(" AS x, "), tail.join(", ")),
            };
            let mut text = String::new();
            normalize_into(&statement, DoubleQuotes::Auto, &mut text);
            prop_assert!(!text.contains(SECRET), "{dialect:?}\n{statement}\n{text}");
        }
    }

    #[test]
    fn digits_stand_in_names_alone(number in "[1-9][0-9]{3,12}", form in 0_u8..6) {
        let written = match form {
            0 => number.clone(),
            1 => format!("-{number}.{number}e+{number}"),
            2 => format!("0x{number}"),
            3 => format!(".{number}"),
            4 => format!("${number}"),
            _ => format!("(+{number})"),
        };
        let shown = normalize(&format!("SELECT a FROM t2 WHERE b={written} AND c IN ({written},{written})")).text;
        prop_assert!(!shown.contains(&number), "{shown}");
    }

    #[test]
    fn whatever_it_is_it_is_bounded_and_has_no_quote(parts in prop::collection::vec(nasty(), 0..40), any in ".{0,40}") {
        let statement = parts.concat() + &any;
        let normalized = normalize(&statement);
        prop_assert!(normalized.text.len() <= MOST_SHOWN);
        prop_assert!(!normalized.text.contains('\''));
        prop_assert_eq!(normalize(&statement), normalized);
    }
}
