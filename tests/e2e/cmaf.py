#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fragmented MP4 goes in, muxed and in renditions, as ffmpeg and shaka-packager write it, and comes out of every protocol:
the same pictures and audio frames at the same distances."""

import os
import re
import subprocess

import judging
import lab
from lab import Tap, request, wait_until
from streams import PACKAGER, compare, encode, is_over, push_folder, put

ENDPOINTS = {
    "hls": {"protocol": "HLS", "manifest": {"segments": 100}},
    "separate": {"protocol": "HLS", "audioSeparation": True, "manifest": {"segments": 100}},
    "cmaf": {"protocol": "HLS_CMAF", "manifest": {"segments": 100}},
    "dash": {"protocol": "DASH", "manifest": {"manifestWindow": 3600}},
}
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-bf", "2"]
X265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
        "log-level=error:keyint=50:min-keyint=50:scenecut=0:bframes=3", "-tag:v"]
# name, ffmpeg's encoders, endpoints that cannot carry it
STREAMS = [
    ("avc-aac", [*X264, "-c:a", "aac"], ()),
    ("film", [*X264[:-4], "-g", "48", "-bf", "2", "-r", "24000/1001", "-c:a", "aac"], ()),
    ("hvc1-eac3", [*X265, "hvc1", "-c:a", "eac3", "-b:a", "192k", "-ac", "6"], ()),
    ("hev1-ac3", [*X265, "hev1", "-c:a", "ac3", "-b:a", "192k"], ()),
    ("avc-opus", [*X264, "-c:a", "libopus", "-b:a", "96k"], ("hls", "separate")),
]
CMAF = os.path.join(lab.SHARED, "vectors", "hls-cmaf")
ODD = os.path.join(lab.SHARED, "vectors", "ts-odd")
PARTS = os.path.join(lab.SHARED, "vectors", "cmaf-parts")
WAVE = os.path.join(CMAF, "wave-av", "vectors", "cfhd_sets")
# name, {kind: (header, its segments in order)}, endpoints that cannot carry it, ticks by which ffmpeg takes the pictures of
# the source for later than they are: it moves those whose composition offsets are negative
VECTORS = [
    ("medialive", {kind: (f"{CMAF}/medialive-scte35/{folder}/init.{end}",
                          [f"{CMAF}/medialive-scte35/{folder}/{number}.{end}" for number in range(896605655, 896605659)])
                   for kind, folder, end in (("v", "video", "cmfv"), ("a", "audio", "cmfa"))}, (), 3600),
    ("wave-25", {"v": (f"{WAVE}/12.5_25_50/t3/2022-10-17/1/init.mp4",
                       [f"{WAVE}/12.5_25_50/t3/2022-10-17/1/{time}.m4s" for time in (0, 25600, 51200, 76800)])}, (), 0),
    ("wave-29", {kind: (f"{WAVE}/14.985_29.97_59.94/t1/2022-10-17/{folder}/init.mp4",
                           [f"{WAVE}/14.985_29.97_59.94/t1/2022-10-17/{folder}/{time}.m4s" for time in times])
                    for kind, folder, times in (("v", "1", (0, 60060, 120120, 180180)),
                                                ("a", "A48", (0, 96256, 192512, 288768)))}, (), 3003),
    ("muxed", {"va": (f"{CMAF}/muxed-aac-h264/init.mp4", [f"{CMAF}/muxed-aac-h264/hls11.m4s"])}, (), 0),
    ("hvc1", {"v": (f"{PARTS}/hvc1_init.mp4", [f"{PARTS}/hvc1_seg_1.m4s"])}, (), 0),
    ("malformed-sei", {"va": (f"{ODD}/malformed-sei-init.mp4", [f"{ODD}/malformed-sei.m4s"])}, (), 0),
    ("av1", {"v": (f"{PARTS}/av1_init.mp4", [f"{PARTS}/av1_multitile_seg.m4s"])}, ("hls", "separate"), 0),
]
# ffmpeg gives the first two pictures of a segment of x265's the same time
SOURCE_FAULTS = {f"{name}/c/{endpoint}": {"presentation"} for name in ("hvc1-eac3", "hev1-ac3") for endpoint in ("cmaf", "dash")}
MULTIVARIANT = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nlive.m3u8\n"


def make(folder, codecs):
    return encode(os.path.join(folder, "live.m3u8"), codecs, "-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "2",
                  "-hls_list_size", "0")


def create(server, name, without=()):
    return server.create_channel(name, "c", {key: fields for key, fields in ENDPOINTS.items() if key not in without},
                                 protocol="HLS_CMAF")


def by_ffmpeg(server, name, codecs, without):
    folder = os.path.join(server.folder, name)
    playlist = make(folder, codecs)
    inputs, urls = create(server, name, without)
    push_folder(inputs, folder, MULTIVARIANT)
    wait_until(lambda: is_over(urls["cmaf"]), 30, f"{name} is over in the output")
    compare(folder, playlist, urls)


def by_shaka(server):
    """Audio and video apart, several fragments a segment."""
    if not os.path.exists(PACKAGER):
        raise Tap.Skip("shaka-packager is not installed: ./tarn test installs it")
    folder = os.path.join(server.folder, "shaka")
    source = encode(os.path.join(folder, "source.mp4"), [*X264, "-c:a", "aac"])
    packaged = os.path.join(folder, "packaged")
    os.makedirs(packaged)
    each = "in={0},stream={1},init_segment={2}/{1}-init.mp4,segment_template={2}/{1}-$Number$.m4s,playlist_name={1}.m3u8"
    run = subprocess.run(
        [PACKAGER, each.format(source, "video", packaged), each.format(source, "audio", packaged) +
         ",hls_group_id=sound,hls_name=Sound", "--hls_master_playlist_output", f"{packaged}/manifest.m3u8",
         "--segment_duration", "2", "--fragment_duration", "0.5", "--quiet"],
        capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr[-1500:]
    inputs, urls = create(server, "shaka")
    with open(os.path.join(packaged, "manifest.m3u8"), "rb") as multivariant:
        push_folder(inputs, packaged, multivariant.read())
    wait_until(lambda: is_over(urls["cmaf"]), 30, "the stream is over in the output")
    compare(folder, source, urls)


def vector(server, name, tracks, without, late):
    """What other packagers wrote, as an encoder would push it: a playlist for each track."""
    if not os.path.isdir(CMAF):
        raise Tap.Skip("the vectors are not here")
    folder = os.path.join(server.folder, name)
    os.makedirs(folder)
    sources = {}
    for kinds, (header, segments) in tracks.items():
        names = []
        with open(os.path.join(folder, f"source-{kinds}.mp4"), "wb") as source:
            for number, path in enumerate([header, *segments]):
                names.append(f"{kinds}{number}.m4s" if number else f"{kinds}-init.mp4")
                with open(path, "rb") as file:
                    body = file.read()
                source.write(body)
                with open(os.path.join(folder, names[-1]), "wb") as file:
                    file.write(body)
        sources.update({kind: source.name for kind in kinds})
        listed = "".join(f"#EXTINF:2,\n{item}\n" for item in names[1:])
        with open(os.path.join(folder, f"{kinds}.m3u8"), "w", encoding="utf-8") as file:
            file.write(f'#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXT-X-MAP:URI="{names[0]}"\n{listed}#EXT-X-ENDLIST\n')
    group = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Sound",URI="a.m3u8"\n' if "a" in tracks else ""
    use = ',AUDIO="a"' if group else ""
    first = "va" if "va" in tracks else "v"
    inputs, urls = create(server, name, without)
    push_folder(inputs, folder, f"#EXTM3U\n{group}#EXT-X-STREAM-INF:BANDWIDTH=1000000{use}\n{first}.m3u8\n".encode())
    playlist = "cmaf" if "cmaf" in urls else next(iter(urls))
    wait_until(lambda: is_over(urls[playlist]), 30, f"{name} is over in the output")
    compare(folder, sources, urls, {"hls": late, "separate": late})


def restart(server):
    """The header came before the server was killed, and does not come again."""
    folder = os.path.join(server.folder, "restart")
    playlist = make(folder, STREAMS[0][1])
    inputs, urls = create(server, "restart")
    with open(playlist, encoding="utf-8") as file:
        lines = file.read().splitlines()
    segments = [line for line in lines if line and not line.startswith("#")]

    def push(names):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                put(inputs, name, file.read())
        text = [line for line in lines if line != "#EXT-X-ENDLIST" and not line.startswith("#EXT-X-PLAYLIST-TYPE")]
        if names[-1] != segments[-1]:
            text = text[:text.index(names[-1]) + 1]
        put(inputs, "live.m3u8", "\n".join(text).encode())

    header = re.search(r'#EXT-X-MAP:URI="([^"]+)"', "\n".join(lines)).group(1)
    put(inputs, "manifest.m3u8", MULTIVARIANT)
    push([header, *segments[:2]])
    server.kill()
    server.start()
    push(segments[2:])
    put(inputs, "live.m3u8", "\n".join(lines).encode())
    wait_until(lambda: is_over(urls["cmaf"]), 30, "the stream is over in the output")
    compare(folder, playlist, urls)


def refusals(server):
    """Each says what is wrong with which object, and the status is the documented one."""
    inputs, _ = create(server, "refusals")
    stream, _ = server.create_channel("stream", "c", {"hls": {"protocol": "HLS"}})
    folder = os.path.join(server.folder, "avc-aac")
    with open(os.path.join(folder, "live.m3u8"), encoding="utf-8") as file:
        text = file.read()
    header = re.search(r'#EXT-X-MAP:URI="([^"]+)"', text).group(1)
    name = [line for line in text.splitlines() if line and not line.startswith("#")][1]
    with open(os.path.join(folder, header), "rb") as file:
        header_bytes = file.read()
    with open(os.path.join(folder, name), "rb") as file:
        segment = file.read()
    packets = b"".join(b"\x47\x1f\xff\x10" + bytes(184) for _ in range(40))
    encrypted = header_bytes.replace(b"avc1", b"encv")
    damaged = segment.replace(b"trun\x00\x00\x0f\x01", b"trun\xff\xff\xff\xff") if b"trun\x00\x00\x0f\x01" in segment \
        else segment.replace(b"mfhd", b"mfhx")
    rows = [
        (inputs, "a.ts", packets, 415, "MPEG-TS"), (stream, "a.m4s", segment, 415, "fragmented MP4"),
        (inputs, "enc.mp4", encrypted, 415, "encrypted"), (inputs, "cut.m4s", segment[:len(segment) // 2], 400, "cut"),
        (inputs, "bad.m4s", damaged, 400, "moof"), (inputs, "short.mp4", header_bytes[:200], 400, "no whole moof"),
        (inputs, header, header_bytes, 201, ""), (inputs, name, segment, 201, ""),
    ]
    for where, item, body, status, said in rows:
        url = f"{os.path.dirname(where[0]['url'])}/{item}"
        answer = request(url, "PUT", body, lab.basic(where[0]))
        wanted = (200, 201, 202) if status == 201 else (status,)
        assert answer.status in wanted and said in answer.text, (item, answer.status, answer.text)
        assert status == 201 or item in answer.text, (item, answer.text)


def foreign_headers(server):
    """Streams of others that are encrypted, and subtitles that are no WebVTT: refused by their headers."""
    folder = os.path.join(lab.SHARED, "vectors")
    if not os.path.isdir(folder):
        raise Tap.Skip("the vectors are not here")
    inputs, _ = create(server, "foreign")
    for path, said in (("drm/multidrm-video-init.mp4", "encrypted"), ("drm/multidrm-audio-init.mp4", "encrypted"),
                       ("drm/init-fairplay.mp4", "encrypted"), ("drm/cbcs.mp4", "encrypted"), ("text/ttml-init.mp4", "stpp"),
                       ("text/imsc-image-init.cmft", "stpp")):
        with open(os.path.join(folder, path), "rb") as file:
            name = os.path.basename(path).replace(".cmft", ".mp4")
            answer = request(f"{os.path.dirname(inputs[0]['url'])}/{name}", "PUT", file.read(), lab.basic(inputs[0]))
        assert answer.status == 415 and said in answer.text and name in answer.text, (path, answer.status, answer.text)


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        server = lab.Server(folder)
        try:
            for name, codecs, without in STREAMS:
                tap.run(f"{name} comes out as it went in", by_ffmpeg, server, name, codecs, without)
            tap.run("shaka-packager's renditions come out as they went in", by_shaka, server)
            for name, tracks, without, late in VECTORS:
                tap.run(f"{name} comes out as it went in", vector, server, name, tracks, without, late)
            tap.run("a header outlives kill -9", restart, server)
            judging.judge_server(server, tap, faults=SOURCE_FAULTS)
            tap.run("what cannot be used is refused with its reason", refusals, server)
            tap.run("encrypted headers and TTML of others are refused", foreign_headers, server)
        finally:
            code = server.stop()
        tap.run("the server ends well", lambda: exits_well(code))
    tap.done()


def exits_well(code):
    assert code == 0, code


if __name__ == "__main__":
    main()
