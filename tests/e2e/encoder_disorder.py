#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Encoders that repeat, swap and lose segments, whose times jump and whose tracks come and go, by their rows of the fault
matrix: B1, B3, B6, B12, B14, B19. What comes out is judged by ffmpeg against what went in."""

import os
import re
import sys

import lab
from encoder_faults import ENDPOINTS, TS, X264, CODECS, counted, files_of, made, playlist, two_programmes
from lab import Tap, request, wait_until
from streams import compare, encode, ffmpeg, frames, is_over, output_file, put


def listed_text(url):
    """The first variant's playlist."""
    variant = next(line for line in request(url).text.splitlines() if line and not line.startswith("#"))
    return request(f"{url.rsplit('/', 1)[0]}/{variant}").text


def ends(urls):
    wait_until(lambda: is_over(urls["cmaf"]), 40, "the stream is over")


def bytes_kept(server, group):
    metrics = request(server.control + "/metrics").text
    return int(re.search(rf'^tarn_archive_bytes{{group="{group}",channel="c"}} (\d+)', metrics, re.M).group(1))


def repeated(server):
    sent = made(server, "b1")
    inputs, urls = server.create_channel("b1", "c", ENDPOINTS)
    for number, name in enumerate(sent.segments):
        for _ in range(3):
            put(inputs[:1], name, sent.body(name))
            put(inputs[:1], "live.m3u8", playlist(sent.listed(0, number + 1)))
    wait_until(lambda: len(files_of(urls["cmaf"])) == len(sent.segments), 20, "all is published")
    kept = bytes_kept(server, "b1")
    for name in sent.segments:
        put(inputs[:1], name, sent.body(name))
    assert bytes_kept(server, "b1") == kept > 0
    put(inputs[:1], "live.m3u8", playlist(sent.listed(), over=True))
    ends(urls)
    compare(sent.folder, os.path.join(sent.folder, "live.m3u8"), urls)


def swapped(server):
    """The third of each three comes first, then the first and the second."""
    sent = made(server, "b3", [*X264, "-g", "25", "-keyint_min", "25", "-c:a", "aac"], [*TS[:2], "-hls_time", "1", *TS[4:]])
    inputs, urls = server.create_channel("b3", "c", ENDPOINTS)
    assert len(sent.segments) >= 9, sent.segments
    for first in range(0, len(sent.segments), 3):
        three = sent.segments[first:first + 3]
        for name in three[2:] + three[:2]:
            put(inputs[:1], name, sent.body(name))
        put(inputs[:1], "live.m3u8", playlist(sent.listed(0, first + 3)))
    put(inputs[:1], "live.m3u8", playlist(sent.listed(), over=True))
    ends(urls)
    assert "DISCONTINUITY" not in listed_text(urls["cmaf"]), listed_text(urls["cmaf"])
    compare(sent.folder, os.path.join(sent.folder, "live.m3u8"), urls)


def never_sent(server):
    """Listed and not sent, as by ffmpeg after an answer of 503: a gap as long as it is, and everything else."""
    sent = made(server, "b6")
    inputs, urls = server.create_channel("b6", "c", ENDPOINTS)
    for number, name in enumerate(sent.segments):
        if number != 2:
            put(inputs[:1], name, sent.body(name))
        put(inputs[:1], "live.m3u8", playlist(sent.listed(0, number + 1)))
    put(inputs[:1], "live.m3u8", playlist(sent.listed(), over=True))
    ends(urls)
    whole = [each[1] for each in frames(os.path.join(sent.folder, "live.m3u8"), "v")]
    for name in ("hls", "cmaf"):
        text = listed_text(urls[name])
        assert text.count("#EXT-X-GAP") == 1 and "DISCONTINUITY" not in text, text
        assert [round(float(length)) for length in re.findall(r"#EXTINF:([\d.]+)", text)] == [2] * 5, text
        base, gap = urls[name].rsplit("/", 1)[0], False
        for line in text.splitlines():
            if line and line[0] != "#":
                assert (request(f"{base}/{line}", "HEAD").status == 200) != gap, line
                gap = False
            gap = gap or line == "#EXT-X-GAP"
    # what is there, without the gap
    path = os.path.join(sent.folder, "there.ts")
    with open(path, "wb") as file:
        file.write(b"".join(body for body in files_of(urls["hls"]).values() if body[:1] == b"\x47"))
    got = [each[1] for each in frames(path, "v")]
    assert got == whole[:100] + whole[150:], (len(got), len(whole))


def jumping(server):
    """An hour forward, then back by ten seconds, in one session and without a word in the playlist."""
    at = (10, 3610, 3595)
    parts = [made(server, f"b12-{number}", how=["-output_ts_offset", str(offset), *TS]) for number, offset in enumerate(at)]
    inputs, urls = server.create_channel("b12", "c", ENDPOINTS)
    listed = ""
    for number, sent in enumerate(parts):
        for length, name in zip(sent.lengths, sent.segments):
            put(inputs[:1], f"{number}-{name}", sent.body(name))
            listed += f"#EXTINF:{length},\n{number}-{name}\n"
            put(inputs[:1], "live.m3u8", playlist(listed))
    put(inputs[:1], "live.m3u8", playlist(listed, over=True))
    two_programmes(server, urls, [os.path.join(sent.folder, "live.m3u8") for sent in parts], headers=False)


def announced(server):
    """A discontinuity in the playlist whose times go on, and sequences that are wrong: passed on once."""
    sent = made(server, "b14")
    inputs, urls = server.create_channel("b14", "c", ENDPOINTS)
    wrong = lambda text, number: text.replace(b"#EXT-X-MEDIA", b"#EXT-X-DISCONTINUITY-SEQUENCE:%d\n#EXT-X-MEDIA" % (number * 7 % 5))  # noqa: E731
    for number, name in enumerate(sent.segments):
        put(inputs[:1], name, sent.body(name))
        later = ["#EXT-X-DISCONTINUITY\n" + sent.listed(3, number + 1)] if number >= 3 else []
        put(inputs[:1], "live.m3u8", wrong(playlist(sent.listed(0, min(number + 1, 3)), *later, over=number == 4), number))
    ends(urls)
    for name in ("hls", "cmaf"):
        text = listed_text(urls[name])
        assert text.count("#EXT-X-DISCONTINUITY\n") == 1, text
        before = text.split("#EXT-X-DISCONTINUITY\n")[0]
        assert sum(line.startswith("#EXTINF") for line in before.splitlines()) == 3, text
    # in the multivariant order of things each side is whole
    got = [each[1] for each in frames(output_file(sent.folder, urls["cmaf"], "v"), "v")]
    assert got == [each[1] for each in frames(os.path.join(sent.folder, "live.m3u8"), "v")]


def without_sound(folder, name):
    path = os.path.join(folder, f"silent-{name}")
    ffmpeg("-copyts", "-i", os.path.join(folder, name), "-map", "0:v", "-c", "copy", "-copyts", "-muxdelay", "0", "-f", "mpegts", path)
    with open(path, "rb") as file:
        return file.read()


def missing_sound(server):
    """Two segments without it: pictures go on, the sound that came is there."""
    sent = made(server, "b19")
    inputs, urls = server.create_channel("b19", "c", ENDPOINTS)
    for number, name in enumerate(sent.segments):
        put(inputs[:1], name, without_sound(sent.folder, name) if number in (2, 3) else sent.body(name))
        put(inputs[:1], "live.m3u8", playlist(sent.listed(0, number + 1)))
    put(inputs[:1], "live.m3u8", playlist(sent.listed(), over=True))
    ends(urls)
    source = os.path.join(sent.folder, "live.m3u8")
    for name, url in urls.items():
        got = [each[1] for each in frames(output_file(sent.folder, url, "v"), "v")]
        assert got == [each[1] for each in frames(source, "v")], (name, len(got))
    sound = [each[1] for each in frames(source, "a")]
    got = [each[1] for each in frames(output_file(sent.folder, urls["hls"], "a"), "a")]
    assert set(got) <= set(sound) and len(sound) * 0.5 < len(got) < len(sound) * 0.7, (len(got), len(sound))


def too_many_tracks(server):
    """Forty audio tracks: refused with what is wrong, and the rest of the stream goes on."""
    sent = made(server, "b19-many")
    many = os.path.join(sent.folder, "many.ts")
    ffmpeg("-i", os.path.join(sent.folder, sent.segments[1]), "-map", "0:v", *(["-map", "0:a"] * 40), "-c", "copy", "-f", "mpegts", many)
    inputs, urls = server.create_channel("b19-many", "c", ENDPOINTS)
    for number, name in enumerate(sent.segments):
        if number == 2:
            with open(many, "rb") as file:
                answer = request(f"{os.path.dirname(inputs[0]['url'])}/{name}", "PUT", file.read(), lab.basic(inputs[0]))
            assert answer.status in (400, 413, 415) and name in answer.text, (answer.status, answer.text)
            assert re.search("track|stream", answer.text), answer.text
            refused = counted(server, "b19-many")
            assert int(refused["refused"]) == 1 and name in refused["statistics"]["lastError"], refused
        else:
            put(inputs[:1], name, sent.body(name))
        put(inputs[:1], "live.m3u8", playlist(sent.listed(0, number + 1)))
    put(inputs[:1], "live.m3u8", playlist(sent.listed(), over=True))
    ends(urls)
    assert listed_text(urls["hls"]).count("#EXT-X-GAP") == 1


ROWS = [
    ("B1 segments that come again", repeated),
    ("B3 segments out of order", swapped),
    ("B6 a listed segment that never comes is a gap", never_sent),
    ("B12 timestamps that jump in a session", jumping),
    ("B14 a discontinuity is passed on once", announced),
    ("B19 sound that is missing for a while", missing_sound),
    ("B19 more tracks than may be", too_many_tracks),
]


def main():
    tap = Tap()
    only = os.environ.get("TARN_ONLY", "")
    with lab.temporary_folder() as folder:
        server = lab.Server(folder)
        try:
            for name, row in ROWS:
                if name.startswith(only):
                    tap.run(name, row, server)
        finally:
            server.stop()
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
