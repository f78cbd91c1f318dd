#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A1: one of two identical encoders dies in the middle of a segment. Nobody who watches may notice."""

import concurrent.futures
import datetime
import sys
import time

import judging
import lab
from lab import Tap, request, wait_until
from paced_encoder import PacedEncoder, prepare
from recorder import Recorder, assert_contiguous

TARGET_DURATION = 2
DIES_IN_SEGMENT = 12
PLAYERS = [("hls.js", "cmaf"), ("hls.js", "hls"), ("shaka", "dash"), ("dash.js", "dash")]
PLAY_SECONDS = 20


def judge_player(result):
    assert result["errors"] == [], result["errors"]
    assert result["advanced"] > PLAY_SECONDS - 1 and result["longest_stall"] < 1.0, result


def judge_playlists(recorder):
    for track in recorder.tracks:
        assert track.broken == [], track.broken
        assert (track.discontinuities, track.gaps) == (0, 0), (track.discontinuities, track.gaps)
        assert track.oldest <= 1.5 * TARGET_DURATION, f"a playlist stood still for {track.oldest:.2f} s"


def judge_status(server):
    status = server.api("GET", "/channel-groups/g/channels/c/status", expect=200)
    assert status["activeInput"] == "ingest2", status
    assert len(status["switches"]) == 1, status["switches"]
    switch = status["switches"][0]
    assert (switch["from"], switch["to"]) == ("ingest1", "ingest2") and switch["reason"], switch


def judge_headers(urls):
    """Of every protocol: whose content it is, and where it ends."""
    for name, url in urls.items():
        headers = request(url).headers
        assert headers["x-tarn-active-input"] == "ingest2", (name, headers)
        ends = datetime.datetime.fromisoformat(headers["x-tarn-media-time"].replace("Z", "+00:00")).timestamp()
        assert -1 < time.time() - ends < 60, (name, headers)


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        source, hls = prepare(folder, 60)
        server = lab.Server(folder)
        inputs, urls = server.create_channel("g", "c", {
            "hls": {"protocol": "HLS", "segmentDuration": 2}, "cmaf": {"protocol": "HLS_CMAF", "segmentDuration": 2},
            "dash": {"protocol": "DASH", "segmentDuration": 2}})
        start = time.monotonic() + 0.2
        encoders = [PacedEncoder(hls, inputs[0], start, die_in_segment=DIES_IN_SEGMENT),
                    PacedEncoder(hls, inputs[1], start + 0.15)]
        for encoder in encoders:
            encoder.start()
        try:
            wait_until(lambda: request(urls["cmaf"]).status == 200, 20, "content")
            recorder = Recorder(urls["cmaf"])
            recorder.start()
            wait_until(lambda: len(recorder.video.segments) >= 5, 30, "five segments to start a player on")
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                cases = [{"name": f"{player}-{name}", "player": player, "url": urls[name]} for player, name in PLAYERS]
                playing = pool.submit(lab.play, cases, PLAY_SECONDS)
                for player, name in PLAYERS:
                    tap.run(f"A1 {player} on {name} does not stall when the active encoder dies",
                            lambda key=f"{player}-{name}": judge_player(playing.result()[key]))
            assert not encoders[0].is_alive(), "the first encoder was to die while the players played"
            recorder.stop()
            tap.run("A1 manifests say which input is active and where their content ends", judge_headers, urls)
            encoders[1].stop()
            tap.run("A1 playlists never age beyond 1.5 target durations, never break a promise", judge_playlists, recorder)
            tap.run("A1 no video frame is lost or repeated",
                    lambda: assert_contiguous(recorder.video, source, "v", folder, 15 * 25))
            tap.run("A1 no audio frame is lost or repeated",
                    lambda: assert_contiguous(recorder.audio, source, "a", folder, 15 * 46))
            tap.run("A1 published segments keep their bytes",
                    lambda: lab_equal([track.bytes_change() for track in recorder.tracks], [[], []]))
            tap.run("A1 the status tells the switch", judge_status, server)
            judging.judge_server(server, tap, real_time=True)
        finally:
            for encoder in encoders:
                encoder.stopping.set()
            server.stop()
    tap.done()


def lab_equal(left, right):
    assert left == right, f"{left!r} is not {right!r}"


if __name__ == "__main__":
    sys.exit(main())
