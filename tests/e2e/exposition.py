# SPDX-License-Identifier: Apache-2.0
"""A strict reader of Prometheus' text format 0.0.4: what it accepts, Prometheus accepts, and it refuses more than that."""

import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
NUMBER = re.compile(r"[+-]?(\d+(\.\d+)?([eE][+-]?\d+)?|Inf)|NaN")
KINDS = ("counter", "gauge", "histogram")
ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n"}


class Family:
    def __init__(self, name, text):
        self.name, self.help, self.kind = name, text, None
        self.samples = {}  # (name, sorted labels) -> value


def read_labels(text):
    labels = {}
    at = 1
    while text[at] != "}":
        match = LABEL.match(text, at)
        assert match, f"no label at {text[at:]!r}"
        name, value = match.groups()
        assert name not in labels, f"label {name} twice in {text!r}"
        labels[name] = re.sub(r'\\["\\n]', lambda m: ESCAPES[m.group()], value)
        at = match.end()
        if text[at] == ",":
            at += 1
            assert text[at] != "}", f"a comma without a label behind it: {text!r}"
    assert at == len(text) - 1 and labels, f"not a set of labels: {text!r}"
    return labels


def read_number(text):
    assert NUMBER.fullmatch(text), f"not a number: {text!r}"
    return float(text)


def check_histogram(family):
    groups = {}
    for (name, labels), value in family.samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        group = groups.setdefault(rest, {"bucket": [], "sum": None, "count": None})
        suffix = name[len(family.name) + 1:]
        if suffix == "bucket":
            group["bucket"].append((read_number(dict(labels)["le"]), value))
        else:
            assert suffix in ("sum", "count") and rest == labels, name
            group[suffix] = value
    for labels, group in groups.items():
        buckets = group["bucket"]
        assert [b for b, _ in buckets] == sorted({b for b, _ in buckets}), f"{family.name}{labels}: bounds out of order"
        assert [v for _, v in buckets] == sorted(v for _, v in buckets), f"{family.name}{labels}: not cumulative"
        assert buckets and buckets[-1] == (math.inf, group["count"]), f"{family.name}{labels}: +Inf is not the count"
        assert group["sum"] is not None and group["sum"] >= 0


def check_family(family):
    assert family.kind in KINDS and family.help and family.samples, family.name
    assert family.name.endswith("_total") == (family.kind == "counter"), f"{family.name} is a {family.kind}"
    for (name, labels), value in family.samples.items():
        assert not math.isnan(value), name
        if family.kind == "histogram":
            assert value >= 0 and name.startswith(family.name + "_")
        else:
            assert name == family.name and "le" not in dict(labels)
            assert family.kind == "gauge" or (value >= 0 and math.isfinite(value))
    if family.kind == "histogram":
        check_histogram(family)


def parse(text):
    """{name: Family}; AssertionError with the line where the text is not what it should be."""
    assert text.endswith("\n") and "\r" not in text
    families = {}
    family = None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, _, help_text = line[7:].partition(" ")
            assert NAME.fullmatch(name) and help_text.strip() and name not in families, line
            assert family is None or family.samples, f"{family.name} is described and has no samples"
            family = families[name] = Family(name, help_text)
        elif line.startswith("# TYPE "):
            assert family and not family.samples and family.kind is None, line
            name, kind = line[7:].split(" ")
            assert name == family.name and kind in KINDS, line
            family.kind = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match and family and family.kind, f"not a sample of a described family: {line!r}"
            name, labels, value = match.groups()
            assert name == family.name or (family.kind == "histogram" and name.startswith(family.name + "_")), line
            key = (name, tuple(sorted(read_labels(labels).items())) if labels else ())
            assert key not in family.samples, f"twice: {line}"
            family.samples[key] = read_number(value)
    for each in families.values():
        check_family(each)
    return families


class Metrics:
    """What one scrape said."""

    def __init__(self, text):
        self.families = parse(text)

    def values(self, name, **labels):
        """The values of the samples called `name` that have these labels."""
        family = self.families.get(name) or self.families.get(re.sub(r"_(bucket|sum|count)$", "", name))
        if not family:
            return []
        return [value for (sample, pairs), value in family.samples.items()
                if sample == name and labels.items() <= dict(pairs).items()]

    def sum(self, name, **labels):
        return sum(self.values(name, **labels))

    def labels(self, name):
        """All labels of all samples of a family: {label: set of values}."""
        found = {}
        for _, pairs in self.families[name].samples:
            for label, value in pairs:
                found.setdefault(label, set()).add(value)
        return found
