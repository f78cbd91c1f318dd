#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every gst-launch-1.0 line of docs/elements as it is printed there, with criticals fatal and under GStreamer's
leaks tracer, in a folder that has
`stream/manifest.m3u8` (HLS TS: H.264 and AAC, also served over HTTP where a line says 127.0.0.1:8001 or 8002) and `archive`
(the same, ingested). What a line leaves as *.mp4 or *.ts
must be readable by ffprobe, with at least one packet. Prints TAP."""

import functools
import glob
import http.server
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INGEST = ("gst-launch-1.0 -q hlsingestsrc name=in location=stream/manifest.m3u8 ingestselector name=sel "
          "archivesink name=sink location=archive in.video_0 ! sel.ingest1_0 in.audio_0 ! sel.ingest1_1 "
          "sel.video_0 ! cmafpackager ! sink.sink_0 sel.audio_0 ! cmafpackager ! sink.sink_1")


def launch_lines():
    """[(page, command)]: as somebody would copy it."""
    lines = []
    pages = sorted(glob.glob(os.path.join(ROOT, "docs", "elements", "*.md")))
    for path in pages:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        blocks = re.findall(r"```(?:sh)?\n(.*?)```", text, re.S) + re.findall(r"^    (gst-launch-1.0 .*)$", text, re.M)
        for block in blocks:
            if block.startswith("gst-launch-1.0"):
                lines.append((os.path.relpath(path, ROOT), block))
    return lines


def prepare(folder):
    os.makedirs(os.path.join(folder, "stream"))
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i",
         "sine=frequency=440:sample_rate=48000", "-t", "6", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25",
         "-c:a", "aac", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0", "manifest.m3u8"],
        cwd=os.path.join(folder, "stream"), check=True)
    subprocess.run(INGEST.split(), cwd=folder, check=True, timeout=60)


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        pass


def serve(folder):
    """The folder `stream` at a free port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                             functools.partial(Handler, directory=os.path.join(folder, "stream")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def run_line(command, folder):
    before = set(glob.glob(os.path.join(folder, "*")))
    env = {**os.environ, "G_DEBUG": "fatal-criticals", "GST_TRACERS": "leaks", "GST_DEBUG": "GST_TRACER:7",
           "GST_DEBUG_NO_COLOR": "1"}
    run = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=60, check=False, env=env)
    text = run.stdout + run.stderr
    problems = [line for line in text.splitlines() if re.search(r"ERROR|CRITICAL|WARNING \*\*", line)]
    # the tracer says what it would say, once, and then what is still alive
    if "object-alive.class" not in text:
        problems.append("the leaks tracer did not run")
    problems += [line[-300:] for line in text.splitlines() if re.search(r"object-alive, type-name=\(string\)[^%]", line)]
    if run.returncode:
        problems.append(f"ended with {run.returncode}: {text[-600:]}")
    for path in sorted(set(glob.glob(os.path.join(folder, "*"))) - before):
        if path.endswith((".mp4", ".ts")):
            probe = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets",
                                    "-of", "csv=p=0", path], capture_output=True, text=True, check=False)
            counts = [int(count.strip(",")) for count in probe.stdout.split() if count.strip(",").isdigit()]
            if probe.returncode or probe.stderr or not counts or min(counts) == 0:
                problems.append(f"{os.path.basename(path)}: ffprobe says {counts} {probe.stderr[-300:]}")
    return problems


def main():
    lines = launch_lines()
    elements = {name for _, command in lines for name in re.findall(r"\b[a-z0-9]+\b", command)}
    folder = tempfile.mkdtemp(prefix="tarn-launch-")
    failed = 0
    print(f"1..{len(lines) + 1}")
    try:
        prepare(folder)
        ports = {"127.0.0.1:8001": serve(folder), "127.0.0.1:8002": serve(folder)}
        for number, (page, command) in enumerate(lines, 1):
            for printed, port in ports.items():
                command = command.replace(printed, f"127.0.0.1:{port}")
            problems = run_line(command, folder)
            failed += bool(problems)
            print(("not " if problems else "") + f"ok {number} - {page}: {' '.join(command.split())[:100].replace('#', '')}",
                  flush=True)
            for problem in problems:
                print(f"# {problem}")
        wanted = {os.path.basename(path)[:-3] for path in glob.glob(os.path.join(ROOT, "docs", "elements", "*.md"))}
        missing = sorted(wanted - elements)
        failed += bool(missing or not wanted)
        print(("not " if missing or not wanted else "") + f"ok {len(lines) + 1} - each element has a line that runs")
        for name in missing:
            print(f"# no line uses {name}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
