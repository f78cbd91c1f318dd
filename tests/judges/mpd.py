# SPDX-License-Identifier: Apache-2.0
"""A judge of MPDs with what they name. It shares no code with the writer. Complaints are (rule, text)."""

import re
import urllib.parse

import mpd_media
from mpd_model import NAMESPACE, moment, read, seconds
from mpd_rules import ROLES, RULES

LANGUAGE = re.compile(r"[a-z]{2,8}(-[A-Za-z0-9]{1,8})*")
SECOND = 2  # what clocks may be apart


class Judge:
    """`fetch`: the bytes behind a URL, None where there are none; `now`: seconds since 1970 when the MPD was answered."""

    def __init__(self, text, url, fetch, now):
        self.complaints, self.url, self.fetch, self.now = [], url, fetch, now
        self.root, self.periods = read(text)
        self.dynamic = self.root.get("type", "static") == "dynamic"
        self.check_root()
        self.check_periods()
        for period in self.periods:
            self.check_period(period)
        mpd_media.check(self)

    def say(self, rule, text):
        assert rule in RULES, rule
        self.complaints.append((rule, text))

    def resolved(self, path):
        return urllib.parse.urljoin(self.url, path)

    def longest_segment(self):
        return max((each[2] / member.timescale for period in self.periods for member in period.representations
                    for each in member.entries), default=0)

    def check_root(self):
        root = self.root
        if "profile:isoff-live" not in root.get("profiles", "") or root.get("type") not in ("static", "dynamic"):
            self.say("root", f"{root.get('profiles')}, {root.get('type')}")
        start, published = moment(root.get("availabilityStartTime")), moment(root.get("publishTime"))
        if self.dynamic and (start is None or start > self.now + SECOND):
            self.say("availability", f"{root.get('availabilityStartTime')}")
        if self.dynamic and (published is None or start is None or not start <= published <= self.now + SECOND):
            self.say("publish-time", f"{root.get('publishTime')}")
        times = {name: seconds(root.get(name)) for name in ("minimumUpdatePeriod", "timeShiftBufferDepth",
                                                          "suggestedPresentationDelay", "minBufferTime")}
        update, window, delay, buffer = times.values()
        if (update is not None) != self.dynamic or self.dynamic and window is not None and update and update > window:
            self.say("update-period", f"{root.get('minimumUpdatePeriod')} of {root.get('type')}")
        if not self.dynamic and window is not None or self.dynamic and window == 0:
            self.say("window", f"{root.get('timeShiftBufferDepth')} of {root.get('type')}")
        if not buffer or delay is not None and buffer > delay:
            self.say("min-buffer", f"{root.get('minBufferTime')}, presentation delay {root.get('suggestedPresentationDelay')}")
        if delay is not None and (window is not None and delay > window or delay < self.longest_segment() - 0.001):
            self.say("delay", f"{root.get('suggestedPresentationDelay')} of a window of {root.get('timeShiftBufferDepth')}")
        if self.dynamic:
            self.check_clock()
        else:
            lasts, end = seconds(root.get("mediaPresentationDuration")), self.periods[-1].end if self.periods else 0
            if lasts is None or abs(lasts - end) > 0.05:
                self.say("duration", f"{root.get('mediaPresentationDuration')}, the last segment ends at {float(end)}")

    def check_clock(self):
        clocks = [each for each in self.root.findall(NAMESPACE + "UTCTiming")
                  if re.search(r":utc:http-(iso|xsdate):2014$", each.get("schemeIdUri", ""))]
        if not clocks:
            self.say("utc-timing", "there is none")
        for clock in clocks:
            answer = self.fetch(self.resolved(clock.get("value", "")))
            told = moment(answer.decode("ascii", "replace").strip()) if answer else None
            if told is None or not -SECOND <= told - self.now <= 120:
                self.say("utc-timing", f"{clock.get('value')} answers {answer!r}")

    def check_periods(self):
        ids = [period.id for period in self.periods]
        if not ids or None in ids or len(set(ids)) != len(ids):
            self.say("period-id", f"{ids}")
        for period in self.periods:
            if period.start is None:
                self.say("period-start", f"{period.id} has none")
        for before, now in zip(self.periods, self.periods[1:]):
            if None in (before.start, now.start):
                continue
            # audio may reach over the bound by a frame
            if now.start <= before.start or now.start < before.end - 0.1:
                self.say("period-start", f"{now.id} at {float(now.start)}, {before.id} ends at {float(before.end)}")
            lasts = seconds(before.element.get("duration"))
            if lasts is not None and abs(before.start + lasts - now.start) > 0.001:
                self.say("period-start", f"{before.id} lasts {float(lasts)}, {now.id} begins at {float(now.start)}")
            continuity = [each for each in now.element.iter(NAMESPACE + "SupplementalProperty")
                          if "period-continuity" in each.get("schemeIdUri", "")]
            if any(each.get("value") != before.id for each in continuity) or continuity and abs(now.start - before.end) > 0.1:
                self.say("period-continuity", f"{now.id} at {float(now.start)}, {before.id} ends at {float(before.end)}")

    def check_period(self, period):
        sets = [element.get("id") for element, _ in period.sets]
        if None in sets or len(set(sets)) != len(sets):
            self.say("set-id", f"{period.id}: {sets}")
        members = [each.element.get("id") for each in period.representations]
        odd = any(re.search(r"\s", each or " ") for each in members)
        if not members or odd or len(set(members)) != len(members):
            self.say("representation-id", f"{period.id}: {members}")
        for element, representations in period.sets:
            self.check_set(element, representations)
            for representation in representations:
                self.check_representation(representation)
            lines = [[each[1:] for each in representation.entries] for representation in representations]
            if element.get("segmentAlignment") == "true" and any(line != lines[0] for line in lines):
                self.say("alignment", f"{period.id}: set {element.get('id')} has different timelines")

    def check_set(self, element, representations):
        where = f"set {element.get('id')}"
        kind = element.get("contentType")
        for representation in representations:
            mime = representation.attribute("mimeType") or ""
            if kind not in ("video", "audio", "text") or mime != {"text": "application"}.get(kind, kind) + "/mp4":
                self.say("set-type", f"{where}: contentType {kind}, mimeType {mime}")
        for role in element.findall(NAMESPACE + "Role"):
            if role.get("schemeIdUri") == "urn:mpeg:dash:role:2011" and role.get("value") not in ROLES:
                self.say("role", f"{where}: {role.get('value')}")
        language = element.get("lang")
        if language is not None and not LANGUAGE.fullmatch(language):
            self.say("language", f"{where}: {language}")

    def check_representation(self, representation):
        where = f"Representation {representation.id}"
        if int(representation.element.get("bandwidth", 0)) <= 0:
            self.say("bandwidth", where)
        template = representation.template
        if template is None or not template.get("initialization") or "$Time$" not in template.get("media", ""):
            self.say("template", f"{where} has none of use")
        entries = representation.entries
        if not entries or entries[0][0] is None or any(length <= 0 for _, _, length in entries):
            self.say("timeline", f"{where}: {entries[:2]}")
        for (_, before, length), (_, now, _) in zip(entries, entries[1:]):
            if now < before + length:
                self.say("overlap", f"{where}: {now} before {before + length}")


def check(text, url, fetch, now):
    return Judge(text, url, fetch, now).complaints


def check_update(earlier, later):
    """Complaints of a later answer for the same URL: what both have is the same."""
    wrong = []
    (first, before), (second, after) = read(earlier), read(later)
    for name in ("availabilityStartTime", "profiles"):
        if first.get(name) != second.get(name):
            wrong.append(("update", f"{name} was {first.get(name)}, is {second.get(name)}"))
    if (moment(second.get("publishTime")) or 0) < (moment(first.get("publishTime")) or 0):
        wrong.append(("update", f"publishTime went back to {second.get('publishTime')}"))
    known = {period.id: period for period in before}
    for period in after:
        old = known.get(period.id)
        if old is None:
            continue
        if old.start != period.start:
            wrong.append(("update", f"{period.id} began at {old.start}, begins at {period.start}"))
        wrong += [("update", f"{period.id}: {text}") for text in changes(old, period)]
    return wrong


def changes(old, new):
    found = []
    members = {each.id: each for each in old.representations}
    for now in new.representations:
        was = members.get(now.id)
        if was is None:
            continue
        for what in ("offset", "timescale"):
            if getattr(was, what) != getattr(now, what):
                found.append(f"{now.id}: {what} was {getattr(was, what)}, is {getattr(now, what)}")
        if was.adaptation_set.get("id") != now.adaptation_set.get("id"):
            found.append(f"{now.id}: moved to another set")
        lengths = {time: length for _, time, length in was.entries}
        moved = [time for _, time, length in now.entries if lengths.get(time, length) != length]
        first = now.entries[0][1] if now.entries else 0
        lost = [time for time in lengths if time >= first and time not in {each[1] for each in now.entries}]
        if moved or lost:
            found.append(f"{now.id}: segments changed {moved[:3]}, lost {lost[:3]}")
    return found
