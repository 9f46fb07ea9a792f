//! A filter in front of the subscriber that lets sqlx's events through, and nothing else.

mod both;

use both::{Seen, account, each_counts_once};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

#[test]
fn each_statement_counts_once_where_a_filter_lets_nothing_else_through() {
    let (sql, seen) = (account(), Seen::default());
    let filter = Targets::new().with_target("sqlx::query", Level::DEBUG);
    let subscriber = tracing_subscriber::registry().with(filter).with(seen.clone()).with(sql.statements().layer());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    each_counts_once(&sql, &seen);
}
