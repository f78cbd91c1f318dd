#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Row G2 of the fault matrix: the framing corpus sent to a whole server, and through nginx in front of it. What is
hidden in a wrong idea of a message's length must not become a request."""

import collections
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys

import lab
from lab import Tap, wait_until

Case = collections.namedtuple("Case", "name data accepted status")
HIDDEN = b"/smuggled"
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")

NGINX = """
{user}
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  log_format messages "$request_method $request_uri $upstream_status";
  access_log {folder}/access.log messages;
  upstream tarn {{ server 127.0.0.1:{upstream}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{port};
    underscores_in_headers on;
    ignore_invalid_headers off;
    large_client_header_buffers 4 64k;
    location / {{
      proxy_pass http://tarn;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering {buffering};
      proxy_ignore_client_abort on;
      proxy_next_upstream off;
    }}
  }}
}}
"""


def corpus():
    """Each case, with a hidden path of its own, as long as before: lengths in the bytes stay true."""
    printed = subprocess.run([os.path.join(lab.BUILD, "tests", "server", "framing_corpus")], check=True,
                             stdout=subprocess.PIPE, text=True, timeout=30).stdout
    cases = []
    for number, line in enumerate(printed.splitlines()):
        name, data, accepted, status = line.split(" ")
        marked = bytes.fromhex(data).replace(HIDDEN, hidden_path(number).encode())
        cases.append(Case(name, marked, int(accepted), int(status)))
    assert len(cases) >= 100, f"only {len(cases)} cases"
    assert sum(hidden_path(number).encode() in case.data for number, case in enumerate(cases)) >= 30
    return cases


def hidden_path(number):
    return f"/sm{number:06}"


def exchange(port, data, seconds=10):
    """A whole connection: all of its bytes, its end, and what is answered until the other side ends it, too."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65536):
                answer += more
        except TimeoutError as error:
            raise AssertionError(f"after {seconds} s not closed: {data[:200]!r}") from error
        except OSError:
            pass  # closed with bytes unread: what came before is the answer
    return answer


def requests_of(server):
    """(method, path) of every request that reached a handler, as the log has them."""
    found = []
    with open(server.log_path, encoding="utf-8") as log:
        for line in log:
            event = json.loads(line)
            if event["event"] == "request" and event["listener"] != "control":
                found.append((event["method"], event["path"]))
    return found


def end_mark(server):
    """A last request, whose line in the log says that all before it are there."""
    exchange(server.port, b"GET /the-end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    wait_until(lambda: ("GET", "/the-end") in requests_of(server), 10, "the last request in the log")


def each_is_refused(server, cases):
    wrong = []
    for case in cases:
        statuses = [int(status) for status in STATUS.findall(exchange(server.port, case.data))]
        statuses = [status for status in statuses if status != 100]
        if case.status and (not statuses or statuses[-1] < 400 or len(statuses) > case.accepted + 1):
            wrong.append((case.name, statuses))
        # a handler that refuses a body closes before what follows it
        if not case.status and not min(case.accepted, 1) <= len(statuses) <= case.accepted:
            wrong.append((case.name, statuses))
    assert not wrong, f"{len(wrong)} of {len(cases)}: {wrong[:10]}"


def nothing_hidden_came(server, cases):
    end_mark(server)
    paths = [path for _, path in requests_of(server)]
    hidden = {hidden_path(number) for number in range(len(cases))}
    came = [path for path in paths if path in hidden]
    assert not came, f"{len(came)} requests were smuggled: {came[:10]}"
    most = sum(case.accepted + (1 if case.status else 0) for case in cases) + 1
    least = sum(1 for case in cases if case.accepted and not case.status)
    assert least <= len(paths) <= most, f"{len(paths)} requests in the log, not {least} to {most}"
    print(f"# {len(cases)} connections, {len(paths) - 1} requests in the log, 0 smuggled")


def directly(tap, folder):
    server = lab.Server(folder, "--log-format", "json", "--log-level", "debug")
    try:
        cases = corpus()
        tap.run("G2 each case is answered as the corpus says, and its connection closed", each_is_refused, server,
                cases)
        tap.run("G2 nothing hidden became a request", nothing_hidden_came, server, cases)
    finally:
        server.stop()


@contextlib.contextmanager
def nginx(folder, upstream, buffering):
    folder = os.path.join(folder, "nginx")
    os.mkdir(folder)
    port = lab.free_port()
    configuration = os.path.join(folder, "nginx.conf")
    with open(configuration, "w", encoding="utf-8") as file:
        file.write(NGINX.format(folder=folder, port=port, upstream=upstream, buffering=buffering,
                                user="user root;" if os.geteuid() == 0 else ""))
    with subprocess.Popen(["nginx", "-c", configuration, "-e", os.path.join(folder, "error.log")],
                          stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: accepts(port), 10, "nginx listens")
            yield port, os.path.join(folder, "access.log")
        finally:
            process.terminate()
            process.wait(timeout=10)


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def passed_on(access_log):
    """(method, target) of each request as often as nginx sent it on."""
    sent = collections.Counter()
    with open(access_log, encoding="utf-8") as log:
        for line in log:
            method, target, statuses = line.rstrip("\n").split(" ", 2)
            sent[(method, target)] += len([s for s in re.split(r"[,: ]+", statuses) if s not in ("-", "")])
    return +sent


def both_agree(server, port, access_log, cases):
    for case in cases:
        exchange(port, case.data, seconds=20)
    end_mark(server)
    ours = collections.Counter(requests_of(server))
    del ours[("GET", "/the-end")]
    theirs = passed_on(access_log)
    total = sum(theirs.values())
    assert total >= 20, f"nginx passed on only {total} requests"
    assert sum(ours.values()) >= 20, f"only {sum(ours.values())} requests came"
    assert sum(ours.values()) <= total, f"{sum(ours.values())} requests came, nginx sent {total}"
    hidden = {hidden_path(number) for number in range(len(cases))}
    smuggled = {key: count for key, count in ours.items()
                if key[1] in hidden and count > theirs[key]}
    assert not smuggled, f"nginx does not know of {smuggled}"
    print(f"# {len(cases)} connections, nginx sent {total} requests, {sum(ours.values())} came, 0 smuggled")


def behind_nginx(tap, folder, buffering):
    name = f"G2 nginx and the server agree on the messages, request buffering {buffering}"
    if shutil.which("nginx") is None:
        tap.run(name, skip, "no nginx")
        return
    server = lab.Server(folder, "--log-format", "json", "--log-level", "debug")
    try:
        with nginx(folder, server.port, buffering) as (port, access_log):
            tap.run(name, both_agree, server, port, access_log, corpus())
    finally:
        server.stop()


def skip(reason):
    raise Tap.Skip(reason)


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        directly(tap, folder)
    for buffering in ("on", "off"):
        with lab.temporary_folder() as folder:
            behind_nginx(tap, folder, buffering)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
