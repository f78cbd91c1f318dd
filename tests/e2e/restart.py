#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server is killed with SIGKILL while two encoders push, and started again on the same data directory."""

import sys
import time

import judging
import lab
from lab import Tap, request, wait_until
from paced_encoder import PacedEncoder, prepare
from recorder import Recorder, assert_contiguous

# two, because the playlist that joins them is sent only once, before the restart
VARIANTS = ("hd", "sd")


def same_resources(before, after):
    assert before == after, f"{before} became {after}"


def resources(server):
    paths = ["/channel-groups", "/channel-groups/g/channels", "/channel-groups/g/channels/c?secrets=true",
             "/channel-groups/g/channels/c/endpoints"]
    return [server.api("GET", path, expect=200) for path in paths]


def promises_kept(recorder):
    for track in recorder.tracks:
        assert track.broken == [], track.broken
        assert (track.discontinuities, track.gaps) == (0, 0), (track.discontinuities, track.gaps)


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        source, hls = prepare(folder, 40, variants=VARIANTS)
        server = lab.Server(folder)
        inputs, urls = server.create_channel("g", "c", {
            "cmaf": {"protocol": "HLS_CMAF", "segmentDuration": 2, "manifest": {"segments": 20}}})
        start = time.monotonic() + 0.2
        encoders = [PacedEncoder(hls, entry, start, variants=VARIANTS) for entry in inputs]
        for encoder in encoders:
            encoder.start()
        try:
            wait_until(lambda: request(urls["cmaf"]).status == 200, 20, "content")
            first = Recorder(urls["cmaf"])
            first.start()
            wait_until(lambda: len(first.video.segments) >= 4, 30, "four segments")
            first.stop()
            before = resources(server)
            server.kill()
            server.start()
            tap.run("groups, channels, endpoints and credentials are there after a SIGKILL", same_resources, before,
                    resources(server))
            tap.run("what was published before has the same URLs and the same bytes",
                    lambda: equal([track.bytes_change() for track in first.tracks], [[], []]))
            second = Recorder(urls["cmaf"])
            # goes on where the first stopped, so that the whole is judged as one stream
            for old, new in zip(first.tracks, second.tracks):
                new.init, new.segments, new.last_sequence = old.init, old.segments, old.last_sequence
            listed = len(first.video.segments)
            second.start()
            wait_until(lambda: len(second.video.segments) >= listed + 4, 30, "four more segments")
            second.stop()
            tap.run("both variants go on", lambda: equal(
                len([line for line in request(urls["cmaf"]).text.splitlines() if line.startswith("#EXT-X-STREAM-INF")]), 2))
            tap.run("playlists go on: no number goes back, no discontinuity, no gap", promises_kept, second)
            tap.run("no video frame is lost or repeated over the restart",
                    lambda: assert_contiguous(second.video, source, "v", folder, 12 * 25))
            tap.run("no audio frame is lost or repeated over the restart",
                    lambda: assert_contiguous(second.audio, source, "a", folder, 12 * 46))
            judging.judge_server(server, tap, real_time=True)
        finally:
            for encoder in encoders:
                encoder.stopping.set()
            server.stop()
    tap.done()


def equal(left, right):
    assert left == right, f"{left!r} is not {right!r}"


if __name__ == "__main__":
    sys.exit(main())
