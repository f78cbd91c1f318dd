#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job: ffmpeg pushes a redundant ladder, everybody else plays it in every format, in real time."""

import concurrent.futures
import math
import os
import re
import subprocess
import sys
from fractions import Fraction

import judging
import lab
from lab import SHARED, Tap, request, wait_until

ENDPOINTS = {
    "hls": {"protocol": "HLS"},
    "separate": {"protocol": "HLS", "audioSeparation": True, "segmentDuration": 3},
    "cmaf": {"protocol": "HLS_CMAF"},
    "dash": {"protocol": "DASH"},
}
PLAYERS = [
    ("hls.js", "hls"), ("hls.js", "separate"), ("hls.js", "cmaf"),
    ("shaka", "hls"), ("shaka", "cmaf"), ("shaka", "dash"), ("dash.js", "dash"),
]
PLAY_SECONDS = 20
DECODE_SECONDS = 30
FRAME_RATE = 25
SAMPLE_RATE = 48000


def judge_player(result):
    assert result["errors"] == [], result["errors"]
    assert result["advanced"] > PLAY_SECONDS - 1, result
    assert result["longest_stall"] < 1.0, result
    assert result["backwards"] == 0, result
    assert result["frames"] > PLAY_SECONDS * FRAME_RATE * 0.9, result
    assert result["audio_bytes"] > 0, result


def decode(url):
    """ffmpeg's decoded frames of one programme: (video packets, audio packets, complaints)."""
    run = subprocess.run(
        # at its own pace, as a player: reading faster, ffmpeg asks for DASH segments that are not listed yet
        ["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-re", "-i", url, "-map", "0:v:0", "-map", "0:a:0",
         "-t", str(DECODE_SECONDS), "-f", "framecrc", "-"],
        capture_output=True, text=True, timeout=DECODE_SECONDS + 60, check=False)
    scales, packets = {}, {0: [], 1: []}
    for line in run.stdout.splitlines():
        scale = re.match(r"#tb (\d): (\d+/\d+)", line)
        if scale:
            scales[int(scale.group(1))] = Fraction(scale.group(2))
        if line and not line.startswith("#"):
            stream, _dts, pts, duration = (int(field) for field in line.split(",")[:4])
            packets[stream].append((pts * scales[stream], duration * scales[stream]))
    return run.returncode, packets, run.stderr


def judge_decode(outcome):
    code, packets, complaints = outcome
    assert code == 0 and complaints == "", f"ffmpeg ended with {code}: {complaints[-1500:]}"
    video, audio = packets[0], packets[1]
    # -t counts from the earliest of all streams, so that a stream which begins later has that much less
    began = min(video[0][0], audio[0][0])
    expected = math.ceil((began + DECODE_SECONDS - video[0][0]) * FRAME_RATE)
    assert abs(len(video) - expected) <= 1, f"{len(video)} video frames, not {expected}"
    for before, after in zip(video, video[1:]):
        assert after[0] - before[0] == Fraction(1, FRAME_RATE), f"video jumps from {before} to {after}"
    for before, after in zip(audio, audio[1:]):
        # the decoder may round to microseconds, never lose or repeat a frame
        assert abs(after[0] - before[0] - before[1]) <= Fraction(1, SAMPLE_RATE), f"audio jumps {before} {after}"
    total = audio[-1][0] + audio[-1][1] - began
    assert abs(total - DECODE_SECONDS) <= Fraction(1024, SAMPLE_RATE), f"audio lasts {float(total)} s"


def playbin(url):
    """GStreamer's own player into fake sinks that keep the clock; buffers seen of each kind and errors. DASH goes to
    playbin: the dashdemux2 that playbin3 takes in 1.22 waits for ever where a Period has a presentationTimeOffset."""
    player = "playbin" if url.endswith(".mpd") else "playbin3"
    sinks = "fakesink name={0} sync=true silent=false"
    run = subprocess.run(
        ["timeout", "-s", "INT", "20", "gst-launch-1.0", "-v", player, f"uri={url}",
         "video-sink=" + sinks.format("videosink"), "audio-sink=" + sinks.format("audiosink")],
        capture_output=True, text=True, timeout=60, check=False)
    text = run.stdout + run.stderr
    return (len(re.findall(r"videosink.*last-message = chain", text)),
            len(re.findall(r"audiosink.*last-message = chain", text)),
            [line for line in text.splitlines() if "ERROR" in line or "CRITICAL" in line])


def judge_playbin(outcome):
    video, audio, errors = outcome
    assert not errors, errors
    # 20 s in all, of which the first few go into finding the live edge and filling its buffer
    assert video > 8 * FRAME_RATE, f"{video} video frames"
    assert audio > 8 * 40, f"{audio} audio buffers"


def mpd_is_valid(url):
    schema = os.path.join(SHARED, "schemas", "dash", "DASH-MPD.xsd")
    if not os.path.exists(schema):
        raise Tap.Skip("the MPEG schema is not here")
    answer = request(url)
    assert answer.status == 200 and answer.headers["content-type"] == "application/dash+xml", answer.headers
    run = subprocess.run(["xmllint", "--nonet", "--noout", "--schema", schema, "-"], input=answer.body,
                         capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()[-2000:]


def bad_input_is_refused(inputs):
    """Each answer, and that the stream which plays goes on (the players of this test are the proof)."""
    base = inputs[0]["url"]
    good = lab.basic(inputs[0])
    wrong = {"Authorization": "Basic d3Jvbmc6d3Jvbmc="}
    refused = request(base + ".m3u8", "PUT", b"#EXTM3U\n", wrong)
    unknown = request(base.replace("/c/", "/nobody/") + ".m3u8", "PUT", b"#EXTM3U\n", wrong)
    for answer in (refused, unknown):
        assert answer.status == 401 and answer.headers["www-authenticate"].startswith("Basic "), answer.status
    differing = {"date", "x-request-id"}
    assert refused.body == unknown.body
    assert {k: v for k, v in refused.headers.items() if k not in differing} == \
        {k: v for k, v in unknown.headers.items() if k not in differing}
    malformed = request(base + "-hd.m3u8", "PUT", b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:abc,\nx.ts\n", good)
    assert malformed.status == 400 and "line 3" in malformed.text and "EXTINF" in malformed.text, malformed.text
    not_ts = request(base + "-hd-900001.ts", "PUT", b"<html>" + b" " * 4000, good)
    assert not_ts.status == 415 and "manifest-hd-900001.ts" in not_ts.text, (not_ts.status, not_ts.text)
    assert request(base + "-hd-1.ts", "GET", headers=good).status == 405


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        server = lab.Server(folder)
        inputs, urls = server.create_channel("g", "c", ENDPOINTS)
        early = request(urls["hls"])
        encoder = lab.tee_encoder(folder, inputs)
        try:
            wait_until(lambda: all(request(url).status == 200 for url in urls.values()), 30, "all manifests answer 200")
            # a player starts three segments behind the live edge: let them be there
            wait_until(lambda: "-4." in media_playlist(urls["separate"]), 30, "four segments of 3 s")
            with concurrent.futures.ThreadPoolExecutor(12) as pool:
                decodes = {name: pool.submit(decode, urls[name]) for name in ("hls", "cmaf", "dash")}
                playbins = {name: pool.submit(playbin, urls[name]) for name in ("hls", "cmaf", "dash")}
                tap.run("before there is content a manifest answers 503 with Retry-After", before_content, early)
                for name, future in decodes.items():
                    tap.run(f"ffmpeg decodes 30 s of {name} without an error, to the frame",
                            lambda f=future: judge_decode(f.result()))
                for name, future in playbins.items():
                    tap.run(f"GStreamer plays {name}", lambda f=future: judge_playbin(f.result()))
                # all browsers' decoders on two cores leave no room for the others
                cases = [{"name": f"{player}-{name}", "player": player, "url": urls[name]} for player, name in PLAYERS]
                playing = pool.submit(lab.play, cases, PLAY_SECONDS, os.environ.get("TARN_SCREENSHOTS"))
                tap.run("bad input is refused with its reason while the stream plays", bad_input_is_refused, inputs)
                for player, name in PLAYERS:
                    tap.run(f"{player} plays {name} for 20 s",
                            lambda key=f"{player}-{name}": judge_player(playing.result()[key]))
            judging.judge_server(server, tap, real_time=True)
            tap.run("the MPD is valid against the MPEG schema", mpd_is_valid, urls["dash"])
            tap.run("the encoder was never refused", encoder_content, encoder)
            tap.run("SIGTERM ends the server with 0", lambda: assert_equal(server.stop(), 0))
            tap.run("the log holds no password", no_secret_in_log, server, inputs)
        finally:
            encoder.kill()
            server.stop()
    tap.done()


def media_playlist(url):
    """The first media playlist that a multivariant playlist names."""
    lines = [line for line in request(url).text.splitlines() if line and not line.startswith("#")]
    return request(url.rsplit("/", 1)[0] + "/" + lines[0]).text if lines else ""


def before_content(answer):
    assert answer.status == 503 and "retry-after" in answer.headers, (answer.status, answer.headers)


def encoder_content(encoder):
    assert encoder.process.poll() is None, f"the encoder ended: {encoder.log()[-1500:]}"
    assert "error" not in encoder.log().lower(), encoder.log()[-1500:]


def no_secret_in_log(server, inputs):
    for entry in inputs:
        assert entry["password"] not in server.log()
    assert server.token not in server.log()


def assert_equal(left, right):
    assert left == right, f"{left!r} is not {right!r}"


if __name__ == "__main__":
    sys.exit(main())
