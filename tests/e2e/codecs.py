#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams of every codec that HLS with TS segments and packed audio carries go in and come out of every protocol: the
same pictures and audio frames at the same distances, by ffmpeg's account of source and output."""

import glob
import os
import re
import subprocess
from fractions import Fraction

import lab
from lab import HERE, Tap, request, wait_until

ENDPOINTS = {
    "hls": {"protocol": "HLS", "manifest": {"segments": 100}},
    "separate": {"protocol": "HLS", "audioSeparation": True, "manifest": {"segments": 100}},
    "cmaf": {"protocol": "HLS_CMAF", "manifest": {"segments": 100}},
    "dash": {"protocol": "DASH", "manifest": {"manifestWindow": 3600}},
}
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-bf", "2"]
X265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params"]
GOPS = "log-level=error:keyint=50:min-keyint=50:scenecut=0:bframes=3:open-gop="
HDR = ":colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
# name, ffmpeg's encoders, what the multivariant playlist of the CMAF endpoint must say
STREAMS = [
    ("hevc-eac3", [*X265, GOPS + "0", "-c:a", "eac3", "-b:a", "192k", "-ac", "6"],
     ['CODECS="hvc1.1.6.L60.90,ec-3"', 'CHANNELS="6"']),
    ("hevc-open-gop-hdr-ac3",
     [*X265, GOPS + "1" + HDR, "-pix_fmt", "yuv420p10le", "-c:a", "ac3", "-b:a", "192k", "-ac", "2"],
     ['CODECS="hvc1.2.4.L60.90,ac-3"', "VIDEO-RANGE=PQ"]),
    ("avc-mp3", [*X264, "-c:a", "libmp3lame", "-b:a", "128k"], ["mp4a.6B"]),
]
TICK = Fraction(1, 90000)
PACKAGER = os.path.join(HERE, "node_modules", "shaka-packager", "bin", "packager-linux-x64")


def ffmpeg(*arguments):
    run = subprocess.run(["ffmpeg", "-nostdin", "-y", "-v", "error", *arguments], capture_output=True, text=True,
                         timeout=120, check=False)
    assert run.returncode == 0, f"{arguments}: {run.stderr[-1500:]}"
    return run.stdout


def encode(output, codecs, *how):
    os.makedirs(os.path.dirname(output))
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=48000",
           "-pix_fmt", "yuv420p", *codecs, "-t", "10", *how, output)
    return output


def put(inputs, name, body):
    for entry in inputs:
        answer = request(f"{os.path.dirname(entry['url'])}/{name}", "PUT", body, lab.basic(entry))
        assert 200 <= answer.status < 300, f"{name}: {answer.status} {answer.text}"


def push_folder(inputs, folder, multivariant):
    """Playlists by their first segments, so that no input ends before all have begun; the whole ones last."""
    put(inputs, "manifest.m3u8", multivariant)
    playlists = {}
    for path in glob.glob(os.path.join(folder, "*.m3u8")):
        name = os.path.basename(path)
        if name == "manifest.m3u8":
            continue
        with open(path, encoding="utf-8") as file:
            playlists[name] = file.read()
        for segment in [line for line in playlists[name].splitlines() if line and not line.startswith("#")]:
            with open(os.path.join(folder, segment), "rb") as file:
                put(inputs, segment, file.read())
    for name, text in playlists.items():
        live = "\n".join(line for line in text.splitlines()
                         if line != "#EXT-X-ENDLIST" and not line.startswith("#EXT-X-PLAYLIST-TYPE"))
        put(inputs, name, live.encode())
    for name, text in playlists.items():
        put(inputs, name, text.encode())


def frames(url, kind):
    """[(time, hash)]: of decoded pictures, for parameter sets differ between containers; of audio frames as they are."""
    how = ["-fps_mode", "passthrough", "-enc_time_base", "-1"]
    if kind == "a":
        how = ["-c", "copy", *(["-bsf:a", "aac_adtstoasc"] if codec_of(url) == "aac" else [])]
    text = ffmpeg("-copyts", "-i", url, "-map", f"0:{kind}:0", *how, "-f", "framemd5", "-")
    scale = Fraction(re.search(r"#tb 0: (\d+/\d+)", text).group(1))
    lines = [[field.strip() for field in line.split(",")] for line in text.splitlines() if line[:1] not in ("", "#")]
    return [(int(fields[2]) * scale, fields[5]) for fields in lines]


def codec_of(url):
    run = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "stream=codec_name", "-of",
                          "csv=p=0", url], capture_output=True, text=True, timeout=60, check=True)
    return run.stdout.split("\n")[0].strip(" ,")


def output_file(folder, url, kind):
    """What a player of this track would feed to its decoder, as one file; DASH is left to ffmpeg's own reader."""
    if url.endswith(".mpd"):
        return url
    base = url.rsplit("/", 1)[0]
    multivariant = request(url).text
    rendition = re.search(r'#EXT-X-MEDIA:TYPE=AUDIO.*URI="([^"]+)"', multivariant)
    names = [line for line in multivariant.splitlines() if line and not line.startswith("#")]
    playlist = request(f"{base}/{rendition.group(1) if kind == 'a' and rendition else names[0]}").text
    inits = re.findall(r'#EXT-X-MAP:URI="([^"]+)"', playlist)
    path = os.path.join(folder, "output.mp4" if inits else "output.ts")
    with open(path, "wb") as out:
        for name in inits + [line for line in playlist.splitlines() if line and not line.startswith("#")]:
            answer = request(f"{base}/{name}")
            assert answer.status == 200, f"{name}: {answer.status}"
            out.write(answer.body)
    return path


def judge(source, output):
    """All pictures, and the audio from the first frame that comes out on; distances to the first picture to a tick."""
    assert [each[1] for each in output["v"]] == [each[1] for each in source["v"]], "the pictures differ"
    hashes = [each[1] for each in source["a"]]
    got = [each[1] for each in output["a"]]
    assert got and got[0] in hashes, "audio begins with what the source does not have"
    at = hashes.index(got[0])
    assert got == hashes[at:at + len(got)] and len(got) > len(hashes) * 0.9, f"audio differs: {len(got)} from {at} on"
    for kind, skipped in (("v", 0), ("a", at)):
        for index, (time, _) in enumerate(output[kind]):
            apart = abs((time - output["v"][0][0]) - (source[kind][skipped + index][0] - source["v"][0][0]))
            assert apart <= 2 * TICK, f"{kind} {index}: {float(apart * 90000)} ticks off"


def compare(folder, source_file, urls):
    source = {kind: frames(source_file, kind) for kind in "va"}
    wrong = []
    for endpoint, url in urls.items():
        try:
            judge(source, {kind: frames(output_file(folder, url, kind), kind) for kind in "va"})
        except AssertionError as difference:
            wrong.append(f"{endpoint}: {difference}")
    assert not wrong, wrong


def is_over(url):
    answer = request(url)
    names = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    return answer.status == 200 and names and "#EXT-X-ENDLIST" in request(f"{url.rsplit('/', 1)[0]}/{names[0]}").text


def transport_stream(server, name, codecs, said):
    folder = os.path.join(server.folder, name)
    playlist = encode(os.path.join(folder, "live.m3u8"), codecs, "-f", "hls", "-hls_time", "2", "-hls_list_size", "0")
    inputs, urls = server.create_channel(name, "c", ENDPOINTS)
    push_folder(inputs, folder, b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nlive.m3u8\n")
    wait_until(lambda: is_over(urls["separate"]), 30, f"{name} is over in the output")
    multivariant = request(urls["cmaf"]).text
    assert all(part in multivariant for part in said), multivariant
    compare(folder, playlist, urls)


def packed_audio(server, codec, encoder, extension):
    """shaka-packager's TS output has audio as packed audio."""
    if not os.path.exists(PACKAGER):
        raise Tap.Skip("shaka-packager is not installed: ./tarn test installs it")
    name = f"packed-{codec}"
    folder = os.path.join(server.folder, name)
    source = encode(os.path.join(folder, "source.mp4"), [*X264, "-c:a", encoder, "-b:a", "96k", "-ac", "2"])
    packaged = os.path.join(folder, "packaged")
    os.makedirs(packaged)
    run = subprocess.run(
        [PACKAGER, f"in={source},stream=video,segment_template={packaged}/v-$Number$.ts,playlist_name=v.m3u8",
         f"in={source},stream=audio,segment_template={packaged}/a-$Number$.{extension},playlist_name=a.m3u8,"
         "hls_group_id=sound,hls_name=Sound", "--hls_master_playlist_output", f"{packaged}/manifest.m3u8",
         "--segment_duration", "2", "--quiet"], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr[-1500:]
    inputs, urls = server.create_channel(name, "c", ENDPOINTS)
    with open(os.path.join(packaged, "manifest.m3u8"), "rb") as multivariant:
        push_folder(inputs, packaged, multivariant.read())
    wait_until(lambda: is_over(urls["separate"]), 30, f"{name} is over in the output")
    compare(folder, source, urls)


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        server = lab.Server(folder)
        try:
            for name, codecs, said in STREAMS:
                tap.run(f"{name} comes out as it went in", transport_stream, server, name, codecs, said)
            for codec, encoder, extension in (("aac", "aac", "aac"), ("ac3", "ac3", "ac3"), ("eac3", "eac3", "ec3")):
                tap.run(f"packed {codec} comes out as it went in", packed_audio, server, codec, encoder, extension)
        finally:
            code = server.stop()
        tap.run("the server ends well", lambda: exits_well(code))
    tap.done()


def exits_well(code):
    assert code == 0, code


if __name__ == "__main__":
    main()
