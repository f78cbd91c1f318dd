#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seeking in real players: clips on a plain web server, and windows of a running channel. Each picture carries its
number, so that what is shown after a seek can be told from what should be."""

import os
import subprocess
import sys
import threading
import time

import lab
from collect import MANIFEST, create, finished, folder_of, served
from lab import Tap, request, wait_until
from timeshift import available, seconds, text_of

RATE = 25
SECONDS = 2  # of a segment
FIRST = 7  # segments until the programme jumps
JUMP = 20  # the segment that it jumps to
BURST = 6  # segments behind the jump that are there at once
SEGMENTS = 150  # more than the test takes on a busy machine
HOLE = 2  # seconds of nothing where it jumps


def prepare(folder):
    """Segments whose pictures carry their numbers as seeks.mjs reads them: 16 squares of a bit each. They are made many
    times faster than they are sent."""
    squares = "color=black:size=256x16:rate=25,format=gray,geq=lum='255*mod(floor(N/pow(2,floor(X/16))),2)'"
    return subprocess.Popen(
        ["nice", "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i",
         squares, "-f", "lavfi", "-i", "sine=frequency=440:beep_factor=4:sample_rate=48000", "-filter_complex",
         "[0:v][1:v]overlay", "-map", "2:a", "-t", str(SEGMENTS * SECONDS), "-c:v", "libx264", "-preset", "ultrafast",
         "-bf", "2", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0", "-b:v", "400k", "-pix_fmt", "yuv420p",
         "-c:a", "aac", "-b:a", "64k", "-ac", "1", "-f", "hls", "-hls_time", str(SECONDS), "-hls_list_size", "0",
         "-hls_segment_filename", os.path.join(folder, "s%d.ts"), os.path.join(folder, "all.m3u8")])


class Encoder(threading.Thread):
    """Sends what began half a minute ago at once, and goes on in real time."""

    def __init__(self, folder, entry):
        super().__init__(daemon=True)
        self.folder, self.entry, self.base = folder, entry, entry["url"]
        self.order = list(range(FIRST)) + list(range(JUMP, SEGMENTS - 1))
        self.begin = time.time() - SECONDS * (FIRST + BURST) - HOLE
        self.sent = 0
        self.stopping = threading.Event()
        self.failure = None

    def start_of(self, at):
        return self.begin + at * SECONDS + (HOLE if at >= FIRST else 0)

    def put(self, name, body):
        answer = request(name, "PUT", body, lab.basic(self.entry))
        assert 200 <= answer.status < 300, (name, answer.status, answer.text)

    def run(self):
        try:
            self.put(self.base + ".m3u8",
                     b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=600000,RESOLUTION=320x180\nmanifest-v.m3u8\n")
            for at, number in enumerate(self.order):
                if self.stopping.wait(max(0.0, self.start_of(at + 1) - time.time())):
                    return
                following = os.path.join(self.folder, f"s{number + 1}.ts")  # then this one is whole
                wait_until(lambda name=following: os.path.exists(name), 60, following)
                with open(os.path.join(self.folder, f"s{number}.ts"), "rb") as file:
                    self.put(f"{self.base}-v-{number}.ts", file.read())
                self.put(self.base + "-v.m3u8", self.playlist(at))
                self.sent = at + 1
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def playlist(self, last):
        first = max(0, last - 4)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{SECONDS}", f"#EXT-X-MEDIA-SEQUENCE:{first}",
                 f"#EXT-X-DISCONTINUITY-SEQUENCE:{int(first > FIRST)}"]
        for at in range(first, last + 1):
            if at == FIRST:
                lines.append("#EXT-X-DISCONTINUITY")
            moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.start_of(at)))
            lines += [f"#EXT-X-PROGRAM-DATE-TIME:{moment}.{int(self.start_of(at) % 1 * 1000):03}Z",
                      f"#EXTINF:{SECONDS}.000,", f"manifest-v-{self.order[at]}.ts"]
        return ("\n".join(lines) + "\n").encode()

    def stop(self):
        self.stopping.set()
        self.join(30)
        assert self.failure is None, self.failure


PLAYERS = [("hls.js", "hls"), ("hls.js", "cmaf"), ("shaka", "cmaf"), ("shaka", "dash"), ("dash.js", "dash")]
GROWING = [("hls.js", "hls"), ("shaka", "dash")]  # without an end; the others end some time
LISTED = 1  # the segment of the programme that clips and windows begin with
LATE = 5  # seconds that may have been played until a busy machine shows the first picture
BEHIND = 30  # seconds of a player that is at the live edge, however busy the machine; the beginning is further off


def origin_of(name):
    """Where a window that grows begins on the player's axis: that of DASH began with the programme."""
    return LISTED * SECONDS if name == "dash" else 0


def jump_of(name, origin):
    """The time of the player's axis at which the programme has jumped; Periods leave room for what is missing."""
    return origin + (FIRST - LISTED) * SECONDS + (HOLE if name == "dash" else 0)


def picture_at(name, origin, moment):
    jump = jump_of(name, origin)
    if moment < jump:
        return round((LISTED * SECONDS + moment - origin) * RATE)
    return round((JUMP * SECONDS + moment - jump) * RATE)


def judge_seek(name, origin, sought):
    assert sought["arrived"] is not None, f"nothing was shown: {sought}"
    assert sought["played"] > 1, f"it does not play on: {sought}"
    if sought["seek"] == "start":
        # DASH: the buffer reaches back over two more segments than there are
        assert origin - 0.1 <= sought["arrived"] <= origin + LATE, sought
    elif sought["seek"] == "live":
        # a player that is sent beyond what it has goes back by a segment and what its clocks are off by
        assert sought["asked"] - 1.5 * SECONDS <= sought["arrived"] <= sought["asked"] + LATE, sought
    else:
        assert abs(sought["arrived"] - sought["asked"]) < 0.1, sought
    # The first picture of a stretch is shown two frames late, where its B frames would be; hls.js adds that up.
    expected = picture_at(name, origin, sought["arrived"])
    assert -5 <= sought["picture"] - expected <= 1, (expected, sought)


def judge(result, name, origin, length=None):
    assert result["errors"] == [], result["errors"]
    assert result["sought"], result
    assert sum(sought.get("tried", 1) - 1 for sought in result["sought"]) <= 1, result["sought"]
    for sought in result["sought"]:
        if sought["asked"] == "end":
            assert sought["ended"] and length - SECONDS < sought["position"] < length + 0.2, (length, sought)
        else:
            judge_seek(name, origin, sought)
        if sought.get("seek") == "live":
            assert sought["latency"] < BEHIND, sought


def play(cases):
    """lab.play(), or why it cannot be."""
    try:
        return lab.play(cases, 0, os.environ.get("TARN_SCREENSHOTS"), 240)
    except Tap.Skip as reason:
        return reason


def result_of(played, name):
    if isinstance(played, Tap.Skip):
        raise played
    return played[name]


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        made = prepare(folder)
        newest = os.path.join(folder, f"s{JUMP + BURST}.ts")
        wait_until(lambda: os.path.exists(newest), 60, newest)
        server = lab.Server(folder)
        protocols = {"hls": "HLS", "cmaf": "HLS_CMAF", "dash": "DASH"}
        inputs, urls = server.create_channel("g", "c", {
            name: {"protocol": protocol, "timeShiftDays": 1} for name, protocol in protocols.items()}, SECONDS)
        encoder = Encoder(folder, inputs[0])
        encoder.start()
        try:
            wait_until(lambda: encoder.failure or encoder.sent >= FIRST + BURST, 30, "what began half a minute ago")
            wait_until(lambda: request(urls["hls"]).status == 200, 30, "a manifest")
            begin = available(urls["hls"])[0]
            length = SECONDS * (FIRST + BURST) + HOLE
            wait_until(lambda: available(urls["hls"])[1] >= begin + seconds(length), 30, "all of that is listed")
            start, end = text_of(begin + seconds(LISTED * SECONDS + 0.5)), text_of(begin + seconds(length - 0.5))
            future = text_of(begin + seconds(3600))
            root = os.path.join(server.data, "collections", "clips")
            tasks = {name: create(server, name, start, end, {"url": "file:clips"}) for name in urls}
            for task in tasks.values():
                finished(server, task)
            with served(root) as base:
                cases = []
                for player, name in PLAYERS:
                    jump, last = jump_of(name, 0), jump_of(name, 0) + BURST * SECONDS
                    clip = f"{base}/{folder_of(root, tasks[name])}/{MANIFEST[name]}"
                    # the middle, back, over the jump, back to just in front of it, near the end, and once more
                    cases.append({"name": f"{player} {name} clip", "player": player, "url": clip,
                                  "seeks": [5.32, 1.12, jump + 3.48, jump - HOLE - 0.68, last - 1.52, "end", 2.6]})
                    query = f"?start={start}" + ("" if (player, name) in GROWING else f"&end={future}")
                    jump = jump_of(name, origin_of(name))
                    cases.append({"name": f"{player} {name} window", "player": player, "url": urls[name] + query,
                                  "from": start, "seeks": ["live", "start", jump + 1.48, "live"]})
                played = play(cases)
            for player, name in PLAYERS:
                tap.run(f"{player} seeks in a clip of {name} on a plain web server",
                        lambda key=f"{player} {name} clip", n=name:
                        judge(result_of(played, key), n, 0, jump_of(n, 0) + BURST * SECONDS))
            for player, name in PLAYERS:
                tap.run(f"{player} seeks in a window of {name} that grows, from live to its beginning and back",
                        lambda key=f"{player} {name} window", n=name:
                        judge(result_of(played, key), n, origin_of(n)))
        finally:
            encoder.stop()
            made.kill()
            made.wait()
            server.stop()
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
