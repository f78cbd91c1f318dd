#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tarn's packagers and sinks beside those of GStreamer, in one run: the same file is remuxed to segments of 6 s by each, in
turn; CPU seconds of the process, and whether what comes out is whole and right. Prints the tables of docs/comparison.md.

    ./tarn exec python3 scripts/compare_sinks.py [--seconds 120] [--rounds 5]
    ./tarn exec python3 scripts/compare_sinks.py --streams FOLDER      folders of a playlist and TS segments"""

import argparse
import glob
import os
import re
import resource
import shutil
import statistics
import subprocess
import tempfile

RATE = 25
SOURCE = "filesrc location={file} ! qtdemux name=d"
QUEUE = "queue max-size-time=0 max-size-buffers=0 max-size-bytes=0"  # no limit of ours is to hold anybody up
VIDEO, AUDIO = f"d.video_0 ! {QUEUE} ! h264parse", f"d.audio_0 ! {QUEUE} ! aacparse"
TOOLS = {  # name: (line, what plays, segments)
    "tspackager ! hlsmanifestsink": (
        f"{VIDEO} ! t. {AUDIO} ! t. tspackager name=t ! hlsmanifestsink location={{out}}", "manifest.m3u8", "*.ts"),
    "hlssink2": (
        f"hlssink2 name=s location={{out}}/%05d.ts playlist-location={{out}}/list.m3u8 target-duration=6 max-files=0 "
        f"playlist-length=0 {VIDEO} ! s.video {AUDIO} ! s.audio", "list.m3u8", "*.ts"),
    "splitmuxsink, mpegtsmux": (
        f"splitmuxsink name=s muxer=mpegtsmux max-size-time=6000000000 location={{out}}/%05d.ts {VIDEO} ! s.video "
        f"{AUDIO} ! s.audio_0", None, "*.ts"),
    "cmafpackager ! hlsmanifestsink": (
        f"{VIDEO} ! cmafpackager ! s. {AUDIO} ! cmafpackager ! s. hlsmanifestsink name=s location={{out}}", "manifest.m3u8",
        "*v1-*.m4s"),
    "cmafpackager ! dashmanifestsink": (
        f"{VIDEO} ! cmafpackager ! s. {AUDIO} ! cmafpackager ! s. dashmanifestsink name=s location={{out}}", "manifest.mpd",
        "*v1-*.m4s"),
    "dashsink, mp4": (
        f"dashsink name=s muxer=mp4 target-duration=6 mpd-root-path={{out}} mpd-filename=list.mpd {VIDEO} ! s.video_0 "
        f"{AUDIO} ! s.audio_0", "list.mpd", "video*.mp4"),
    "dashsink, ts": (
        f"dashsink name=s muxer=ts target-duration=6 mpd-root-path={{out}} mpd-filename=list.mpd {VIDEO} ! s.video_0 "
        f"{AUDIO} ! s.audio_0", "list.mpd", "video*.ts"),
}


# Of transport streams: what plays where it is known, and segments.
STREAM_TOOLS = {
    "tspackager ! hlsmanifestsink": (
        "tspackager name=s ! hlsmanifestsink location={out}", "s.", "s.", "manifest.m3u8", "*.ts"),
    "hlssink2": (
        "hlssink2 name=s location={out}/%05d.ts playlist-location={out}/list.m3u8 target-duration=6 max-files=0 "
        "playlist-length=0", "s.video", "s.audio", "list.m3u8", "*.ts"),
    "splitmuxsink, mpegtsmux": (
        "splitmuxsink name=s muxer=mpegtsmux max-size-time=6000000000 location={out}/%05d.ts", "s.video", "s.audio_0",
        None, "*.ts"),
}
PARSERS = {
    "h264": ("video/x-h264", "h264parse"), "hevc": ("video/x-h265", "h265parse"), "aac": ("audio/mpeg", "aacparse"),
    "mp3": ("audio/mpeg", "mpegaudioparse"), "ac3": ("audio/x-ac3", "ac3parse"), "eac3": ("audio/x-eac3", "ac3parse"),
}


def quiet(*command):
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.returncode == 0 and not (run.stdout + run.stderr).strip()


def frames(path):
    run = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_type,nb_read_frames", "-of",
                          "csv=p=0", path], capture_output=True, text=True, check=False)
    return {kind: int(count) for kind, count in re.findall(r"^(video|audio),(\d+)", run.stdout, re.M)}


def measure(line, file, out, source=SOURCE):
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    command = ["gst-launch-1.0", "-q", *(source + " " + line).format(file=file, out=out).split()]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        raise RuntimeError(f"{line}: {run.stderr[-500:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def judge(out, plays, pattern, wanted):
    """{question: answer}"""
    segments = sorted(glob.glob(os.path.join(out, pattern)), key=lambda path: [int(n) for n in re.findall(r"\d+", path)])
    verdict = {"segments": str(len(segments))}
    is_ts = pattern.endswith(".ts")
    if is_ts:
        joined = os.path.join(out, "joined")
        with open(joined, "wb") as whole:
            for path in segments:
                with open(path, "rb") as file:
                    shutil.copyfileobj(file, whole)
        verdict["each decodes alone"] = "yes" if all(
            quiet("ffmpeg", "-nostdin", "-v", "warning", "-i", path, "-f", "null", "-") for path in segments) else "no"
        verdict["joined without a warning"] = "yes" if quiet("ffmpeg", "-nostdin", "-v", "warning", "-i", joined, "-f", "null",
                                                             "-") else "no"
        counts = frames(joined)
        os.remove(joined)
    if plays is None:
        verdict["manifest"] = "none"
    else:
        counts = frames(os.path.join(out, plays))
        text = ""
        for path in glob.glob(out + "/*.m3u8") + glob.glob(out + "/*.mpd"):
            with open(path, encoding="utf-8") as file:
                text += file.read()
        verdict["codecs in the manifest"] = "yes" if re.search(r'(CODECS|codecs)="[^"]+"', text) else "no"
        verdict["says that it is over"] = "yes" if "ENDLIST" in text or 'type="static"' in text else "no"
    lost = {kind: wanted[kind] - counts.get(kind, 0) for kind in wanted}
    verdict["frames lost, video/audio"] = f"{lost.get('video', '–')}/{lost.get('audio', '–')}"
    verdict["MB"] = f"{sum(os.path.getsize(path) for path in glob.glob(out + '/*')) / 1e6:.1f}"
    return verdict


def joined_segments(folder, out):
    """The segments of the folder's first media playlist as one file. False: there is no such."""
    for path in sorted(glob.glob(folder + "/*.m3u8")):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        names = [line.split("?")[0] for line in text.splitlines() if line.strip() and not line.startswith("#")]
        names = [name for name in names if os.path.exists(os.path.join(folder, name))]
        if "#EXTINF" not in text or not names or not all(name.endswith(".ts") for name in names):
            continue
        with open(out, "wb") as whole:
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    shutil.copyfileobj(file, whole)
        return True
    return False


def codecs(path):
    run = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_type,codec_name", "-of", "csv=p=0",
                          path], capture_output=True, text=True, check=True)
    return {kind: name for name, kind in re.findall(r"^(\w+),(video|audio)", run.stdout, re.M)}


def compare_streams(streams):
    """What each tool loses of each stream; a row each."""
    print("| stream | " + " | ".join(STREAM_TOOLS) + " |\n|---|" + "---|" * len(STREAM_TOOLS))
    with tempfile.TemporaryDirectory(prefix="tarn-compare-") as folder:
        file, out = folder + "/in.ts", folder + "/out"
        for stream in sorted(os.listdir(streams)):
            if not joined_segments(os.path.join(streams, stream), file):
                continue
            found, wanted, cells = codecs(file), frames(file), []
            for line, video, audio, plays, pattern in STREAM_TOOLS.values():
                for kind, pad in (("video", video), ("audio", audio)):
                    if kind in found:
                        caps, parser = PARSERS[found[kind]]
                        line += f" d. ! {caps} ! {QUEUE} ! {parser} ! {pad}"
                try:
                    took = measure(line, file, out, "filesrc location={file} ! tsdemux name=d")
                except RuntimeError as error:
                    cells.append("error: " + str(error).split("ERROR", 1)[-1].splitlines()[0].rsplit(": ", 1)[-1])
                    continue
                if took is None:
                    cells.append("does not end")
                    continue
                verdict = judge(out, plays, pattern, wanted)
                cells.append(f"{verdict['frames lost, video/audio']}, {verdict['each decodes alone']}")
            what = f"{stream}: {', '.join(found.values())}; {'/'.join(map(str, wanted.values()))}"
            print("| " + " | ".join([what, *cells]) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--streams", help="a folder of folders with a media playlist and TS segments")
    options = parser.parse_args()
    if options.streams:
        compare_streams(options.streams)
        return
    with tempfile.TemporaryDirectory(prefix="tarn-compare-") as folder:
        file, out = folder + "/in.mp4", folder + "/out"
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate={RATE}", "-f",
                        "lavfi", "-i", "sine=sample_rate=48000", "-t", str(options.seconds), "-c:v", "libx264", "-preset",
                        "ultrafast", "-b:v", "5M", "-g", str(2 * RATE), "-bf", "0", "-c:a", "aac", file], check=True)
        size = os.path.getsize(file) / 1e9
        wanted = frames(file)
        times, verdicts = {name: [] for name in TOOLS}, {}
        for turn in range(options.rounds):
            for name, (line, plays, pattern) in TOOLS.items():
                times[name].append(measure(line, file, out))
                if turn == 0:
                    verdicts[name] = judge(out, plays, pattern, wanted)
    print(f"{options.seconds} s, {size * 1000:.0f} MB, {wanted}, median of {options.rounds}\n")
    print("| | cpu-s/GB | range |\n|---|---|---|")
    for name, values in times.items():
        ended = [value for value in values if value is not None]
        stuck = f", {len(values) - len(ended)} of {len(values)} did not end within 20 s" if len(ended) < len(values) else ""
        if not ended:
            print(f"| {name} | –{stuck} | |")
            continue
        values, name = ended, name + stuck
        print(f"| {name} | {statistics.median(values) / size:.2f} | {min(values) / size:.2f} to {max(values) / size:.2f} |")
    for name, verdict in verdicts.items():
        print(f"\n{name}: " + "; ".join(f"{question}: {answer}" for question, answer in verdict.items()))


if __name__ == "__main__":
    main()
