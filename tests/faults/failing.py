#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""C7, C8, C13: a sync fails once and then seems to succeed, syncs are slow, the wall clock steps."""

import re
import sys
import time

import faultlab
from faultlab import LONG, Encoder, FaultyServer, Tap, Viewer, lab, request, wait_until


def expect_failed(server, encoder, viewer):
    """Nothing is acknowledged any more, everybody is told, and playback goes on."""
    acked = len(encoder.acked)
    refused = len(encoder.refused)
    wait_until(lambda: len(encoder.refused) >= refused + 3, 20, "more refusals")
    assert len(encoder.acked) == acked, "acknowledged after a failed sync"
    assert {code for code, _ in encoder.refused} == {503}, encoder.refused[:3]
    assert "Input/output error" in encoder.refused[-1][1] or "disk I/O error" in encoder.refused[-1][1], encoder.refused[-1]
    error = server.api("GET", "/channel-groups/g/channels/c/status", expect=200)["archive"]["error"]
    assert error and "failed" in error, error
    assert request(f"{server.control}/readyz").status == 503
    assert 'tarn_archive_failed{group="g",channel="c"} 1' in request(f"{server.control}/metrics").text
    assert "archive-failed" in server.log()
    if viewer.tracks:
        viewer.poll()
        assert all(track.bytes_change() == [] for track in viewer.tracks)


def c7_sync_fails(folder):
    rounds = range(1, 41 if LONG else 9)
    source, segments = faultlab.prepare(folder, 6 * len(rounds) + 20)
    server = FaultyServer(folder)
    inputs, urls = server.create_channel("g", "c", faultlab.ENDPOINT, segment_duration=1)
    encoder, viewer = Encoder(segments, inputs[0]), Viewer(urls["cmaf"])
    encoder.start()
    try:
        for number in rounds:
            seen = len(encoder.acked)
            wait_until(lambda: len(encoder.acked) >= seen + 3, 20, "acknowledgements")
            viewer.poll()
            encoder.refused.clear()
            server.fault("fail_at", server.fault("syncs") + number)
            wait_until(lambda: encoder.refused, 20, f"a refusal after sync {number} failed")
            assert server.fault("failed") == number, "one sync, and no other, failed"
            expect_failed(server, encoder, viewer)
            server.kill()
            server.start()
        encoder.finish()
        wait_until(lambda: faultlab.ended(viewer), 20, "the end of the output")
        print(f"# {len(rounds)} failed syncs, {len(encoder.acked)} acknowledged, {viewer.listed} listed")
        viewer.expect_all(encoder.acked, source, folder)
    finally:
        encoder.stop()
        server.stop()


def playback_p99(viewer, seconds, rounds=3):
    """Of the best of so many rounds, as a machine that pauses spoils one; each is long enough for one of the syncs."""
    return min(faultlab.percentile(playback_times(viewer, seconds / rounds), 0.99) for _ in range(rounds))


def playback_times(viewer, seconds):
    """Times of manifests and of segments that have to be packaged, one after another."""
    taken = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        viewer.poll()
        for uri, _ in list(viewer.tracks[0].segments.values())[-10:]:
            one = time.monotonic()
            assert request(viewer.tracks[0].base + uri).status == 200
            taken.append(time.monotonic() - one)
        taken.append((time.monotonic() - began) / 12)
    return taken


def c8_slow_sync(folder):
    source, segments = faultlab.prepare(folder, 400)
    server = FaultyServer(folder)
    inputs, urls = server.create_channel("g", "c", faultlab.ENDPOINT, segment_duration=1)
    encoder, viewer = Encoder(segments, inputs[0], pause=0.2), Viewer(urls["cmaf"])
    encoder.start()
    try:
        wait_until(lambda: len(encoder.acked) >= 12 and viewer.poll(), 30, "content")
        was = playback_p99(viewer, 4)
        for delay in (300, 2000) + ((30000,) if LONG else ()):
            acked = len(encoder.acked)
            server.fault("delay_ms", delay)
            now = playback_p99(viewer, max(4, delay / 200))
            print(f"# sync {delay} ms slower: playback p99 {was * 1000:.1f} ms -> {now * 1000:.1f} ms, "
                  f"{len(encoder.acked) - acked} acknowledged meanwhile")
            # p99 of those who wait for a sync is the whole of it
            assert now <= max(2 * was, delay / 3000), f"playback p99 {now:.3f} s, was {was:.3f} s"
        server.fault("delay_ms", 0)
        encoder.pause = 0.02
        encoder.finish(90)
        assert encoder.refused == [], encoder.refused[:3]
        wait_until(lambda: faultlab.ended(viewer), 20, "the end of the output")
        viewer.expect_all(encoder.acked, source, folder)
    finally:
        server.fault("delay_ms", 0)
        encoder.stop()
        server.stop()


def c13_clock_steps(folder):
    source, segments = faultlab.prepare(folder, 80)
    server = FaultyServer(folder)
    endpoint = {**faultlab.ENDPOINT["cmaf"], "manifest": {"segments": 100, "programDateTimeInterval": 1}}
    inputs, urls = server.create_channel("g", "c", {"cmaf": endpoint}, segment_duration=1)
    encoder, viewer = Encoder(segments, inputs[0]), Viewer(urls["cmaf"])
    encoder.start()
    try:
        for step in (0, 3600, 3590, -3600):
            server.fault("clock_step", step)
            seen = len(encoder.acked)
            wait_until(lambda: len(encoder.acked) >= seen + 10, 20, "ten segments")
            viewer.poll()
        encoder.finish()
        wait_until(lambda: faultlab.ended(viewer), 20, "the end of the output")
        times = re.findall(r"#EXT-X-PROGRAM-DATE-TIME:(\S+)", request(viewer.tracks[0].url).text)
        assert times and times == sorted(times), times
        assert len(request(viewer.tracks[0].url).text.split("#EXTINF")) - 1 == viewer.listed, "something expired early"
        viewer.expect_all(encoder.acked, source, folder)
    finally:
        encoder.stop()
        server.stop()


def main():
    tap = Tap()
    for name, test in (("C7 a failed sync is final: no acknowledgement, everybody is told, playback goes on", c7_sync_fails),
                       ("C8 slow syncs: playback is not slower, acknowledgements come later", c8_slow_sync),
                       ("C13 clock steps: times go up, nothing expires, nothing is lost", c13_clock_steps)):
        with lab.temporary_folder() as folder:
            tap.run(name, test, folder)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
