#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HLS TS on disk -> archive -> CMAF and TS, with gst-launch-1.0 alone; ffmpeg says that every frame of the source is there
with its own time and its own picture or sound. Prints TAP."""

import os
import shutil
import subprocess
import sys
import tempfile
from fractions import Fraction

SECONDS = 8
INGEST = ("gst-launch-1.0 -q hlsingestsrc name=in location=stream/manifest.m3u8 ingestselector name=sel "
          "archivesink name=sink location=archive in.video_0 ! sel.ingest1_0 in.audio_0 ! sel.ingest1_1 "
          "sel.video_0 ! cmafpackager ! sink.sink_0 sel.audio_0 ! cmafpackager ! sink.sink_1")
CASES = {
    "closed GOPs with B-frames, 25 fps": ["testsrc2=size=320x180:rate=25", "-bf", "2", "-g", "25"],
    "30000/1001 fps": ["testsrc2=size=320x180:rate=30000/1001", "-bf", "2", "-g", "30"],
    "no B-frames, odd size": ["testsrc2=size=322x182:rate=50", "-bf", "0", "-g", "50"],
}


def shell(command, folder):
    run = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=90, check=False)
    text = run.stdout + run.stderr
    assert run.returncode == 0 and "CRITICAL" not in text, f"{command}: {run.returncode} {text[-1500:]}"


def times(path, kind, folder):
    """Presentation times of all packets in seconds, sorted, exact."""
    run = subprocess.run(["ffprobe", "-v", "error", "-select_streams", f"{kind}:0", "-show_entries",
                          "stream=time_base:packet=pts", "-of", "default=nk=0:nw=1", path],
                         cwd=folder, capture_output=True, text=True, check=True)
    scale = Fraction(next(line for line in run.stdout.splitlines() if line.startswith("time_base=")).split("=")[1])
    return sorted(int(line[4:]) * scale for line in run.stdout.splitlines() if line.startswith("pts="))


def digests(path, kind, folder):
    """MD5 of each decoded picture in presentation order, or of each audio frame as it is coded: what AAC decodes to
    depends on the frames before it."""
    how = ["-fps_mode", "passthrough"] if kind == "v" else ["-c", "copy", "-bsf:a", "aac_adtstoasc"]
    run = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", f"0:{kind}:0", *how, "-f", "framemd5", "-"], cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0 and not run.stderr, f"{path}: {run.stderr[-800:]}"
    return [line.split(",")[5].strip() for line in run.stdout.splitlines() if not line.startswith("#")]


def slot_bounds(path, folder):
    """Start of the first and end of the last video frame in decode order."""
    run = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=dts,duration", "-of",
                          "csv=p=0", path], cwd=folder, capture_output=True, text=True, check=True)
    packets = [[int(field) for field in line.split(",")[:2]] for line in run.stdout.split()]
    return Fraction(packets[0][0], 90000), Fraction(sum(packets[-1]), 90000)


def same(name, path, source, kind, folder, tolerance):
    got, wanted = times(path, kind, folder), times(source, kind, folder)
    skipped = 0
    if kind == "a":
        # what begins before the first slot or after the last one (GOPs, in decode order) belongs to no slot
        start, end = slot_bounds(source, folder)
        skipped = sum(time < start for time in wanted)
        wanted = [time for time in wanted if start <= time < end]
    assert len(got) == len(wanted), f"{name}: {len(got)} frames instead of {len(wanted)}"
    # Tarn's times are the source's, unwrapped: all of them may lie 2^33 ticks later
    shift = Fraction(2**33, 90000) if got[0] - wanted[0] > 1000 else 0
    for index, (time, source_time) in enumerate(zip(got, wanted)):
        assert abs(time - source_time - shift) <= tolerance, f"{name}: frame {index} at {float(time)}, not {float(source_time)}"
    wanted_digests = digests(source, kind, folder)[skipped:skipped + len(got)]
    assert digests(path, kind, folder) == wanted_digests, f"{name}: a frame looks or sounds different"


def check(arguments, folder):
    os.makedirs(os.path.join(folder, "stream"))
    source, *options = arguments
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", source, "-f", "lavfi", "-i",
                    "sine=frequency=440:beep_factor=4:sample_rate=48000", "-t", str(SECONDS), "-c:v", "libx264", "-preset",
                    "veryfast", "-pix_fmt", "yuv420p", *options, "-sc_threshold", "0", "-c:a", "aac", "-f", "hls",
                    "-hls_time", "2", "-hls_list_size", "0", "manifest.m3u8"], cwd=os.path.join(folder, "stream"), check=True)
    shell("cat $(grep -v '^#' stream/manifest.m3u8 | sed 's,^,stream/,') > source.ts", folder)
    shell(INGEST, folder)
    shell("gst-launch-1.0 -q archivesrc location=archive tracks=1 ! filesink location=video.mp4", folder)
    shell("gst-launch-1.0 -q archivesrc location=archive tracks=2 ! filesink location=audio.mp4", folder)
    shell("gst-launch-1.0 -q archivesrc location=archive tracks=1,2 ! tspackager ! filesink location=out.ts", folder)
    tick, sample = Fraction(1, 90000), Fraction(1, 48000)
    same("CMAF video", "video.mp4", "source.ts", "v", folder, 0)
    same("TS video", "out.ts", "source.ts", "v", folder, 0)
    same("TS audio", "out.ts", "source.ts", "a", folder, tick)
    same("CMAF audio", "audio.mp4", "source.ts", "a", folder, max(tick, sample))
    positions = times("audio.mp4", "a", folder)
    for index, (before, after) in enumerate(zip(positions, positions[1:])):
        assert after - before == 1024 * sample, f"CMAF audio: frame {index + 1} is not 1024 samples after the one before"


def main():
    failed = 0
    print(f"1..{len(CASES)}")
    for number, (name, arguments) in enumerate(CASES.items(), 1):
        folder = tempfile.mkdtemp(prefix="tarn-roundtrip-")
        try:
            check(arguments, folder)
            print(f"ok {number} - {name}", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            print("# " + str(error).replace("\n", "\n# "))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
