# Reads pages with Prometheus' own client library for Python, one for each line of the input, and answers each with a line: what
# it has read, or why it refuses the page. Both sides are JSON.
import json
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

samples = []


def keep_samples(module):
    """Keeps each sample as it stands on the page: the families rename some of the older format."""
    parse = module._parse_sample

    def parse_and_keep(text):
        sample = parse(text)
        samples.append([sample.name, sample.labels, repr(float(sample.value))])
        return sample

    module._parse_sample = parse_and_keep


keep_samples(parser)
keep_samples(openmetrics)

for line in sys.stdin.buffer:
    page = json.loads(line)
    samples.clear()
    try:
        read = openmetrics if page["openmetrics"] else parser
        families = [[family.name, family.type] for family in read.text_string_to_metric_families(page["text"])]
        answer = {"families": families, "samples": samples}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
