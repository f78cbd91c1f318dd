# SPDX-License-Identifier: Apache-2.0
"""What the fault tests stand on: a stream of small segments, an encoder that notes every acknowledgement and never
sends again what was acknowledged, and a checker that finds all of it by playing it back."""

import contextlib
import http.client
import mmap
import os
import random
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

# pylint: disable=wrong-import-position,unused-import
import lab  # noqa: E402
from lab import Tap, basic, request, wait_until  # noqa: E402
from recorder import Track, assert_contiguous  # noqa: E402

LONG = bool(os.environ.get("TARN_LONG"))
ENDPOINT = {"cmaf": {"protocol": "HLS_CMAF", "segmentDuration": 1, "manifest": {"segments": 100}}}


SMALL = ("testsrc2=size=160x90:rate=12", "100k")
# Segments that are written past the page cache.
LARGE = ("testsrc2=size=640x360:rate=12,noise=alls=40:allf=t", "5M")


def prepare(folder, seconds, video=SMALL):
    """source.mp4 and the same samples as segments of one second: [(name, path)], and the source."""
    picture, bitrate = video
    source = os.path.join(folder, "source.mp4")
    hls = os.path.join(folder, "hls")
    os.makedirs(hls, exist_ok=True)
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i",
         "anoisesrc=sample_rate=48000:amplitude=0.1:seed=7", "-t", str(seconds), "-c:v", "libx264", "-preset",
         "ultrafast", "-bf", "2", "-g", "12", "-keyint_min", "12", "-sc_threshold", "0", "-b:v", bitrate,
         "-c:a", "aac", "-b:a", "48k", "-ac", "1", source], check=True)
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-i", source, "-c", "copy", "-f", "hls", "-hls_time", "1",
         "-hls_list_size", "0", "-hls_segment_filename", os.path.join(hls, "s-%d.ts"), os.path.join(hls, "all.m3u8")],
        check=True)
    count = len([name for name in os.listdir(hls) if name.endswith(".ts")])
    return source, [(f"s-{i}.ts", os.path.join(hls, f"s-{i}.ts")) for i in range(count)]


class Encoder(threading.Thread):
    """Pushes in ffmpeg's order, a segment and then the playlist that names it, as fast as it is answered. What was not
    answered with 2xx is sent again until it is; what was answered with 2xx is never sent again."""

    def __init__(self, segments, entry, pause=0.02, window=5):
        super().__init__(daemon=True)
        self.segments, self.pause, self.window = segments, pause, window
        parts = urllib.parse.urlsplit(entry["url"])
        self.host, self.port, self.base = parts.hostname, parts.port, parts.path
        self.headers = basic(entry)
        self.connection = None
        self.acked = []  # names of segments
        self.refused = []  # (status, text)
        self.latencies = []
        self.stopping = threading.Event()
        self.going = threading.Event()
        self.going.set()
        self.limit = len(segments)  # segments to push before it ends the list
        self.failure = None

    def run(self):
        try:
            self.push_all()
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def push_all(self):
        index = 0
        while index < len(self.segments) and index < self.limit and not self.stopping.wait(self.pause):
            name, path = self.segments[index]
            with open(path, "rb") as file:
                body = file.read()
            if not self.put(name, body):
                return
            self.acked.append(name)
            if index == 0:
                self.put(".m3u8", self.multivariant())
            if not self.put("-v.m3u8", self.playlist(index)):
                return
            index += 1
        self.put("-v.m3u8", self.playlist(index - 1) + b"#EXT-X-ENDLIST\n")

    @staticmethod
    def multivariant():
        return b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=160x90\nmanifest-v.m3u8\n"

    def playlist(self, last):
        first = max(0, last - self.window + 1)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        for name, _ in self.segments[first:last + 1]:
            lines += ["#EXTINF:1.000000,", name]
        return ("\n".join(lines) + "\n").encode()

    def put(self, name, body):
        """True when it was acknowledged; False when the test is over."""
        path = self.base + name if name.startswith(("-", ".")) else self.base.rsplit("/", 1)[0] + "/" + name
        while not self.stopping.is_set():
            self.going.wait()
            began = time.monotonic()
            try:
                status, text = self.put_once(path, body)
            except (OSError, http.client.HTTPException):
                self.connection = None
                self.stopping.wait(0.02)
                continue
            if status in (200, 201):
                self.latencies.append(time.monotonic() - began)
                return True
            self.refused.append((status, text))
            self.stopping.wait(0.1)
        return False

    def put_once(self, path, body):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        self.connection.request("PUT", path, body=body, headers=self.headers)
        answer = self.connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        return answer.status, text

    def finish(self, seconds=60):
        """Ends the list after the segment that is being pushed."""
        self.limit = len(self.acked) + 1
        self.join(seconds)
        assert not self.is_alive(), "the encoder did not come to its end"
        if self.failure:
            raise self.failure

    def hold(self):
        """No request begins from here on until `go`."""
        self.going.clear()

    def go(self):
        self.going.set()

    def stop(self):
        self.stopping.set()
        self.going.set()
        self.join(70)


class Viewer:
    """Collects everything that is published; polled by the test, at least once in a hundred segments."""

    def __init__(self, url):
        self.url = url
        self.tracks = None

    def poll(self):
        if self.tracks is None:
            answer = request(self.url)
            if answer.status != 200:
                return False
            base = self.url.rsplit("/", 1)[0] + "/"
            names = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
            audio = answer.text.split('TYPE=AUDIO', 1)[1].split('URI="', 1)[1].split('"', 1)[0]
            self.tracks = [Track(base + names[0]), Track(base + audio)]
        for track in self.tracks:
            track.poll()
        return True

    @property
    def listed(self):
        return len(self.tracks[0].segments) if self.tracks else 0

    def expect_all(self, acked, source, folder, discontinuities=0):
        """Every acknowledged segment is there, in one piece with all others: none lost, none twice."""
        for track in self.tracks:
            assert track.broken == [], track.broken[:3]
            assert (track.discontinuities, track.gaps) == (discontinuities, 0), (track.discontinuities, track.gaps)
        assert_contiguous(self.tracks[0], source, "v", folder, 12 * len(acked))
        assert_contiguous(self.tracks[1], source, "a", folder, 46 * len(acked) - 46)


def ended(viewer):
    """The output says ENDLIST, and all that it lists has been fetched: in that order, else the last is missed."""
    if viewer.tracks is None and not viewer.poll():
        return False
    if any("#EXT-X-ENDLIST" not in request(track.url).text for track in viewer.tracks):
        return False
    return viewer.poll()


def restart_time(server):
    began = time.monotonic()
    server.start()
    return time.monotonic() - began


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def needs_root():
    if os.geteuid() != 0:
        raise Tap.Skip("needs root")


@contextlib.contextmanager
def mounted(kind, device, where, options):
    os.makedirs(where, exist_ok=True)
    run = subprocess.run(["mount", "-t", kind, "-o", options, device, where], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Tap.Skip(f"mount: {run.stderr.strip()}")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", where], check=False)


class FaultyServer(lab.Server):
    """A server whose syncs and wall clock the test has a hand in (system_faults.cpp)."""

    FIELDS = {"delay_ms": ("I", 0), "fail_at": ("I", 4), "syncs": ("I", 8), "failed": ("I", 12), "clock_step": ("q", 16)}

    def __init__(self, folder, *options):
        path = os.path.join(folder, "faults")
        with open(path, "wb") as file:
            file.write(bytes(4096))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 4096)
        self.environment = {"TARN_FAULTS": path,
                            "LD_PRELOAD": os.path.join(lab.BUILD, "tests", "faults", "system_faults.so")}
        super().__init__(folder, *options)

    def start(self):
        os.environ.update(self.environment)
        try:
            super().start()
        finally:
            for name in self.environment:
                del os.environ[name]

    def fault(self, field, value=None):
        """Sets a field, or reads it."""
        kind, at = self.FIELDS[field]
        if value is None:
            return struct.unpack_from(kind, self.memory, at)[0]
        struct.pack_into(kind, self.memory, at, value)
        return value


def dice(seed=1):
    return random.Random(seed)
