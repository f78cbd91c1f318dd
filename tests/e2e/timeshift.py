#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time shift as players see it: windows of a running channel in every format, judged by ffmpeg and three players."""

import concurrent.futures
import datetime
import os
import re
import subprocess
import sys
from fractions import Fraction

import judging
import lab
from lab import Tap, request, wait_until
from streams import representations_of

ENDPOINTS = {
    "hls": {"protocol": "HLS", "timeShiftDays": 1, "manifest": {"programDateTimeInterval": 2}},
    "cmaf": {"protocol": "HLS_CMAF", "timeShiftDays": 1, "manifest": {"programDateTimeInterval": 2}},
    "dash": {"protocol": "DASH", "timeShiftDays": 1},
    "off": {"protocol": "HLS"},
}
PLAYERS = [("hls.js", "hls"), ("hls.js", "cmaf"), ("shaka", "cmaf"), ("shaka", "dash"), ("dash.js", "dash")]
FRAME_RATE = 25
SAMPLE_RATE = 48000
PLAY_SECONDS = 8


def text_of(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def time_of(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)


def available(url):
    """What an answer to a time long ago says there is: (from, to)."""
    answer = request(url + "?start=2020-01-01T00:00:00Z")
    assert answer.status == 404 and answer.headers["x-tarn-reason"] == "outside-window", (answer.status, answer.text)
    found = re.search(r"available: (\S+Z) to (\S+Z)", answer.text)
    assert found, answer.text
    return time_of(found.group(1)), time_of(found.group(2))


def seconds(count):
    return datetime.timedelta(seconds=count)


def packets(url, folder):
    """What ffmpeg decodes of a whole window: ([(time, duration, checksum)] of video, of audio)."""
    # ffmpeg's own DASH reader drops what B frames leave behind the presentation's length
    sources = representations_of(url, folder) if ".mpd" in url else [url]
    inputs = [argument for source in sources for argument in ("-i", source)]
    run = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", *inputs, "-map", "0:v:0",
                          "-map", f"{len(sources) - 1}:a:0", "-f", "framecrc", "-"],
                         capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0 and run.stderr == "", f"ffmpeg ended with {run.returncode}: {run.stderr[-1500:]}"
    scales, found = {}, {0: [], 1: []}
    for line in run.stdout.splitlines():
        scale = re.match(r"#tb (\d): (\d+/\d+)", line)
        if scale:
            scales[int(scale.group(1))] = Fraction(scale.group(2))
        elif not line.startswith("#"):
            stream, _dts, pts, duration, _size, crc = (field.strip() for field in line.split(","))
            scale = scales[int(stream)]
            found[int(stream)].append((int(pts) * scale, int(duration) * scale, crc))
    return found[0], found[1]


def decodes_whole(url, length, folder):
    video, audio = packets(url, folder)
    assert len(video) == length * FRAME_RATE, f"{len(video)} frames in {length} s"
    for before, after in zip(video, video[1:]):
        assert after[0] - before[0] == Fraction(1, FRAME_RATE), f"video jumps from {before} to {after}"
    total = sum(duration for _time, duration, _crc in audio)
    assert abs(total - length) <= Fraction(2 * 1024, SAMPLE_RATE), f"audio lasts {float(total)} s of {length}"
    return [crc for _time, _duration, crc in video]


def all_formats_have_the_same_frames(urls, query, length, folder):
    frames = {name: decodes_whole(urls[name] + query, length, folder) for name in ("hls", "cmaf", "dash")}
    assert frames["hls"] == frames["cmaf"] == frames["dash"], "the formats differ in their frames"


def judge(result, bounds):
    """`bounds`: {field: (from, to)} of what the player was at when it began."""
    assert result["errors"] == [], result["errors"]
    assert result["advanced"] > PLAY_SECONDS - 1, result
    assert result["longest_stall"] < 1.0, result
    assert result["backwards"] == 0, result
    assert result["audio_bytes"] > 0, result
    for field, (least, most) in bounds.items():
        assert result[field] is not None and least <= result[field] <= most, (field, least, most, result)


def bounds_of(player, name, kind):
    if kind == "vod":
        return {"first": (0, 2.5)}
    if kind == "offset":
        # three segments behind an edge that is 10 s behind; the clock of DASH is those 10 s behind too
        return {"latency": (4, 15) if name == "dash" else (14, 25)}
    if (player, name) == ("shaka", "cmaf"):
        return {}  # takes a TIME-OFFSET of 0 for none and begins at the live edge
    # DASH goes on counting from where the channel began
    return {"first": (4, 6.5) if name == "dash" else (0, 2.5)}


def refuses(urls, begin):
    start = text_of(begin + seconds(4))
    soon, late = text_of(begin + seconds(8)), text_of(begin + seconds(900))
    plus = text_of(begin + seconds(4)).replace("Z", "%2B00:00")
    rows = [
        ("off", f"start={start}", 400, "time-shift-off"), ("off", "offset=x", 400, "time-shift-off"),
        ("hls", "start=yesterday", 400, "time-shift"), ("hls", f"start={start}&offset=3", 400, "time-shift"),
        ("hls", f"start={start}&vodend={text_of(begin)}", 400, "time-shift"),
        ("hls", f"vodend={soon}", 400, "time-shift"), ("hls", f"start={start}&start={start}", 400, "time-shift"),
        ("hls", "offset=-1", 400, "time-shift"), ("hls", f"start={start}&end={late}&x=1", 200, None),
        ("hls", f"start={plus}&vodend={soon}", 200, None),
        ("hls", f"start={start}&vodend={late}", 404, "outside-window"), ("hls", f"start={late}", 404, "outside-window"),
        ("hls", "offset=86000", 404, "outside-window"), ("dash", f"start={late}", 404, "outside-window"),
    ]
    for name, query, status, reason in rows:
        answer = request(f"{urls[name]}?{query}")
        assert (answer.status, answer.headers.get("x-tarn-reason")) == (status, reason), (query, answer.status, answer.text)
        assert status == 200 or answer.headers["cache-control"] == "no-store", answer.headers


def same_after_restart(server, urls, query):
    def everything():
        found = {}
        for name in ("hls", "cmaf", "dash"):
            answer = request(urls[name] + query)
            assert answer.status == 200, (name, answer.status, answer.text)
            found[name] = (answer.body, answer.headers["etag"])
            media = [line for line in answer.text.splitlines() if line and not line.startswith(("#", "<", " "))]
            for uri in media:
                inner = request(urls[name].rsplit("/", 1)[0] + "/" + uri)
                assert inner.status == 200 and inner.text.endswith("#EXT-X-ENDLIST\n"), (uri, inner.status)
                found[uri] = inner.body
        return found

    before = everything()
    server.kill()
    server.start()
    wait_until(lambda: request(urls["hls"]).status == 200, 20, "the server answers again")
    assert everything() == before


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        server = lab.Server(folder)
        inputs, urls = server.create_channel("g", "c", ENDPOINTS)
        encoder = lab.tee_encoder(folder, inputs)
        try:
            wait_until(lambda: all(request(url).status == 200 for url in urls.values()), 30, "all manifests answer 200")
            begin = available(urls["hls"])[0]
            wait_until(lambda: available(urls["hls"])[1] >= begin + seconds(26), 60, "26 s are there")
            # within the segments: the times of answers are whole milliseconds, bounds of segments are not
            vod = f"?start={text_of(begin + seconds(4.5))}&vodend={text_of(begin + seconds(19.5))}"
            tap.run("16 s of the past have the same frames in every format, each once",
                    all_formats_have_the_same_frames, urls, vod, 16, folder)
            tap.run("what means nothing or is not there is refused with its reason", refuses, urls, begin)
            event = f"?start={text_of(begin + seconds(4.5))}"
            kinds = {"vod": vod, "event": event, "offset": "?offset=10"}
            with concurrent.futures.ThreadPoolExecutor(3) as pool:
                for kind, query in kinds.items():
                    cases = [{"name": f"{player}-{name}-{kind}", "player": player, "url": urls[name] + query}
                             for player, name in PLAYERS]
                    played = pool.submit(lab.play, cases, PLAY_SECONDS, os.environ.get("TARN_SCREENSHOTS"))
                    for player, name in PLAYERS:
                        tap.run(f"{player} plays {name} by {kind}, from where it should",
                                lambda future=played, key=f"{player}-{name}-{kind}", bounds=bounds_of(player, name, kind):
                                judge(future.result()[key], bounds))
            judging.judge_server(server, tap, ["", *kinds.values()], real_time=True)
            tap.run("the same window is the same bytes after kill -9", same_after_restart, server, urls, vod)
        finally:
            encoder.kill()
            server.stop()
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
