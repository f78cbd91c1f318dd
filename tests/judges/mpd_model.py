# SPDX-License-Identifier: Apache-2.0
"""An MPD as its reader sees it: Periods, sets and Representations with their templates and timelines, times as fractions."""

import dataclasses
import datetime
import re
import xml.etree.ElementTree as ElementTree
from fractions import Fraction

NAMESPACE = "{urn:mpeg:dash:schema:mpd:2011}"


def seconds(text):
    """xs:duration without years and months."""
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", text or "")
    if not found:
        return None
    return sum(Fraction(part or 0) * unit for part, unit in zip(found.groups(), (86400, 3600, 60, 1)))


def moment(text):
    """xs:dateTime in UTC as seconds since 1970."""
    try:
        return Fraction(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()).limit_denominator(10**6)
    except (ValueError, AttributeError):
        return None


@dataclasses.dataclass
class Representation:
    element: ElementTree.Element
    adaptation_set: ElementTree.Element
    template: ElementTree.Element | None
    timescale: int
    offset: int
    entries: list  # (t as written or None, t, d) of each S, expanded

    @property
    def id(self):
        return self.element.get("id") or ""

    def attribute(self, name):
        return self.element.get(name, self.adaptation_set.get(name))

    def descriptors(self, name):
        return self.adaptation_set.findall(NAMESPACE + name) + self.element.findall(NAMESPACE + name)

    def url(self, name, time=None):
        path = self.template.get(name, "").replace("$RepresentationID$", self.id)
        path = path.replace("$Bandwidth$", self.element.get("bandwidth", ""))
        return path if time is None else path.replace("$Time$", str(time))

    @property
    def end(self):
        return self.entries[-1][1] + self.entries[-1][2] if self.entries else 0


@dataclasses.dataclass
class Period:
    element: ElementTree.Element
    id: str | None
    start: Fraction | None
    sets: list  # (element, [Representation])

    @property
    def representations(self):
        return [each for _, members in self.sets for each in members]

    def at(self, representation, time):
        """A media time on the timeline of the presentation."""
        return (self.start or 0) + Fraction(time - representation.offset, representation.timescale)

    @property
    def end(self):
        return max((self.at(each, each.end) for each in self.representations if each.entries), default=self.start or 0)


def read(text):
    root = ElementTree.fromstring(text)
    return root, [read_period(element) for element in root.findall(NAMESPACE + "Period")]


def read_period(period):
    sets = []
    for element in period.findall(NAMESPACE + "AdaptationSet"):
        members = []
        for representation in element.findall(NAMESPACE + "Representation"):
            levels = [each.find(NAMESPACE + "SegmentTemplate") for each in (representation, element, period)]
            template = next((each for each in levels if each is not None), None)
            timescale = int(template.get("timescale", 1)) if template is not None else 1
            offset = int(template.get("presentationTimeOffset", 0)) if template is not None else 0
            members.append(Representation(representation, element, template, timescale, offset, read_timeline(template)))
        sets.append((element, members))
    return Period(period, period.get("id"), seconds(period.get("start")), sets)


def read_timeline(template):
    timeline = template.find(NAMESPACE + "SegmentTimeline") if template is not None else None
    entries, at = [], 0
    for run in timeline if timeline is not None else ():
        written = run.get("t")
        at = at if written is None else int(written)
        for repeat in range(int(run.get("r", 0)) + 1):
            entries.append((None if repeat or written is None else int(written), at, int(run.get("d", 0))))
            at += int(run.get("d", 0))
    return entries
