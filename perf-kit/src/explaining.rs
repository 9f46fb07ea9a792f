//! Incidents, bottlenecks and findings over HTTP, and what the history knows of versions.

#[cfg(feature = "history")]
pub(crate) use boots::note_boots;
#[cfg(feature = "server")]
pub(crate) use routes::extension;

#[cfg(feature = "server")]
pub(crate) mod asking;
#[cfg(feature = "server")]
mod card;
#[cfg(feature = "server")]
pub(crate) mod described;

#[cfg(feature = "history")]
mod boots {
    use perf_history::History;
    use perf_insight::runtime::{Change, ChangeKind, Insight};

    /// Notes a version that is another one than that of the process before, as the history knows it.
    pub(crate) fn note_boots(insight: &Insight, history: &History) {
        let view = insight.view();
        let Some(own) = view.monitor().service().and_then(|service| service.version.clone()) else { return };
        let boots = history.view().overview().boots;
        let before = boots.iter().rev().find(|boot| boot.ended.is_some()).and_then(|boot| boot.version.clone());
        if let Some(before) = before.filter(|before| *before != own) {
            let name = format!("version {own} ({before} before)");
            view.note(Change::new(ChangeKind::Version, name, view.monitor().time_of_day()));
        }
    }
}

#[cfg(feature = "server")]
mod routes {
    use super::{asking, card, described};
    use perf_insight::runtime::{Incident, InsightView, KnownIncidents};
    use perf_server::axum::extract::Path;
    use perf_server::axum::extract::rejection::PathRejection;
    use perf_server::axum::http::HeaderMap;
    use perf_server::axum::response::Response;
    use perf_server::axum::routing::get;
    use perf_server::respond::{self, Params, Problem, ProblemKind};
    use perf_server::{Extension, Page, Place};
    use serde::Serialize;

    /// Incidents that are listed unless asked for otherwise, and at most.
    const LISTED: (usize, usize) = (100, 1_000);
    /// Incidents in the feed.
    const IN_FEED: usize = 20;
    const SCRIPT: &str = include_str!("explaining/page.js");

    /// A list of incidents.
    #[derive(Serialize)]
    struct Incidents {
        /// Whether they are looked for.
        enabled: bool,
        #[serde(flatten)]
        known: KnownIncidents,
    }

    /// The routes of insight: incidents, one of them, bottlenecks, and findings about series.
    pub(crate) fn extension(view: InsightView) -> impl Fn() -> Extension + Send + Sync + 'static {
        move || {
            let [of_list, of_one, of_bottlenecks, of_unusual, of_feed, of_cards] = [(); 6].map(|()| view.clone());
            let list = async move |params: Params, headers: HeaderMap| list(of_list, params, &headers).await;
            let one = async move |id: Id, params: Params, headers: HeaderMap| {
                params.only(&[])?;
                incident(of_one, id, &headers).await
            };
            let bottlenecks = async move |params: Params, headers: HeaderMap| {
                params.only(&[])?;
                respond::json(&headers, move || of_bottlenecks.bottlenecks()).await
            };
            let unusual = async move |params: Params, headers: HeaderMap| {
                params.only(&[])?;
                respond::json(&headers, move || of_unusual.unusual()).await
            };
            let [trends, anomalies, expected, forecasts, compare] = [(); 5].map(|()| view.monitor().clone());
            let trends =
                async move |params: Params, headers: HeaderMap| asking::of_trends(trends, params, &headers).await;
            let anomalies =
                async move |params: Params, headers: HeaderMap| asking::of_anomalies(anomalies, params, &headers).await;
            let expected = async move |params: Params, headers: HeaderMap| {
                asking::of_expectations(expected, params, &headers).await
            };
            let forecasts =
                async move |params: Params, headers: HeaderMap| asking::of_forecasts(forecasts, params, &headers).await;
            let compare =
                async move |params: Params, headers: HeaderMap| asking::of_comparison(compare, params, &headers).await;
            let page = Page::new("incidents", "Incidents", SCRIPT).place(Place::Now);
            Extension::new("insight")
                .read("/api/v1/incidents", get(list))
                .read("/api/v1/incidents/{id}", get(one))
                .read("/api/v1/insight/bottlenecks", get(bottlenecks))
                .read("/api/v1/insight/unusual", get(unusual))
                .read("/api/v1/insight/trends", get(trends))
                .read("/api/v1/insight/anomalies", get(anomalies))
                .read("/api/v1/insight/expected", get(expected))
                .read("/api/v1/insight/forecasts", get(forecasts))
                .read("/api/v1/insight/compare", get(compare))
                .topic("insight", move |_| {
                    let incidents: Vec<Incident> = of_feed.incidents().into_iter().take(IN_FEED).collect();
                    let enabled = of_feed.is_enabled();
                    let found = of_feed.bottlenecks();
                    serde_json::json!({
                        "enabled": enabled, "incidents": incidents,
                        "bottlenecks": found.bottlenecks, "compared": found.compared, "unusual": of_feed.unusual(),
                    })
                })
                .page(page)
                .cards(move |_| card::of(&of_cards.open_incidents()))
                .openapi(described::routes())
        }
    }

    type Id = Result<Path<String>, PathRejection>;

    async fn list(view: InsightView, params: Params, headers: &HeaderMap) -> Result<Response, Problem> {
        let params = params.only(&["state", "limit", "from", "to"])?;
        let limit = params.limit(LISTED.0, LISTED.1)?;
        let open_only = params.choice("state", [("open", true), ("all", false)])?.unwrap_or(false);
        let now = view.monitor().time_of_day();
        let range = asking::range(&params, now)?;
        let enabled = view.is_enabled();
        if open_only {
            // Memory has all of them.
            return respond::json(headers, move || Incidents { enabled, known: view.open_incidents_in(range, limit) })
                .await;
        }
        respond::past_json(headers, move || Ok(Incidents { enabled, known: view.incidents_in(range, limit) })).await
    }

    async fn incident(view: InsightView, id: Id, headers: &HeaderMap) -> Result<Response, Problem> {
        let id = id.map_or_else(|rejection| rejection.body_text(), |Path(id)| id);
        respond::past_json(headers, move || {
            let unknown = || {
                let detail =
                    format!("there is no incident {id:?}, or it is forgotten: GET /api/v1/incidents lists them");
                Problem::new(ProblemKind::UnknownEntry, detail)
            };
            view.incident(&id).ok_or_else(unknown)
        })
        .await
    }
}
