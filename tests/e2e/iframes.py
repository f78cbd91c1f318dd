#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""I-frame playlists: each byte range decodes to the first picture of its segment and nothing else, judged by ffmpeg; they
stay the same over a restart; and a player goes through a stream with them."""

import os
import re
import subprocess
import sys
import time

import lab
from lab import Server, Tap, request, temporary_folder, wait_until
from streams import ffmpeg, is_over

SECONDS = 24
ENDPOINTS = {
    "ts": {"protocol": "HLS", "timeShiftDays": 1, "manifest": {"segments": 100}},
    "separate": {"protocol": "HLS", "audioSeparation": True, "timeShiftDays": 1, "manifest": {"segments": 100}},
    "cmaf": {"protocol": "HLS_CMAF", "timeShiftDays": 1, "manifest": {"segments": 100}},
    "cbcs": {"protocol": "HLS_CMAF", "timeShiftDays": 1, "manifest": {"segments": 100}, "drm": {"systems": ["WIDEVINE"]}},
}


def i_frame_streams(url):
    """{URL of an I-frame playlist: its attributes}"""
    text = request(url).text
    base = url.split("?")[0].rsplit("/", 1)[0] + "/"
    lines = re.findall(r"^#EXT-X-I-FRAME-STREAM-INF:(.*)$", text, re.M)
    return {base + re.search(r'URI="([^"]+)"', line).group(1): line for line in lines}


def entries(url):
    """[(URL, size)], and the URL of the header or None"""
    text = request(url).text
    assert "#EXT-X-I-FRAMES-ONLY\n" in text and "#EXT-X-ENDLIST\n" in text and "EXT-X-GAP" not in text, text
    base = url.split("?")[0].rsplit("/", 1)[0] + "/"
    found = re.findall(r"#EXTINF:[\d.]+,\n#EXT-X-BYTERANGE:(\d+)@0\n(\S+)\n", text)
    header = re.search(r'#EXT-X-MAP:URI="([^"]+)"', text)
    assert len(found) == text.count("#EXTINF:"), text
    return [(base + name, int(size)) for size, name in found], header and base + header.group(1)


def pictures(path):
    """Hashes of what decodes; what is cut off at the end does not."""
    text = subprocess.run(["ffmpeg", "-nostdin", "-v", "quiet", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5",
                           "-"], capture_output=True, text=True, timeout=60, check=False).stdout
    return [line.split(",")[5].strip() for line in text.splitlines() if line and not line.startswith("#")]


def each_range_is_one_picture(folder, urls):
    for name in ("ts", "separate", "cmaf"):
        streams = i_frame_streams(urls[name])
        assert len(streams) == 2, streams
        for url, attributes in streams.items():
            assert re.search(r'BANDWIDTH=\d{4,}.*CODECS="avc1\.\w{6}",RESOLUTION=\d+x\d+', attributes), attributes
            ranges, header = entries(url)
            assert len(ranges) >= SECONDS // 2 - 1, len(ranges)
            assert bool(header) == (name == "cmaf")
            begin = request(header).body if header else b""
            for segment, size in ranges:
                part = request(segment, headers={"Range": f"bytes=0-{size - 1}"})
                assert part.status == 206 and len(part.body) == size
                whole = request(segment).body
                assert size < len(whole) / 2, f"{size} of {len(whole)} bytes"
                got = []
                for suffix, body in (("part", part.body), ("whole", whole)):
                    path = os.path.join(folder, suffix + (".mp4" if header else ".ts"))
                    with open(path, "wb") as file:
                        file.write(begin + body)
                    got.append(pictures(path))
                assert got[0] == got[1][:1], f"{segment}: {len(got[0])} pictures in the range"


def boxes(data, begin=0, end=None):
    end = len(data) if end is None else end
    while begin + 8 <= end:
        size = int.from_bytes(data[begin:begin + 4], "big")
        yield data[begin + 4:begin + 8].decode("latin1"), begin, begin + size
        begin += size


def an_encrypted_range_ends_with_its_sample(_folder, urls):
    (url, _), *_rest = i_frame_streams(urls["cbcs"]).items()
    assert "#EXT-X-KEY:" in request(url).text
    ranges, _ = entries(url)
    for segment, size in ranges:
        data = request(segment).body
        moof = next(box for box in boxes(data) if box[0] == "moof")
        traf = next(box for box in boxes(data, moof[1] + 8, moof[2]) if box[0] == "traf")
        trun = next(box for box in boxes(data, traf[1] + 8, traf[2]) if box[0] == "trun")
        flags = int.from_bytes(data[trun[1] + 9:trun[1] + 12], "big")
        assert flags & 0x201 == 0x201, "the test expects a data offset and sizes"
        offset = int.from_bytes(data[trun[1] + 16:trun[1] + 20], "big")
        at = trun[1] + 20 + (4 if flags & 4 else 0) + (4 if flags & 0x100 else 0)
        assert size == moof[1] + offset + int.from_bytes(data[at:at + 4], "big")


def windows_have_them_and_restarts_change_nothing(_folder, urls, server):
    before = {}
    for name in urls:
        start = int(time.time()) - 60
        streams = i_frame_streams(f"{urls[name]}?start={start}")
        assert len(streams) == 2 and all(re.search(r"-iframes\.m3u8\?start=", url) for url in streams), streams
        for url in [*streams, *i_frame_streams(urls[name])]:
            before[url] = request(url).body
    assert all(before.values())
    server.kill()
    server.start()
    for url, body in before.items():
        assert request(url).body == body, url
    assert request(urls["cmaf"].replace("manifest.m3u8", "manifest-a9-iframes.m3u8")).status == 404
    assert request(urls["cmaf"].replace("manifest.m3u8", "manifest-v9-iframes.m3u8")).status == 404


def a_player_winds_on(_folder, urls):
    # Not with muxed audio: shaka-player's transmuxer wants audio in each segment where the PMT lists it.
    results = lab.play([{"name": name, "player": "shaka", "url": urls[name], "from_start": True, "trick": 4}
                        for name in ("separate", "cmaf")], 4)
    for name, result in results.items():
        assert result["errors"] == [], (name, result["errors"])
        assert result["advanced"] > 8, (name, result["advanced"])
        assert result["ranges"] > 0, f"{name}: the player asked for no byte range"


def main():
    tap = Tap()
    with temporary_folder() as folder:
        server = Server(folder, "--key-provider", "builtin")
        try:
            made = dict(ENDPOINTS)
            made["cbcs"]["drm"]["providerUrl"] = f"{server.control}/speke"
            inputs, urls = server.create_channel("g", "c", made)
            lines = lab.ladder_source(SECONDS)
            lines.remove("-re")
            ffmpeg(*lines, "-f", "tee", lab.hls_output(lab.with_credentials(inputs[0])))
            for url in urls.values():
                wait_until(lambda at=url: is_over(at), 60, f"{url} is over")
            tap.run("each range is one picture", each_range_is_one_picture, folder, urls)
            tap.run("an encrypted range ends with its sample", an_encrypted_range_ends_with_its_sample, folder, urls)
            tap.run("windows have them, and a restart changes nothing", windows_have_them_and_restarts_change_nothing, folder, urls,
                    server)
            tap.run("a player winds on", a_player_winds_on, folder, urls)
        finally:
            server.stop()
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
