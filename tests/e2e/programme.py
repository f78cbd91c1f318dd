# SPDX-License-Identifier: Apache-2.0
"""The synthetic programme pushed to a channel, and everything that an endpoint names: {path: what was answered}."""

import dataclasses
import os
import re
import urllib.parse

import lab  # first: it says where the judges are
from lab import request

import mpd_model
import synthetic

START = (1 << 33) - 10 * synthetic.GOP * synthetic.FRAME  # the times of transport streams wrap after 10 s
SECONDS = 2  # of a segment


class Encoder:
    """Pushes segments of two GOPs to one input."""

    def __init__(self, entry):
        self.entry, self.base, self.pushed = entry, os.path.dirname(entry["url"]), 0
        self.put("manifest.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=200000\nlive.m3u8\n")

    def put(self, name, body):
        answer = request(f"{self.base}/{name}", "PUT", body, lab.basic(self.entry))
        assert 200 <= answer.status < 300, (name, answer.status, answer.text)

    def push(self, until, end=False):
        for number in range(self.pushed, until):
            self.put(f"s{number}.ts", synthetic.segment(SECONDS * number, SECONDS, START))
            self.list(number)
        self.pushed = until
        if end:
            self.list(until - 1, "#EXT-X-ENDLIST\n")

    def list(self, last, after=""):
        first = max(0, last - 5)
        lines = "".join(f"#EXTINF:{SECONDS},\ns{number}.ts\n" for number in range(first, last + 1))
        head = f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{SECONDS}\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
        self.put("live.m3u8", (head + lines + after).encode())


@dataclasses.dataclass(frozen=True)
class Served:
    status: int
    kind: str
    etag: str
    body: bytes


def fetch(server, path):
    answer = request(server.origin + path)
    return Served(answer.status, answer.headers.get("content-type", ""), answer.headers.get("etag", ""), answer.body)


def names_in(path, text):
    """The paths that a manifest names."""
    if urllib.parse.urlsplit(path).path.endswith(".mpd"):
        found = []
        for period in mpd_model.read(text)[1]:
            for each in period.representations:
                found += [each.url("initialization"), *(each.url("media", time) for _, time, _ in each.entries)]
    else:
        playlist = re.sub(r"#EXT-X-GAP\n#EXTINF[^\n]*\n[^\n]+\n", "", text)
        found = re.findall(r'URI="([^"]+)"', playlist) + [line for line in playlist.splitlines() if line and line[0] != "#"]
    return [urllib.parse.urljoin(path, name) for name in found if not re.match("[a-z]+:", name)]


def crawl(server, manifests):
    """{path: Served} of these manifests and of all that they name."""
    found, open_paths = {}, list(manifests)
    while open_paths:
        path = open_paths.pop(0)
        if path in found:
            continue
        found[path] = fetch(server, path)
        assert found[path].status == 200, (path, found[path].status, found[path].body[:200])
        if urllib.parse.urlsplit(path).path.endswith((".m3u8", ".mpd")):
            open_paths += names_in(path, found[path].body.decode())
    return found
