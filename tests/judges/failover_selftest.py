#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The simulated player notices whatever a player can notice, one defect at a time and nothing where there is none; the
simulated encoder fails as it is told. Time is an argument: nobody waits."""

import http.server
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

# pylint: disable=wrong-import-position
from failover_lab import EncoderSimulator, make  # noqa: E402
from lab import Tap, temporary_folder  # noqa: E402
import encsim  # noqa: E402
import playsim  # noqa: E402

SECONDS = 2


class Origin:
    """Serves what it is told, and a clock that moves when it is told."""

    def __init__(self):
        self.files, self.now = {}, 0.0
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                body = origin.files.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *arguments):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        playsim.time = types.SimpleNamespace(monotonic=lambda: self.now)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        playsim.time = time


class Hls:
    """Five of the programme's segments, one every two seconds; `change` spoils the lists, each a dict."""

    manifest, first, discontinuities = "/c/1/main.m3u8", 0, 0

    def __init__(self, programme):
        self.segments = [{"uri": f"s{i}.ts", "body": read(programme, f"s{i}.ts"), "tags": "", "at": (i + 1) * SECONDS}
                         for i in range(5)]

    def serve(self, origin, count):
        origin.files[self.manifest] = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n"
        lines = ["#EXTM3U", f"#EXT-X-MEDIA-SEQUENCE:{self.first}", f"#EXT-X-DISCONTINUITY-SEQUENCE:{self.discontinuities}"]
        for segment in self.segments[:count]:
            lines += [segment["tags"]] * bool(segment["tags"]) + [f"#EXTINF:{SECONDS},", segment["uri"]]
            if segment["body"]:
                origin.files[f"/c/1/{segment['uri']}"] = segment["body"]
        origin.files["/c/1/v.m3u8"] = "\n".join(lines).encode()


class Dash:
    manifest = "/c/2/main.mpd"

    def __init__(self, programme):
        self.segments = [{"uri": f"{i * SECONDS}.m4s", "body": read(programme, f"f{i}.m4s"), "time": i * SECONDS, "period": "p1",
                          "at": (i + 1) * SECONDS} for i in range(5)]
        self.init = read(programme, "init.mp4")

    def serve(self, origin, count):
        origin.files["/c/2/init.mp4"] = self.init
        periods = {}
        for segment in self.segments[:count]:
            origin.files[f"/c/2/{segment['uri']}"] = segment["body"]
            periods.setdefault(segment["period"], []).append(f'<S t="{segment["time"]}" d="{SECONDS}"/>')
        text = "".join(
            f'<Period id="{name}"><AdaptationSet contentType="video"><Representation id="v"><SegmentTemplate timescale="1" '
            f'initialization="init.mp4" media="$Time$.m4s"><SegmentTimeline>{"".join(lines)}</SegmentTimeline></SegmentTemplate>'
            "</Representation></AdaptationSet></Period>" for name, lines in periods.items())
        origin.files[self.manifest] = f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">{text}</MPD>'.encode()


def read(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def watch(stream, source, at_the_end=None):
    """The player's report of a stream whose segments come at their times."""
    origin = Origin()
    try:
        player = (playsim.Dash if isinstance(stream, Dash) else playsim.Hls)(origin.url + stream.manifest)
        for count, segment in enumerate(stream.segments, 1):
            origin.now = segment["at"]
            stream.serve(origin, count)
            player.look()
        if at_the_end:
            at_the_end(origin, stream)
            player.look()
        with tempfile.TemporaryDirectory() as folder:
            (watched,) = player.watched.values()
            return watched.report(folder, origin.now, source)
    finally:
        origin.close()


def noticed(report):
    return {key for key in ("lost", "repeated", "foreign", "skipped", "replayed", "stall", "gaps", "discontinuities", "broken") if report[key]}


def drop(stream):
    del stream.segments[2]


def repeat(stream):
    stream.segments[3]["body"] = stream.segments[2]["body"]


def other_content(stream):
    """The times fit, the pictures do not."""
    stream.segments[3]["body"] = encsim.shift_times(stream.segments[4]["body"], -SECONDS * encsim.CLOCK)


def late(stream):
    for segment in stream.segments[3:]:
        segment["at"] += 10


def not_there(stream):
    stream.segments[3]["body"] = b""


def gap(stream):
    stream.segments[3].update(body=b"", tags="#EXT-X-GAP")


def discontinuity(stream):
    stream.segments[3]["tags"] = "#EXT-X-DISCONTINUITY"


def left_out(stream):
    discontinuity(stream)
    del stream.segments[2]


def shown_again(stream):
    discontinuity(stream)
    stream.segments[3]["body"], stream.segments[4]["body"] = (stream.segments[at]["body"] for at in (2, 3))


def runs_are_held_against_the_source(programme, source):
    for change, skipped, replayed in ((discontinuity, 0, 0), (left_out, 50, 0), (shown_again, 0, 50)):
        stream = Hls(programme)
        change(stream)
        report = watch(stream, source)
        assert (report["lost"], report["foreign"], report["skipped"], report["replayed"]) == (0, 0, skipped, replayed), report


def playlists_end_together(programme):
    """S18: what is listed in one playlist is listed in all."""
    origin = Origin()
    try:
        stream = Hls(programme)
        stream.serve(origin, 3)
        origin.files[stream.manifest] = (b'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="a.m3u8"\n'
                                         b"#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n")
        both = origin.files["/c/1/v.m3u8"]
        player = playsim.Hls(origin.url + stream.manifest)
        for behind in ("a", "v"):  # whoever is behind is seen at one of two looks
            origin.files["/c/1/a.m3u8"] = origin.files["/c/1/v.m3u8"] = both
            for _ in range(2):
                player.look()
            assert not any(watched.broken for watched in player.watched.values())
            origin.files[f"/c/1/{behind}.m3u8"] = both[:both.rindex(b"#EXTINF")]
            for _ in range(2):
                player.look()
            broken = [fault for watched in player.watched.values() for fault in watched.broken]
            assert len(broken) == 1 and "another playlist had 2" in broken[0], broken
            for watched in player.watched.values():
                watched.broken.clear()
    finally:
        origin.close()


def new_period(stream):
    for segment in stream.segments[3:]:
        segment["period"] = "p2"


def dated(off):
    """Dates of every segment; those of the last two are `off` seconds wrong."""
    def change(stream):
        for number, segment in enumerate(stream.segments):
            second = number * SECONDS + (off if number >= 3 else 0)
            segment["tags"] = f"#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:{second:06.3f}Z"
    return change


def dates_go_on(programme):
    stream = Hls(programme)
    drifting(stream)
    assert 0.001 < watch(stream, None)["dates off"] < 0.002
    for off, seen in ((0, 0), (0.2, 0.2), (-1, 1)):
        stream = Hls(programme)
        dated(off)(stream)
        assert abs(watch(stream, None)["dates off"] - seen) < 0.001, off
    assert watch(Hls(programme), None)["dates off"] is None


def another_date(origin, stream):
    dated(5)(stream)
    stream.serve(origin, 5)


def refused(origin, stream):
    origin.files[stream.manifest] = None


def jumping(origin, stream):
    stream.discontinuities += 1
    stream.serve(origin, 5)


def drifting(stream):
    """200 ppm: no two neighbours show it."""
    for number, segment in enumerate(stream.segments):
        segment["tags"] = f"#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:{number * SECONDS * 1.0002:09.6f}Z"


def renamed(origin, stream):
    stream.segments[3]["uri"] = "other.ts"
    stream.serve(origin, 5)


def rewritten(origin, stream):
    origin.files[f"/c/1/{stream.segments[1]['uri']}"] = stream.segments[2]["body"]


def gone(origin, stream):
    del origin.files[f"/c/1/{stream.segments[1]['uri']}"]


def set_back(field, at):
    """`field` goes back though the other one does not."""
    def change(origin, stream):
        setattr(stream, field, at)
        stream.segments = stream.segments[1:]
        other = "discontinuities" if field == "first" else "first"
        setattr(stream, other, getattr(stream, other) + 1)
        stream.serve(origin, 0)
    return change


def numbered(stream):
    stream.first, stream.discontinuities = 7, 3


DEFECTS = [
    ("HLS, nothing", Hls, None, None, set()),
    ("DASH, nothing", Dash, None, None, set()),
    ("a segment is left out", Hls, drop, None, {"lost", "foreign"}),
    ("a segment is left out of DASH", Dash, drop, None, {"lost", "foreign"}),
    ("a segment comes twice", Hls, repeat, None, {"repeated", "lost", "foreign"}),
    # an audio frame is not exactly as long as what is moved
    ("other pictures at the right times", Hls, other_content, None, {"lost", "foreign"}),
    ("segments come late", Hls, late, None, {"stall"}),
    ("a segment is listed and not there", Hls, not_there, None, {"broken", "lost", "foreign"}),
    ("a gap is listed", Hls, gap, None, {"gaps", "lost", "foreign"}),
    ("a discontinuity", Hls, discontinuity, None, {"discontinuities"}),
    ("a Period", Dash, new_period, None, {"discontinuities"}),
    ("a URL changes", Hls, None, renamed, {"broken"}),
    ("bytes change", Hls, None, rewritten, {"broken"}),
    ("a date changes", Hls, dated(0), another_date, {"broken"}),
    ("a manifest is refused", Hls, None, refused, {"broken"}),
    ("the discontinuity sequence jumps", Hls, None, jumping, {"broken"}),
    ("a listed segment goes away", Hls, None, gone, {"broken"}),
    ("the media sequence goes back", Hls, numbered, set_back("first", 6), {"broken"}),
    ("the discontinuity sequence goes back", Hls, numbered, set_back("discontinuities", 2), {"broken"}),
]


def judge_defect(programme, source, kind, change, at_the_end, expected):
    stream = kind(programme)
    if change:
        change(stream)
    report = watch(stream, source, at_the_end)
    assert noticed(report) == expected, report
    assert report["frames"] >= 4 * SECONDS * 25 - 60, report


class Input:
    """Takes requests and answers 201; what of each had come is kept."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.requests = []  # (name, head, body, "whole", "cut", "reset" or "hung")
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        self.url = "http://127.0.0.1:%d/in" % self.listener.getsockname()[1]

    def serve(self):
        while not self.requests or self.requests[-1][0] != "end":
            connection, _ = self.listener.accept()
            with connection:
                self.requests.append(self.take(connection))

    def close(self):
        """All that came, once the last of it has been looked at: one connection after the other is."""
        with socket.create_connection(self.listener.getsockname()) as connection:
            connection.sendall(b"PUT /inend HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            self.thread.join()
        self.listener.close()
        return self.requests[:-1]

    @staticmethod
    def take(connection):
        data, end = b"", "whole"
        connection.settimeout(5)  # only what hangs is ever waited for
        try:
            while not Input.is_whole(data):
                more = connection.recv(65536)
                if not more:
                    end = "cut"
                    break
                data += more
            else:
                connection.sendall(b"HTTP/1.1 201 Created\r\n\r\n")
        except ConnectionResetError:
            end = "reset"
        except TimeoutError:
            end = "hung"
        head, _, body = data.partition(b"\r\n\r\n")
        return re.sub(rb"^PUT /in(\S*) .*", rb"\1", head, flags=re.S).decode(), head.decode(), body, end

    @staticmethod
    def is_whole(data):
        head, separator, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        return bool(separator) and (len(body) == int(length.group(1)) if length else body.endswith(b"\r\n0\r\n\r\n")
                                    or body == b"0\r\n\r\n")


class NoWait:
    """Time goes by at once; what was to be waited for is kept."""

    def __init__(self):
        self.waits = []

    def wait(self, seconds=None):
        self.waits.append(seconds)
        return False

    @staticmethod
    def is_set():
        return False


def encode(programme, *faults, **how):
    receiver = Input()
    encoder = EncoderSimulator(programme, receiver.url, "u", "p", time.monotonic(), faults, **how)
    encoder.stopping = NoWait()
    encoder.run()
    requests = receiver.close()
    assert encoder.failure is None, encoder.failure
    return encoder, requests


def segments_in(requests):
    return [int(name[1:-3]) for name, *_ in requests if name.endswith(".ts")]


def listed_in(requests):
    last = [body for name, _, body, _ in requests if name == "-v.m3u8"][-1]
    return [int(number) for number in re.findall(rb"in-(\d+)\.ts", last)]


def ways_to_die(programme):
    for kind, end in (("kill", "reset"), ("fin", "cut"), ("length", "cut"), ("hang", "hung")):
        encoder, requests = encode(programme, f"{kind}@5")
        name, head, body, ended = requests[-1]
        assert (name, ended) == ("-2.ts", end), (kind, name, ended)
        assert ("Content-Length" in head) == (kind == "length"), head
        assert (encoder.hung_for is not None) == (kind == "hang"), "it sees that it is given up"
        assert 0 < len(body) < os.path.getsize(os.path.join(programme, "s2.ts")) * 0.7, (kind, len(body))
        if kind == "fin":
            assert body.endswith(b"\r\n"), "at a chunk's edge"
        assert segments_in(requests) == [0, 1, 2]


def what_is_sent(programme):
    assert segments_in(encode(programme)[1]) == [0, 1, 2, 3, 4, 5]
    assert segments_in(encode(programme, "off@4.5:3")[1]) == [0, 1, 4, 5]
    assert segments_in(encode(programme, "flap@3:2")[1]) == [0, 2, 4]
    _, requests = encode(programme, "drop@4:1")
    assert segments_in(requests) == [0, 1, 3, 4, 5] and 2 in listed_in(requests)
    assert segments_in(encode(programme, "twice@4:1")[1]) == [0, 1, 2, 2, 3, 4, 5]
    assert segments_in(encode(programme, "swap@4:1")[1]) == [0, 1, 3, 2, 4, 5]
    assert segments_in(encode(programme, "late@5:3")[1]) == [0, 1, 3, 4, 2, 5]
    _, requests = encode(programme, "restart@5")
    assert segments_in(requests) == [0, 1, 0, 1, 2, 3] and listed_in(requests) == [0, 1, 2, 3]
    _, requests = encode(programme, "anew@5")
    assert segments_in(requests) == [0, 1, 0, 1, 2, 3] and listed_in(requests) == [0, 1, 2, 3]
    assert segments_in(encode(programme, join=2)[1]) == [0, 1, 2]


def when_it_is_sent(programme):
    encoder, _ = encode(programme, delay=100, drift=-1e6 / 2)
    waits = [round(seconds - 100) for seconds in encoder.stopping.waits]
    assert waits == [4, 8, 12, 16, 20, 24], f"a clock that runs at half the speed: {waits}"
    encoder, requests = encode(programme, "trickle@9:4000")
    assert encoder.stopping.waits.count(0.25) > 10 and segments_in(requests) == [0, 1, 2, 3, 4, 5]


def begin_of(path):
    return float(subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format=start_time", "-of", "csv=p=0", path],
                                capture_output=True, text=True, check=True).stdout)


def times_moved(programme, requests):
    """By how much the times of each segment that was sent differ from the programme's."""
    moved = []
    for number, (_, _, body, _) in enumerate(entry for entry in requests if entry[0].endswith(".ts")):
        plain = b""
        while body:
            size, _, body = body.partition(b"\r\n")
            plain, body = plain + body[:int(size, 16)], body[int(size, 16) + 2:]
        with tempfile.NamedTemporaryFile(suffix=".ts") as file:
            file.write(plain)
            file.flush()
            moved.append(round(begin_of(file.name) - begin_of(os.path.join(programme, f"s{number}.ts")), 3))
    return moved


def times_and_dates(programme):
    assert times_moved(programme, encode(programme, "step@5:0.04")[1]) == [0, 0, 0.04, 0.04, 0.04, 0.04]
    assert times_moved(programme, encode(programme, "anew@5")[1]) == [0, 0, -4, -4, -4, -4]
    _, requests = encode(programme, offset=3.0, dates=lambda programme: 1_000_000_000 + programme * 2)
    assert times_moved(programme, requests) == [3.0] * 6
    playlist = [body for name, _, body, _ in requests if name == "-v.m3u8"][1].decode()
    assert re.findall(r"DATE-TIME:(\S+)", playlist) == ["2001-09-09T01:46:40.000Z", "2001-09-09T01:46:44.000Z"], playlist


def main():
    tap = Tap()
    with temporary_folder() as programme:
        make(programme, 6 * SECONDS)
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", os.path.join(programme, "source.mp4"), "-map", "0:v", "-c",
                        "copy", "-f", "hls", "-hls_time", str(SECONDS), "-hls_list_size", "0", "-hls_segment_type", "fmp4",
                        "-hls_segment_filename", os.path.join(programme, "f%d.m4s"),
                        os.path.join(programme, "f.m3u8")], check=True)
        source = playsim.frames_of(os.path.join(programme, "source.mp4"))
        for name, *arguments in DEFECTS:
            tap.run(f"the player: {name}", judge_defect, programme, source, *arguments)
        tap.run("the player: dates go on", dates_go_on, programme)
        tap.run("the player: runs are held against the source", runs_are_held_against_the_source, programme, source)
        tap.run("the player: playlists end together", playlists_end_together, programme)
        for judge in (ways_to_die, what_is_sent, when_it_is_sent, times_and_dates):
            tap.run(f"the encoder: {judge.__name__.replace('_', ' ')}", judge, programme)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
