//! The screen, drawn.

use super::state::{Pane, Screen};
use crate::cell::Cell;
use crate::commands::{OPTIONAL, look_of_health, look_of_severity, name_of, row_of, table_of_series};
use crate::output;
use crate::show;
use crate::table::Table;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};
use std::time::SystemTime;

const KEYS: &str = "\
 s i c a, Tab   series, kinds, running calls, alerts
 < >, ← →       the column by which series are sorted
 ↑ ↓, j k       scroll; PageUp, PageDown, Home, End
 ? h            this help
 q, Esc         leave
 Figures are of the last minute; of kinds, calls and
 errors since the start, the rest of the last hour.
 Any key closes this.";

pub(super) fn draw(frame: &mut Frame<'_>, screen: &Screen) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(head_height(screen)), Constraint::Min(1), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(Paragraph::new(head_lines(screen)), head);
    frame.render_widget(Paragraph::new(body_lines(screen, body)), body);
    frame.render_widget(Paragraph::new(foot_line(screen)), foot);
    if screen.has_help {
        help(frame);
    }
}

fn head_height(screen: &Screen) -> u16 {
    2 + u16::from(screen.failure.is_some() || screen.age().is_some())
}

fn head_lines(screen: &Screen) -> Vec<Line<'static>> {
    let health = &screen.look.health;
    let style = |look| style(look, screen.coloured);
    let service = show::clean(&format!("{}  {}", screen.look.info.in_short(), screen.url));
    let mut lines = vec![
        Line::styled(service, style(output::Look::Bold)),
        Line::styled(show::clean(&health.explanation), style(look_of_health(health.status))),
    ];
    if let Some(age) = screen.age() {
        let age = show::seconds(Some(age.as_secs_f64()));
        let why = screen.failure.as_deref().map_or(String::new(), |why| format!(": {}", show::clean(why)));
        lines.push(Line::styled(format!("These figures are {age} old{why}"), style(output::Look::Bad)));
    }
    lines
}

fn body_lines(screen: &Screen, area: Rect) -> Vec<Line<'static>> {
    let (table, where_empty) = match screen.pane {
        Pane::Series => (series(screen), "Nothing that is annotated was called yet."),
        Pane::Kinds => (kinds(screen), "Nothing that is annotated was called yet."),
        Pane::Calls => (calls(screen), "No call runs now."),
        Pane::Alerts => (alerts(screen), "No alert fires."),
    };
    if table.is_empty() {
        return vec![Line::raw(where_empty)];
    }
    let room = usize::from(area.width);
    let mut lines = table.lines(Some(room)).into_iter();
    let sorted = (screen.pane == Pane::Series).then(|| screen.order().column());
    let sorted = sorted.and_then(|sorted| table.shown(room).iter().position(|column| *column == sorted));
    let heading = lines.next().unwrap_or_default().into_iter().enumerate().map(|(column, cell)| {
        let marked = if sorted == Some(column) { Modifier::REVERSED } else { Modifier::DIM };
        Span::styled(cell.text, Style::new().add_modifier(marked))
    });
    let heading = Line::from(heading.collect::<Vec<_>>());
    let rows = lines.skip(screen.scrolled).take(usize::from(area.height).saturating_sub(1));
    let rows = rows.map(|row| {
        let spans = row.into_iter().map(|cell| Span::styled(cell.text, style(cell.look, screen.coloured)));
        Line::from(spans.collect::<Vec<_>>())
    });
    std::iter::once(heading).chain(rows).collect()
}

fn series(screen: &Screen) -> Table {
    // The column that one sorts by stays, and the others stand in the order of `super::state::ORDERS`.
    let optional: Vec<usize> = OPTIONAL.into_iter().filter(|column| *column != screen.order().column()).collect();
    let mut table = table_of_series(&optional);
    for entry in &screen.look.series.series {
        table.row(row_of(entry));
    }
    table
}

fn kinds(screen: &Screen) -> Table {
    let mut table = Table::new(&["=KIND", "#CALLS", "#ERRORS", "#FAILED", "#MEAN", "#RUNNING", "~SLOWEST"]);
    for one in &screen.look.kinds.metrics {
        let look = if one.error_rate.is_some_and(|rate| rate > 0.0) { output::Look::Bad } else { output::Look::Plain };
        table.row([
            Cell::from(one.kind.as_str()),
            Cell::count(one.total),
            Cell::count(one.errors),
            Cell::ratio(one.error_rate).look(look),
            Cell::seconds(one.average_latency_seconds),
            Cell::count(one.in_flight),
            Cell::known(one.slowest.as_deref()),
        ]);
    }
    table
}

fn calls(screen: &Screen) -> Table {
    let mut table = Table::new(&["#AGE", "~CALL"]);
    for call in &screen.look.running.calls {
        table.row([Cell::seconds(Some(call.age)), Cell::from(name_of(call))]);
    }
    table
}

fn alerts(screen: &Screen) -> Table {
    let now = SystemTime::now();
    let mut table = Table::new(&["#ID", "=SEVERITY", "#SINCE", "=RULE", "MESSAGE"]);
    for alert in &screen.look.firing.alerts {
        table.row([
            Cell::count(alert.id),
            Cell::new(alert.severity.as_str(), look_of_severity(alert.severity)),
            Cell::ago(alert.since, now),
            Cell::from(alert.rule.as_str()),
            Cell::from(alert.message.as_str()),
        ]);
    }
    table
}

fn foot_line(screen: &Screen) -> Line<'static> {
    let pane = |pane, name: String| {
        let marked = if screen.pane == pane { Modifier::REVERSED } else { Modifier::empty() };
        Span::styled(name, Style::new().add_modifier(marked))
    };
    let look = &screen.look;
    let more = if look.series.next.is_some() { "+" } else { "" };
    Line::from(vec![
        pane(Pane::Series, format!(" s {} series{more} ", look.series.series.len())),
        pane(Pane::Kinds, format!(" i {} kinds ", look.kinds.metrics.len())),
        pane(Pane::Calls, format!(" c {} running ", look.running.calls.len())),
        pane(Pane::Alerts, format!(" a {} firing ", look.firing.alerts.len())),
        Span::raw("  ? help  q leave"),
    ])
}

fn help(frame: &mut Frame<'_>) {
    let all = frame.area();
    let height = u16::try_from(KEYS.lines().count()).unwrap_or(u16::MAX).min(all.height);
    let width = all.width.min(56);
    let area = Rect { x: (all.width - width) / 2, y: (all.height - height) / 2, width, height };
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(KEYS).style(Style::new().add_modifier(Modifier::REVERSED)), area);
}

fn style(look: output::Look, coloured: bool) -> Style {
    let plain = Style::new();
    match look {
        output::Look::Dim => plain.add_modifier(Modifier::DIM),
        output::Look::Good if coloured => plain.fg(Color::Green),
        output::Look::Warning if coloured => plain.fg(Color::Yellow),
        output::Look::Bad if coloured => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
        // Without colours the worst stands out all the same.
        output::Look::Bold | output::Look::Bad => plain.add_modifier(Modifier::BOLD),
        _ => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed::Look;
    use super::super::state::{Screen, Todo};
    use super::draw;
    use crate::commands::{AllSeries, Health, Info};
    use crate::failure::Failure;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use serde_json::{from_value, json};
    use std::time::Duration;

    fn look() -> Look {
        let health =
            json!({"status": "degraded", "score": 90.0, "explanation": "degraded, 90 of 100: Slow \u{1b}[31mjobs"});
        let service = json!({"name": "shop", "version": "1.4.2", "instance": null});
        let info = json!({"version": "0.1.0", "service": service, "uptime_seconds": 90.0});
        let counts = json!({"ok": 7, "error": 1, "panicked": 0, "cancelled": 0});
        let family = json!({"counter": "c", "histogram": "h", "in_flight": "i"});
        let series = |name: &str| {
            json!({
                "id": format!("operation{{operation={name}}}"), "family": family, "kind": "operation",
                "labels": {"operation": name}, "total": counts, "error_types": {}, "in_flight": 2,
                "oldest_in_flight": null, "covered": 60.0, "count": 8, "outcomes": counts, "rate": 0.133,
                "error_rate": 0.125, "min": 0.001, "max": 0.5, "mean": 0.00403, "median": 0.002, "std": 0.1, "p50": 0.002,
                "p90": 0.02, "p95": 0.03, "p99": 0.4, "apdex": null, "apdex_threshold": null, "busy_share": 1.0,
                "slow_polls": 0, "slow": null, "objective": null, "profile": null
            })
        };
        let names: Vec<_> = (0..40).map(|number| series(&format!("a_name_that_is_rather_long_{number}"))).collect();
        let calls = json!({"calls": [{"kind": "operation", "labels": {"operation": "resize"}, "age": 12.5}]});
        Look {
            info: from_value::<Info>(info).unwrap(),
            health: from_value::<Health>(health).unwrap(),
            series: from_value::<AllSeries>(json!({"series": names, "next": null})).unwrap(),
            running: from_value(calls).unwrap(),
            firing: from_value(json!({"alerts": []})).unwrap(),
            kinds: from_value(json!({"metrics": [{
                "kind": "operation", "total": 320, "errors": 40, "in_flight": 80, "error_rate": 0.125,
                "average_latency_seconds": 0.00403, "slowest": "a_name_that_is_rather_long_0"
            }]}))
            .unwrap(),
        }
    }

    fn drawn(screen: &Screen, (width, height): (u16, u16)) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, screen)).unwrap();
        let buffer = terminal.backend().buffer();
        (0..height).map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect()).collect()
    }

    fn press(screen: &mut Screen, code: KeyCode) -> Todo {
        screen.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn a_small_and_a_large_terminal_show_the_same_figures() {
        let screen = Screen::new("http://shop".to_owned(), look(), true, Duration::from_secs(1));
        for size in [(80, 24), (200, 60)] {
            let lines = drawn(&screen, size);
            assert!(lines[0].starts_with("shop 1.4.2, up 90 s  http://shop"), "{lines:?}");
            assert!(lines[1].starts_with("degraded, 90 of 100: Slow \\u{1b}[31mjobs"), "{lines:?}");
            assert!(lines[2].starts_with("SERIES") && lines[2].contains("P95"), "{lines:?}");
            let row = lines[3].trim_end();
            assert!(row.starts_with("operation") && row.contains("_that_is_rather_long_0}"), "{row}");
            assert!(row.contains("12.5 %") && row.contains("30 ms"), "{row}");
            assert_eq!(row.contains("500 ms"), size.0 > 80, "the longest is left out where there is no room: {row}");
            assert!(lines.last().unwrap().contains("40 series"), "{lines:?}");
        }
    }

    #[test]
    fn the_smallest_terminals_are_drawn_too() {
        let mut screen = Screen::new("http://shop".to_owned(), look(), false, Duration::from_secs(1));
        let _ = press(&mut screen, KeyCode::Char('?'));
        for size in [(1, 1), (10, 3), (20, 5)] {
            assert_eq!(drawn(&screen, size).len(), usize::from(size.1));
        }
    }

    #[test]
    fn keys_turn_scroll_and_sort() {
        let mut screen = Screen::new("http://shop".to_owned(), look(), false, Duration::from_secs(1));
        for _ in 0..100 {
            assert_eq!(press(&mut screen, KeyCode::Down), Todo::Nothing);
        }
        let lines = drawn(&screen, (120, 24));
        assert!(lines[3].contains("long_39"), "the last row stays on the screen: {lines:?}");
        assert_eq!(press(&mut screen, KeyCode::Char('>')), Todo::Ask);
        assert_eq!(screen.order().parameter(), "-rate");
        assert_eq!(press(&mut screen, KeyCode::Char('i')), Todo::Nothing);
        for size in [(80, 24), (200, 60)] {
            let lines = drawn(&screen, size);
            assert!(lines[2].starts_with("KIND") && lines[2].contains("SLOWEST"), "{lines:?}");
            assert!(lines[3].starts_with("operation  ") && lines[3].contains("12.5 %"), "{lines:?}");
            assert!(lines.last().unwrap().contains("i 1 kinds"), "{lines:?}");
        }
        assert_eq!(press(&mut screen, KeyCode::Char('c')), Todo::Nothing);
        let lines = drawn(&screen, (120, 24));
        assert!(lines[3].contains("12.5 s") && lines[3].contains("operation{operation=resize}"), "{lines:?}");
        assert_eq!(press(&mut screen, KeyCode::Char('>')), Todo::Nothing, "calls stand by their age");
        let _ = press(&mut screen, KeyCode::Char('a'));
        assert!(drawn(&screen, (120, 24))[2].contains("No alert fires."));
        let _ = press(&mut screen, KeyCode::Char('?'));
        assert!(drawn(&screen, (120, 24)).concat().contains("this help"));
        let _ = press(&mut screen, KeyCode::Char('x'));
        assert!(!drawn(&screen, (120, 24)).concat().contains("this help"), "any key closes it");
        assert_eq!(press(&mut screen, KeyCode::Char('q')), Todo::Leave);
    }

    #[test]
    fn a_list_that_shrinks_is_still_seen() {
        let mut screen = Screen::new("http://shop".to_owned(), look(), false, Duration::from_secs(1));
        let _ = press(&mut screen, KeyCode::End);
        let mut smaller = look();
        smaller.series.series.truncate(1);
        screen.take(Ok(smaller));
        assert!(drawn(&screen, (120, 24))[3].contains("long_0"));
    }

    #[test]
    fn figures_that_are_old_are_told_to_be() {
        let mut screen = Screen::new("http://shop".to_owned(), look(), false, Duration::from_secs(1));
        assert!(!screen.is_late());
        screen.take(Err(Failure::Unreachable("http://shop cannot be reached".to_owned())));
        let lines = drawn(&screen, (120, 24));
        assert!(lines[2].contains(" old: http://shop cannot be reached"), "{lines:?}");
        assert!(lines[4].contains("4.03 ms"), "the last that is known stays: {lines:?}");
        screen.take(Ok(look()));
        assert!(!screen.is_late());
    }
}
