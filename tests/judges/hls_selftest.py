#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every rule of the judge of playlists can fail: playlists that are right have no complaint, and for each rule there is a
mutation that this rule complains of."""

import json
import os
import re
import shutil
import subprocess
import sys
import types

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

# pylint: disable=wrong-import-position
import cmaf_header  # noqa: E402
import cmaf_segment  # noqa: E402
import hls_rules  # noqa: E402
import lab  # noqa: E402
import synthetic_cmaf as make  # noqa: E402
from lab import Tap  # noqa: E402

KIDS = ["000102030405060708090a0b0c0d0e0f", "100102030405060708090a0b0c0d0e0f"]
KEY = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://a",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"\n' \
      '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="data:,",KEYID=0x{},KEYFORMAT="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"\n'
MULTIVARIANT = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Sound",URI="a.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1000000,AVERAGE-BANDWIDTH=900000,CODECS="avc1.64001F,mp4a.40.2",RESOLUTION=640x360,AUDIO="a"
v.m3u8
"""
# segments of two GOPs, a second each
MEDIA = ("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n" + KEY.format(KIDS[0]) + '#EXT-X-MAP:URI="i0.mp4"\n'
         "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z\n#EXTINF:2.000,\ns0.m4s\n"
         "#EXTINF:2.000,\ns1.m4s\n" + KEY.format(KIDS[1]) + '#EXT-X-MAP:URI="i1.mp4"\n#EXTINF:2.000,\ns2.m4s\n')


def header(kid, scheme="cbcs"):
    return types.SimpleNamespace(tenc={"kid": kid} if kid else None, scheme=scheme, entry="encv" if kid else "avc1",
                                 data=(kid, scheme))


HEADERS = {"i0.mp4": header(KIDS[0]), "i1.mp4": header(KIDS[1])}


def parsed(text):
    run = subprocess.run(["node", os.path.join(lab.HERE, "hls_strict.mjs")], input=json.dumps(text) + "\n", capture_output=True,
                         text=True, check=True)
    return json.loads(run.stdout)


def complaints(multivariant=MULTIVARIANT, media=MEDIA, headers=None, later=0):
    listed = parsed(media)
    if "error" in listed:
        return [("hls-parser", listed["error"])]
    read = [cmaf_segment.Segment(make.segment("v", 2 * number, later=later), cmaf_header.Header(make.header("v")))
            for number in range(3)]
    plain = cmaf_header.Header(make.header("v"))
    return (hls_rules.multivariant(multivariant, parsed(multivariant)) + hls_rules.media(media, listed) +
            hls_rules.keys(media, headers or HEADERS) +
            hls_rules.changes_of_headers(media, listed, headers or HEADERS) + hls_rules.cmaf_durations(plain, listed["segments"], read) +
            hls_rules.producer_times(plain, listed["segments"], read))


def sub(text, pattern, replacement):
    changed, done = re.subn(pattern, replacement, text, count=1)
    assert done, pattern
    return changed


# what is wrong -> the rule that says so, and where it is
MUTATIONS = {
    "an average above the peak": ("bandwidth", {"multivariant": ("=900000", "=1100000")}),
    "no codecs": ("codecs", {"multivariant": (',CODECS="[^"]*"', "")}),
    "no resolution": ("resolution", {"multivariant": (",RESOLUTION=640x360", "")}),
    "a group that nobody has": ("group", {"multivariant": (',AUDIO="a"', "")}),
    "a segment above the target": ("hls-parser", {"media": ("#EXTINF:2.000", "#EXTINF:2.600")}),
    "a segment twice": ("uri", {"media": ("s1.m4s", "s0.m4s")}),
    "a segment without a header": ("map", {"media": ('#EXT-X-MAP:URI="i0.mp4"\n', "")}),
    "another header with nothing new": ("map", {"media": (re.escape(KEY.format(KIDS[1])), "")}),
    "an old version": ("hls-parser", {"media": ("VERSION:7", "VERSION:3")}),
    "EXTINF of another length": ("extinf", {"media": ("#EXTINF:2.000", "#EXTINF:1.900")}),
    "another date": ("prft", {"media": ("00:00:00.000Z", "00:00:00.200Z")}),
    "a header's key that is not the playlist's": ("keys", {"media": (KIDS[1], KIDS[0])}),
    "a header that keeps its keys": ("keys", {"headers": {**HEADERS, "i1.mp4": header(KIDS[0])}}),
    "a header in the clear": ("keys", {"headers": {**HEADERS, "i1.mp4": header(None)}}),
    "a header of another scheme": ("keys", {"headers": {**HEADERS, "i0.mp4": header(KIDS[0], "cenc")}}),
    "an encrypted header without a key": ("keys", {"media": (re.escape(KEY.format(KIDS[0])), "")}),
}


def complains(rule, where):
    texts = {"multivariant": MULTIVARIANT, "media": MEDIA}
    arguments = {name: value if name == "headers" else sub(texts[name], *value) for name, value in where.items()}
    found = complaints(**arguments)
    assert rule in {each[0] for each in found}, f"found only {found[:5]}"


def good():
    assert complaints() == [], complaints()


def last_keys_go_on():
    """A key server that is away at a bound: another header, which says what the one before said."""
    same = {**HEADERS, "i1.mp4": header(KIDS[0])}
    assert complaints(media=sub(MEDIA, re.escape(KEY.format(KIDS[1])), ""), headers=same) == []


def main():
    tap = Tap()
    if shutil.which("node") is None or not os.path.isdir(os.path.join(lab.HERE, "node_modules", "hls-parser")):
        def skip():
            raise Tap.Skip("hls-parser is not installed")
        tap.run("playlists that are right have no complaint", skip)
    else:
        tap.run("playlists that are right have no complaint", good)
        tap.run("another header with the same in it is none", last_keys_go_on)
        for name, (rule, where) in MUTATIONS.items():
            tap.run(f"{name} is a complaint of {rule}", complains, rule, where)
    tap.done()


if __name__ == "__main__":
    main()
