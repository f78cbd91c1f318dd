#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The synthetic programme, which is the same bytes on every machine, comes out with the hashes that golden.json keeps: what
was published under a URL stays what it is from one version of the server to the next. TARN_UPDATE_GOLDEN=1 writes the file
anew; a change of it needs a reason in the changelog, because viewers may have the old bytes in their caches."""

import hashlib
import json
import os
import re
import sys
import urllib.parse

import lab
from lab import Tap, request, wait_until
from programme import Encoder, crawl

GOLDEN = os.path.join(lab.HERE, "golden.json")
SEGMENTS = 12  # pushed; the times of transport streams wrap in the middle
ENDPOINTS = {
    "hls": {"protocol": "HLS", "manifest": {"segments": 100}},
    "separate": {"protocol": "HLS", "audioSeparation": True, "segmentDuration": 3, "manifest": {"segments": 100}},
    "cmaf": {"protocol": "HLS_CMAF", "segmentDuration": 4, "manifest": {"segments": 100}},
    "dash": {"protocol": "DASH", "manifest": {"manifestWindow": 3600}},
}
# what depends on when it was pushed
TIMES = re.compile(rb'(#EXT-X-PROGRAM-DATE-TIME:|availabilityStartTime="|publishTime="|start="PT|mediaPresentationDuration="PT)[^"\n]+')
PRODUCER_TIME = re.compile(rb"(prft\x01\0\0\x08\0\0\0\x01).{8}", re.DOTALL)


def hash_of(path, served):
    body = served.body
    if urllib.parse.urlsplit(path).path.endswith((".m3u8", ".mpd")):
        body = TIMES.sub(rb"\1", body)
    elif served.kind.endswith("/mp4"):
        body = PRODUCER_TIME.sub(rb"\1", body)
    return f"{served.kind} {len(body)} {hashlib.sha256(body).hexdigest()}"


def packaged(folder):
    server = lab.Server(folder, "--origin-base-url", "http://origin.example")
    try:
        inputs, urls = server.create_channel("g", "c", ENDPOINTS)
        Encoder(inputs[0]).push(SEGMENTS, end=True)
        manifests = [urllib.parse.urlsplit(url).path for url in urls.values()]
        wait_until(lambda: b'type="static"' in request(server.origin + manifests[-1]).body, 20, "the end")
        return crawl(server, manifests)
    finally:
        server.stop()


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        found = {path: hash_of(path, served) for path, served in sorted(packaged(folder).items())}
    if os.environ.get("TARN_UPDATE_GOLDEN"):
        with open(GOLDEN, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
            file.write("\n")
    with open(GOLDEN, encoding="utf-8") as file:
        kept = json.load(file)
    for name in ENDPOINTS:
        mine = {path: kept[path] for path in kept if f"/{name}/" in path}
        tap.run(f"{len(mine)} files of {name} are what they were", lambda m=mine: all_same(m, found))
    tap.run("there is nothing else", lambda: equal(sorted(found), sorted(kept)))
    tap.done()


def all_same(kept, found):
    differing = [path for path in kept if found.get(path) != kept[path]]
    assert kept and not differing, "".join(f"{path} was {kept[path]}, is {found.get(path)}\n" for path in differing)


def equal(left, right):
    assert left == right, f"{left!r} is not {right!r}"


if __name__ == "__main__":
    sys.exit(main())
