#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile clients on real sockets, by the rows of the fault matrix: G1 path traversal, G3 header injection,
G4 authorization."""

import json
import os
import re
import shutil
import sys

import authorization_matrix
import lab
from hostile_requests import MARK, injections, traversal_paths
from lab import Tap, wait_until
from raw_client import basic_value, compose, send

REFUSED = {0, 400, 401, 403, 404, 405, 413, 414, 431}
TRACED = ("trace=open,openat,openat2,creat,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
          "mkdir,mkdirat")
CONSOLE = os.path.join(lab.ROOT, "server", "console")
TIME_ZONE = "/etc/localtime"  # read by the C library, at the first Date
NAMED_FILE = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Trace:
    """What the server does with file names, as strace writes it."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "trace")
        self.command = ("strace", "-D", "-f", "-q", "-o", self.path, "-e", TRACED)
        self.offset = 0

    def skip(self):
        self.offset = os.path.getsize(self.path)

    def files(self):
        with open(self.path, encoding="utf-8", errors="replace") as trace:
            trace.seek(self.offset)
            return [name for line in trace for name in NAMED_FILE.findall(line)]


def is_below(path, folders):
    path = os.path.realpath(path)
    return any(path == folder or path.startswith(folder + os.sep) for folder in map(os.path.realpath, folders))


def refused(port, requests):
    """Every one of them is refused, none is left without an end; the number of requests."""
    taken, count = [], 0
    for request in requests:
        answer = send(port, request)
        count += 1
        if answer.status not in REFUSED:
            taken.append((answer.status, request[:200]))
    assert not taken, f"{len(taken)} of {count} were taken: {taken[:10]}"
    assert count >= 200, f"only {count} requests"


def stays_inside(server, trace):
    outside = [name for name in trace.files() if not is_below(name, (server.data, CONSOLE, TIME_ZONE))]
    assert not outside, f"{len(outside)} file names outside: {outside[:10]}"


def is_traced(server, trace):
    """The trace shows a file that is surely opened: otherwise its silence would mean nothing."""
    send(server.control_port, compose(b"GET", b"/console/index.html"))
    wait_until(lambda: any("console" in name for name in trace.files()), 10, "the console's file in the trace")


def path_traversal(tap, folder):
    is_traceable = shutil.which("strace") is not None
    trace = Trace(folder)
    server = lab.Server(folder, "--console-dir", CONSOLE, under=trace.command if is_traceable else ())
    try:
        inputs, _ = server.create_channel("g", "c", {"hls": {"protocol": "HLS_CMAF"}})
        entry = inputs[0]
        fields = [b"Authorization: " + basic_value(entry["username"], entry["password"])]
        # what is opened at first use is opened now
        send(server.port, compose(b"PUT", b"/v1/g/1/c/index.m3u8", fields, b"#EXTM3U\n"))
        send(server.port, compose(b"GET", b"/v1/g/c/hls/manifest.m3u8"))
        if is_traceable:
            tap.run("G1 the trace shows the files that are opened", is_traced, server, trace)
            trace.skip()
        tap.run("G1 no upload with a path out of its folder is taken", refused, server.port,
                (compose(b"PUT", b"/v1/g/1/c/" + path, fields, b"#EXTM3U\n") for path in traversal_paths()))
        tap.run("G1 no playback with a path out of its folder is answered", refused, server.port,
                (compose(b"GET", b"/v1/g/c/hls/" + path) for path in traversal_paths()))
        tap.run("G1 no console file outside of its folder is answered", refused, server.control_port,
                (compose(b"GET", b"/console/" + path) for path in traversal_paths()))
        tap.run("G1 the server is as alive as before", lambda: server.api("GET", "/channel-groups", expect=200))
        if is_traceable:
            tap.run("G1 no file outside of the data directory is opened, made, renamed or removed", stays_inside,
                    server, trace)
        else:
            tap.run("G1 no file outside of the data directory is opened", skip, "no strace")
    finally:
        server.stop()


def skip(reason):
    raise Tap.Skip(reason)


def injected_requests(authorization):
    """(port's name, request) for every place a client writes into and every value."""
    for value in injections():
        target = value.replace(b" ", b"%20")
        yield "origin", compose(b"GET", b"/v1/g/c/hls/manifest.m3u8?start=" + target)
        yield "origin", compose(b"GET", b"/v1/g/c/hls/" + target)
        yield "origin", compose(b"GET", b"/v1/g/" + target + b"/hls/manifest.m3u8")
        yield "origin", compose(b"PUT", b"/v1/g/1/c/" + target, [authorization], b"#EXTM3U\n")
        yield "control", compose(b"GET", b"/api/v1/channel-groups/" + target)
        yield "control", compose(b"GET", b"/console/" + target)
        for name in (b"User-Agent", b"Content-Type", b"X-Request-Id", b"Origin", b"Referer", b"X-Forwarded-For",
                     b"Range", b"If-None-Match", b"Accept-Encoding", b"Access-Control-Request-Headers"):
            yield "origin", compose(b"GET", b"/v1/g/c/hls/manifest.m3u8", [name + b": " + value])
        typed = [authorization, b"Content-Type: " + value]
        yield "origin", compose(b"PUT", b"/v1/g/1/c/index.m3u8", typed, b"#EXTM3U\n")
        yield "control", compose(b"GET", b"/healthz", [b"X-Request-Id: " + value])
        yield "origin", compose(b"GET" + target, b"/")


def no_injected_header(server, authorization):
    count = 0
    for listener, request in injected_requests(authorization):
        answer = send(server.port if listener == "origin" else server.control_port, request)
        count += 1
        bad = [line for line in answer.header_lines
               if line.lower().startswith(MARK.lower()) or b"\n" in line or b"\r" in line]
        assert not bad, f"{bad} in the answer to {request!r}"
        assert answer.text.count(b"HTTP/1.1 ") <= 1, f"more than one answer to {request!r}: {answer.text!r}"
    assert count >= 300, f"only {count} requests"


def injected_names(server):
    """Names that the API stores, or refuses; the number that it refused."""
    for value in injections():
        text = value.decode("latin-1")
        for field in ("name", "description"):
            body = json.dumps({"name": "n", field: text}).encode()
            answer = send(server.control_port, compose(
                b"POST", b"/api/v1/channel-groups",
                [b"Authorization: Bearer " + server.token.encode(), b"Content-Type: application/json"], body))
            assert not any(line.startswith(MARK) for line in answer.header_lines), answer.head
            assert field != "name" or answer.status == 400, f"{text!r} became a group: {answer.status}"


def log_is_whole(server):
    """Every line is one JSON object with the keys of ours, and no line was made by a client."""
    with open(server.log_path, "rb") as log:
        lines = log.read().split(b"\n")
    assert lines.pop() == b"", "the last line is cut"
    events = []
    for line in lines:
        try:
            events.append(json.loads(line.decode("utf-8")))
        except ValueError as error:
            raise AssertionError(f"no JSON: {line!r}") from error
        assert events[-1].keys() >= {"time", "level", "event"}, line
    requests = [event for event in events if event["event"] == "request"]
    assert len(requests) > 100, f"only {len(requests)} requests in the log"
    for event in requests:
        ours = {"time", "level", "event", "listener", "id", "peer", "method", "path", "status", "bytes_in", "bytes_out",
                "duration_us"}
        assert event.keys() == ours, event


def header_injection(tap, folder):
    server = lab.Server(folder, "--log-format", "json", "--log-level", "debug")
    try:
        inputs, _ = server.create_channel("g", "c", {"hls": {"protocol": "HLS_CMAF"}})
        authorization = b"Authorization: " + basic_value(inputs[0]["username"], inputs[0]["password"])
        tap.run("G3 no value a client sends becomes a header line or an answer", no_injected_header, server,
                authorization)
        tap.run("G3 no name given to the API becomes a header line", injected_names, server)
    finally:
        server.stop()
    tap.run("G3 no value a client sends becomes a log line", log_is_whole, server)


def main():
    tap = Tap()
    for part in (path_traversal, header_injection, authorization_matrix.run):
        with lab.temporary_folder() as folder:
            part(tap, folder)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
