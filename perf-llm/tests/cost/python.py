# Prices of every provider, model and token class by the Python package genai-prices, at the edges of tiers, dates and hours: a line of JSON
# each, with the amounts as decimal text.
import datetime
import json
import sys

from genai_prices import Usage, __version__, calc_price
from genai_prices.data import providers
from genai_prices.types import StartDateConstraint, TieredPrices, TimeOfDateConstraint

NOON = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.timezone.utc)
SECOND = datetime.timedelta(seconds=1)

# The classes, with what each is a part of.
INPUT = {
    'cache_read_tokens': [], 'cache_write_tokens': [], 'cache_write_1h_tokens': ['cache_write_tokens'],
    'cache_write_5m_tokens': ['cache_write_tokens'], 'input_audio_tokens': [], 'input_image_tokens': [], 'input_video_tokens': [],
    'input_tool_tokens': [], 'cache_audio_read_tokens': ['cache_read_tokens', 'input_audio_tokens'],
    'cache_image_read_tokens': ['cache_read_tokens', 'input_image_tokens'],
    'cache_video_read_tokens': ['cache_read_tokens', 'input_video_tokens'],
}
OUTPUT = [
    'output_reasoning_tokens', 'output_audio_tokens', 'output_image_tokens', 'output_video_tokens', 'output_citation_tokens',
]
TOOLS = ['web_searches', 'storage_searches', 'social_searches', 'code_executions']


def usages():
    """Each class alone, then all of them together."""
    yield {'input_tokens': 1_000_003, 'output_tokens': 0}
    yield {'input_tokens': 0, 'output_tokens': 1_000_003}
    for part, wholes in INPUT.items():
        # What is part of two wholes is wholly named, as the package asks for it.
        yield {'input_tokens': 7_001, 'output_tokens': 3, **{name: 5_003 for name in wholes}, part: 5_003}
    for part in OUTPUT:
        yield {'input_tokens': 11, 'output_tokens': 7_001, part: 5_003}
    for tool in TOOLS:
        yield {'input_tokens': 13, 'output_tokens': 17, tool: 3}
    yield everything(150_001)


def everything(total):
    """A prompt of so many tokens, of every class."""
    usage = {'input_tokens': total, 'output_tokens': 9_001}
    usage.update({part: 0 for part in INPUT})
    for part, wholes in INPUT.items():
        for name in (part, *wholes):
            usage[name] += 101
    usage.update({part: 307 for part in OUTPUT})
    usage.update({tool: 2 for tool in TOOLS})
    return usage


def prices_of(model):
    if isinstance(model.prices, list):
        yield from (one.prices for one in model.prices)
    else:
        yield model.prices
    yield from (variant.prices for variant in model.price_variants or [])


def moments(model):
    """Before and at each change of a price."""
    yield NOON
    constraints = [one.constraint for one in model.prices] if isinstance(model.prices, list) else []
    constraints += [variant.constraint for variant in model.price_variants or []]
    for constraint in constraints:
        if isinstance(constraint, StartDateConstraint):
            edge = datetime.datetime.combine(constraint.start_date, datetime.time(), datetime.timezone.utc)
            yield from (edge - SECOND, edge)
        elif isinstance(constraint, TimeOfDateConstraint):
            for time in (constraint.start_time, constraint.end_time):
                edge = datetime.datetime.combine(NOON.date(), time)
                yield from (edge - SECOND, edge)


def starts(model):
    tiers = (value for prices in prices_of(model) for value in vars(prices).values() if isinstance(value, TieredPrices))
    return sorted({tier.start for value in tiers for tier in value.tiers})


def cases(model):
    for usage in usages():
        yield usage, NOON, {}
    for start in starts(model):
        for total in (start - 1, start, start + 1):
            yield everything(total), NOON, {}
    for moment in sorted(set(moments(model))):
        yield everything(2_003), moment, {}
    for variant in model.price_variants or []:
        yield everything(2_003), NOON, variant.when
        for start in starts(model):
            yield everything(start + 1), NOON, variant.when


def literals(rule):
    """Texts of a rule, of which one matches for most rules."""
    for value in vars(rule).values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            for one in value:
                yield from literals(one)


def reference(provider, model):
    """A name by which the package finds the model: its id, or a text of its rule."""
    for name in (model.id, *literals(model.match)):
        try:
            if calc_price(Usage(), name, provider_id=provider.id).model is model:
                return name
        except LookupError:
            pass
    return model.id


print(json.dumps({'version': __version__}))
for provider in providers:
    for model in provider.models:
        name = reference(provider, model)
        for usage, moment, context in cases(model):
            try:
                price = calc_price(
                    Usage(**usage), name, provider_id=provider.id, genai_request_timestamp=moment, price_context=context or None
                )
            except (LookupError, ValueError):
                continue
            json.dump(
                {
                    'provider': provider.id, 'model': name, 'at': moment.isoformat(), 'context': context, 'usage': usage,
                    'matched': price.model.id, 'total': str(price.total_price),
                },
                sys.stdout,
            )
            print()
