//! Panels of a dashboard, row by row.

use super::source;
use serde_json::{Value, json};

/// The width of a dashboard, and the height of a panel.
const WIDTH: usize = 24;
const HEIGHT: usize = 8;

/// Panels in rows of as many as fit.
#[derive(Default)]
pub(super) struct Panels {
    pub(super) all: Vec<Value>,
    x: usize,
    y: usize,
}

/// A query, and the legend of what it finds.
pub(super) type Query = (String, &'static str);

impl Panels {
    pub(super) fn add(&mut self, title: &str, unit: &str, width: usize, queries: &[Query]) {
        if self.x + width > WIDTH {
            self.new_row();
        }
        let target = |(place, (query, legend)): (usize, &Query)| {
            let id = char::from(b'A'.saturating_add(u8::try_from(place).unwrap_or(25)));
            json!({"refId": id.to_string(), "datasource": source(), "expr": query, "legendFormat": legend, "range": true})
        };
        let targets: Vec<Value> = queries.iter().enumerate().map(target).collect();
        self.all.push(json!({
            "type": "timeseries",
            "id": self.all.len() + 1,
            "title": title,
            "datasource": source(),
            "gridPos": {"h": HEIGHT, "w": width, "x": self.x, "y": self.y},
            "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": true}, "tooltip": {"mode": "multi"}},
            "targets": targets,
        }));
        self.x += width;
    }

    /// A line with a title across the dashboard.
    pub(super) fn heading(&mut self, title: &str) {
        self.new_row();
        self.all.push(json!({
            "type": "row", "id": self.all.len() + 1, "title": title, "collapsed": false, "panels": [],
            "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": self.y},
        }));
        self.y += 1;
    }

    fn new_row(&mut self) {
        if self.x > 0 {
            (self.x, self.y) = (0, self.y + HEIGHT);
        }
    }
}
