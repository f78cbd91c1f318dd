#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every URL gives the same bytes: on two servers with the same archive, before and after a restart and a switch of inputs,
in whatever order and however many at once. TARN_SEED repeats a run's order."""

import concurrent.futures
import contextlib
import datetime
import os
import random
import shutil
import sys
import time
import urllib.parse

import judging
import lab
from lab import Tap, request, wait_until
from programme import Encoder, crawl, fetch

WINDOW = {"manifest": {"segments": 100}, "timeShiftDays": 1}
DASH_WINDOW = {"manifest": {"manifestWindow": 3600}, "timeShiftDays": 1}
BEFORE, AFTER = 8, 16  # segments pushed to both inputs, and in all
BASE = "http://origin.example"  # in manifests, whatever the port
AT_ONCE = 8


def endpoints(speke):
    drm = {"providerUrl": speke, "systems": ["WIDEVINE", "PLAYREADY"]}
    return {
        "hls": {"protocol": "HLS", **WINDOW},
        "separate": {"protocol": "HLS", "audioSeparation": True, "segmentDuration": 3, **WINDOW},
        "cmaf": {"protocol": "HLS_CMAF", "segmentDuration": 4, **WINDOW},
        "dash": {"protocol": "DASH", **DASH_WINDOW},
        "cbcs": {"protocol": "HLS_CMAF", **WINDOW, "drm": {**drm, "systems": ["FAIRPLAY", *drm["systems"]]}},
        "cenc": {"protocol": "HLS_CMAF", **WINDOW, "drm": {**drm, "encryptionMethod": "CENC", "keyPreset": "VIDEO_AUDIO"}},
        "dash-cenc": {"protocol": "DASH", **DASH_WINDOW, "drm": {**drm, "encryptionMethod": "CENC"}},
        "dash-cbcs": {"protocol": "DASH", **DASH_WINDOW, "drm": {**drm, "keyPreset": "VIDEO_AUDIO"}},
    }


def media_of(found):
    return {path: served for path, served in found.items() if not urllib.parse.urlsplit(path).path.endswith((".m3u8", ".mpd"))}


def same(expected, got, what):
    differing = [path for path, served in expected.items() if got[path] != served]
    assert not differing, f"{what}: {len(differing)} of {len(expected)} differ, such as {differing[0]}: " \
        f"{difference(expected[differing[0]], got[differing[0]])}"


def difference(before, after):
    at = next((index for index, (one, other) in enumerate(zip(before.body, after.body)) if one != other), 0)
    show = lambda served: (served.status, served.kind, len(served.body), served.body[max(0, at - 60):at + 60])  # noqa: E731
    return f"{show(before)} became {show(after)}"


def shuffled(server, expected, rng):
    """Each URL three times, in random order, several at once; every answer, and all answers of one URL are equal."""
    paths = list(expected) * 3
    rng.shuffle(paths)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(zip(paths, pool.map(lambda path: fetch(server, path), paths)))
    got = {}
    for path, served in answers:
        before = got.setdefault(path, served)
        assert before == served, f"{path} differs from request to request: {difference(before, served)}"
    return got


def windows(server, manifests):
    """Time-shift manifests of the middle of the programme."""
    timeline = server.api("GET", "/channel-groups/g/channels/c/status")["timeline"]
    begin, end = (datetime.datetime.fromisoformat(timeline[name].replace("Z", "+00:00")) for name in ("start", "end"))
    text = lambda share: (begin + (end - begin) * share).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: E731
    return [f"{path}?start={text(0.3)}&vodend={text(0.7)}" for path in manifests]


def switched(server):
    inputs = server.api("GET", "/channel-groups/g/channels/c/status")
    return inputs["activeInput"] == "ingest2"


def main():
    tap = Tap()
    seed = int(os.environ.get("TARN_SEED", random.randrange(1 << 32)))
    print(f"# TARN_SEED={seed}")
    rng = random.Random(seed)
    with lab.temporary_folder() as folder:
        options = ("--key-provider", "builtin", "--origin-base-url", BASE)
        for name in ("first", "second"):
            os.mkdir(os.path.join(folder, name))
        first = lab.Server(os.path.join(folder, "first"), *options)
        servers = [first]
        try:
            inputs, urls = first.create_channel("g", "c", endpoints(first.control + "/speke"))
            manifests = [urllib.parse.urlsplit(url).path for url in urls.values()]
            encoders = [Encoder(entry) for entry in inputs]
            for encoder in encoders:
                encoder.push(BEFORE)
            wait_until(lambda: all(request(first.origin + path).status == 200 for path in manifests), 20, "manifests")
            early = media_of(crawl(first, manifests))
            encoders[1].push(AFTER, end=True)
            pushed = time.time()
            wait_until(lambda: "ENDLIST" in request(first.origin + hls_media(first, manifests[0])).text, 30, "the end")
            tap.run("the second input has taken over", lambda: wait_until(lambda: switched(first), 10, "the switch"))
            wait_until(lambda: journal_written(first) > pushed, 40, "the journal lets go of what is listed")
            tap.run("what was served before the switch of inputs is the same after it",
                    lambda: same(early, {path: fetch(first, path) for path in early}, "after the switch"))
            expected = crawl(first, manifests + windows(first, manifests))
            assert len(expected) > 8 * AFTER, len(expected)
            tap.run(f"{len(expected)} URLs in random order, {AT_ONCE} at once",
                    lambda: same(expected, shuffled(first, expected, rng), "in another order"))
            judging.judge_server(first, tap)
            assert first.stop() == 0
            shutil.copytree(first.data, os.path.join(folder, "second", "data"))
            second = lab.Server(os.path.join(folder, "second"), *options, "--control-listen", f"127.0.0.1:{first.control_port}")
            servers.append(second)
            tap.run("another server with a copy of the archive",
                    lambda: same(expected, shuffled(second, expected, rng), "on another server"))
            second.stop()  # the key provider is known by the control listener's address
            first.start()
            tap.run("the same server after a restart",
                    lambda: same(expected, shuffled(first, expected, rng), "after a restart"))
            first.kill()
            first.start()
            tap.run("after kill -9", lambda: same(expected, shuffled(first, expected, rng), "after kill -9"))
        finally:
            codes = [server.stop() for server in servers]
        tap.run("nothing that is listed was put again", lambda: equal("journal-replayed" in first.log(), False))
        tap.run("both servers end well", lambda: equal(codes, [0, 0]))
    tap.done()


def hls_media(server, path):
    lines = [line for line in request(server.origin + path).text.splitlines() if line and line[0] != "#"]
    return urllib.parse.urljoin(path, lines[0])


def journal_written(server):
    times = [0.0]
    for folder, _, names in os.walk(server.data):
        for name in names if "/journal" in folder else ():
            with contextlib.suppress(FileNotFoundError):  # they come and go
                times.append(os.path.getmtime(os.path.join(folder, name)))
    return max(times)


def equal(left, right):
    assert left == right, f"{left!r} is not {right!r}"


if __name__ == "__main__":
    sys.exit(main())
