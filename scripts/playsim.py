#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Watches a channel like players do, and says what they would have noticed: frames lost, repeated or out of order,
stalls, how long a playlist stood still, and promises that were broken (numbers that go back, URLs or bytes that change,
what is listed and not there). HLS with TS or CMAF segments and DASH, live, unencrypted. Needs ffmpeg.

    playsim.py URL [URL…] --seconds 60      one line of JSON for each track that was watched

With --source FILE, what the encoders were fed with (encsim.py leaves its stream/source.mp4), every frame is held against
it by its content: "foreign" counts those that are not the one that follows in the source, "skipped" and "replayed" the
frames (of sound alone: of that) which the source has between the end of one run and the beginning of the next one, and those
of the next one which had been shown before. A run is what lies between two discontinuities.
"""

import argparse
import contextlib
import datetime
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import xml.etree.ElementTree

SEGMENTS_BEFORE_PLAYING = 3
DASH = "{urn:mpeg:dash:schema:mpd:2011}"


def fetch(url, timeout=10):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.netloc, timeout=timeout, context=ssl.create_default_context())
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    with contextlib.closing(connection):
        connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""))
        answer = connection.getresponse()
        return answer.status, answer.read()


class Watched:
    """One playlist or Representation."""

    def __init__(self, name, extension):
        self.name, self.extension = name, extension
        self.init = b""
        self.segments = {}  # position -> (url, body, discontinuity)
        self.arrivals = []  # (time, position)
        self.listed = set()  # positions at the last look
        self.dates = {}  # position -> (EXT-X-PROGRAM-DATE-TIME in seconds since 1970, seconds)
        self.broken = []
        self.gaps = self.discontinuities = 0
        self.stall = self.oldest = 0.0
        self.target = 0.0
        self.changed = self.plays_until = None
        self.buffered = []

    def take(self, position, url, seconds, gap=False, discontinuity=False):
        self.listed.add(position)
        known = self.segments.get(position)
        if known:
            if known[0] != url:
                self.broken.append(f"{position} was {known[0]}, is {url}")
            return
        if self.segments and position < max(self.segments):
            self.broken.append(f"{url} came after what follows it")
        self.gaps += gap
        self.discontinuities += discontinuity and bool(self.segments)
        status, body = (0, b"") if gap else fetch(url)
        if not gap and (status != 200 or not body):
            self.broken.append(f"{url} is listed and answers {status}")
            body = b""
        self.segments[position] = (url, body, discontinuity)
        now = time.monotonic()
        self.arrivals.append((now, position))
        self.target = max(self.target, seconds)
        if self.changed is not None:
            self.oldest = max(self.oldest, now - self.changed)
        self.changed = now
        self.play(now, seconds)

    def play(self, now, seconds):
        if self.plays_until is None:
            self.buffered.append(seconds)
            if len(self.buffered) == SEGMENTS_BEFORE_PLAYING:
                self.plays_until = now + sum(self.buffered)
            return
        if now > self.plays_until:
            self.stall += now - self.plays_until
            self.plays_until = now
        self.plays_until += seconds

    def date(self, position, text, seconds):
        at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
        if self.dates.setdefault(position, (at, seconds))[0] != at:
            self.broken.append(f"{position} was at {self.dates[position][0]}, is at {at}")

    def dates_off(self):
        """By how much the dates are off what the first one and the segments' durations say; None: there are none."""
        most, expected = None, None
        for position in sorted(self.dates):
            at, seconds = self.dates[position]
            if expected is None or position - 1 not in self.dates:
                expected = at
            most = max(most or 0.0, abs(at - expected))
            expected += seconds
        return most

    def look_back(self):
        """What was listed at the last look is there as it was; what is older may be gone, and is nothing else."""
        for position, (url, body, _) in self.segments.items():
            if not body:
                continue
            status, again = fetch(url)
            if status == 200 and again != body:
                self.broken.append(f"{url} has other bytes than before")
            elif status != 200 and (position in self.listed or status not in (404, 410)):
                self.broken.append(f"{url} was there and answers {status}")

    def runs(self):
        """The bytes between discontinuities, in order."""
        run = []
        for position in sorted(self.segments):
            _, body, discontinuity = self.segments[position]
            if discontinuity and run:
                yield self.init + b"".join(run)
                run = []
            run.append(body)
        yield self.init + b"".join(run)

    def report(self, folder, stopped, source=None):
        if self.changed is not None:
            self.oldest = max(self.oldest, stopped - self.changed)
        self.look_back()
        frames = lost = repeated = foreign = skipped = replayed = 0
        end = None
        for number, run in enumerate(self.runs()):
            path = os.path.join(folder, f"{re.sub('[^a-z0-9]', '-', self.name)}-{number}{self.extension}")
            with open(path, "wb") as file:
                file.write(run)
            counted = list(count_frames(path))
            for counts in counted:
                frames, lost, repeated = frames + counts[0], lost + counts[1], repeated + counts[2]
            if not source:
                continue
            strange, begin, after = hold_against(path, source, sum(counts[0] for counts in counted), end)
            foreign += strange
            if begin is None:
                continue
            skipped += max(0, begin - end) if end is not None else 0
            replayed += max(0, end - begin) if end is not None else 0
            end = after
        return {"name": self.name, "segments": len(self.segments), "frames": frames, "lost": lost, "repeated": repeated,
                "foreign": foreign, "skipped": skipped, "replayed": replayed, "stall": round(self.stall, 3), "oldest": round(self.oldest, 3), "target": round(self.target, 3),
                "gaps": self.gaps, "discontinuities": self.discontinuities, "dates off": self.dates_off(), "broken": self.broken}


def count_frames(path):
    """(frames, lost, repeated or out of order) of each stream, by decode times."""
    run = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "packet=stream_index,dts,duration:stream=index,time_base",
                          "-of", "json", path], capture_output=True, text=True, check=True)
    packets = {}
    for packet in json.loads(run.stdout).get("packets", []):
        if "dts" in packet:
            packets.setdefault(packet["stream_index"], []).append((int(packet["dts"]), int(packet.get("duration", 0))))
    for times in packets.values():
        frame = sorted(duration for _, duration in times)[len(times) // 2]
        lost = repeated = 0
        for (before, _), (after, _) in zip(times, times[1:]):
            if after <= before:
                repeated += 1
            elif frame:
                # encoders' clocks are rounded: half a frame is no hole
                lost += max(0, round((after - before) / frame) - 1)
        yield len(times), lost, repeated


def frames_of(path):
    """{kind: digests of the frames' slices, or of the audio frames} in decode order: what no container changes."""
    kinds = {"v": ["-map", "0:v", "-c:v", "copy", "-bsf:v", "h264_mp4toannexb,filter_units=remove_types=6-9"],
             "a": ["-map", "0:a", "-c:a", "copy"]}
    found = {}
    for kind, arguments in kinds.items():
        if kind == "a" and path.endswith(".ts"):
            arguments = arguments + ["-bsf:a", "aac_adtstoasc"]
        run = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, *arguments, "-f", "framehash", "-hash", "md5", "-"],
                             capture_output=True, text=True, check=False)
        digests = [line.split(",")[5].strip() for line in run.stdout.splitlines() if line and not line.startswith("#")]
        if digests:
            found[kind] = digests
    return found


def hold_against(path, source, frames, expected):
    """(of so many frames of a run those that are not the one that follows in the source, place of its first one in the
    source, place after its last one): of its pictures, or of its sound where it has none. `source` is of frames_of();
    `expected`: where the run should begin, None: anywhere."""
    found = frames_of(path)
    foreign = frames - sum(len(digests) for digests in found.values())  # that could not be looked at
    spans = {}
    for kind, digests in found.items():
        places = {}
        for place, digest in enumerate(source[kind]):
            places.setdefault(digest, []).append(place)
        # silence is many frames that are the same: each place where the run may begin is tried
        strange, _, first = min(((sum(1 for at, digest in enumerate(digests)
                                      if source[kind][first + at:first + at + 1] != [digest]),
                                  abs(first - (expected or 0)), first) for first in places.get(digests[0], [])),
                                default=(len(digests), 0, None))
        foreign += strange
        spans[kind] = (first, None if first is None else first + len(digests))
    return foreign, *spans.get("v", spans.get("a", (None, None)))


def refuse(watched, url, status):
    """A manifest that was there answers something else."""
    for one in watched.values():
        one.broken.append(f"{url} answers {status}")


class Hls:
    def __init__(self, url):
        self.url = url
        self.watched = {}
        self.sequences = {}
        self.looks = 0

    def look(self):
        status, body = fetch(self.url)
        if status != 200:
            refuse(self.watched, self.url, status)
            return
        text = body.decode()
        uris = re.findall(r'TYPE=AUDIO[^\n]*URI="([^"]+)"', text)[:1]
        uris += [line for line in text.splitlines() if line and not line.startswith("#")][:1]
        self.looks += 1
        before = None
        for uri in uris if self.looks % 2 else reversed(uris):
            watched = self.look_at(urllib.parse.urljoin(self.url, uri))
            if watched is None:
                continue
            last = max(watched.listed, default=-1)
            if before is not None and last < before:
                watched.broken.append(f"it ends with {last}, while another playlist had {before}")
            before = last

    def look_at(self, url):
        status, body = fetch(url)
        if status != 200:
            refuse(self.watched, url, status)
            return None
        text = body.decode()
        segmented = text.find(".m4s") >= 0
        watched = self.watched.setdefault(url, Watched(url.rsplit("/", 2)[-2] + " " + url.rsplit("/", 1)[1],
                                                       ".mp4" if segmented else ".ts"))
        number, cut = (int(re.search(rf"#EXT-X-{tag}:(\d+)|$", text).group(1) or 0)
                       for tag in ("MEDIA-SEQUENCE", "DISCONTINUITY-SEQUENCE"))
        before = self.sequences.get(url, (0, 0))
        if number < before[0] or cut < before[1]:
            watched.broken.append(f"sequences went back to {number}, {cut}")
        gone = sum(1 for position in range(before[0], number) if watched.segments.get(position, (0, 0, False))[2])
        if url in self.sequences and cut > before[1] + gone:
            watched.broken.append(f"the discontinuity sequence jumps from {before[1]} to {cut}")
        self.sequences[url] = (number, cut)
        header = re.search(r'#EXT-X-MAP:URI="([^"]+)"', text)
        if header and not watched.init:
            watched.init = fetch(urllib.parse.urljoin(url, header.group(1)))[1]
        watched.listed.clear()
        seconds, gap, discontinuity, date = 0.0, False, False, None
        for line in text.splitlines():
            gap = gap or line == "#EXT-X-GAP"
            discontinuity = discontinuity or line == "#EXT-X-DISCONTINUITY"
            if line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
                date = line.split(":", 1)[1]
            if line.startswith("#EXTINF:"):
                seconds = float(line[8:].split(",")[0])
            elif line and not line.startswith("#"):
                watched.take(number, urllib.parse.urljoin(url, line), seconds, gap, discontinuity)
                if date:
                    watched.date(number, date, seconds)
                number, gap, discontinuity, date = number + 1, False, False, None
        return watched


class Dash:
    def __init__(self, url):
        self.url = url
        self.watched = {}
        self.periods = {}  # of a Representation

    def look(self):
        status, body = fetch(self.url)
        if status != 200:
            refuse(self.watched, self.url, status)
            return
        for watched in self.watched.values():
            watched.listed.clear()
        for order, period in enumerate(xml.etree.ElementTree.fromstring(body).iter(f"{DASH}Period")):
            for adaptation in period.iter(f"{DASH}AdaptationSet"):
                representation = adaptation.find(f"{DASH}Representation")
                if adaptation.get("contentType") != "text":
                    self.look_at(period.get("id", str(order)), adaptation, representation)

    def look_at(self, period, adaptation, representation):
        template = representation.find(f"{DASH}SegmentTemplate")
        if template is None:
            template = adaptation.find(f"{DASH}SegmentTemplate")
        name = representation.get("id")
        watched = self.watched.setdefault(name, Watched(self.url.rsplit("/", 2)[-2] + " " + name, ".mp4"))

        def expand(pattern, at=0):
            return urllib.parse.urljoin(self.url, pattern.replace("$RepresentationID$", name).replace("$Time$", str(at)))

        if not watched.init:
            watched.init = fetch(expand(template.get("initialization")))[1]
        scale, at = int(template.get("timescale", "1")), 0
        stretch = re.sub(r"\D*(\d+).*", r"\1", period)
        for run in template.iter(f"{DASH}S"):
            at = int(run.get("t", at))
            for _ in range(int(run.get("r", 0)) + 1):
                new_period = self.periods.setdefault(name, period) != period
                self.periods[name] = period
                watched.take((int(stretch or 0), at), expand(template.get("media"), at), int(run.get("d")) / scale,
                             discontinuity=new_period)
                at += int(run.get("d"))


class PlayerSimulator(threading.Thread):
    """Looks at the manifests of a URL again and again."""

    def __init__(self, url, interval=0.3, source=None):
        super().__init__(daemon=True)
        self.manifest = (Dash if urllib.parse.urlsplit(url).path.endswith(".mpd") else Hls)(url)
        self.interval, self.source = interval, source
        self.stopping = threading.Event()
        self.failure = self.halted_at = None

    def run(self):
        try:
            while not self.stopping.wait(self.interval):
                self.manifest.look()
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def halt(self):
        """Looks no more. Reports take their time; whoever watches several channels halts all of them first."""
        self.stopping.set()
        self.join()
        self.halted_at = self.halted_at or time.monotonic()

    def stop(self):
        """What was seen, a report for each track."""
        self.halt()
        if self.failure:
            raise self.failure
        with tempfile.TemporaryDirectory(prefix="playsim-") as folder:
            return [watched.report(folder, self.halted_at, self.source) for watched in self.manifest.watched.values()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="+")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--source", metavar="FILE", help="what was encoded: the same frames in any container")
    options = parser.parse_args()
    source = frames_of(options.source) if options.source else None
    players = [PlayerSimulator(url, source=source) for url in options.url]
    for player in players:
        player.start()
    with contextlib.suppress(KeyboardInterrupt):
        time.sleep(options.seconds)
    for player in players:
        player.halt()
    noticed = False
    for player in players:
        reports = player.stop()
        noticed = noticed or not reports
        for report in reports:
            print(json.dumps(report), flush=True)
            noticed = noticed or any(report[key] for key in ("lost", "repeated", "foreign", "skipped", "replayed", "stall", "gaps", "discontinuities", "broken"))
    return 1 if noticed else 0


if __name__ == "__main__":
    sys.exit(main())
