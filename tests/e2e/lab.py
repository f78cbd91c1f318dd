# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests stand on: a server of their own, encoders that push to it, and TAP."""

import base64
import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("TARN_BUILD_ROOT", os.path.join(ROOT, "build"))
sys.path.append(os.path.join(ROOT, "tests", "judges"))
SHARED = os.environ.get("TARN_SHARED", os.path.join(os.path.dirname(ROOT), "shared"))


class Tap:
    """Collects results and prints them as TAP; a test is a function that raises AssertionError or Skip."""

    class Skip(Exception):
        pass

    def __init__(self):
        self.number = 0
        self.failed = 0

    def run(self, name, function, *arguments):
        self.number += 1
        try:
            function(*arguments)
            print(f"ok {self.number} - {name}", flush=True)
        except Tap.Skip as reason:
            print(f"ok {self.number} - {name} # SKIP {reason}", flush=True)
        except Exception:  # pylint: disable=broad-except
            self.failed += 1
            print(f"not ok {self.number} - {name}", flush=True)
            for line in traceback.format_exc().splitlines():
                print(f"# {line}", flush=True)

    def done(self):
        print(f"1..{self.number}")
        sys.exit(1 if self.failed else 0)


def free_port():
    """One that nobody listens on, below those that the kernel gives to connections: between this look and the server's
    own bind no connection takes it, neither of this test nor of one that runs beside it."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as bounds:
        first = int(bounds.read().split()[0])
    while True:
        port = random.SystemRandom().randrange(10_000, first) if first > 12_000 else 0
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]


def wait_until(condition, seconds, what):
    """Polls until `condition` gives something true and returns it; the bound is a failure, not a pause."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.05)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")


def request(url, method="GET", body=None, headers=None, timeout=10):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        # the tests' certificates are nobody's; what is verified is verified by the test of TLS
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout,
                                                 context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    with contextlib.closing(connection):
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def build_environment():
    rooms = [os.path.join(BUILD, "plugins", room) for room in ("ingest", "package", "archive", "drm", "manifest")]
    environment = dict(os.environ)
    environment["GST_PLUGIN_PATH"] = ":".join(rooms)
    environment["GST_REGISTRY"] = os.path.join(BUILD, "registry-e2e.bin")
    return environment


class Server:
    """One tarnd with a data directory of its own, below the test's temporary folder. `under` is a command that
    becomes tarnd, such as a tracer's."""

    def __init__(self, folder, *options, under=()):
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.port, self.control_port = free_port(), free_port()
        self.options = options
        self.scheme = "https" if "--tls-cert" in options else "http"
        self.under = under
        self.log_path = os.path.join(folder, "server.log")
        self.process = None
        self.start()

    @property
    def origin(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def control(self):
        return f"{self.scheme}://127.0.0.1:{self.control_port}"

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.under, os.path.join(BUILD, "server", "tarnd"), "--data-dir", self.data,
                 "--listen", f"127.0.0.1:{self.port}", "--control-listen", f"127.0.0.1:{self.control_port}",
                 *self.options],
                stdout=subprocess.PIPE, stderr=log, text=True, env=build_environment())
        line = self.process.stdout.readline()
        assert line.startswith("ready"), f"the server said {line!r}; its log: {self.log()[-2000:]}"

    def stop(self):
        """SIGTERM; the exit code, which must be 0."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=15)
        finally:
            if self.process.poll() is None:
                self.process.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    @property
    def token(self):
        with open(os.path.join(self.data, "control-token"), encoding="utf-8") as file:
            return file.read().strip()

    def api(self, method, path, body=None, expect=None):
        headers = {"Authorization": f"Bearer {self.token}"}
        payload = None
        if body is not None:
            payload = json.dumps(body)
            headers["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        answer = request(f"{self.control}/api/v1{path}", method, payload, headers)
        if expect is not None:
            assert answer.status == expect, f"{method} {path}: {answer.status} {answer.text}"
        return json.loads(answer.body) if answer.body else None

    def create_channel(self, group, channel, endpoints, segment_duration=2, segments=6, protocol="HLS"):
        """Group, channel and endpoints {name: fields}; the channel's inputs and the playback URLs."""
        self.api("POST", "/channel-groups", {"name": group}, 201)
        made = self.api("POST", f"/channel-groups/{group}/channels",
                        {"name": channel, "protocol": protocol, "segmentDuration": segment_duration,
                         "segments": segments}, 201)
        urls = {}
        for name, fields in endpoints.items():
            answer = self.api("POST", f"/channel-groups/{group}/channels/{channel}/endpoints",
                              {"name": name, **fields}, 201)
            urls[name] = answer["url"]
        return made["inputs"], urls


def with_credentials(entry):
    """The input's URL as encoders take it: user and password inside."""
    parts = urllib.parse.urlsplit(entry["url"])
    return f"{parts.scheme}://{entry['username']}:{entry['password']}@{parts.netloc}{parts.path}"


def basic(entry):
    pair = f"{entry['username']}:{entry['password']}".encode()
    return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


def ladder_source(seconds=None):
    """Arguments of ffmpeg for a two-variant ladder with audio: 25 fps, closed GOPs of 1 s, AAC 48 kHz."""
    return ["-re", "-f", "lavfi", "-i", "testsrc2=size=480x270:rate=25", "-f", "lavfi", "-i",
            "sine=frequency=440:beep_factor=4:sample_rate=48000",
            "-filter_complex", "[0:v]split=2[hd][s];[s]scale=240:136[sd];[1:a]aformat=channel_layouts=stereo,asplit=2[a][b]",
            "-map", "[hd]", "-map", "[a]", "-map", "[sd]", "-map", "[b]",
            "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-keyint_min", "25",
            "-sc_threshold", "0", "-b:v:0", "500k", "-b:v:1", "200k", "-c:a", "aac", "-b:a", "96k",
            *(["-t", str(seconds)] if seconds else [])]


def hls_output(base, hls_time=2):
    """One slave of ffmpeg's tee: the ladder as HLS to `base`.m3u8, pushed by PUT where it is a URL."""
    put = "method=PUT:http_persistent=1:" if base.startswith("http") else ""
    streams = r"v\:0\,a\:0\,name\:hd v\:1\,a\:1\,name\:sd"
    return (f"[f=hls:hls_time={hls_time}:hls_list_size=5:{put}var_stream_map='{streams}':master_pl_name=manifest.m3u8:"
            f"onfail=ignore]{base}-%v.m3u8")


class Encoder:
    """ffmpeg in the background."""

    def __init__(self, folder, arguments, name="ffmpeg"):
        self.log_path = os.path.join(folder, f"{name}.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "warning", *arguments],
                                            stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()


def tee_encoder(folder, inputs, seconds=None):
    """A redundant ladder: one encode, byte-identical pushes to both inputs."""
    outputs = "|".join(hls_output(with_credentials(entry)) for entry in inputs)
    return Encoder(folder, [*ladder_source(seconds), "-f", "tee", outputs])


@contextlib.contextmanager
def temporary_folder():
    folder = tempfile.mkdtemp(prefix="tarn-e2e-")
    try:
        yield folder
    finally:
        if os.environ.get("TARN_KEEP"):
            print(f"# kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def play(cases, seconds, screenshots=None, patience=90):
    """Plays [{player, url, name}] at once in headless Chromium; {name: what was observed}."""
    if not os.path.isdir(os.path.join(HERE, "node_modules", "playwright-core")):
        raise Tap.Skip("the players are not installed: ./tarn test installs them")
    if not shutil.which("chromium"):
        raise Tap.Skip("chromium is not installed")
    job = {"cases": cases, "seconds": seconds, "screenshots": screenshots}
    run = subprocess.run(["node", os.path.join(HERE, "players.mjs")], input=json.dumps(job), text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds + patience, check=False)
    assert run.returncode == 0, f"players.mjs ended with {run.returncode}: {run.stderr[-2000:]}"
    return {result["name"]: result for result in map(json.loads, run.stdout.splitlines())}
