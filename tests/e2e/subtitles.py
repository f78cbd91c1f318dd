#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""WebVTT subtitles from an encoder to players (semantics S17): HLS and HLS_CMAF as WebVTT segments, DASH as wvtt."""

import os
import re
import subprocess
import sys

import judging
import lab
from lab import Tap, request, wait_until
from streams import PACKAGER, ffmpeg, push_folder, put

ENDPOINTS = {
    "hls": {"protocol": "HLS", "segmentDuration": 4, "timeShiftDays": 1},
    "cmaf": {"protocol": "HLS_CMAF", "segmentDuration": 4, "timeShiftDays": 1},
    "dash": {"protocol": "DASH", "segmentDuration": 4, "timeShiftDays": 1},
}
SECONDS = 16
FIRST_PTS = 127_920  # of the video in ffmpeg's TS: 1.4 s, and what the audio needs before it
HEADER_STYLE = "STYLE\n::cue(i) { color: lime }"


def clock(ms):
    return "%02d:%02d:%02d.%03d" % (ms // 3_600_000, ms // 60_000 % 60, ms // 1000 % 60, ms % 1000)


def cues_of(language):
    """(start, end, text) in ms of programme; every fourth lies across segments."""
    return [(1000 * i + 100, 1000 * i + (900 if i % 4 else 2700), f"{language} {i}") for i in range(SECONDS)]


def vtt(language, begin, end, repeats):
    """The file of [begin, end) ms as an encoder writes it: its LOCAL is an hour off, to see that it is heeded."""
    lines = ["WEBVTT", f"X-TIMESTAMP-MAP=LOCAL:01:00:00.000,MPEGTS:{FIRST_PTS}", "", HEADER_STYLE, ""]
    for start, stop, text in cues_of(language):
        if begin <= start < end or (repeats and start < end and stop > begin):
            lines += [f"{clock(start + 3_600_000)} --> {clock(stop + 3_600_000)} line:80%", text, ""]
    return "\n".join(lines)


def make_stream(folder):
    stream = os.path.join(folder, "stream")
    os.makedirs(stream)
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t",
           str(SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25", "-keyint_min", "25",
           "-sc_threshold", "0", "-c:a", "aac", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0",
           "-hls_segment_filename", os.path.join(stream, "v-%d.ts"), os.path.join(stream, "v.m3u8"))
    count = SECONDS // 2
    for language, repeats in (("en", True), ("fr", False)):
        listing = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:2", "#EXT-X-MEDIA-SEQUENCE:0"]
        for i in range(count):
            name = f"{language}-{i}.vtt"
            with open(os.path.join(stream, name), "w", encoding="utf-8") as file:
                file.write(vtt(language, 2000 * i, 2000 * (i + 1), repeats))
            listing += ["#EXTINF:2.000,", name]
        with open(os.path.join(stream, f"{language}.m3u8"), "w", encoding="utf-8") as file:
            file.write("\n".join([*listing, "#EXT-X-ENDLIST", ""]))
    return stream


MULTIVARIANT = b"""#EXTM3U
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHARACTERISTICS="public.easy-to-read",URI="en.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="Forced",LANGUAGE="fr",FORCED=YES,AUTOSELECT=YES,URI="fr.m3u8"
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="Captions",LANGUAGE="en",INSTREAM-ID="CC1"
#EXT-X-STREAM-INF:BANDWIDTH=500000,SUBTITLES="s",CLOSED-CAPTIONS="cc"
v.m3u8
"""


class Lab:
    def __init__(self, folder):
        self.folder = folder
        self.server = lab.Server(folder, "--collection-root", os.path.join(folder, "clips"))
        self.inputs, self.urls = self.server.create_channel("g", "c", ENDPOINTS)
        self.stream = make_stream(folder)
        push_folder(self.inputs, self.stream, MULTIVARIANT)
        for url in self.urls.values():
            wait_until(lambda url=url: is_over(url), 20, f"{url} is over")

    def renditions(self, name):
        """{language: (attributes, media playlist)} of the subtitles."""
        base = self.urls[name].rsplit("/", 1)[0] + "/"
        found = {}
        for line in request(self.urls[name]).text.splitlines():
            if line.startswith("#EXT-X-MEDIA:TYPE=SUBTITLES"):
                language = re.search(r'LANGUAGE="(\w+)"', line).group(1)
                found[language] = (line, base + re.search(r'URI="([^"]+)"', line).group(1))
        return found


def is_over(url):
    answer = request(url)
    if answer.status != 200:
        return False
    if url.endswith(".mpd"):
        return 'type="static"' in answer.text
    media = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    return "#EXT-X-ENDLIST" in request(url.rsplit("/", 1)[0] + "/" + media[0]).text


def read_vtt(text):
    """(MPEGTS, [(start, end, settings, text)]) by a reading of WebVTT of the test's own."""
    mpegts = int(re.match(r"WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:(\d+)\n", text).group(1))
    cues = []
    for match in re.finditer(r"(\d+):(\d\d):(\d\d)\.(\d{3}) --> (\d+):(\d\d):(\d\d)\.(\d{3})([^\n]*)\n([^\n]+)\n", text):
        numbers = [int(value) for value in match.groups()[:8]]
        start, end = (((n[0] * 60 + n[1]) * 60 + n[2]) * 1000 + n[3] for n in (numbers[:4], numbers[4:]))
        cues.append((start, end, match.group(9).strip(), match.group(10)))
    return mpegts, cues


def multivariant_says_what_the_encoder_said(it):
    for name in ("hls", "cmaf"):
        found = it.renditions(name)
        assert set(found) == {"en", "fr"}, found
        line = found["en"][0]
        assert 'NAME="English"' in line and "DEFAULT=YES" in line and "AUTOSELECT=YES" in line, line
        assert "FORCED=YES" in found["fr"][0], found["fr"][0]
        assert 'CHARACTERISTICS="public.easy-to-read"' in line, line
        text = request(it.urls[name]).text
        assert 'SUBTITLES="' in text, text
        assert re.search(r'TYPE=CLOSED-CAPTIONS,.*NAME="Captions",LANGUAGE="en",.*INSTREAM-ID="CC1"', text), text
    assert 'value="CC1=en"' in request(it.urls["dash"]).text


def every_segment_has_the_cues_that_overlap_it(it):
    for name in ("hls", "cmaf"):
        for language, (_, url) in it.renditions(name).items():
            listing = request(url).text
            assert "#EXT-X-GAP" not in listing and "#EXT-X-MAP" not in listing and "#EXT-X-KEY" not in listing, listing
            entries = re.findall(r"#EXTINF:([\d.]+),\n(\S+\.vtt)", listing)
            assert len(entries) >= 3, listing
            total = sum(round(float(duration) * 1000) for duration, _ in entries)
            begin = SECONDS * 1000 - total  # the last segments of the stream
            for duration, file in entries:
                end = begin + round(float(duration) * 1000)
                answer = request(url.rsplit("/", 1)[0] + "/" + file)
                assert answer.status == 200 and answer.headers["content-type"] == "text/vtt; charset=utf-8", answer.headers
                assert "immutable" in answer.headers["cache-control"], answer.headers
                mpegts, cues = read_vtt(answer.text)
                # milliseconds of the file and of the source are not the same ones: off by less than one
                offset = round(((FIRST_PTS - mpegts) % 2**33) / 90)
                found = [(start - offset, stop - offset, settings, text) for start, stop, settings, text in cues]
                wanted = [(start, stop, "line:80%", text) for start, stop, text in cues_of(language)
                          if start < end and stop > begin]
                off = [abs(a[i] - b[i]) for a, b in zip(found, wanted) for i in (0, 1)]
                same = [cue[2:] for cue in found] == [cue[2:] for cue in wanted]
                assert same and max(off) <= 1, f"{name} {language} {file} [{begin}, {end}): {found} instead of {wanted}"
                assert HEADER_STYLE in answer.text, answer.text
                begin = end


def both_formats_have_the_same_text(it):
    files = {}
    for name in ("hls", "cmaf"):
        url = it.renditions(name)["en"][1]
        last = [line for line in request(url).text.splitlines() if line.endswith(".vtt")][-1]
        files[name] = request(url.rsplit("/", 1)[0] + "/" + last).body
    assert files["hls"] == files["cmaf"]


def the_mpd_is_valid_and_describes_them(it):
    mpd = request(it.urls["dash"]).text
    sets = re.findall(r"<AdaptationSet[^>]*contentType=\"text\".*?</AdaptationSet>", mpd, re.S)
    assert len(sets) == 2, mpd
    assert 'mimeType="application/mp4"' in sets[0] and 'codecs="wvtt"' in sets[0] and 'lang="en"' in sets[0], sets[0]
    assert 'value="subtitle"' in sets[0] and 'value="forced-subtitle"' in sets[1], sets
    schema = os.path.join(lab.SHARED, "schemas", "dash", "DASH-MPD.xsd")
    if not os.path.isfile(schema):
        raise Tap.Skip("no schema")
    path = os.path.join(it.folder, "text.mpd")
    with open(path, "w", encoding="utf-8") as file:
        file.write(mpd)
    judged = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", schema, path], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stderr


def mp4box_reads_wvtt(it):
    """A reader that shares nothing with the writer finds the cues at their times, and no hole."""
    base = it.urls["dash"].rsplit("/", 1)[0] + "/"
    reader = os.path.join(lab.ROOT, "tests", "core", "dash", "list_segments.py")
    listed = subprocess.run([sys.executable, reader], input=request(it.urls["dash"]).body, capture_output=True, check=True)
    rows = [line.split() for line in listed.stdout.decode().splitlines()]
    name = next(row[2] for row in rows if row[0] == "segment" and row[2].startswith("t"))
    path = os.path.join(it.folder, "text.mp4")
    with open(path, "wb") as file:
        for row in rows:
            if row[0] in ("init", "segment") and row[2] == name:
                answer = request(base + row[3])
                assert answer.status == 200 and answer.headers["content-type"] == "application/mp4", answer.headers
                file.write(answer.body)
    script = os.path.join(lab.HERE, "read_wvtt.mjs")
    read = subprocess.run(["node", script, path], capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    samples = [line.split("\t") for line in read.stdout.splitlines()]
    start = min(int(row[0]) for row in samples)
    at = start
    for begin, duration, *texts in samples:
        assert int(begin) == at, f"a hole at {at}: {begin}"
        at += int(duration)
        middle = (int(begin) - start + int(duration) / 2) / 90 + (SECONDS * 1000 - total_of(samples))
        wanted = [text for begin_ms, end_ms, text in cues_of("en") if begin_ms <= middle < end_ms]
        assert [t for t in texts if t] == wanted, (begin, duration, texts, wanted)


def total_of(samples):
    return sum(int(row[1]) for row in samples) / 90


def players_show_them(it):
    cases = [("hls.js", "hls"), ("hls.js", "cmaf"), ("shaka", "hls"), ("shaka", "cmaf"), ("shaka", "dash")]
    results = lab.play([{"player": player, "url": it.urls[kind], "name": f"{player} {kind}", "subtitles": True}
                        for player, kind in cases], 6)
    for name, result in results.items():
        assert not result["errors"], (name, result["errors"])
        assert result["advanced"] > 4, (name, result)
        judged = 0
        # players fetch subtitles when they have begun to play
        for moment, texts in [one for one in result["shown"] if one[0] > result["first"] + 1.5]:
            programme = (moment + window_start(it, name)) * 1000
            near = any(abs(programme - bound) < 200 for start, end, _ in cues_of("en") for bound in (start, end))
            if near:
                continue
            wanted = [text for start, end, text in cues_of("en") if start <= programme < end]
            assert sorted(texts) == sorted(wanted), f"{name} at {programme:.0f} ms: {texts} instead of {wanted}"
            judged += len(wanted)
        assert judged > 5, (name, result["shown"])


def window_start(it, name):
    """Programme time of a player's 0: the first listed segment."""
    kind = name.split()[-1]
    if kind == "dash":
        return 0
    url = it.renditions(kind)["en"][1]
    return SECONDS - sum(float(d) for d in re.findall(r"#EXTINF:([\d.]+)", request(url).text))


def in_fragments(it):
    """WebVTT in fragmented MP4, as shaka-packager writes it beside fragments of video, comes out as if it had come in files."""
    if not os.path.exists(PACKAGER):
        raise Tap.Skip("shaka-packager is not installed: ./tarn test installs it")
    folder = os.path.join(it.folder, "fragments")
    packaged = os.path.join(folder, "packaged")
    os.makedirs(packaged)
    video, text = os.path.join(folder, "video.mp4"), os.path.join(folder, "en.vtt")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", str(SECONDS), "-c:v", "libx264", "-preset", "ultrafast",
           "-bf", "0", "-g", "25", video)
    with open(text, "w", encoding="utf-8") as file:
        file.write("WEBVTT\n\n" + "\n".join(f"{clock(start)} --> {clock(stop)} line:80%\n{words}\n"
                                            for start, stop, words in cues_of("en")))
    each = "in={0},stream={1},init_segment={2}/{1}-init.mp4,segment_template={2}/{1}-$Number$.m4s,playlist_name={1}.m3u8"
    run = subprocess.run(
        [PACKAGER, each.format(video, "video", packaged), each.format(text, "text", packaged) + ",language=en,hls_group_id=s",
         "--hls_master_playlist_output", f"{packaged}/manifest.m3u8", "--segment_duration", "2", "--quiet"],
        capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr[-1500:]
    inputs, urls = it.server.create_channel("fragments", "c", ENDPOINTS, protocol="HLS_CMAF")
    with open(os.path.join(packaged, "manifest.m3u8"), "rb") as multivariant:
        push_folder(inputs, packaged, multivariant.read())
    wait_until(lambda: is_over(urls["cmaf"]), 20, "the stream is over in the output")
    for name in ("hls", "cmaf"):
        base = urls[name].rsplit("/", 1)[0] + "/"
        listing = request(base + re.search(r'TYPE=SUBTITLES,.*URI="([^"]+)"', request(urls[name]).text).group(1)).text
        found = {}  # a cue that lies across segments of the source is one for each of them
        for file in re.findall(r"\S+\.vtt", listing):
            mpegts, cues = read_vtt(request(base + file).text)
            for start, stop, settings, words in cues:
                begin, end = start + mpegts / 90, stop + mpegts / 90
                known = found.setdefault(words, [begin, end, settings])
                assert begin <= known[1] and end >= known[0], f"{words} is shown twice: {known}, [{begin}, {end})"
                known[:2] = min(known[0], begin), max(known[1], end)
        listed = round(sum(float(duration) for duration in re.findall(r"#EXTINF:([\d.]+)", listing)) * 1000)
        wanted = [cue for cue in cues_of("en") if cue[1] > SECONDS * 1000 - listed]
        assert len(found) == len(wanted) >= SECONDS / 2, (name, found)
        origin = found[wanted[-1][2]][0] - wanted[-1][0]
        for start, stop, words in wanted:
            begin, end, settings = found[words]
            assert abs(begin - origin - start) <= 1 and settings.startswith("line:80%"), (name, words, found[words], start)
            assert abs(min(end - origin, SECONDS * 1000) - min(stop, SECONDS * 1000)) <= 1, (name, words, found[words], stop)
    assert 'codecs="wvtt"' in request(urls["dash"]).text


def a_bad_file_is_refused_and_the_rest_goes_on(it):
    entry = it.inputs[0]
    for body, status in ((b"<html>", 400), (b"WEBVTT\n\n\xff\xfe", 400), (b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:a\n", 400)):
        answer = request(os.path.dirname(entry["url"]) + "/bad.vtt", "PUT", body, lab.basic(entry))
        assert answer.status == status and "WebVTT" in answer.text, (body, answer.status, answer.text)
    put(it.inputs, "good.vtt", b"WEBVTT\n")


def clips_have_them(it):
    status = it.server.api("GET", "/channel-groups/g/channels/c/status")["timeline"]
    for kind in ("hls", "dash"):
        made = it.server.api("POST", "/channel-groups/g/channels/c/collection-tasks",
                             {"endpoint": kind, "start": status["start"], "end": status["end"],
                              "target": {"url": f"file:{kind}"}}, 201)
        task = f"/collection-tasks/{made['id']}"
        done = wait_until(lambda: (t := it.server.api("GET", task))["state"] in ("SUCCEEDED", "FAILED") and t, 30, "the clip")
        assert done["state"] == "SUCCEEDED", done
        files = [name for _, _, names in os.walk(os.path.join(it.folder, "clips", kind)) for name in names]
        wanted = r"-t\d+-\d+\.vtt$" if kind == "hls" else r"-t\d+-s\d+-t\d+\.m4s$"
        assert sum(bool(re.search(wanted, name)) for name in files) >= 6, files


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        it = Lab(folder)
        try:
            for test in (multivariant_says_what_the_encoder_said, every_segment_has_the_cues_that_overlap_it,
                         both_formats_have_the_same_text, the_mpd_is_valid_and_describes_them, mp4box_reads_wvtt,
                         players_show_them, clips_have_them, in_fragments, a_bad_file_is_refused_and_the_rest_goes_on):
                tap.run(test.__name__.replace("_", " "), test, it)
            judging.judge_server(it.server, tap)
        finally:
            tap.run("the server ends in order", ends_in_order, it)
    tap.done()


def ends_in_order(it):
    assert it.server.stop() == 0


if __name__ == "__main__":
    main()
