#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads an MPD from stdin as a player would, with a parser that shares nothing with its writer.

Prints one line per thing a player could fetch or needs to know:
  period ID START_US            mpd ATTRIBUTE VALUE
  init PERIOD REPRESENTATION URL
  segment PERIOD REPRESENTATION URL START_US END_US     on the presentation timeline
Ends with status 1 and a reason when the MPD breaks a rule the schema cannot express (DASH-IF IOP, live).
"""

import re
import sys
import xml.etree.ElementTree as ET
from fractions import Fraction

NS = "{urn:mpeg:dash:schema:mpd:2011}"


def fail(reason):
    sys.exit(f"MPD: {reason}")


def microseconds(duration):
    match = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?", duration or "")
    if not match:
        fail(f"not a duration: {duration}")
    hours, minutes, seconds = (Fraction(part or 0) for part in match.groups())
    return (hours * 3600 + minutes * 60 + seconds) * 1_000_000


def segments_of(template, where):
    time = None
    for s in template.find(NS + "SegmentTimeline"):
        if s.get("t") is not None:
            if time is not None and int(s.get("t")) < time:
                fail(f"{where}: segments overlap at {s.get('t')}")
            time = int(s.get("t"))
        if time is None:
            fail(f"{where}: the first S has no @t")
        for _ in range(int(s.get("r", 0)) + 1):
            yield time, int(s.get("d"))
            time += int(s.get("d"))


def main():
    mpd = ET.fromstring(sys.stdin.buffer.read())
    if mpd.tag != NS + "MPD":
        fail("no MPD element")
    live = mpd.get("type") == "dynamic"
    wanted = ["publishTime", "minBufferTime", "profiles"]
    wanted += (["availabilityStartTime", "minimumUpdatePeriod", "timeShiftBufferDepth"] if live
               else ["mediaPresentationDuration"])
    for name in wanted:
        if mpd.get(name) is None:
            fail(f"@{name} is missing")
    if live and mpd.find(NS + "UTCTiming") is None:
        fail("UTCTiming is missing")
    for name, value in sorted(mpd.attrib.items()):
        print("mpd", name, value)
    ids = set()
    last_start = Fraction(-1)
    for period in mpd.findall(NS + "Period"):
        start = microseconds(period.get("start"))
        if start <= last_start or period.get("id") in ids:
            fail(f"Period {period.get('id')}: starts do not rise, or the id repeats")
        last_start = start
        ids.add(period.get("id"))
        print("period", period.get("id"), int(start))
        sets = period.findall(NS + "AdaptationSet")
        if not sets:
            fail(f"Period {period.get('id')}: no AdaptationSet")
        if len({s.get("id") for s in sets}) != len(sets):
            fail("AdaptationSet ids repeat")
        for representation in period.iter(NS + "Representation"):
            name = representation.get("id")
            if int(representation.get("bandwidth")) <= 0:
                fail(f"{name}: no bandwidth")
            template = representation.find(NS + "SegmentTemplate")
            scale = int(template.get("timescale"))
            offset = int(template.get("presentationTimeOffset"))
            def url(pattern, time=0):
                return pattern.replace("$RepresentationID$", name).replace("$Time$", str(time))
            print("init", period.get("id"), name, url(template.get("initialization")))
            for time, duration in segments_of(template, name):
                begin = start + Fraction(time - offset, scale) * 1_000_000
                end = begin + Fraction(duration, scale) * 1_000_000
                print("segment", period.get("id"), name, url(template.get("media"), time), round(begin), round(end))


main()
