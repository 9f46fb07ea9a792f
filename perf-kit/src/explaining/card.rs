//! The cards of open incidents on the first page of the dashboard.

use perf_insight::runtime::{Incident, Sureness};
use perf_server::Card;

/// Incidents that have a card; the last one says how many there are beyond.
const SHOWN: usize = 3;

/// A card for each of the first incidents, of those that are open.
pub(super) fn of(open: &[Incident]) -> Vec<Card> {
    let beyond = open.len().saturating_sub(SHOWN);
    let shown = open.iter().take(SHOWN).enumerate();
    let card = |(place, incident): (usize, &Incident)| {
        let card = card_of(incident);
        if place + 1 == SHOWN && beyond > 0 {
            return card.line(format!("And {beyond} more {}", if beyond == 1 { "incident" } else { "incidents" }));
        }
        card
    };
    shown.map(card).collect()
}

fn card_of(incident: &Incident) -> Card {
    let cause = match (incident.sureness, incident.cause()) {
        (Sureness::Likely, Some(cause)) => format!("Likely cause: {}", cause.sentence),
        (Sureness::Possible, Some(cause)) => format!("Possible cause: {}", cause.sentence),
        _ => "No clear cause: of what was looked for, nothing explains it".to_owned(),
    };
    let alerts = incident.alerts.len() + incident.more_alerts;
    let folded =
        if alerts == 1 { "1 alert is a part of it".to_owned() } else { format!("{alerts} alerts are a part of it") };
    Card::new(&incident.headline)
        .severity(incident.severity)
        .line(cause)
        .line(folded)
        .since(incident.onset)
        .page("incidents", "Causes, evidence and alerts")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn incident(sureness: &str, alerts: usize) -> Incident {
        let cause = json!({
            "kind": "series", "sureness": sureness, "component": "select on points", "sentence": "select on points takes 1.5 s",
            "series": null, "also": [], "share": null, "since": null, "evidence": [],
        });
        let causes = if sureness == "no_clear_cause" { vec![] } else { vec![cause] };
        let checks = [json!({ "kind": "traffic", "found": false, "words": "as before" })];
        serde_json::from_value(json!({
            "id": "79202f02d00be429", "fingerprint": "0123456789abcdef", "headline": "GET /series is slow", "sureness": sureness,
            "causes": causes, "checked": checks, "severity": "critical", "alerts": [], "more_alerts": alerts,
            "onset": "2026-11-21T03:05:00.000Z", "began": "2026-11-21T03:06:00.000Z", "ended": null,
        }))
        .unwrap()
    }

    fn lines(card: &Card) -> Vec<String> {
        let written: Value = serde_json::to_value(card).unwrap();
        assert_eq!((&written["title"], &written["page"]["id"]), (&json!("GET /series is slow"), &json!("incidents")));
        assert_eq!((&written["severity"], written["since"].is_string()), (&json!("critical"), true));
        serde_json::from_value(written["lines"].clone()).unwrap()
    }

    #[test]
    fn a_card_says_the_cause_how_sure_it_is_and_how_many_alerts_there_are() {
        let lines_of = |sureness, alerts| lines(&of(&[incident(sureness, alerts)])[0]);
        let alone = "1 alert is a part of it";
        assert_eq!(lines_of("likely", 3), ["Likely cause: select on points takes 1.5 s", "3 alerts are a part of it"]);
        assert_eq!(lines_of("possible", 1), ["Possible cause: select on points takes 1.5 s", alone]);
        assert_eq!(
            lines_of("no_clear_cause", 1),
            ["No clear cause: of what was looked for, nothing explains it", alone]
        );
        assert!(of(&[]).is_empty());
    }

    #[test]
    fn of_many_incidents_three_have_a_card_and_the_others_are_counted() {
        let cards = of(&[(); 7].map(|()| incident("likely", 1)));
        assert_eq!((cards.len(), lines(&cards[0]).len()), (3, 2));
        assert_eq!(lines(&cards[2]).last().map(String::as_str), Some("And 4 more incidents"));
    }
}
