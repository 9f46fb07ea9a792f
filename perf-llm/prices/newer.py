"""Writes newer.json: the models that a newer genai-prices knows and the crate's table does not.

The Python package has new models some weeks before the crate. Data of the package (MIT, Pydantic Services Inc. and contributors) is written
as it stands there; models that the crate's table knows are left out, so that the crate's price of them stands.

    python3 -m pip install --target old genai-prices==0.2.1     # the crate's version
    python3 -m pip install --target new genai-prices==0.2.3
    python3 newer.py old new > newer.json
"""

import json
import subprocess
import sys

DUMP = r"""
import datetime, decimal, json, sys
from genai_prices import types
from genai_prices.data import providers

def plain(value):
    name = type(value).__name__
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat().replace('+00:00', 'Z')
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if one is not None}
    fields = {key.rstrip('_'): plain(one) for key, one in vars(value).items() if one is not None and not key.startswith('_')}
    if name == 'StartDateConstraint':
        return {'start_date': fields['start_date']}
    if name == 'TimeOfDateConstraint':
        return {key: fields[key] for key in ('start_time', 'end_time')}
    return fields

KEPT = ('id', 'name', 'match', 'context_window', 'prices', 'price_variants')
json.dump([
    {
        'id': provider.id,
        'name': provider.name,
        'api_pattern': provider.api_pattern,
        'provider_match': plain(provider.provider_match),
        'model_match': plain(provider.model_match),
        'fallback_model_providers': plain(provider.fallback_model_providers) or [],
        'models': [{key: one for key, one in plain(model).items() if key in KEPT and one != []} for model in provider.models],
    }
    for provider in providers
], sys.stdout)
"""


def table(folder):
    text = subprocess.run([sys.executable, '-c', DUMP], env={'PYTHONPATH': folder}, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(text)


def main():
    old, new = (table(folder) for folder in sys.argv[1:3])
    known = {(provider['id'], model['id']) for provider in old for model in provider['models']}
    for provider in new:
        provider['models'] = [model for model in provider['models'] if (provider['id'], model['id']) not in known]
    filled = {provider['id'] for provider in new if provider['models']}
    kept = []
    for provider in new:
        provider['fallback_model_providers'] = [one for one in provider['fallback_model_providers'] if one in filled]
        if provider['models'] or provider['fallback_model_providers']:
            kept.append({key: value for key, value in provider.items() if value not in (None, [])})
    for provider in kept:
        provider.setdefault('models', [])
    json.dump(kept, sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == '__main__':
    main()
