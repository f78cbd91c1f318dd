#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams that other people's encoders made go in, segment by segment as a live encoder sends them, and come out of
every protocol: the same frames at the same times, by ffmpeg's account of source and output."""

import os
import re
import shutil
import subprocess
import urllib.parse
from fractions import Fraction

import judging
import lab
from lab import SHARED, Tap, request, wait_until
from streams import codec_of, push_folder

ENDPOINTS = {
    "hls": {"protocol": "HLS", "manifest": {"segments": 100}},
    "separate": {"protocol": "HLS", "audioSeparation": True, "manifest": {"segments": 100}},
    "cmaf": {"protocol": "HLS_CMAF", "manifest": {"segments": 100}},
    "dash": {"protocol": "DASH", "manifest": {"manifestWindow": 3600}},
}
HALF_SAMPLE = Fraction(1, 2 * 44100)  # audio begins at a sample, and that is the nearest one
# folder below vectors, its media playlist, what it carries
STREAMS = [
    ("hls-ts/muxed-aac-h264", "chunk.m3u8", "va"),
    ("hls-ts/h264", "prog_index.m3u8", "v"),
    ("hls-ts/aac", "playlist.m3u8", "a"),
    ("hls-ts/rollover", "playlist.m3u8", "va"),
    ("hls-ts/b-frames", "playlist.m3u8", "v"),
    ("hls-ts/ac3", "prog_index.m3u8", "a"),
    ("hls-ts/ec3", "prog_index.m3u8", "a"),
    ("hls-ts/mp3", "manifest.m3u8", "a"),
]
# folder below vectors, its only segment, how long it is, what it carries, ticks by which its own times of audio drift:
# the playlist lists the segment twice, or names none
SINGLE = [
    ("hls-ts/h265", "0.ts", 12, "v", 1),
    ("ts-odd", "test-middle-pat-pmt.ts", 1, "va", 6),
]
# single segments below ts-odd that follow each other, what they carry
ODD = [
    (["bipbop0.ts", "bipbop1.ts"], "va"),
    (["id3.ts"], "v"),
    (["multi-channel-608-captions.ts"], "v"),
    (["test-no-audio-segment.ts"], "v"),
    (["videoDiffPtsDts.ts"], "v"),
    (["videoLargeOffset.ts"], "v"),
    (["videoMinOffset.ts"], "v"),
]
TICK = Fraction(1, 90000)
WRAP = Fraction(2**33, 90000)


def segments_of(path):
    """[(lines of tags, name)] of a media playlist, without what is said once."""
    once = ("#EXTM3U", "#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-PLAYLIST-TYPE",
            "#EXT-X-ENDLIST", "#EXT-X-DISCONTINUITY-SEQUENCE", "#EXT-X-INDEPENDENT-SEGMENTS",
            # dates of the day when the vector was made are rejected (S13) and so are left out
            "#EXT-X-PROGRAM-DATE-TIME")
    segments, tags = [], []
    with open(path, encoding="utf-8") as playlist:
        for line in map(str.strip, playlist):
            if not line or line.startswith(once):
                continue
            if line.startswith("#"):
                tags += [line] if line.startswith("#EXT") else []
            else:
                segments.append((tags, line))
                tags = []
    return segments


def target_duration(path):
    with open(path, encoding="utf-8") as playlist:
        return int(re.search(r"#EXT-X-TARGETDURATION:\s*(\d+)", playlist.read()).group(1))


def push(inputs, folder, playlist, window=4):
    """Every segment, then the playlist that names it, each to all inputs; the multivariant playlist first, ENDLIST
    last."""
    def put(name, body):
        for entry in inputs:
            answer = request(f"{os.path.dirname(entry['url'])}/{name}", "PUT", body, lab.basic(entry))
            assert 200 <= answer.status < 300, f"{name}: {answer.status} {answer.text}"

    path = os.path.join(folder, playlist)
    segments = segments_of(path)
    put("manifest.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nmanifest-live.m3u8\n")
    for last, (_, name) in enumerate(segments):
        with open(os.path.join(folder, name), "rb") as segment:
            put(name, segment.read())
        first = max(0, last - window + 1)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{target_duration(path)}",
                 f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        for tags, listed in segments[first:last + 1]:
            lines += [*tags, listed]
        put("manifest-live.m3u8", ("\n".join(lines) + "\n").encode())
    # on its own: no input may end before the other has begun
    put("manifest-live.m3u8", ("\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n").encode())


def frames(url, kind):
    """[(time, hash)] of a track: of what decodes in video (parameter sets and delimiters differ between containers),
    of the raw access units in audio."""
    how = (["-fps_mode", "passthrough", "-enc_time_base", "-1"] if kind == "v"
           else ["-c", "copy", *(["-bsf:a", "aac_adtstoasc"] if codec_of(url) == "aac" else [])])
    run = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-copyts", "-i", url, "-map", f"0:{kind}:0", *how, "-f", "framemd5", "-"],
        capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, f"ffmpeg of {url} ended with {run.returncode}: {run.stderr[-1500:]}"
    scale = Fraction(re.search(r"#tb 0: (\d+/\d+)", run.stdout).group(1))
    found = []
    for line in run.stdout.splitlines():
        if line and not line.startswith("#"):
            fields = [field.strip() for field in line.split(",")]
            found.append((int(fields[2]) * scale, fields[5]))
    return found


def output_file(server, url, kind, is_after=None):
    """What a player of this track would feed to its decoder, as one file; DASH is left to ffmpeg's own reader. `is_after`:
    there is one discontinuity, and what is wanted lies behind it, or before."""
    if url.endswith(".mpd"):
        return url
    base = url.rsplit("/", 1)[0]
    multivariant = request(url).text
    rendition = re.search(r'#EXT-X-MEDIA:TYPE=AUDIO.*URI="([^"]+)"', multivariant)
    names = [line for line in multivariant.splitlines() if line and not line.startswith("#")]
    playlist = request(f"{base}/{rendition.group(1) if kind == 'a' and rendition else names[0]}").text
    parts = playlist.split("#EXT-X-DISCONTINUITY\n")
    assert "#EXT-X-ENDLIST" in playlist and len(parts) == (1 if is_after is None else 2), playlist
    playlist = parts[-1] if is_after else parts[0]
    inits = re.findall(r'#EXT-X-MAP:URI="([^"]+)"', playlist)
    playlist = re.sub(r"#EXT-X-GAP\n#EXTINF[^\n]*\n[^\n]+\n", "", playlist)
    path = os.path.join(server.folder, "output.mp4" if inits else "output.ts")
    with open(path, "wb") as out:
        for name in inits + [line for line in playlist.splitlines() if line and not line.startswith("#")]:
            answer = request(f"{base}/{name}")
            assert answer.status == 200, f"{name}: {answer.status}"
            out.write(answer.body)
    return path


def reordering(path):
    """How much later than it decodes the first picture shows."""
    run = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts,dts", "-of",
                          "csv=p=0", "-read_intervals", "%+#1", path], capture_output=True, text=True, check=True)
    pts, dts = (int(field) for field in run.stdout.split("\n")[0].split(",")[:2])
    return (pts - dts) * TICK


def unwrapped(times, origin):
    """Differences to `origin`, over the wrap of 33 bits."""
    return [(time - origin + WRAP / 2) % WRAP - WRAP / 2 for time in times]


def judge(source, output, kinds, reorder, drift=1):
    """All video of the source; of its audio all that begins while video decodes (a stream ends with its last GOP); the
    same distances, to a tick of the source."""
    origin_in, origin_out = (tracks[kinds[0]][0][0] for tracks in (source, output))
    for kind in kinds:
        wanted, got = source[kind], output[kind]
        hashes = [each[1] for each in wanted]
        assert got, f"no {kind}"
        at = hashes.index(got[0][1]) if got[0][1] in hashes else -1
        assert at >= 0, f"{kind} begins with what the source does not have"
        assert [each[1] for each in got] == hashes[at:at + len(got)], f"{kind} differs from the source"
        if kind == kinds[0]:
            assert (at, len(got)) == (0, len(wanted)), f"{len(got)} of {len(wanted)} of {kind}, from {at} on"
        times_in = unwrapped([each[0] for each in wanted], origin_in)
        times_out = unwrapped([each[0] for each in got], origin_out)
        for index, time in enumerate(times_out):
            apart = abs(time - times_in[at + index])
            assert apart <= max(drift * TICK, HALF_SAMPLE), f"{kind} {index} of {len(got)}: {float(apart * 90000)} ticks off"
        if kind == "a" and kinds[0] == "v":
            video = unwrapped([each[0] for each in source["v"]], origin_in)
            lost = [t for i, t in enumerate(times_in) if not at <= i < at + len(got)]
            inside = [float(t) for t in lost if video[0] <= t < max(video) - reorder]
            assert not inside, f"audio lost while there is video: {inside}"


def one_stream(server, name, playlist, kinds, drift=1):
    folder = os.path.join(SHARED, "vectors", name)
    if not os.path.isdir(folder):
        raise Tap.Skip("the vectors are not here")
    group = "-".join(name.split("/")[-2:]).replace(".", "-")
    duration = target_duration(os.path.join(folder, playlist))
    inputs, urls = server.create_channel(group, "c", ENDPOINTS, segment_duration=duration)
    push(inputs, folder, playlist)
    wait_until(lambda: "#EXT-X-ENDLIST" in whole(urls["separate"]), 30, f"{name} is over in the output")
    joined = os.path.join(server.folder, f"{group}.ts")
    with open(joined, "wb") as out:
        for _, segment in segments_of(os.path.join(folder, playlist)):
            with open(os.path.join(folder, segment), "rb") as part:
                out.write(part.read())
    source = {kind: frames(joined, kind) for kind in kinds}
    reorder = reordering(joined) if kinds == "va" else 0
    wrong = []
    for endpoint, url in urls.items():
        try:
            output = {kind: frames(output_file(server, url, kind), kind) for kind in kinds}
            judge(source, output, kinds, reorder, drift)
        except AssertionError as difference:
            wrong.append(f"{endpoint}: {difference}")
    assert not wrong, wrong


def odd_segments(server, names, kinds):
    folder = os.path.join(SHARED, "vectors", "ts-odd")
    if not os.path.isdir(folder):
        raise Tap.Skip("the vectors are not here")
    segments_alone(server, folder, names, 10, kinds)


def segments_alone(server, folder, names, duration, kinds, drift=1):
    own = os.path.join(server.folder, "odd", names[0])
    os.makedirs(own)
    with open(os.path.join(own, "playlist.m3u8"), "w", encoding="utf-8") as playlist:
        playlist.write(f"#EXTM3U\n#EXT-X-TARGETDURATION:{duration}\n")
        for name in names:
            shutil.copy(os.path.join(folder, name), own)
            playlist.write(f"#EXTINF:{duration},\n{name}\n")
    one_stream(server, own, "playlist.m3u8", kinds, drift)


def single_segment(server, name, segment, duration, kinds, drift):
    folder = os.path.join(SHARED, "vectors", name)
    if not os.path.isdir(folder):
        raise Tap.Skip("the vectors are not here")
    segments_alone(server, folder, [segment], duration, kinds, drift)


def b9_not_a_stream(server):
    """Encrypted whole, no packet of it is one: refused, with its name in the answer. So is a lone packet of no programme."""
    folder = os.path.join(SHARED, "vectors", "ts-odd")
    if not os.path.isdir(folder):
        raise Tap.Skip("the vectors are not here")
    inputs, _ = server.create_channel("encrypted", "c", ENDPOINTS)
    for name, status, reason in (("encrypted.ts", 415, ""), ("test-stuffed-pes.ts", 400, "no PAT")):
        with open(os.path.join(folder, name), "rb") as segment:
            answer = request(f"{os.path.dirname(inputs[0]['url'])}/{name}", "PUT", segment.read(), lab.basic(inputs[0]))
        assert answer.status == status and name in answer.text and reason in answer.text, (answer.status, answer.text)


def text_offset(server):
    """Subtitles whose discontinuity comes a segment earlier than that of the video, and whose times are an hour off: each cue
    is shown where X-TIMESTAMP-MAP says, on its side of the discontinuity."""
    folder = os.path.join(SHARED, "vectors", "hls-ts", "text-offset")
    if not os.path.isdir(folder):
        raise Tap.Skip("the vectors are not here")
    inputs, urls = server.create_channel("text-offset", "c", ENDPOINTS, segment_duration=2)
    with open(os.path.join(folder, "index.m3u8"), "rb") as multivariant:
        push_folder(inputs, folder, multivariant.read(), ["playlist-video.m3u8", "playlist-vtt.m3u8"])
    wait_until(lambda: "#EXT-X-ENDLIST" in whole(urls["separate"]), 30, "the stream is over in the output")
    joined = os.path.join(server.folder, "text-offset.ts")
    for name, numbers in (("before", (69, 70, 71)), ("after", (72, 73))):
        with open(joined, "wb") as out:
            for number in numbers:
                with open(os.path.join(folder, f"video-0{number}.ts"), "rb") as part:
                    out.write(part.read())
        source = {kind: frames(joined, kind) for kind in "va"}
        for endpoint in ("separate", "cmaf"):
            output = {kind: frames(output_file(server, urls[endpoint], kind, name == "after"), kind) for kind in "va"}
            judge(source, output, "va", reordering(joined))
    for endpoint in ("separate", "cmaf"):
        base = urls[endpoint].rsplit("/", 1)[0] + "/"
        uri = re.search(r'#EXT-X-MEDIA:TYPE=SUBTITLES.*URI="([^"]+)"', request(urls[endpoint]).text).group(1)
        listing = request(base + uri).text
        before, after = listing.split("#EXT-X-DISCONTINUITY\n")
        shown = [[cue for file in re.findall(r"\S+\.vtt", part) for cue in re.findall(
            r"([\d:.]+) --> [\d:.]+[^\n]*\n([^\n]+)", request(base + file).text)] for part in (before, after)]
        assert [cue for cue in shown[0] if "jerk" in cue[1]] and all(
            (start, "jerk" in text) in (("00:02:20.000", True), ("00:02:22.000", False)) for start, text in shown[0]), shown
        assert shown[1] and all(cue == ("00:00:03.500", "cues after discontinuity") for cue in shown[1]), shown


def alternate_renditions(server):
    """Three sounds to choose from, in a group: each comes out whole under its name, in every protocol."""
    folder = os.path.join(SHARED, "vectors", "hls-ts", "alternate-renditions")
    if not os.path.isdir(folder):
        raise Tap.Skip("the vectors are not here")
    names = {"Original 128k": "original_128k", "High Pitch 128k": "high_pitch_128k", "Low Pitch 128k": "low_pitch_128k"}
    media = "".join(f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="{name}",DEFAULT={"YES" if index == 0 else "NO"},'
                    f'AUTOSELECT=YES,URI="{file}.m3u8"\n' for index, (name, file) in enumerate(names.items()))
    inputs, urls = server.create_channel("alternate", "c", ENDPOINTS, segment_duration=5)
    base = os.path.dirname(inputs[0]["url"])

    def put(name, body):
        answer = request(f"{base}/{name}", "PUT", body, lab.basic(inputs[0]))
        assert 200 <= answer.status < 300, (name, answer.status, answer.text)

    put("manifest.m3u8", f'#EXTM3U\n{media}#EXT-X-STREAM-INF:BANDWIDTH=1000000,AUDIO="g"\nred_1.m3u8\n'.encode())
    for file in ("red_1", *names.values()):
        with open(os.path.join(folder, file + ".ts"), "rb") as segment:
            put(file + ".ts", segment.read())
    for file in ("red_1", *names.values()):
        put(file + ".m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:4,\n{file}.ts\n#EXT-X-ENDLIST\n".encode())
    wait_until(lambda: "#EXT-X-ENDLIST" in whole(urls["separate"]), 30, "the stream is over in the output")
    for endpoint in ("separate", "cmaf"):
        text = request(urls[endpoint]).text
        found = re.findall(r'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="[^"]+",NAME="([^"]+)",DEFAULT=(\w+).*URI="([^"]+)"', text)
        assert [each[:2] for each in found] == [(name, "YES" if name.startswith("Orig") else "NO") for name in names], text
        for name, _, uri in found:
            source = frames(os.path.join(folder, names[name] + ".ts"), "a")
            playlist = request(urllib.parse.urljoin(urls[endpoint], uri)).text
            path = os.path.join(server.folder, "rendition")
            with open(path, "wb") as out:
                for part in re.findall(r'MAP:URI="([^"]+)"', playlist) + \
                        [line for line in playlist.splitlines() if line and not line.startswith("#")]:
                    out.write(request(urllib.parse.urljoin(urls[endpoint], part)).body)
            got = [each[1] for each in frames(path, "a")]
            hashes = [each[1] for each in source]
            assert got and got == hashes[hashes.index(got[0]):][:len(got)] and len(got) > 0.9 * len(hashes), (endpoint, name)
    mpd = request(urls["dash"]).text
    assert mpd.count('contentType="audio"') == 3 and all(f"<Label>{name}</Label>" in mpd for name in names), mpd
    assert mpd.count('value="alternate"') == 2, mpd


def gaps(server):
    """EXT-X-GAP at the beginning and in the middle: what there is comes out, and the hole is as long as it was."""
    folder = os.path.join(SHARED, "vectors", "hls-ts", "gap")
    if not os.path.isdir(folder):
        raise Tap.Skip("the vectors are not here")
    inputs, urls = server.create_channel("gap", "c", ENDPOINTS, segment_duration=4)
    base = os.path.dirname(inputs[0]["url"])
    with open(os.path.join(folder, "playlist.m3u8"), encoding="utf-8") as file:
        playlist = file.read().replace("VERSION: 10", "VERSION:10")
    present = [name for name in re.findall(r"(?m)^\d\.ts$", playlist) if os.path.exists(os.path.join(folder, name))]
    request(f"{base}/manifest.m3u8", "PUT", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nlive.m3u8\n", lab.basic(inputs[0]))
    joined = os.path.join(server.folder, "gap.ts")
    with open(joined, "wb") as out:
        for name in present:
            with open(os.path.join(folder, name), "rb") as file:
                body = file.read()
            out.write(body)
            answer = request(f"{base}/{name}", "PUT", body, lab.basic(inputs[0]))
            assert 200 <= answer.status < 300, (name, answer.status, answer.text)
    answer = request(f"{base}/live.m3u8", "PUT", playlist.encode(), lab.basic(inputs[0]))
    assert 200 <= answer.status < 300, (answer.status, answer.text)
    wait_until(lambda: "#EXT-X-ENDLIST" in whole(urls["separate"]), 30, "the stream is over in the output")
    kinds = "va" if "audio" in streams_in(joined) else "v"
    source = {kind: frames(joined, kind) for kind in kinds}
    for endpoint in ("separate", "cmaf"):
        output = {kind: frames(output_file(server, urls[endpoint], kind), kind) for kind in kinds}
        judge(source, output, kinds, 0)


def streams_in(path):
    return subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", path],
                          capture_output=True, text=True, check=True).stdout


def whole(url):
    """A media playlist of the endpoint."""
    answer = request(url)
    names = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    return request(f"{url.rsplit('/', 1)[0]}/{names[0]}").text if answer.status == 200 and names else ""


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        server = lab.Server(folder)
        try:
            for name, playlist, kinds in STREAMS:
                tap.run(f"{name} comes out as it went in", one_stream, server, name, playlist, kinds)
            for names, kinds in ODD:
                tap.run(f"{names} come out as they went in", odd_segments, server, names, kinds)
            for name, segment, duration, kinds, drift in SINGLE:
                tap.run(f"{segment} of {name} comes out as it went in", single_segment, server, name, segment, duration, kinds, drift)
            tap.run("subtitles with times and a discontinuity of their own are shown where they belong", text_offset, server)
            tap.run("alternate renditions come out as they went in", alternate_renditions, server)
            tap.run("gaps stay gaps", gaps, server)
            tap.run("B9 what is encrypted whole is refused", b9_not_a_stream, server)
            judging.judge_server(server, tap)
            tap.run("the log has no warnings of GLib", lambda: no_criticals(server))
        finally:
            code = server.stop()
        tap.run("the server ends well", lambda: exits_well(code))
    tap.done()


def no_criticals(server):
    assert "CRITICAL" not in server.log(), server.log()[-2000:]


def exits_well(code):
    assert code == 0, code


if __name__ == "__main__":
    main()
