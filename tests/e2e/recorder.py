# SPDX-License-Identifier: Apache-2.0
"""Follows an HLS_CMAF endpoint like a player: fetches every segment once as it is listed, and says whether the
playlists ever broke a promise."""

import hashlib
import os
import re
import subprocess
import threading
import time

from lab import request


class Track:
    def __init__(self, url):
        self.url = url
        self.base = url.rsplit("/", 1)[0] + "/"
        self.init = None
        self.segments = {}  # media sequence number -> (uri, bytes)
        self.last_sequence = -1
        self.discontinuities = 0
        self.gaps = 0
        self.broken = []
        self.last_change = time.monotonic()
        self.oldest = 0.0  # longest time without a new segment once the first was there

    def poll(self):
        answer = request(self.url)
        if answer.status != 200:
            self.broken.append(f"{self.url}: {answer.status}")
            return
        text = answer.text
        sequence = int(re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text).group(1))
        if sequence < self.last_sequence:
            self.broken.append(f"media sequence went back from {self.last_sequence} to {sequence}")
        self.last_sequence = sequence
        found = re.search(r'#EXT-X-MAP:URI="([^"]+)"', text)
        if found and self.init is None:
            self.init = self.fetch(found.group(1))
        discontinuity = gap = False
        for line in text.splitlines():
            if line == "#EXT-X-DISCONTINUITY":
                discontinuity = True
            elif line == "#EXT-X-GAP":
                gap = True
            elif line and not line.startswith("#"):
                self.take(sequence, line, discontinuity, gap)
                sequence += 1
                discontinuity = gap = False
        if self.segments:
            self.oldest = max(self.oldest, time.monotonic() - self.last_change)

    def take(self, number, uri, discontinuity, gap):
        known = self.segments.get(number)
        if known:
            if known[0] != uri:
                self.broken.append(f"segment {number} was {known[0]}, is {uri}")
            return
        self.discontinuities += discontinuity
        self.gaps += gap
        self.segments[number] = (uri, b"" if gap else self.fetch(uri))
        self.last_change = time.monotonic()

    def fetch(self, uri):
        answer = request(self.base + uri)
        if answer.status != 200 or not answer.body:
            self.broken.append(f"listed {uri}: {answer.status}, {len(answer.body)} bytes")
        return answer.body

    def bytes_change(self):
        """Segments whose bytes are no longer what they were."""
        changed = []
        for uri, body in self.segments.values():
            answer = request(self.base + uri)
            if answer.status == 200 and body and answer.body != body:
                changed.append(uri)
        return changed

    def write(self, path):
        with open(path, "wb") as file:
            file.write(self.init or b"")
            for number in sorted(self.segments):
                file.write(self.segments[number][1])


class Recorder(threading.Thread):
    """Polls all media playlists of a multivariant playlist until it is told to stop."""

    def __init__(self, multivariant_url, interval=0.2):
        super().__init__(daemon=True)
        base = multivariant_url.rsplit("/", 1)[0] + "/"
        text = request(multivariant_url).text
        names = [line for line in text.splitlines() if line and not line.startswith("#")]
        audio = re.findall(r'TYPE=AUDIO[^\n]*URI="([^"]+)"', text)
        self.video = Track(base + names[0])
        self.audio = Track(base + audio[0]) if audio else None
        self.interval = interval
        self.stopping = threading.Event()
        self.failure = None

    @property
    def tracks(self):
        return [track for track in (self.video, self.audio) if track]

    def run(self):
        try:
            while not self.stopping.wait(self.interval):
                for track in self.tracks:
                    track.poll()
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def stop(self):
        self.stopping.set()
        self.join()
        if self.failure:
            raise self.failure


def packet_hashes(path, kind):
    """MD5 of each packet's payload, in decode order: what identifies a frame wherever it is found."""
    run = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", f"0:{kind}:0", "-c", "copy",
                          "-f", "framemd5", "-"], capture_output=True, text=True, check=True)
    return [line.split(",")[5].strip() for line in run.stdout.splitlines() if line and not line.startswith("#")]


def assert_contiguous(track, source, kind, folder, at_least):
    """What was recorded is one uninterrupted run of the source's frames: none lost, none repeated."""
    path = os.path.join(folder, f"recorded-{kind}.mp4")
    track.write(path)
    got, all_frames = packet_hashes(path, kind), packet_hashes(source, kind)
    assert len(got) >= at_least, f"only {len(got)} frames were recorded"
    # audio of silence repeats: find the run by its whole length, not by its first frame
    for start in range(len(all_frames) - len(got) + 1):
        if all_frames[start:start + len(got)] == got:
            return
    differs = first_difference(all_frames, got)
    raise AssertionError(f"{kind}: {len(got)} recorded frames are no run of the source's {len(all_frames)}: {differs}")


def first_difference(all_frames, got):
    if got[0] not in all_frames:
        return "the first recorded frame is not in the source"
    start = all_frames.index(got[0])
    for index, frame in enumerate(got):
        if start + index >= len(all_frames) or all_frames[start + index] != frame:
            where = all_frames.index(frame) if frame in all_frames else "nowhere"
            return f"after {index} frames comes source frame {where} instead of {start + index}"
    return "none"


def digest(data):
    return hashlib.sha256(data).hexdigest()
