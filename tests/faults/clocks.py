#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S13 with a live encoder: its clock is set, set back, and drifts, and the channel's dates follow it as they should.
The server's wall clock is the test's, so that two minutes of programme pass in seconds, and the same in every run."""

import datetime
import re
import sys
import time

import faultlab
from faultlab import FaultyServer, basic, request, wait_until
from lab import Tap
from timeshift import available, text_of, time_of

DATED = {"timeShiftDays": 1, "segmentDuration": 1}
ENDPOINTS = {"hls": {"protocol": "HLS_CMAF", **DATED, "manifest": {"programDateTimeInterval": 1}},
             "dash": {"protocol": "DASH", **DATED}}
COUNT = 120
SLOW, SET, SET_BACK, DRIFTS = range(0, 15), range(15, 35), range(35, 50), range(50, COUNT)
PER_SEGMENT = 0.1  # seconds that the encoder counts too few for each second
# What is off by more than a target duration for so many segments is followed from the next one on.
PATIENCE = 10
CONTINUITY = "urn:mpeg:dash:period-continuity:2015"


def real(index):
    """Seconds of UTC, from the beginning of the programme, at which segment `index` begins."""
    return index + PER_SEGMENT * max(0, index - DRIFTS.start)


def dated(index):
    """What the encoder's clock says then: it is five seconds slow, set right, set back, and set right again."""
    return real(index) - (5 if index in SLOW or index in SET_BACK else 0)


class Encoder:
    def __init__(self, server, entry, segments):
        self.server, self.segments = server, segments
        self.base, self.headers = entry["url"], basic(entry)
        self.begin = time.time() + 10  # of the programme, by the server's clock, which the test moves forward only

    def moment(self, seconds):
        return datetime.datetime.fromtimestamp(round(self.begin + seconds, 3), datetime.timezone.utc)

    def put(self, name, body):
        url = self.base + name if name.startswith(("-", ".")) else self.base.rsplit("/", 1)[0] + "/" + name
        answer = request(url, "PUT", body, self.headers)
        assert answer.status in (200, 201), (name, answer.status, answer.text)

    def push(self, index):
        """As if the segment had just ended."""
        step = self.begin + real(index + 1) - time.time()
        self.server.fault("clock_step", max(self.server.fault("clock_step"), round(step)))
        name, path = self.segments[index]
        with open(path, "rb") as file:
            self.put(name, file.read())
        if index == 0:
            self.put(".m3u8", faultlab.Encoder.multivariant())
        first = max(0, index - 4)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        for at in range(first, index + 1):
            lines += [f"#EXT-X-PROGRAM-DATE-TIME:{text_of(self.moment(dated(at)))}", "#EXTINF:1.000000,",
                      self.segments[at][0]]
        end = ["#EXT-X-ENDLIST"] if index + 1 == COUNT else []
        self.put("-v.m3u8", ("\n".join(lines + end) + "\n").encode())


def listed(url, query):
    """The one media playlist of video, and [date] of its segments."""
    base = url.rsplit("/", 1)[0] + "/"
    name = next(line for line in request(url + query).text.splitlines() if line and not line.startswith("#"))
    text = request(base + name).text
    return text, [time_of(found) for found in re.findall(r"#EXT-X-PROGRAM-DATE-TIME:(\S+)", text)]


def jumps(dates):
    """{index of a segment: seconds by which it is later than the one before it ends}"""
    found = {}
    for index in range(1, len(dates)):
        by = (dates[index] - dates[index - 1]).total_seconds() - 1
        if abs(by) > 0.005:
            found[index] = by
    return found


def dates_follow(encoder, text, dates):
    assert len(dates) == COUNT and text.count("#EXTINF") == COUNT, (len(dates), text.count("#EXTINF"))
    assert text.count("#EXT-X-DISCONTINUITY") == 0, "a clock is no discontinuity"
    assert dates == sorted(set(dates)), "a date went back or came twice"
    steps = jumps(dates)
    print(f"# dates were set anew at {steps}")
    early = {index: by for index, by in steps.items() if index < DRIFTS.start}
    assert list(early) == [SET.start + PATIENCE], f"set anew once, after {PATIENCE} segments that said so: {early}"
    assert abs(early[SET.start + PATIENCE] - 5) < 0.005, early
    assert len(steps) >= 4, "the drift was not followed"
    for index in (*SLOW, *range(SET.start + PATIENCE, SET.stop)):
        assert abs((dates[index] - encoder.moment(dated(index))).total_seconds()) < 0.005, (index, dates[index])
    for index in DRIFTS:
        behind = (encoder.moment(dated(index)) - dates[index]).total_seconds()
        assert -0.005 < behind < 1 + 2 * PATIENCE * PER_SEGMENT, (index, behind)
    return steps


def periods_follow(url, query, steps, dates):
    text = request(url + query).text
    periods = re.findall(r'<Period id="([^"]+)" start="PT([^"]+)S"', text)
    assert len(periods) == len(steps) + 1, (periods, steps)
    assert text.count(CONTINUITY) >= len(steps), "decoders go on where only the clock was set"
    starts = [seconds_of(start) for _, start in periods]
    for at, index in enumerate(steps, 1):
        expected = (dates[index] - dates[0]).total_seconds()
        assert abs(starts[at] - starts[0] - expected) < 0.005, (periods[at], expected)


def seconds_of(duration):
    """Of what follows the PT of a duration and is before its S."""
    total = 0.0
    for number, unit in re.findall(r"([\d.]+)([HM]?)", duration):
        total += float(number) * {"H": 3600, "M": 60, "": 1}[unit]
    return total


def requests_go_by_the_dates(url, dates, steps):
    for index in steps:
        middle = dates[index] + datetime.timedelta(seconds=0.5)
        end = dates[index] + datetime.timedelta(seconds=2.5)
        _, found = listed(url, f"?start={text_of(middle)}&vodend={text_of(end)}")
        assert found[0] == dates[index] and len(found) == 3, (index, found)


def clocks(tap, folder):
    _, segments = faultlab.prepare(folder, COUNT)
    server = FaultyServer(folder)
    try:
        inputs, urls = server.create_channel("g", "c", ENDPOINTS, segment_duration=1)
        encoder = Encoder(server, inputs[0], segments)
        for index in range(COUNT):
            encoder.push(index)
        wait_until(lambda: request(urls["hls"]).status == 200, 20, "a manifest")
        wait_until(lambda: "#EXT-X-ENDLIST" in listed(urls["hls"], "")[0], 30, "the end of the programme")
        begin, edge = available(urls["hls"])
        query = f"?start={text_of(begin)}&vodend={text_of(edge)}"
        text, dates = listed(urls["hls"], query)
        steps = {}
        tap.run("S13 dates follow an encoder's clock that is set and that drifts, and never go back",
                lambda: steps.update(dates_follow(encoder, text, dates)))
        tap.run("S13 DASH has a Period with period-continuity where HLS has the new date",
                periods_follow, urls["dash"], query, steps, dates)
        tap.run("S13 time shift goes by the dates that were published", requests_go_by_the_dates, urls["hls"], dates,
                steps)

        def same_again():
            server.kill()
            server.start()
            wait_until(lambda: request(urls["hls"]).status == 200, 20, "a manifest")
            assert listed(urls["hls"], query)[0] == text, "dates changed"
        tap.run("S13 dates stay what they were after kill -9", same_again)
    finally:
        server.stop()


def main():
    tap = Tap()
    with faultlab.lab.temporary_folder() as folder:
        clocks(tap, folder)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
