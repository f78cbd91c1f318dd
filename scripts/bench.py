#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures Tarn beside its peers, all in one run, in turn, and prints ratios. CPU seconds of whole processes.

Steady state is the difference between a long and a short input over the difference of their sizes: start-up does not
count. GB is 1e9 bytes of input."""

import argparse
import glob
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import threading
import time

from bench_catalogue import catalogue
from bench_serve import serving

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHAKA = os.path.join(ROOT, "tests", "e2e", "node_modules", "shaka-packager", "bin")
GOP_SECONDS, SEGMENT_SECONDS = 2, 6
KEY, KID = "00112233445566778899aabbccddeeff", "0123456789abcdef0123456789abcdef"


def run(command, cwd=None, environment=None, limit=120):
    """(cpu seconds, wall seconds) of a process with its children; fails loudly."""
    started = time.monotonic()
    with subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        watchdog = threading.Timer(limit, process.kill)
        watchdog.start()
        complaint = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        watchdog.cancel()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {complaint[-800:].decode()}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - started


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *arguments], check=True)


class Media:
    """One rung, 25 fps, closed GOPs of 2 s, AAC 128 kb/s: as one TS file and as HLS, long and short."""

    def __init__(self, folder, name, size, bitrate, seconds, loops):
        self.folder = os.path.join(folder, name)
        self.name = name
        os.makedirs(self.folder, exist_ok=True)
        stamp = os.path.join(self.folder, f"made-{seconds}-{loops}")
        if not os.path.exists(stamp):
            print(f"making {name} media once ({seconds} s, looped {loops} times) …", file=sys.stderr)
            mezzanine = os.path.join(self.folder, "mezzanine.mp4")
            ffmpeg("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25,noise=alls=12:allf=t", "-f", "lavfi", "-i",
                   "sine=frequency=440:beep_factor=4:sample_rate=48000", "-t", str(seconds), "-c:v", "libx264",
                   "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", bitrate, "-maxrate", bitrate, "-bufsize", bitrate,
                   "-x264-params", "keyint=50:min-keyint=50:scenecut=0:open-gop=0:nal-hrd=cbr", "-c:a", "aac",
                   "-b:a", "128k", "-ac", "2", mezzanine)
            for kind, times in (("long", loops), ("short", 0)):
                span = [] if times else ["-t", str(SEGMENT_SECONDS)]
                hls = os.path.join(self.folder, kind)
                os.makedirs(hls, exist_ok=True)
                ffmpeg("-stream_loop", str(times), "-i", mezzanine, *span, "-c", "copy", "-f", "mpegts",
                       os.path.join(self.folder, f"{kind}.ts"))
                ffmpeg("-stream_loop", str(times), "-i", mezzanine, *span, "-c", "copy", "-f", "hls", "-hls_time",
                       str(SEGMENT_SECONDS), "-hls_list_size", "0", "-hls_segment_filename",
                       os.path.join(hls, "seg_%05d.ts"), os.path.join(hls, "index.m3u8"))
            with open(stamp, "w", encoding="utf-8"):
                pass

    def file(self, kind):
        return os.path.join(self.folder, f"{kind}.ts")

    def playlist(self, kind):
        return os.path.join(self.folder, kind, "index.m3u8")

    def size(self, kind, hls):
        if hls:
            return sum(os.path.getsize(path) for path in glob.glob(os.path.join(self.folder, kind, "*.ts")))
        return os.path.getsize(self.file(kind))


def tarn_environment(build):
    rooms = [os.path.join(build, "plugins", room) for room in ("ingest", "package", "archive", "drm", "manifest")]
    return dict(os.environ, GST_PLUGIN_PATH=":".join(rooms), GST_REGISTRY=os.path.join(build, "registry.bin"))


def shaka_binary():
    found = [path for path in glob.glob(os.path.join(SHAKA, "packager-linux-*")) if "arm" not in path]
    for path in found:
        if not os.access(path, os.X_OK):
            os.chmod(path, 0o755)
    return found[0] if found else None


def shaka(source, out, scheme=None):
    encryption = [] if scheme is None else [
        "--enable_raw_key_encryption", "--keys", f"label=:key_id={KID}:key={KEY}", "--protection_scheme", scheme,
        "--clear_lead", "0"]
    return [shaka_binary(), "--quiet",
            f"in={source},stream=video,init_segment={out}/v.mp4,segment_template={out}/v_$Number$.m4s,playlist_name=v.m3u8",
            f"in={source},stream=audio,init_segment={out}/a.mp4,segment_template={out}/a_$Number$.m4s,playlist_name=a.m3u8",
            "--segment_duration", str(SEGMENT_SECONDS), "--fragment_duration", str(SEGMENT_SECONDS),
            "--hls_master_playlist_output", f"{out}/m.m3u8", "--mpd_output", f"{out}/m.mpd", *encryption]


def tarn_to_files(playlist, out, scheme=None):
    """TS in, CMAF chunks out, a file a track."""
    def encryption(first_serial):
        if scheme is None:
            return []
        rest = [f"iv={KEY}"] if scheme == "cbcs" else [f"first-serial={first_serial}"]
        return ["!", "cencenc", f"scheme={scheme}", f"key={KEY}", f"kid={KID}", *rest]
    return ["gst-launch-1.0", "-q", "hlsingestsrc", "name=in", f"location={playlist}",
            "in.video_0", "!", "cmafpackager", *encryption(1), "!", "filesink", f"location={out}/v.mp4",
            "buffer-mode=unbuffered", "async=false",
            "in.audio_0", "!", "cmafpackager", *encryption(1 << 40), "!", "filesink", f"location={out}/a.mp4",
            "buffer-mode=unbuffered", "async=false"]


def tarn_to_archive(playlist, out):
    """The whole ingest: demux, merge, chunk, durable archive with its catalogue."""
    return ["gst-launch-1.0", "-q", "hlsingestsrc", "name=in", f"location={playlist}",
            "ingestselector", "name=sel", f"target-duration={SEGMENT_SECONDS * 1000}",
            "archivesink", "name=sink", f"location={out}/archive",
            "in.video_0", "!", "sel.ingest1_0", "in.audio_0", "!", "sel.ingest1_1",
            "sel.video_0", "!", "cmafpackager", "!", "sink.sink_0",
            "sel.audio_0", "!", "cmafpackager", "!", "sink.sink_1"]


def repackaging_cases(media):
    copy = ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-y", "-i", "{file}", "-map", "0", "-c", "copy"]
    cases = [
        ("cp (floor)", False, lambda kind, out: ["cp", media.file(kind), out + "/x"]),
        ("tarn elements", True, lambda kind, out: tarn_to_files(media.playlist(kind), out)),
        ("tarn cbcs", True, lambda kind, out: tarn_to_files(media.playlist(kind), out, "cbcs")),
        ("tarn cenc", True, lambda kind, out: tarn_to_files(media.playlist(kind), out, "cenc")),
        ("tarn archive", True, lambda kind, out: tarn_to_archive(media.playlist(kind), out)),
        ("ffmpeg dash", False, lambda kind, out: [part.replace("{file}", media.file(kind)) for part in copy] + [
            "-tag:v", "avc1", "-tag:a", "mp4a", "-bsf:a", "aac_adtstoasc", "-f", "dash", "-seg_duration",
            str(SEGMENT_SECONDS), "-hls_playlist", "1", out + "/m.mpd"]),
        ("ffmpeg hls fmp4", False, lambda kind, out: [part.replace("{file}", media.file(kind)) for part in copy] + [
            "-bsf:a", "aac_adtstoasc", "-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_list_size", "0",
            "-hls_segment_type", "fmp4", "-hls_segment_filename", out + "/s_%05d.m4s", out + "/m.m3u8"]),
    ]
    if shaka_binary():
        cases.append(("shaka-packager", False, lambda kind, out: shaka(media.file(kind), out)))
        cases += [(f"shaka {scheme}", False, lambda kind, out, scheme=scheme: shaka(media.file(kind), out, scheme))
                  for scheme in ("cbcs", "cenc")]
    return cases


def repackaging(media, options):
    print(f"\nTS -> CMAF, {media.name}, {media.size('long', False) / 1e6:.0f} MB, output on tmpfs, "
          f"median of {options.rounds}")
    cases = repackaging_cases(media)
    environment = tarn_environment(options.build)
    cpu = {name: {"long": [], "short": []} for name, _, _ in cases}
    for _ in range(options.rounds):
        for name, _, command in cases:
            for kind in ("short", "long"):
                shutil.rmtree(options.out, ignore_errors=True)
                os.makedirs(options.out)
                cpu[name][kind].append(run(command(kind, options.out), cwd=options.out, environment=environment)[0])
    rows = {}
    for name, hls, _ in cases:
        gigabytes = (media.size("long", hls) - media.size("short", hls)) / 1e9
        rows[name] = (statistics.median(cpu[name]["long"]) - statistics.median(cpu[name]["short"])) / gigabytes
    ours = rows["tarn elements"]
    for name, value in rows.items():
        print(f"  {name:18s} {value:6.2f} cpu-s/GB   {value / ours:5.1f} x tarn")
    print(f"  target: 0.75 cpu-s/GB through our elements; here {ours:.2f}")
    return {f"repackage {media.name} {name}": value for name, value in rows.items()}


def just_in_time(media, options):
    """Segments of 6 s from an archive of the long input, on the disk that a server would have it on, in the page
    cache: cold pages are not what is measured, nor tmpfs, whose small pages double the cost of a read."""
    print(f"\nA {SEGMENT_SECONDS} s {media.name} segment from the archive, generation only, median of {options.rounds} rounds")
    stored = os.path.join(options.media, "stored")
    for folder in (options.out, stored):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
    environment = tarn_environment(options.build)
    run(tarn_to_archive(media.playlist("long"), stored), environment=environment)
    rows = {}
    for name, tracks, form in (("CMAF video", "1", "cmaf"), ("CMAF video cbcs", "1", "cbcs"),
                               ("CMAF video cenc", "1", "cenc"), ("TS audio+video", "1,2", "ts")):
        result = subprocess.run(
            [os.path.join(options.build, "tests", "bench", "package_bench"), stored + "/archive", tracks,
             str(SEGMENT_SECONDS // GOP_SECONDS), form, str(options.rounds)], capture_output=True, text=True,
            env=environment, check=True)
        row = json.loads(result.stdout)
        rows[f"generate {media.name} {name}"] = row["ms"]
        print(f"  tarn {name:16s} {row['ms']:7.3f} ms  ({row['bytes_per_segment'] / 1e6:.2f} MB; memcpy of it "
              f"{row['memcpy_ms']:.3f} ms; {row['segments']} segments)")
    segment = sorted(glob.glob(os.path.join(media.folder, "long", "*.ts")))[3]
    for name, arguments in (("ffmpeg process, CMAF", ["-bsf:a", "aac_adtstoasc", "-movflags",
                                                      "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4"]),
                            ("ffmpeg process, TS", ["-f", "mpegts"])):
        samples = [run(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-y", "-i", segment, "-c", "copy",
                        *arguments, options.out + "/x"])[0] for _ in range(options.rounds)]
        rows[f"generate {media.name} {name}"] = statistics.median(samples) * 1e3
        print(f"  {name:21s} {statistics.median(samples) * 1e3:7.1f} ms")
    print("  targets: 0.5 ms clear CMAF, 0.9 ms cbcs, 1.0 ms cenc, 1.2 ms TS")
    shutil.rmtree(stored, ignore_errors=True)
    return rows


def main():
    parser = argparse.ArgumentParser(prog="./tarn bench")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--media", default=os.path.join(ROOT, "build-release", "bench-media"))
    parser.add_argument("--out", default="/dev/shm/tarn-bench")
    parser.add_argument("--json", help="write the figures there too")
    parser.add_argument("--rung", action="append", choices=["1080p", "360p"], help="only this rung; may be repeated")
    parser.add_argument("--seconds", type=int, default=3, help="of one load run of serve")
    parser.add_argument("--idle", type=int, default=4000, help="idle connections of serve")
    parser.add_argument("--month", action="store_true", help="of catalogue: 30 days of slots that all turn over")
    parser.add_argument("cases", nargs="*", default=["repackage", "generate", "serve", "catalogue"],
                        help="repackage, generate, serve, catalogue")
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
          f"load {os.getloadavg()[0]:.1f}")
    rungs = [("1080p", "1920x1080", "5M", 30, 19), ("360p", "640x360", "800k", 60, 19)]
    has_media = "repackage" in options.cases or "generate" in options.cases
    ladder = [Media(options.media, *rung) for rung in rungs
              if has_media and (not options.rung or rung[0] in options.rung)]
    figures = {}
    try:
        for media in ladder:
            if "repackage" in options.cases:
                figures.update(repackaging(media, options))
        if "generate" in options.cases:
            figures.update(just_in_time(ladder[0], options))
        if "serve" in options.cases:
            figures.update(serving(options))
        if "catalogue" in options.cases:
            figures.update(catalogue(options))
    finally:
        shutil.rmtree(options.out, ignore_errors=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
