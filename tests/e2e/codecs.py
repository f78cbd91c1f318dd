#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams of every codec that HLS with TS segments and packed audio carries go in and come out of every protocol: the
same pictures and audio frames at the same distances, by ffmpeg's account of source and output."""

import os
import subprocess

import judging
import lab
from lab import Tap, request, wait_until
from streams import PACKAGER, compare, encode, is_over, push_folder

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
            judging.judge_server(server, tap)
        finally:
            code = server.stop()
        tap.run("the server ends well", lambda: exits_well(code))
    tap.done()


def exits_well(code):
    assert code == 0, code


if __name__ == "__main__":
    main()
