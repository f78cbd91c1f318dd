#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hlsingestsrc fetches a stream from servers and folders that somebody else fills, alone and in pairs, in gst-launch."""

import contextlib
import functools
import glob
import http.server
import os
import re
import signal
import socket
import subprocess
import threading
import time

import lab
from lab import Tap, wait_until
from streams import ffmpeg, frames

SECONDS = 16
SOURCE = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", str(SECONDS),
          "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0",
          "-pix_fmt", "yuv420p", "-c:a", "aac"]


class Server:
    """A web server in front of a folder, which can go away and come back at its port."""

    def __init__(self, folder, password=None):
        self.folder, self.password = folder, password
        self.seen = []
        self.open = []
        self.port = lab.free_port()
        self.server = None
        self.start()

    def start(self):
        outer = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                outer.open.append(self.connection)

            def do_GET(self):  # pylint: disable=invalid-name
                outer.seen.append(self.path)
                wanted = outer.password and "Basic " + lab.base64.b64encode(f"u:{outer.password}".encode()).decode()
                if wanted and self.headers.get("Authorization") != wanted:
                    self.send_error(401)
                    return
                super().do_GET()

            def log_message(self, *_arguments):
                pass

        http.server.ThreadingHTTPServer.daemon_threads = True
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), functools.partial(Handler, directory=self.folder))
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        for connection in self.open:  # those that are kept alive would go on being served
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.open = []

    def url(self, name="manifest.m3u8"):
        return f"http://127.0.0.1:{self.port}/{name}"


def encoder(folder, *how, real_time=True):
    os.makedirs(folder)
    arguments = ["-re"] if real_time else []
    return subprocess.Popen(["ffmpeg", "-nostdin", "-v", "error", *arguments, *SOURCE, "-f", "hls", "-hls_time", "1", *how,
                             "-hls_segment_filename", os.path.join(folder, "s-%d.ts"), os.path.join(folder, "manifest.m3u8")])


def finished(folder):
    process = encoder(folder, "-hls_list_size", "0", real_time=False)
    assert process.wait(60) == 0
    return folder


def source_frames(folder):
    path = os.path.join(folder, "all.ts")
    names = sorted(glob.glob(os.path.join(folder, "s-*.ts")), key=lambda name: int(re.search(r"-(\d+)\.ts", name).group(1)))
    with open(path, "wb") as out:
        for name in names:
            with open(name, "rb") as file:
                out.write(file.read())
    return {kind: frames(path, kind) for kind in "va"}


def line_of(out, inputs, extra=""):
    """One or two inputs through ingestselector into files."""
    line = (f"ingestselector name=sel target-duration=1000000000 sel.video_0 ! queue ! cmafpackager ! filesink location={out}-v.mp4 "
            f"sel.audio_0 ! queue ! cmafpackager ! filesink location={out}-a.mp4 ")
    for number, location in enumerate(inputs, 1):
        line += (f"hlsingestsrc name=in{number} location={location} {extra} in{number}.video_0 ! sel.ingest{number}_0 "
                 f"in{number}.audio_0 ! sel.ingest{number}_1 ")
    return line


def start(line, environment=None):
    return subprocess.Popen(["gst-launch-1.0", "-m", "-e", *line.split()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={**lab.build_environment(), **(environment or {})})


def says(process, wanted):
    """What it printed up to the line that has `wanted`; a program that ends, or says nothing, is a failure."""
    watchdog = threading.Timer(20, process.kill)
    watchdog.start()
    text = ""
    for line in process.stdout:
        text += line
        if wanted in line:
            watchdog.cancel()
            return text
    raise AssertionError(f"it never said {wanted!r}: {text[-3000:]}")


def ended(process, seconds=60):
    try:
        text, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as late:
        process.kill()
        raise AssertionError(f"it did not end: {process.communicate()[0][-3000:]}") from late
    assert process.returncode == 0 and "CRITICAL" not in text, text[-3000:]
    return text


def same_frames(out, source):
    for kind in "va":
        got = frames(f"{out}-{kind}.mp4", kind)
        hashes, wanted = [one[1] for one in got], [one[1] for one in source[kind]]
        if kind == "v":
            assert hashes == wanted, f"{len(hashes)} pictures instead of {len(wanted)}"
        else:
            # what sounds on after the last picture is left out
            assert hashes == wanted[:len(hashes)] and len(hashes) >= len(wanted) - 3, (len(hashes), len(wanted))
        steps = [round((b[0] - a[0]) * 90_000) for a, b in zip(got, got[1:])]
        usual = 3600 if kind == "v" else 1920
        assert all(abs(step - usual) <= 2 for step in steps), [step for step in steps if abs(step - usual) > 2]


def a_finished_stream_is_read_whole(folder):
    stream = finished(os.path.join(folder, "finished"))
    server = Server(stream)
    try:
        ended(start(line_of(os.path.join(folder, "whole"), [server.url()])))
        same_frames(os.path.join(folder, "whole"), source_frames(stream))
        fetched = [path for path in server.seen if path.endswith(".ts")]
        assert len(fetched) == len(set(fetched)) == SECONDS, fetched
    finally:
        server.stop()


def credentials_open_it(folder):
    stream = os.path.join(folder, "finished")
    server = Server(stream, password="s3cret-w0rd")
    try:
        log = os.path.join(folder, "gst.log")
        text = ended(start(line_of(os.path.join(folder, "auth"), [server.url()], "user-id=u user-pw=s3cret-w0rd"),
                           {"GST_DEBUG": "*:5", "GST_DEBUG_FILE": log}))
        assert frames(os.path.join(folder, "auth-v.mp4"), "v")
        with open(log, encoding="utf-8", errors="replace") as file:
            said = file.read().replace("user-pw=s3cret-w0rd", "")
        assert "WARN" in said or "INFO" in said
        leaks = [line for line in said.splitlines() if "s3cret" in line and "parse" not in line and "gstparse" not in line]
        assert not leaks, leaks[:3]
        assert "s3cret" not in text.replace("user-pw=s3cret-w0rd", "")
    finally:
        server.stop()


def one_of_two_servers_dies_and_comes_back(folder):
    stream = os.path.join(folder, "live")
    encode = encoder(stream, "-hls_list_size", "8")
    one, two = Server(stream), Server(stream)
    try:
        wait_until(lambda: os.path.exists(os.path.join(stream, "manifest.m3u8")), 10, "the encoder has begun")
        out = os.path.join(folder, "pair")
        two.stop()  # so that the first is the one that is used
        process = start(line_of(out, [one.url(), two.url()]))
        wait_until(lambda: any(path.endswith("s-2.ts") for path in one.seen), 20, "three segments came")
        two.start()
        wait_until(lambda: any(path.endswith("s-4.ts") for path in two.seen), 20, "the second is there, too")
        one.stop()
        wait_until(lambda: any(path.endswith("s-9.ts") for path in two.seen), 20, "five more came")
        one.start()
        assert encode.wait(40) == 0
        text = ended(process, 30)
        same_frames(out, source_frames(stream))
        assert re.search(r"input-switched, from=\S*1, to=\S*2", text) and text.count("tarn/input-switched") <= 5, [
            line for line in text.splitlines() if "(element)" in line]
        assert "it is tried again" in text, text[-2000:]
    finally:
        encode.kill()
        one.stop()
        two.stop()


def a_folder_is_followed_while_it_is_written(folder):
    stream = os.path.join(folder, "growing")
    encode = encoder(stream, "-hls_list_size", "0", "-hls_playlist_type", "event")
    try:
        wait_until(lambda: os.path.exists(os.path.join(stream, "manifest.m3u8")), 10, "the encoder has begun")
        out = os.path.join(folder, "grown")
        ended(start(line_of(out, [os.path.join(stream, "manifest.m3u8")], "live=true")), 40)
        assert encode.wait(10) == 0
        same_frames(out, source_frames(stream))
    finally:
        encode.kill()


def a_server_that_is_away_is_waited_for(folder):
    stream = os.path.join(folder, "finished")
    server = Server(stream)
    server.stop()
    process = start(line_of(os.path.join(folder, "patient"), [server.url()]))
    text = says(process, "it is tried again")
    server.start()
    try:
        text += ended(process, 30)
        assert text.count("it is tried again") == 1, text
        same_frames(os.path.join(folder, "patient"), source_frames(stream))
    finally:
        server.stop()


def it_stops_at_once(folder):
    server = Server(folder)
    process = start(line_of(os.path.join(folder, "never"), [server.url("nothing.m3u8")]))
    wait_until(lambda: len(server.seen) > 2, 10, "it asks")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    says(process, "handling interrupt")
    process.send_signal(signal.SIGINT)  # -e waits for an end that never comes
    process.communicate(timeout=10)
    assert time.monotonic() - began < 5
    server.stop()


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        tap.run("a finished stream is fetched whole, each segment once", a_finished_stream_is_read_whole, folder)
        tap.run("credentials open it and are nowhere to be read", credentials_open_it, folder)
        tap.run("one of two servers dies and comes back: no frame is lost", one_of_two_servers_dies_and_comes_back, folder)
        tap.run("a folder is followed while it is written", a_folder_is_followed_while_it_is_written, folder)
        tap.run("a server that is away is waited for", a_server_that_is_away_is_waited_for, folder)
        tap.run("it stops at once", it_stops_at_once, folder)
    tap.done()


if __name__ == "__main__":
    main()
