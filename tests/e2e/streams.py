# SPDX-License-Identifier: Apache-2.0
"""Streams from encoder to output: made and pushed as an encoder would, and judged frame by frame by ffmpeg's account of
source and output."""

import glob
import os
import re
import subprocess
import sys
from fractions import Fraction

import lab
from lab import HERE, request

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


def push_folder(inputs, folder, multivariant, names=None):
    """Playlists by their first segments, so that no input ends before all have begun; the whole ones last. `names`: of the
    media playlists; else all there are."""
    put(inputs, "manifest.m3u8", multivariant)
    playlists = {}
    for path in glob.glob(os.path.join(folder, "*.m3u8")):
        name = os.path.basename(path)
        if name == "manifest.m3u8" or name not in (names or [name]):
            continue
        with open(path, encoding="utf-8") as file:
            playlists[name] = file.read()
        headers = re.findall(r'#EXT-X-MAP:URI="([^"]+)"', playlists[name])
        for item in headers + [line for line in playlists[name].splitlines() if line and not line.startswith("#")]:
            with open(os.path.join(folder, item), "rb") as file:
                put(inputs, item, file.read())
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


def representations_of(url, folder):
    """The listed segments of an MPD's first video and audio, each behind its header in a file of its own."""
    base = url.rsplit("/", 1)[0] + "/"
    reader = os.path.join(lab.ROOT, "tests", "core", "dash", "list_segments.py")
    listed = subprocess.run([sys.executable, reader], input=request(url).body, capture_output=True, check=False)
    assert listed.returncode == 0, listed.stderr
    rows = [line.split() for line in listed.stdout.decode().splitlines()]
    files = []
    for kind in "va":
        name = next(row[2] for row in rows if row[0] == "segment" and row[2].startswith(kind))
        files.append(os.path.join(folder, name + ".mp4"))
        with open(files[-1], "wb") as file:
            for row in rows:
                if row[0] in ("init", "segment") and row[2] == name:
                    file.write(request(base + row[3]).body)
    return files


def output_file(folder, url, kind):
    """What a player of this track would feed to its decoder, as one file. DASH is left to ffmpeg's own reader, which does not
    come back from an MPD that is not over."""
    if url.endswith(".mpd"):
        has_ended = b'type="static"' in request(url).body
        return url if has_ended else representations_of(url, folder)["va".index(kind)]
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


def judge(source, output, late=0):
    """`late`: ticks by which the pictures of the source count as later than they are. All pictures, and the audio from the first frame that comes out on; distances to the first picture to a tick."""
    assert [each[1] for each in output["v"]] == [each[1] for each in source["v"]], "the pictures differ"
    skips = {"v": 0}
    if "a" in source:
        hashes = [each[1] for each in source["a"]]
        got = [each[1] for each in output["a"]]
        assert got and got[0] in hashes, "audio begins with what the source does not have"
        at = skips["a"] = hashes.index(got[0])
        assert got == hashes[at:at + len(got)] and len(got) > len(hashes) * 0.9, f"audio differs: {len(got)} from {at} on"
    for kind, skipped in skips.items():
        for index, (time, _) in enumerate(output[kind]):
            apart = abs((time - output["v"][0][0]) - (source[kind][skipped + index][0] - source["v"][0][0]) -
                        (late * TICK if kind == "a" else 0))
            assert apart <= 2 * TICK, f"{kind} {index}: {float(apart * 90000)} ticks off"


def compare(folder, source_files, urls, late=None):
    """`source_files`: a file, or {"v": file, "a": file} of the kinds there are."""
    files = source_files if isinstance(source_files, dict) else {"v": source_files, "a": source_files}
    source = {kind: frames(file, kind) for kind, file in files.items()}
    wrong = []
    for endpoint, url in urls.items():
        try:
            judge(source, {kind: frames(output_file(folder, url, kind), kind) for kind in files},
                  (late or {}).get(endpoint, 0))
        except AssertionError as difference:
            wrong.append(f"{endpoint}: {difference}")
    assert not wrong, wrong


def is_over(url):
    answer = request(url)
    names = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    return answer.status == 200 and names and "#EXT-X-ENDLIST" in request(f"{url.rsplit('/', 1)[0]}/{names[0]}").text
