"""Reads bodies by the models of Datadog's own client library: argument 1 is `series` or `events`, standard input has a body a line."""

import json
import sys
from datetime import datetime, timezone

from datadog_api_client import Configuration
from datadog_api_client.model_utils import ModelNormal, validate_and_convert_types
from datadog_api_client.v2.model.event_create_request_payload import EventCreateRequestPayload
from datadog_api_client.v2.model.metric_payload import MetricPayload

MODELS = {"series": MetricPayload, "events": EventCreateRequestPayload}


def unknown(model, place):
    """Where something is that the models do not know: they keep it, and say so at each place alone."""
    if isinstance(model, list):
        return [found for number, one in enumerate(model) for found in unknown(one, f"{place}[{number}]")]
    found = [place] if getattr(model, "_unparsed", False) else []
    if isinstance(model, ModelNormal):
        for name, value in model.to_dict().items():
            # A free text of the sender's has any name.
            if name not in model.openapi_types and model.openapi_types:
                found.append(f"{place}.{name}")
        for name in model.openapi_types:
            if name in model._data_store:
                found += unknown(model._data_store[name], f"{place}.{name}")
    return found


def read(value):
    """A value with its times as times: what looks like one in free text the models write in another way."""
    if isinstance(value, dict):
        return {name: read(one) for name, one in value.items()}
    if isinstance(value, list):
        return [read(one) for one in value]
    try:
        time = datetime.fromisoformat(value)
        return time.replace(tzinfo=time.tzinfo or timezone.utc)
    except (TypeError, ValueError):
        return value


for number, line in enumerate(sys.stdin):
    body = json.loads(line, parse_constant=lambda word: sys.exit(f"{word} is no JSON"))
    model = validate_and_convert_types(body, (MODELS[sys.argv[1]],), [f"line {number}"], True, True, Configuration())
    found = unknown(model, f"line {number}")
    if found:
        sys.exit(f"unknown to the models: {found[:9]}")
    if read(model.to_dict()) != read(body):
        sys.exit(f"line {number} is read as something else")
print(number + 1)
