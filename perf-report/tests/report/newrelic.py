"""Makes the metrics of each body anew by New Relic's own library, and sends them into a pool that sends nothing: both are to say the same."""

import json
import sys
import zlib

from newrelic_telemetry_sdk import CountMetric, GaugeMetric, MetricClient


def anew(metric):
    """The same metric, as the library makes it."""
    of = {key: metric[key] for key in ("name", "value")}
    of["tags"] = metric.get("attributes")
    if metric["type"] == "count":
        interval = metric["interval.ms"]
        return CountMetric(interval_ms=interval, end_time_ms=metric["timestamp"] + interval, **of)
    assert metric["type"] == "gauge", metric
    return GaugeMetric(end_time_ms=metric["timestamp"], **of)


def plain(metric):
    """Without the type that a metric has where none is said, and without attributes where there are none."""
    return {key: value for key, value in metric.items() if (key, value) not in [("type", "gauge"), ("attributes", {})]}


client = MetricClient("key of nobody")
for number, line in enumerate(sys.stdin):
    body = json.loads(line, parse_constant=lambda word: sys.exit(f"{word} is no JSON"))
    [batch] = body
    metrics = [anew(metric) for metric in batch["metrics"]]
    if [plain(metric) for metric in batch["metrics"]] != [dict(metric) for metric in metrics]:
        sys.exit(f"line {number}: the library says it otherwise")
    sent = json.loads(zlib.decompress(client._create_payload(metrics, batch["common"]), 31))
    if sent[0]["common"] != batch["common"] or set(sent[0]) != set(batch):
        sys.exit(f"line {number}: the library sends it otherwise")
print(number + 1)
