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
        _ => format!("No clear cause: {} were looked for", incident.checked.len()),
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
