use super::written;

#[test]
fn a_setting_that_is_not_allowed_is_named_with_its_value_and_what_is() {
    let cases = [
        ("prices_free = [\"gpt-4o\"]", "llm.prices_free", "`provider/model`"),
        ("budgts = []", "budgts", "budgets"),
        ("budgets = [{ per = \"week\", tokens = 1 }]", "llm.budgets.1.per", "`run`, `day`, `month` or `forever`"),
        ("budgets = [{ per = \"day\" }]", "llm.budgets.1.dollars", "one of `dollars`, `tokens` and `calls`"),
        (
            "budgets = [{ per = \"day\", tokens = 1, calls = 1 }]",
            "llm.budgets.1.dollars",
            "one of `dollars`, `tokens` and `calls`",
        ),
        ("budgets = [{ per = \"day\", dollars = \"ten\" }]", "dollars", "0 to 9 million"),
        ("budgets = [{ per = \"day\", dollars = 9000001 }]", "llm.budgets.1.dollars", "0 to 9 million dollars"),
        ("budgets = [{ per = \"day\", dollars = -1 }]", "llm.budgets.1.dollars", "0 to 9 million dollars"),
        ("budgets = [{ per = \"day\", tokens = -1 }]", "tokens", ""),
        ("budgets = [{ per = \"day\", calls = 1, agent = \"a\", user = \"b\" }]", "llm.budgets.1.user", "nothing"),
        ("budgets = [{ per = \"run\", calls = 1, model = \"m\" }]", "llm.budgets.1.model", "may name an `agent`"),
        ("budgets = [{ per = \"day\", calls = 1, agent = \"\" }]", "llm.budgets.1.agent", "1 to 256 bytes"),
        (
            "budgets = [{ per = \"day\", calls = 1, on_unpriced = \"-1\" }]",
            "llm.budgets.1.on_unpriced",
            "`refuse`, `allow`",
        ),
    ];
    for (line, field, allowed) in cases {
        let error = written(&format!("[llm]\n{line}\n")).unwrap_err().to_string();
        assert!(error.contains(field) && error.contains(allowed), "{line}: {error}");
    }
    for (per, scope) in
        [("run", ""), ("run", ", agent = \"x\""), ("day", ", user = \"*\""), ("forever", ", model = \"gpt-5\"")]
    {
        written(&format!("[llm]\nbudgets = [{{ per = \"{per}\", dollars = 0.5{scope}, on_unpriced = \"0.1\" }}]\n"))
            .unwrap();
    }
}
