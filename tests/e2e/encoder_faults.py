#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Encoders that do wrong, by their rows of the fault matrix: B2, B5, B7, B10, B13, B15 to B18. What comes out is judged by ffmpeg
against what went in."""

import concurrent.futures
import os
import re
import subprocess
import sys

import lab
from lab import Tap, request, wait_until
from streams import compare, encode, ffmpeg, frames, is_over, output_file, push_folder, put

ENDPOINTS = {
    "hls": {"protocol": "HLS", "manifest": {"segments": 100}},
    "cmaf": {"protocol": "HLS_CMAF", "manifest": {"segments": 100}},
    "dash": {"protocol": "DASH", "manifest": {"manifestWindow": 3600}},
}
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-sc_threshold", "0", "-bf", "2"]
CODECS = [*X264, "-g", "50", "-keyint_min", "50", "-c:a", "aac", "-b:a", "96k"]
TS = ["-f", "hls", "-hls_time", "2", "-hls_list_size", "0"]
FMP4 = [*TS, "-hls_segment_type", "fmp4"]


class Sent:
    """A stream that an encoder wrote: its files, and playlists of its first segments."""

    def __init__(self, playlist):
        self.folder = os.path.dirname(playlist)
        with open(playlist, encoding="utf-8") as file:
            self.text = file.read()
        self.segments = [line for line in self.text.splitlines() if line and not line.startswith("#")]
        self.lengths = re.findall(r"#EXTINF:([\d.]+),", self.text)
        self.header = (re.findall(r'#EXT-X-MAP:URI="([^"]+)"', self.text) or [None])[0]

    def body(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def listed(self, begin=0, end=None):
        return "".join(f"#EXTINF:{length},\n{name}\n"
                       for length, name in list(zip(self.lengths, self.segments))[begin:end])


def playlist(*parts, header=None, target=3, over=False):
    text = f"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0\n"
    text += f'#EXT-X-MAP:URI="{header}"\n' if header else ""
    return (text + "".join(parts) + ("#EXT-X-ENDLIST\n" if over else "")).encode()


def made(server, name, codecs=None, how=None):
    return Sent(encode(os.path.join(server.folder, name, "live.m3u8"), codecs or CODECS, *(how or TS)))


def files_of(url):
    """Every segment that an HLS endpoint's first playlist lists, by URL."""
    answer, base = request(url), url.rsplit("/", 1)[0]
    if answer.status != 200:
        return {}
    variant = next(line for line in answer.text.splitlines() if line and not line.startswith("#"))
    listed = request(f"{base}/{variant}").text
    return {f"{base}/{line}": request(f"{base}/{line}").body for line in listed.splitlines() if line and line[0] != "#"}


def counted(server, group, number=0):
    return server.api("GET", f"/channel-groups/{group}/channels/c/status")["inputs"][number]


def same_name_other_bytes(server):
    sent = made(server, "b2")
    inputs, urls = server.create_channel("b2", "c", ENDPOINTS)
    for number, name in enumerate(sent.segments):
        put(inputs[:1], name, sent.body(name))
        put(inputs[:1], "live.m3u8", playlist(sent.listed(0, number + 1)))
    wait_until(lambda: all(len(files_of(urls[name])) == 5 for name in ("hls", "cmaf")), 30, "all is published")
    before = {name: files_of(urls[name]) for name in ("hls", "cmaf")}
    for name, other in zip(sent.segments, sent.segments[1:]):
        put(inputs[:1], name, sent.body(other))
    assert {name: files_of(urls[name]) for name in ("hls", "cmaf")} == before, "published bytes have changed"
    repeated = counted(server, "b2")["statistics"]["repeated"]
    assert int(repeated) == 4, repeated
    put(inputs[:1], "live.m3u8", playlist(sent.listed(), over=True))
    wait_until(lambda: is_over(urls["cmaf"]), 30, "the stream is over")
    assert {name: files_of(urls[name]) for name in ("hls", "cmaf")} == before, "published bytes have changed"


def playlist_before_its_segment(server):
    """Whoever asks for all that is listed, as often as it can: 10,000 times."""
    codecs = [*X264, "-g", "10", "-keyint_min", "10", "-c:a", "aac", "-b:a", "64k"]
    sent = made(server, "b5", codecs, ["-f", "hls", "-hls_time", "0.4", "-hls_list_size", "0"])
    inputs, urls = server.create_channel("b5", "c", ENDPOINTS, segment_duration=1)
    done = []

    def watch(name):
        asked, wrong, base = 0, [], urls[name].rsplit("/", 1)[0]
        while not done or asked < 5_000:
            answer = request(urls[name])
            if answer.status != 200:
                continue
            variant = next(line for line in answer.text.splitlines() if line and not line.startswith("#"))
            listed = [line for line in request(f"{base}/{variant}").text.splitlines() if line and line[0] != "#"]
            for uri in listed[-3:]:
                asked += 1
                status = request(f"{base}/{uri}", "HEAD").status
                if status != 200:
                    wrong.append((uri, status))
        return asked, wrong

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        watchers = [pool.submit(watch, name) for name in ("hls", "cmaf")]
        for number, name in enumerate(sent.segments):
            put(inputs[:1], "live.m3u8", playlist(sent.listed(0, number + 1), target=1))
            put(inputs[:1], name, sent.body(name))
        put(inputs[:1], "live.m3u8", playlist(sent.listed(), target=1, over=True))
        wait_until(lambda: is_over(urls["cmaf"]), 30, "the stream is over")
        done.append(True)
        for watcher in watchers:
            asked, wrong = watcher.result(timeout=120)
            assert asked >= 5_000 and not wrong, (asked, wrong[:5])
    compare(os.path.join(server.folder, "b5"), os.path.join(sent.folder, "live.m3u8"), urls)


def whole_copy(server, group, second, name, body, listed):
    put(second, name, body)
    put(second, "live.m3u8", listed)
    wait_until(lambda: counted(server, group, 1)["statistics"]["lastSegment"] == name, 10, f"{name} has come")


def truncated(server):
    """The whole copy of the other input is used; where there is none, the complete GOPs of this one."""
    sent = made(server, "b7", [*X264, "-g", "25", "-keyint_min", "25", "-c:a", "aac"])
    bodies = {name: sent.body(name) for name in sent.segments}
    for both in (True, False):
        group = f"b7-{'two' if both else 'one'}"
        inputs, urls = server.create_channel(group, "c", ENDPOINTS)
        for number, name in enumerate(sent.segments):
            listed = playlist(sent.listed(0, number + 1))
            # pushed at once, so "in time" is before the other one goes on without it; that one is in use from the beginning
            if both and number >= 2:
                whole_copy(server, group, inputs[1:], name, bodies[name], listed)
            cut = bodies[name][:len(bodies[name]) * 4 // 5 - 77] if number == 2 else bodies[name]
            entry = inputs[0]
            answer = request(f"{os.path.dirname(entry['url'])}/{name}", "PUT", cut, lab.basic(entry))
            assert answer.status == (400 if number == 2 else 201), (name, answer.status, answer.text)
            put(inputs[:1], "live.m3u8", listed)
            if both and number < 2:
                whole_copy(server, group, inputs[1:], name, bodies[name], listed)
        put(inputs[:2 if both else 1], "live.m3u8", playlist(sent.listed(), over=True))
        wait_until(lambda url=urls["cmaf"]: is_over(url), 40, "the stream is over")
        source = os.path.join(sent.folder, "live.m3u8")
        if both:
            compare(sent.folder, source, urls)
            continue
        for name, url in urls.items():
            got = [each[1] for each in frames(output_file(sent.folder, url, "v"), "v")]
            whole = [each[1] for each in frames(source, "v")]
            assert got == whole[:125] + whole[150:], (name, len(got), len(whole))


def header_that_changes(server):
    """The same name, no word of it in the playlist: players get a header of its own, and a discontinuity."""
    first = made(server, "b10-a", None, FMP4)
    second = Sent(encode(os.path.join(server.folder, "b10-b", "live.m3u8"), CODECS, "-s", "480x270", *FMP4))
    inputs, urls = server.create_channel("b10", "c", ENDPOINTS, protocol="HLS_CMAF")
    listed = ""
    for number, sent in enumerate((first, second)):
        put(inputs[:1], "init.mp4", sent.body(sent.header))
        for length, name in zip(sent.lengths, sent.segments):
            put(inputs[:1], f"{number}-{name}", sent.body(name))
            listed += f"#EXTINF:{length},\n{number}-{name}\n"
            put(inputs[:1], "live.m3u8", playlist(listed, header="init.mp4"))
    put(inputs[:1], "live.m3u8", playlist(listed, header="init.mp4", over=True))
    two_programmes(server, urls, [os.path.join(sent.folder, "live.m3u8") for sent in (first, second)])


def header_that_never_comes(server):
    sent = made(server, "b10-c", None, FMP4)
    inputs, urls = server.create_channel("b10-c", "c", ENDPOINTS, protocol="HLS_CMAF")
    for number, name in enumerate(sent.segments):
        put(inputs[:1], name, sent.body(name))
        put(inputs[:1], "live.m3u8", playlist(sent.listed(0, number + 1), header="init.mp4"))
    for name, url in urls.items():
        assert request(url).status in (404, 503), name
    put(inputs[:1], "init.mp4", sent.body(sent.header))
    put(inputs[:1], "live.m3u8", playlist(sent.listed(), header="init.mp4", over=True))
    wait_until(lambda: is_over(urls["cmaf"]), 40, "the stream is over")
    compare(sent.folder, os.path.join(sent.folder, "live.m3u8"), urls)


def two_programmes(server, urls, sources, headers=True):
    """All, whole: a discontinuity and a Period between two; `headers`: each under parameters of its own."""
    wait_until(lambda: is_over(urls["cmaf"]), 40, "the stream is over")
    for name in ("hls", "cmaf"):
        base = urls[name].rsplit("/", 1)[0]
        variant = next(line for line in request(urls[name]).text.splitlines() if line and not line.startswith("#"))
        text = request(f"{base}/{variant}").text
        assert text.count("#EXT-X-DISCONTINUITY\n") == len(sources) - 1, text
        maps = re.findall('#EXT-X-MAP:URI="([^"]+)"', text)
        assert name == "hls" or not headers or len(set(maps)) == len(sources), text
        parts = text.split("#EXT-X-DISCONTINUITY\n")
        judge_parts(server, base, [[*(re.findall('#EXT-X-MAP:URI="([^"]+)"', part) or maps[-1:]),
                                    *(line for line in part.splitlines() if line and line[0] != "#")] for part in parts], sources)
    assert len(re.findall(r"<Period\b", request(urls["dash"]).text)) == len(sources), request(urls["dash"]).text
    run = subprocess.run([sys.executable, os.path.join(lab.ROOT, "tests", "core", "dash", "list_segments.py")],
                         input=request(urls["dash"]).body, capture_output=True, check=True)
    parts = []
    for row in (line.split() for line in run.stdout.decode().splitlines()):
        if row[0] in ("init", "segment") and row[2].startswith("v"):
            if row[0] == "init":
                parts.append([])
            parts[-1].append(row[3])
    judge_parts(server, urls["dash"].rsplit("/", 1)[0], parts, sources)


def judge_parts(server, base, parts, sources):
    assert len(parts) == len(sources), parts
    for part, source in zip(parts, sources):
        path = os.path.join(server.folder, "part.mp4" if ".m4s" in part[-1] else "part.ts")
        with open(path, "wb") as file:
            for name in part:
                answer = request(f"{base}/{name}")
                assert answer.status == 200, (name, answer.status)
                file.write(answer.body)
        got, whole = ([each[1] for each in frames(one, "v")] for one in (path, source))
        assert got == whole, (part[-1], len(got), len(whole))


def codec_change(server):
    """Another size of pictures and another rate of samples, announced as ffmpeg does it, by a discontinuity."""
    first = made(server, "b15-a")
    second = Sent(encode(os.path.join(server.folder, "b15-b", "live.m3u8"), CODECS, "-s", "480x270", "-ar", "44100", *TS))
    inputs, urls = server.create_channel("b15", "c", ENDPOINTS)
    listed = ""
    for number, sent in enumerate((first, second)):
        listed += "#EXT-X-DISCONTINUITY\n" if number else ""
        for length, name in zip(sent.lengths, sent.segments):
            put(inputs[:1], f"{number}-{name}", sent.body(name))
            listed += f"#EXTINF:{length},\n{number}-{name}\n"
            put(inputs[:1], "live.m3u8", playlist(listed))
    put(inputs[:1], "live.m3u8", playlist(listed, over=True))
    two_programmes(server, urls, [os.path.join(sent.folder, "live.m3u8") for sent in (first, second)])


def no_key_frame_at_the_beginning(server):
    """Open GOPs of 1.92 s in segments that are cut every two seconds, wherever that is."""
    sent = made(server, "b16", [*X264, "-g", "48", "-keyint_min", "48", "-x264-params", "open-gop=1", "-c:a", "aac"],
                [*TS, "-hls_flags", "split_by_time"])
    inputs, urls = server.create_channel("b16", "c", ENDPOINTS)
    for number, name in enumerate(sent.segments):
        put(inputs[:1], name, sent.body(name))
        put(inputs[:1], "live.m3u8", playlist(sent.listed(0, number + 1)))
    wait_until(lambda: "OPEN_SEGMENTS" in str(counted(server, "b16")["conditions"]), 10, "OPEN_SEGMENTS in the status")
    put(inputs[:1], "live.m3u8", playlist(sent.listed(), over=True))
    wait_until(lambda: is_over(urls["cmaf"]), 40, "the stream is over")
    compare(sent.folder, os.path.join(sent.folder, "live.m3u8"), urls)
    for url in files_of(urls["hls"]):
        ffmpeg("-xerror", "-i", url, "-map", "0:v:0", "-f", "null", "-")


def timestamps_that_wrap(server):
    """Ten seconds in the midst of which the 33 bits end, sound and pictures at moments of their own: what comes out, and a
    clip of it, is what the same encoder makes of times that do not wrap."""
    plain = made(server, "b13-plain")
    sent = made(server, "b13", how=["-output_ts_offset", str((2**33 - 5 * 90_000) / 90_000), *TS])
    endpoints = {name: dict(fields, timeShiftDays=1) for name, fields in ENDPOINTS.items()}
    inputs, urls = server.create_channel("b13", "c", endpoints)
    first = [min(time for time, _ in frames(os.path.join(sent.folder, name), kind)) for name in sent.segments[1:3] for kind in "va"]
    assert len({time < 0 for time in first}) == 2, f"the timestamps do not wrap: {first}"
    for number, name in enumerate(sent.segments):
        put(inputs[:1], name, sent.body(name))
        put(inputs[:1], "live.m3u8", playlist(sent.listed(0, number + 1)))
    put(inputs[:1], "live.m3u8", playlist(sent.listed(), over=True))
    wait_until(lambda: is_over(urls["cmaf"]), 30, "the stream is over")
    for name in ("hls", "cmaf"):
        text = "".join(map(str, files_of(urls[name])))
        assert text and "DISCONTINUITY" not in text, name
    compare(plain.folder, os.path.join(plain.folder, "live.m3u8"), urls)
    line = server.api("GET", "/channel-groups/b13/channels/c/status")["timeline"]
    for name in ("hls", "cmaf"):
        task = server.api("POST", "/channel-groups/b13/channels/c/collection-tasks",
                          {"endpoint": name, "start": line["start"], "end": line["end"], "target": {"url": f"file:{name}"}}, 201)
        done = wait_until(lambda: (t := server.api("GET", f"/collection-tasks/{task['id']}"))["state"] in ("SUCCEEDED", "FAILED") and t,
                          30, "the clip")
        assert done["state"] == "SUCCEEDED", done
        clip = [os.path.join(where, file) for where, _, names in os.walk(os.path.join(server.folder, "clips", name))
                for file in names if file == "manifest.m3u8"]
        assert len(clip) == 1, clip
        for kind in "va":
            got, whole = ([each[1] for each in frames(one, kind)] for one in (clip[0], os.path.join(plain.folder, "live.m3u8")))
            assert got and got == whole[whole.index(got[0]):][:len(got)] and len(got) > 0.95 * len(whole), (name, kind, len(got))


def times_before_zero(server):
    """B-frames in fragments: offsets that are negative, an edit list, decode times below zero."""
    plain = made(server, "b18-plain")
    # edit lists are in ticks of the movie, whose thousandths would move the sound by 60 ticks
    exact = ":movie_timescale=90000"
    # where the edit list says it, sound and pictures lie to each other as in a transport stream of the same encoder; the last:
    # ticks by which ffmpeg takes pictures with negative offsets for later than they are
    for number, (options, is_plain, late) in enumerate((("movflags=+negative_cts_offsets" + exact, False, 3600),
                                                        ("use_editlist=1" + exact, True, 0),
                                                        ("use_editlist=1:avoid_negative_ts=disabled" + exact, True, 0),
                                                        ("use_editlist=0:avoid_negative_ts=disabled", False, 0))):
        name = f"b18-{number}"
        sent = made(server, name, how=[*FMP4, "-hls_segment_options", options])
        inputs, urls = server.create_channel(name, "c", ENDPOINTS, protocol="HLS_CMAF")
        push_folder(inputs[:1], sent.folder, b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nlive.m3u8\n")
        wait_until(lambda url=urls["cmaf"]: is_over(url), 30, f"{options}: the stream is over")
        compare(sent.folder, os.path.join((plain if is_plain else sent).folder, "live.m3u8"), urls, {"hls": late})


def durations_that_jump(server):
    """GOPs of 0.48 to 4.52 s, a segment each, in a channel of 2 s."""
    at = (0, 0.48, 2.0, 2.6, 5.4, 6.0, 9.0)
    sent = made(server, "b17", [*X264, "-g", "500", "-force_key_frames", ",".join(map(str, at)), "-c:a", "aac"],
                ["-f", "hls", "-hls_time", "0.1", "-hls_list_size", "0"])
    assert len(sent.segments) == len(at), sent.text
    inputs, urls = server.create_channel("b17", "c", ENDPOINTS)
    targets = set()
    base = urls["hls"].rsplit("/", 1)[0]
    for number, name in enumerate(sent.segments):
        put(inputs[:1], name, sent.body(name))
        put(inputs[:1], "live.m3u8", playlist(sent.listed(0, number + 1), target=3))
        targets.update(generation_targets(urls["hls"], base))
    put(inputs[:1], "live.m3u8", playlist(sent.listed(), target=3, over=True))
    wait_until(lambda: is_over(urls["cmaf"]), 40, "the stream is over")
    targets.update(generation_targets(urls["hls"], base))
    # the target of a generation never changes, and no segment is longer (to the nearest second)
    generations = {}
    for generation, target, longest in targets:
        assert generations.setdefault(generation, target) == target, targets
        assert int(longest + 0.5) <= target, (generation, longest, target)
    compare(sent.folder, os.path.join(sent.folder, "live.m3u8"), urls)


def generation_targets(url, base):
    answer = request(url)
    if answer.status != 200:
        return []
    variant = next(line for line in answer.text.splitlines() if line and not line.startswith("#"))
    text = request(f"{base}/{variant}").text
    lengths = [float(each) for each in re.findall(r"#EXTINF:([\d.]+)", text)]
    uris = [line for line in text.splitlines() if line and line[0] != "#"]
    if not lengths:
        return []
    target = int(re.search(r"#EXT-X-TARGETDURATION:(\d+)", text).group(1))
    return [(re.match(r"(?:.*/)?(g\d+)-", uris[-1]).group(1), target, max(lengths))]


def other_reorderings(server):
    """A ladder of which one rung has B frames and one has none, in both orders: what has one number begins together."""
    for pair in (("0", "2"), ("2", "0")):
        group = f"ladder-{pair[0]}"
        folder = os.path.join(server.folder, group)
        os.makedirs(folder)
        ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", "10", "-map", "0:v", "-map", "0:v",
               "-pix_fmt", "yuv420p", *X264[:-2], "-g", "50", "-keyint_min", "50", "-bf:v:0", pair[0], "-bf:v:1", pair[1],
               "-b:v:0", "200k", "-b:v:1", "500k", *TS, "-master_pl_name", "manifest.m3u8", "-var_stream_map", "v:0 v:1",
               "-hls_segment_filename", f"{folder}/v%v-%d.ts", f"{folder}/v%v.m3u8")
        inputs, urls = server.create_channel(group, "c", ENDPOINTS)
        with open(os.path.join(folder, "manifest.m3u8"), "rb") as multivariant:
            push_folder(inputs, folder, multivariant.read())
        wait_until(lambda url=urls["cmaf"]: is_over(url), 40, "the stream is over")
        base = urls["cmaf"].rsplit("/", 1)[0]
        starts = {track: first_pictures(server, base, track) for track in ("v1", "v2")}
        assert len(starts["v1"]) == 5 and starts["v1"] == starts["v2"], starts


def first_pictures(server, base, track):
    """When the first picture of each of a track's segments is shown, to a millisecond."""
    text = request(f"{base}/manifest-{track}.m3u8").text
    assert "EXT-X-GAP" not in text, text
    header = request(f"{base}/" + re.search('#EXT-X-MAP:URI="([^"]+)"', text).group(1)).body
    starts = []
    for name in (line for line in text.splitlines() if line and line[0] != "#"):
        path = os.path.join(server.folder, "segment.mp4")
        with open(path, "wb") as file:
            file.write(header + request(f"{base}/{name}").body)
        run = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0", path],
                             capture_output=True, text=True, check=True)
        starts.append(round(min(float(line.strip(",")) for line in run.stdout.split()), 3))
    return starts


ROWS = [
    ("renditions that reorder differently begin their segments together", other_reorderings),
    ("B2 other bytes under a name that was published change nothing", same_name_other_bytes),
    ("B5 what a playlist lists answers 200, 10,000 times, though the encoder's comes before its segment",
     playlist_before_its_segment),
    ("B7 a segment that is cut short is the other input's, else its complete GOPs", truncated),
    ("B10 a header that changes without notice is a new header behind a discontinuity", header_that_changes),
    ("B10 segments without a header are held until it comes", header_that_never_comes),
    ("B13 timestamps that wrap", timestamps_that_wrap),
    ("B15 other sizes and rates are a new header, a discontinuity and a Period", codec_change),
    ("B16 segments that do not begin with a key frame, open GOPs", no_key_frame_at_the_beginning),
    ("B17 durations that jump", durations_that_jump),
    ("B18 times before zero, edit lists and negative offsets", times_before_zero),
]


def main():
    tap = Tap()
    only = os.environ.get("TARN_ONLY", "")
    with lab.temporary_folder() as folder:
        server = lab.Server(folder, "--collection-root", os.path.join(folder, "clips"))
        try:
            for name, row in ROWS:
                if name.startswith(only):
                    tap.run(name, row, server)
        finally:
            server.stop()
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
