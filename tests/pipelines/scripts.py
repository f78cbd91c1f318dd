#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every script of pipelines/ on a short programme and has ffmpeg count what comes out. Prints TAP."""

import base64
import contextlib
import functools
import glob
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PIPELINES = os.path.join(ROOT, "pipelines")
LENGTH, RATE = 8, 25
PACKAGER = os.path.join(ROOT, "tests", "e2e", "node_modules", "shaka-packager", "bin", "packager-linux-x64")
KEY, KID, IV = "00112233445566778899aabbccddeeff", "0123456789abcdef0123456789abcdef", "ff" * 16
used = set()


class Skip(Exception):
    pass


def script(name, *arguments, **environment):
    used.add(name)
    run = subprocess.run([os.path.join(PIPELINES, name), *arguments], env={**os.environ, **environment},
                         capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0 and not re.search("ERROR|CRITICAL|WARN", run.stderr), run.stderr[-2000:]


def failure(name, *arguments):
    """What a script says that has to fail."""
    run = subprocess.run([os.path.join(PIPELINES, name), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode != 0 and "CRITICAL" not in run.stderr, run.stderr[-2000:]
    return run.stderr


def ffmpeg(*arguments):
    run = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0 and not run.stderr, run.stderr[-2000:]


def frames(path):
    """{codec_type: frames that decode}; a stream of two programs counts once."""
    run = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_type,nb_read_frames",
                          "-of", "csv=p=0", path], capture_output=True, text=True, check=False)
    assert run.returncode == 0 and not run.stderr, run.stderr[-2000:]
    return {kind: int(count) for kind, count in re.findall(r"^(video|audio),(\d+)", run.stdout, re.M)}


def prepare(folder):
    os.makedirs(folder + "/hls")
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=size=320x180:rate={RATE}", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t",
           str(LENGTH), "-c:v", "libx264", "-preset", "ultrafast", "-g", str(RATE), "-c:a", "aac", folder + "/in.mp4")
    ffmpeg("-i", folder + "/in.mp4", "-c", "copy", folder + "/in.ts")
    ffmpeg("-i", folder + "/in.mp4", "-c", "copy", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0",
           folder + "/hls/manifest.m3u8")
    ingest(folder, "archive")


def ingest(folder, archive):
    line = (f"hlsingestsrc name=in location={folder}/hls/manifest.m3u8 "
            f"ingestselector name=sel resume-from={folder}/{archive} archivesink name=sink "
            f"location={folder}/{archive} in.video_0 ! sel.ingest1_0 in.audio_0 ! sel.ingest1_1 "
            "sel.video_0 ! cmafpackager ! sink.sink_0 sel.audio_0 ! cmafpackager ! sink.sink_1")
    subprocess.run(["gst-launch-1.0", "-q", *line.split()], check=True, timeout=60)


def whole(counts, missing=0):
    return counts.get("video") == LENGTH * RATE - missing and counts.get("audio", 0) >= LENGTH * 46


def file_to_hls(folder):
    script("file-to-hls.sh", folder + "/in.mp4", folder + "/out", SEGMENT_DURATION="2")
    with open(folder + "/out/manifest-v1a2.m3u8", encoding="utf-8") as file:
        text = file.read()
    assert text.count("#EXTINF:2.00000,") == 4 and "PLAYLIST-TYPE:VOD" in text and "ENDLIST" in text, text
    assert whole(frames(folder + "/out/manifest.m3u8"))


def files_may_have_one_track(folder):
    for left_out, kind, count in (("-an", "video", LENGTH * RATE), ("-vn", "audio", LENGTH * 46)):
        name = f"{folder}/only-{kind}"
        ffmpeg("-i", folder + "/in.mp4", "-c", "copy", left_out, name + ".mp4")
        script("file-to-hls.sh", name + ".mp4", name, SEGMENT_DURATION="2")
        counts = frames(name + "/manifest.m3u8")
        assert list(counts) == [kind] and counts[kind] >= count, counts
        ffmpeg("-i", folder + "/in.ts", "-c", "copy", left_out, name + ".ts")
        script("ts-to-encrypted-cmaf.sh", name + ".ts", name, SCHEME="cenc", KEY=KEY, KID=KID)
        assert os.path.exists(name + {"video": ".cmfv", "audio": ".cmfa"}[kind])
    ffmpeg("-i", folder + "/in.mp4", "-an", "-c:v", "mpeg4", folder + "/other.mp4")
    assert "neither H.264 nor AAC" in failure("file-to-hls.sh", folder + "/other.mp4", folder + "/other")
    assert "nothing.mp4" in failure("file-to-hls.sh", folder + "/nothing.mp4", folder + "/other")
    assert not os.path.exists(folder + "/other")


def archive_to_dash(folder):
    script("archive-to-dash.sh", folder + "/archive", folder + "/dash", SEGMENT_DURATION="2")
    assert whole(frames(folder + "/dash/manifest.mpd"))


def ts_to_encrypted_cmaf(folder):
    for scheme, iv in (("cenc", {}), ("cbcs", {"IV": IV})):
        out = f"{folder}/{scheme}"
        script("ts-to-encrypted-cmaf.sh", folder + "/in.ts", out, SCHEME=scheme, KEY=KEY, KID=KID, **iv)
        counts = {}
        assert os.path.exists(out + ".cmfv") and os.path.exists(out + ".cmfa")
        for kind, path in (("video", out + ".cmfv"), ("audio", out + ".cmfa")):
            with open(path, "rb") as file:
                assert scheme.encode() in file.read(), f"{path} does not say {scheme}"
            if not os.path.exists(PACKAGER):
                raise Skip("shaka-packager is not installed")
            clear = f"{out}-{kind}.mp4"
            run = subprocess.run([PACKAGER, f"in={path},stream={kind},output={clear}", "--enable_raw_key_decryption", "--keys",
                                  f"key_id={KID}:key={KEY}"], capture_output=True, text=True, check=False)
            assert run.returncode == 0, run.stderr[-1000:]
            counts.update(frames(clear))
            ffmpeg("-xerror", "-i", clear, "-f", "null", "-")
        assert whole(counts), counts


def window_to_mp4(folder):
    script("window-to-mp4.sh", folder + "/archive", "3", "4", folder + "/window.mp4")
    counts = frames(folder + "/window.mp4")
    assert counts["video"] == 4 * RATE and 186 <= counts["audio"] <= 190, counts
    ffmpeg("-xerror", "-i", folder + "/window.mp4", "-f", "null", "-")
    script("window-to-mp4.sh", folder + "/archive", "0", "0", folder + "/all.mp4")
    assert whole(frames(folder + "/all.mp4")), frames(folder + "/all.mp4")


def an_encoder_that_began_anew(folder):
    """Its second run has the times of the first one: in a file it follows, in a manifest it is a Period."""
    for _ in range(2):
        ingest(folder, "restarted")
    out = folder + "/restarted.mp4"
    script("window-to-mp4.sh", folder + "/restarted", "0", "0", out)
    counts = frames(out)
    assert counts["video"] == 2 * LENGTH * RATE and counts["audio"] >= 2 * LENGTH * 46, counts
    ffmpeg("-xerror", "-i", out, "-f", "null", "-")
    run = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=dts_time", "-of",
                          "csv=p=0", out], capture_output=True, text=True, check=True)
    times = [float(time.strip(",")) for time in run.stdout.split()]
    steps = [after - before for before, after in zip(times, times[1:])]
    assert min(steps) > 0.03 and max(steps) < 0.15, (min(steps), max(steps))
    script("archive-to-dash.sh", folder + "/restarted", folder + "/restarted-dash", SEGMENT_DURATION="2")
    with open(folder + "/restarted-dash/manifest.mpd", encoding="utf-8") as file:
        mpd = file.read()
    assert mpd.count("<Period ") == 2, mpd
    counts = frames(folder + "/restarted-dash/manifest.mpd")  # of the first Period, which is what ffprobe reads
    assert counts["video"] >= LENGTH * RATE, counts
    script("window-to-mp4.sh", folder + "/restarted", str(LENGTH + 1), str(LENGTH), out)
    assert whole(frames(out)), frames(out)


def what_is_not_there(folder):
    said = failure("window-to-mp4.sh", folder + "/typo", "0", "0", folder + "/typo.mp4")
    assert "there is no archive" in said and not os.path.exists(folder + "/typo"), said
    said = failure("window-to-mp4.sh", folder + "/archive", "0", "0", folder + "/typo.mp4", "1,9")
    assert "there is no track 9" in said, said


class Files(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        if self.server.waits_for:
            self.server.waits_for.wait(30)
        if self.server.fails_after and re.search(r"manifest(\d+)\.ts", self.path):
            if int(re.search(r"manifest(\d+)\.ts", self.path).group(1)) >= self.server.fails_after:
                self.server.has_failed.set()
                self.send_error(503)
                return
        super().do_GET()

    def log_message(self, *_arguments):
        pass


def serve(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.fails_after, server.has_failed, server.waits_for = 0, threading.Event(), None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def redundant_pull_to_hls(folder):
    """The first server has nothing but the first half."""
    servers = [serve(functools.partial(Files, directory=folder + "/hls")) for _ in range(2)]
    servers[0].fails_after = 2
    urls = [f"http://127.0.0.1:{server.server_port}/manifest.m3u8" for server in servers]
    script("redundant-pull-to-hls.sh", *urls, folder + "/pulled", SEGMENT_DURATION="2")
    for server in servers:
        server.shutdown()
    counts = frames(folder + "/pulled/manifest.m3u8")
    assert whole(counts), counts


def pictures(path):
    """Digests of the pictures as they are decoded, in order."""
    run = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0:v", "-vsync", "passthrough",
                          "-f", "framemd5", "-"], capture_output=True, text=True, check=False)
    assert run.returncode == 0 and not run.stderr, run.stderr[-2000:]
    return [line.split()[-1] for line in run.stdout.splitlines() if not line.startswith("#")]


def encode_open_gops(source, out, quality, *arguments):
    ffmpeg(*arguments, "-i", source, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
           f"log-level=error:crf={quality}:keyint={RATE}:min-keyint={RATE}:scenecut=0:open-gop=1:bframes=4:b-adapt=0", out)


def two_encoders_with_open_gops(folder):
    """A GOP of the second one begins with pictures that need the first one's as the second one had made them; and it counts
    its pictures from an earlier one."""
    encoders = [f"{folder}/open{number}" for number in (1, 2)]
    encode_open_gops(folder + "/in.mp4", folder + "/once.mp4", 24)
    encode_open_gops(folder + "/in.mp4", folder + "/twice.mp4", 34, "-stream_loop", "1")
    for encoder, video, begins in zip(encoders, ("/once.mp4", "/twice.mp4"), (0, LENGTH)):
        os.makedirs(encoder)
        ffmpeg("-ss", str(begins), "-i", folder + video, "-i", folder + "/in.mp4", "-map", "0:v", "-map", "1:a", "-c", "copy",
               "-output_ts_offset", "10", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0", encoder + "/manifest.m3u8")
    servers = [serve(functools.partial(Files, directory=encoder)) for encoder in encoders]
    servers[0].fails_after, servers[1].waits_for = 2, servers[0].has_failed
    urls = [f"http://127.0.0.1:{server.server_port}/manifest.m3u8" for server in servers]
    script("redundant-pull-to-hls.sh", *urls, folder + "/opened", SEGMENT_DURATION="2")
    for server in servers:
        server.shutdown()
    first, second = (pictures(encoder + "/manifest.m3u8") for encoder in encoders)
    assert len(first) == LENGTH * RATE and not set(first) & set(second), (len(first), len(second))
    with open(folder + "/opened/manifest-v1.m3u8", encoding="utf-8") as file:
        listed = file.read()
    assert "DISCONTINUITY" not in listed, listed
    came = pictures(folder + "/opened/manifest.m3u8")
    foreign = [number for number, picture in enumerate(came) if picture not in first and picture not in second]
    assert not foreign, f"no encoder made the pictures {foreign}"
    switch = next(number for number, picture in enumerate(came) if picture in second)
    assert came[:switch] == first[:switch], "the first encoder's"
    left_out = len(first) - len(came)
    assert came[switch:] == second[switch - len(came):] and 0 < left_out < 5, (switch, left_out)


class Growing(threading.Thread):
    """An encoder that writes segments into a folder, `pause` seconds apart, and dies after `count` of them."""

    def __init__(self, source, folder, count, pause):
        super().__init__(daemon=True)
        self.source, self.folder, self.count, self.pause = source, folder, count, pause
        os.makedirs(folder)
        self.write(1)

    def write(self, count):
        with open(self.source + "/manifest.m3u8", encoding="utf-8") as file:
            text = file.read()
        name = re.findall(r"(?m)^[^#].*$", text)[count - 1]
        shutil.copy(f"{self.source}/{name}", self.folder)
        with open(self.folder + "/new", "w", encoding="utf-8") as file:
            file.write(text[:text.index(name)] + name + "\n")
        os.replace(self.folder + "/new", self.folder + "/manifest.m3u8")

    def run(self):
        for count in range(2, self.count + 1):
            time.sleep(self.pause)
            self.write(count)


def two_folders_that_grow(folder):
    """The first one stops in the middle and never says so."""
    folders = [f"{folder}/growing{number}" for number in (1, 2)]
    encoders = [Growing(folder + "/hls", folders[0], 2, 0.5), Growing(folder + "/hls", folders[1], 4, 0.7)]
    pull = subprocess.Popen([os.path.join(PIPELINES, "redundant-pull-to-hls.sh"), *[f"{one}/manifest.m3u8" for one in folders],
                             folder + "/grown"], env={**os.environ, "SEGMENT_DURATION": "2"}, stderr=subprocess.PIPE, text=True)
    try:
        for encoder in encoders:
            encoder.start()
        deadline = time.monotonic() + 45
        listed = ""
        while listed.count("#EXTINF") < 4 and time.monotonic() < deadline:
            time.sleep(0.2)
            with contextlib.suppress(OSError), open(folder + "/grown/manifest-v1.m3u8", encoding="utf-8") as file:
                listed = file.read()
        assert listed.count("#EXTINF") >= 4 and "DISCONTINUITY" not in listed, listed
    finally:
        pull.send_signal(signal.SIGINT)
        said = pull.communicate(timeout=30)[1]
    assert pull.returncode == 0 and not re.search("ERROR|CRITICAL", said), said
    counts = frames(folder + "/grown/manifest.m3u8")
    assert whole(counts), counts


class Origin(http.server.BaseHTTPRequestHandler):
    """Takes what one user puts."""

    def do_PUT(self):  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"]))
        wanted = "Basic " + base64.b64encode(self.server.user.encode()).decode()
        allowed = self.headers["Authorization"] == wanted
        if allowed:
            self.server.files[self.path] = body
        self.send_response(201 if allowed else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments):
        pass


def test_to_inputs(folder):
    servers = [serve(Origin) for _ in range(2)]
    for number, server in enumerate(servers, 1):
        server.files, server.user = {}, f"user{number}:secret{number}"
    script("test-to-inputs.sh", *[f"http://127.0.0.1:{server.server_port}/in/" for server in servers], SECONDS_LONG="5",
           USER1="user1", PASSWORD1="secret1", USER2="user2", PASSWORD2="secret2")
    for number, server in enumerate(servers, 1):
        server.shutdown()
        out = f"{folder}/input{number}"
        os.makedirs(out)
        for path, body in server.files.items():
            with open(os.path.join(out, os.path.basename(path)), "wb") as file:
                file.write(body)
        counts = frames(out + "/manifest.m3u8")
        pieces = [(os.path.basename(path), frames(path)) for path in sorted(glob.glob(out + "/*.ts"))]
        assert counts["video"] == 125 and counts["audio"] >= 230, (counts, pieces)
    assert servers[0].files == servers[1].files


def every_script_has_run(_folder):
    there = {os.path.basename(path) for path in glob.glob(PIPELINES + "/*.sh")}
    assert there and there == used, there ^ used
    with open(os.path.join(ROOT, "docs", "pipelines.md"), encoding="utf-8") as file:
        page = file.read()
    missing = [name for name in there if name not in page]
    assert not missing, f"docs/pipelines.md does not know {missing}"


def main():
    tests = (file_to_hls, files_may_have_one_track, archive_to_dash, ts_to_encrypted_cmaf, window_to_mp4,
             an_encoder_that_began_anew, what_is_not_there, redundant_pull_to_hls, two_encoders_with_open_gops,
             two_folders_that_grow, test_to_inputs, every_script_has_run)
    failed = 0
    print(f"1..{len(tests)}")
    with tempfile.TemporaryDirectory(prefix="tarn-pipelines-") as folder:
        prepare(folder)
        for number, test in enumerate(tests, 1):
            name, problem = test.__name__.replace("_", " "), ""
            try:
                test(folder)
            except Skip as skip:
                name += f" # SKIP {skip}"
            except Exception as error:  # pylint: disable=broad-except
                problem = f"{type(error).__name__}: {error}"
                failed += 1
            print(("not " if problem else "") + f"ok {number} - {name}", flush=True)
            for line in problem.splitlines():
                print("# " + line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
