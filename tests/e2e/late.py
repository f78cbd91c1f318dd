#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""B4: a segment comes after its place was given up. Live manifests keep their gap, whatever is asked for afterwards
has the content, and no byte that was published changes (semantics S4)."""

import datetime
import os
import re
import sys
import time

import lab
from lab import Tap, request, wait_until
from paced_encoder import PacedEncoder, prepare
from recorder import Recorder, Track, packet_hashes

TARGET_DURATION = 2
LATE_SEGMENT = 8
LATE_SECONDS = 8
BEYOND_IT = (LATE_SEGMENT + 1) * TARGET_DURATION  # seconds of programme that reach over the late segment
# Long enough that the gap stays in the live manifest until it has been repaired.
ENDPOINT = {"segmentDuration": 2, "timeShiftDays": 1, "manifest": {"segments": 20}}


class Case:
    def __init__(self, folder):
        self.folder = folder
        self.source, hls = prepare(folder, 50)
        self.server = lab.Server(folder)
        inputs, self.urls = self.server.create_channel("g", "c", {
            "hls": {"protocol": "HLS", **ENDPOINT}, "cmaf": {"protocol": "HLS_CMAF", **ENDPOINT},
            "dash": {"protocol": "DASH", **{**ENDPOINT, "manifest": {"manifestWindow": 60}}}})
        self.encoder = PacedEncoder(hls, inputs[0], time.monotonic() + 0.2, window=20,
                                    late={LATE_SEGMENT: LATE_SECONDS})
        self.encoder.start()
        wait_until(lambda: request(self.urls["cmaf"]).status == 200, 20, "content")
        self.recorder = Recorder(self.urls["cmaf"])
        self.recorder.start()

    def media_playlist(self, name, query=""):
        """The URL of the first media playlist and its text."""
        url = self.urls[name] + query
        text = request(url).text
        uri = next(line for line in text.splitlines() if line and not line.startswith("#"))
        url = self.urls[name].rsplit("/", 1)[0] + "/" + uri
        return url, request(url).text

    def status(self):
        return self.server.api("GET", "/channel-groups/g/channels/c/status", expect=200)

    def complete(self):
        """Everything up to a little before the edge: the newest slots are in no segment yet."""
        timeline = self.status()["timeline"]
        end = datetime.datetime.fromisoformat(timeline["end"].replace("Z", "+00:00")).timestamp() - 2 * TARGET_DURATION
        return f"?start={timeline['start']}&vodend={int(end)}"


def gaps(text):
    """URIs of the segments that are marked as gaps."""
    return re.findall(r"#EXT-X-GAP\n(?:#[^\n]*\n)*([^#\n]+)", text)


def runs(mpd, kind):
    """(start, end) of every S of the Representation's timeline, joined where they touch."""
    found = []
    adaptation = next(a for a in re.findall(r"<AdaptationSet.*?</AdaptationSet>", mpd, re.S) if f'contentType="{kind}"' in a)
    at = 0
    for element in re.findall(r"<S [^>]*>", adaptation):
        values = {name: int(value) for name, value in re.findall(r'(\w)="(\d+)"', element)}
        start = values.get("t", at)
        at = start + values["d"] * (values.get("r", 0) + 1)
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], at)
        else:
            found.append((start, at))
    return found


def judge_live_before(case):
    """While it has not come: a gap, and its URL answers 404."""
    for name in ("hls", "cmaf"):
        url, text = wait_until(lambda: (lambda found: found if gaps(found[1]) else None)(case.media_playlist(name)), 30,
                               f"a gap in {name}")
        missing = gaps(text)
        assert len(missing) == 1, text
        assert request(url.rsplit("/", 1)[0] + "/" + missing[0]).status == 404
    assert len(runs(request(case.urls["dash"]).text, "video")) == 2, request(case.urls["dash"]).text
    assert len(case.encoder.held_back) == 1, "the segment was to be held back still"


def judge_live_after(case):
    """Live and growing manifests keep what they listed; the reserved name answers."""
    for name in ("hls", "cmaf"):
        for query in ("", f"?start={case.status()['timeline']['start']}"):
            url, text = case.media_playlist(name, query)
            assert len(gaps(text)) == 1, (name, query, text)
            answer = wait_until(lambda: (lambda a: a if a.status == 200 else None)(
                request(url.rsplit("/", 1)[0] + "/" + gaps(text)[0])), 10, f"the gap of {name} to answer")
            assert answer.body, name
    assert len(runs(request(case.urls["dash"]).text, "video")) == 2


def judge_complete(case):
    """What is asked for afterwards is complete, and is the encoder's frames."""
    query = case.complete()
    for name in ("hls", "cmaf"):
        _, text = case.media_playlist(name, query)
        assert gaps(text) == [] and "#EXT-X-ENDLIST" in text, (name, text)
    mpd = request(case.urls["dash"] + query).text
    assert len(runs(mpd, "video")) == 1 and len(runs(mpd, "audio")) == 1, mpd


def judge_frames(case):
    query = case.complete()
    for kind, media in (("v", "video"), ("a", "audio")):
        text = request(case.urls["cmaf"] + query).text
        base = case.urls["cmaf"].rsplit("/", 1)[0] + "/"
        uri = (re.search(r'TYPE=AUDIO[^\n]*URI="([^"]+)"', text).group(1) if kind == "a" else
               next(line for line in text.splitlines() if line and not line.startswith("#")))
        track = Track(base + uri)
        track.poll()
        assert track.broken == [], track.broken
        path = os.path.join(case.folder, f"vod-{media}.mp4")
        track.write(path)
        got, source = packet_hashes(path, kind), packet_hashes(case.source, kind)
        begin = source.index(got[0]) if kind == "v" else 0
        assert any(source[at:at + len(got)] == got for at in range(begin, len(source) - len(got) + 1)), media
        assert len(got) > BEYOND_IT * (25 if kind == "v" else 46), f"only {len(got)} {media} frames"
    _, ts = case.media_playlist("hls", query)
    path = os.path.join(case.folder, "vod.ts")
    with open(path, "wb") as file:
        for uri in re.findall(r"^[^#\n]+\.ts", ts, re.M):
            file.write(request(case.urls["hls"].rsplit("/", 1)[0] + "/" + uri).body)
    assert sum(1 for _ in re.finditer(r"\.ts", ts)) * TARGET_DURATION * 25 == len(packet_hashes(path, "v"))


def judge_status(case):
    statistics = case.status()["inputs"][0]["statistics"]
    assert statistics["lateSegments"] == 1 and statistics["repaired"] >= 2, statistics
    assert case.status()["timeline"]["stretches"] == 1


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        case = Case(folder)
        try:
            tap.run("B4 a segment that does not come is a gap in live manifests", judge_live_before, case)
            wait_until(lambda: not case.encoder.held_back, 30, "the late segment to be sent")
            assert case.encoder.late_statuses and all(200 <= s < 300 for s in case.encoder.late_statuses)
            tap.run("B4 live and growing manifests keep the gap, its URL answers", judge_live_after, case)
            tap.run("B4 time-shift requests afterwards find it filled", judge_complete, case)
            tap.run("B4 every frame of the encoder is there, once and in order", judge_frames, case)
            tap.run("B4 the status counts it", judge_status, case)
            case.recorder.stop()
            tap.run("B4 what was published keeps its bytes", lambda: judge_bytes(case))
            tap.run("B4 the server restarted has it still", judge_after_restart, case)
        finally:
            case.encoder.stopping.set()
            case.server.stop()
    tap.done()


def judge_bytes(case):
    for track in case.recorder.tracks:
        assert track.broken == [] and track.gaps == 1 and track.discontinuities == 0, (track.broken, track.gaps)
        assert track.bytes_change() == []


def judge_after_restart(case):
    case.encoder.stop()
    query = case.complete()
    before = case.media_playlist("cmaf", query)[1]
    assert case.server.stop() == 0
    case.server.start()
    after = wait_until(lambda: case.media_playlist("cmaf", query)[1], 10, "the server")
    assert after == before and gaps(after) == []


if __name__ == "__main__":
    sys.exit(main())
