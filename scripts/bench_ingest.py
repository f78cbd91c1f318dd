#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Acknowledgements of a durable server: how long they take, and what they cost in CPU seconds of the whole process, with
ffmpeg's order of requests (a segment, then the playlist that names it) and with the playlist first.

    ./tarn exec python3 scripts/bench_ingest.py [--data DIR]     DIR: on the disk to be measured"""

import argparse
import http.client
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

import lab  # noqa: E402  pylint: disable=wrong-import-position


def make(folder, size, bitrate, gop, segment, seconds, loops):
    """Segments in memory."""
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(folder, "source.mp4")
    quiet = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
    subprocess.run([*quiet, "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25,noise=alls=12:allf=t", "-f", "lavfi", "-i",
                    "sine=frequency=440:sample_rate=48000", "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast",
                    "-b:v", bitrate, "-maxrate", bitrate, "-bufsize", bitrate, "-x264-params",
                    f"keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:nal-hrd=cbr", "-c:a", "aac", "-b:a", "128k", source],
                   check=True)
    subprocess.run([*quiet, "-stream_loop", str(loops), "-i", source, "-c", "copy", "-f", "hls", "-hls_time", str(segment),
                    "-hls_list_size", "0", "-hls_segment_filename", os.path.join(folder, "%d.ts"),
                    os.path.join(folder, "all.m3u8")], check=True)
    bodies = []
    while os.path.exists(path := os.path.join(folder, f"{len(bodies)}.ts")):
        with open(path, "rb") as file:
            bodies.append(file.read())
    return bodies


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Pusher:
    def __init__(self, entry, segment):
        parts = urllib.parse.urlsplit(entry["url"])
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        self.base, self.headers, self.segment = parts.path.rsplit("/", 1)[0] + "/", lab.basic(entry), segment
        self.taken = {"segment": [], "playlist": []}

    def put(self, kind, name, body):
        began = time.perf_counter()
        self.connection.request("PUT", self.base + name, body=body, headers=self.headers)
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status in (200, 201), (name, answer.status)
        self.taken[kind].append(time.perf_counter() - began)

    def playlist(self, last):
        first = max(0, last - 4)
        lines = ["#EXTM3U", f"#EXT-X-TARGETDURATION:{self.segment}", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        lines += [f"#EXTINF:{self.segment}.0,\n{number}.ts" for number in range(first, last + 1)]
        return ("\n".join(lines) + "\n").encode()

    def push(self, number, body, playlist_first):
        steps = [("segment", f"{number}.ts", body), ("playlist", "v.m3u8", self.playlist(number))]
        for step in reversed(steps) if playlist_first else steps:
            self.put(*step)


def run(name, bodies, segment, playlist_first, data):
    with tempfile.TemporaryDirectory(dir=data) as folder:
        server = lab.Server(folder, "--log-level", "warning")
        try:
            inputs, _ = server.create_channel("g", "c", {"e": {"protocol": "HLS_CMAF"}}, segment_duration=segment)
            pusher = Pusher(inputs[0], segment)
            pusher.put("playlist", "m.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=6000000\nv.m3u8\n")
            for number in range(5):
                pusher.push(number, bodies[number], playlist_first)
            pusher.taken = {"segment": [], "playlist": []}
            before = cpu_seconds(server.process.pid)
            for number in range(5, len(bodies)):
                pusher.push(number, bodies[number], playlist_first)
            cpu = cpu_seconds(server.process.pid) - before
        finally:
            server.stop()
    gigabytes = sum(map(len, bodies[5:])) / 1e9
    print(f"{name}, {'playlist first' if playlist_first else 'segment first'}: {len(bodies) - 5} segments, "
          f"{gigabytes * 1000:.0f} MB, {cpu / gigabytes:.2f} cpu-s/GB")
    for kind, taken in pusher.taken.items():
        taken.sort()
        figures = ", ".join(f"p{part} {taken[min(len(taken) - 1, int(len(taken) * float(part) / 100))] * 1000:.2f}"
                            for part in ("50", "99", "99.9"))
        print(f"    {kind:8s} ack ms: {figures}, max {taken[-1] * 1000:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="/var/tmp", help="where the server's data lies")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        large = make(os.path.join(folder, "large"), "1920x1080", "5M", 50, 6, 60, 12)
        small = make(os.path.join(folder, "small"), "320x180", "300k", 25, 1, 100, 14)
        for playlist_first in (False, True):
            run("1080p, 6 s", large, 6, playlist_first, options.data)
            run("180p, 1 s", small, 1, playlist_first, options.data)


if __name__ == "__main__":
    sys.exit(main())
