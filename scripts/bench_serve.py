# SPDX-License-Identifier: Apache-2.0
"""Serving over loopback: Tarn, nginx with the same bytes as files, and bare libsoup, in turn, in one run.

Servers have core 0, the load generator core 1. The server's CPU per request is the steadier figure."""

import contextlib
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import time

MANIFEST_BYTES, SEGMENT_BYTES = 1536, 3 << 20
TICK = os.sysconf("SC_CLK_TCK")
NGINX = """daemon off;
worker_processes 1;
pid {run}/pid;
error_log {run}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  sendfile {sendfile};
  tcp_nopush on;
  open_file_cache max=100;
  client_body_temp_path {run}/body; proxy_temp_path {run}/proxy; fastcgi_temp_path {run}/fastcgi;
  uwsgi_temp_path {run}/uwsgi; scgi_temp_path {run}/scgi;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {run}/root; add_header Cache-Control max-age=1; }}
}}
"""


def processes(pid):
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return [pid] + [inner for child in children for inner in processes(int(child))]


class Served:
    """A server process that is pinned to core 0."""

    def __init__(self, name, process, address):
        self.name, self.process, self.address = name, process, address
        for pid in processes(process.pid):
            subprocess.run(["taskset", "-a", "-p", "-c", "0", str(pid)], capture_output=True, check=True)

    def cpu(self):
        total = 0
        for pid in processes(self.process.pid):
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                total += sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
        return total / TICK

    def rss_kib(self):
        total = 0
        for pid in processes(self.process.pid):
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                total += int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))
        return total

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=10)


def start_bench(build, name, mode, *log):
    process = subprocess.Popen([os.path.join(build, "tests", "bench", "serve_bench"), mode, "1", *log],
                               stdout=subprocess.PIPE, text=True)
    host, port = process.stdout.readline().strip().rsplit(":", 1)
    return Served(name, process, (host, int(port)))


def start_nginx(folder, sendfile):
    run = os.path.join(folder, f"nginx-{sendfile}")
    root = os.path.join(run, "root/v1/g/c/e")
    os.makedirs(root)
    os.chmod(folder, 0o755)
    for name, size in (("hot.m3u8", MANIFEST_BYTES), ("hot.m4s", SEGMENT_BYTES)):
        with open(os.path.join(root, name), "wb") as file:
            file.write(b"#" * size)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = os.path.join(run, "nginx.conf")
    with open(configuration, "w", encoding="utf-8") as file:
        file.write(NGINX.format(run=run, port=port, sendfile=sendfile))
    process = subprocess.Popen(["nginx", "-c", configuration, "-e", run + "/error.log"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            break
        time.sleep(0.02)
    return Served(f"nginx, sendfile {sendfile}", process, ("127.0.0.1", port))


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def load(server, file, connections, seconds):
    """One wrk run: requests a second, server's CPU seconds a request, p50 and p99 in ms."""
    before = server.cpu()
    output = subprocess.run(
        ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency",
         f"http://{server.address[0]}:{server.address[1]}/v1/g/c/e/{file}"],
        capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in output and "Socket errors" not in output, output
    count = int(re.search(r"(\d+) requests in", output).group(1))
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)),
            "cpu": (server.cpu() - before) / count,
            "p50": milliseconds(re.search(r"(?m)^\s+50%\s+(\S+)", output).group(1)),
            "p99": milliseconds(re.search(r"(?m)^\s+99%\s+(\S+)", output).group(1))}


def ask(client, file):
    client.sendall(f"GET /v1/g/c/e/{file} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += client.recv(65536)
    left = MANIFEST_BYTES - len(data.partition(b"\r\n\r\n")[2])
    while left > 0:
        left -= len(client.recv(65536))


def beside_idle(server, file, idle):
    """p50 in ms of one active connection beside so many idle ones, and KiB that an idle one costs."""
    before = server.rss_kib()
    held = []
    for _ in range(idle):
        held.append(socket.create_connection(server.address, timeout=5))
        ask(held[-1], file)
    time.sleep(2.5)  # Tarn's settle after 1.5 s; what is measured is the state that lasts
    with socket.create_connection(server.address, timeout=5) as client:
        times = []
        for _ in range(900):
            began = time.perf_counter()
            ask(client, file)
            times.append(time.perf_counter() - began)
    memory = (server.rss_kib() - before) / max(idle, 1)
    for client in held:
        client.close()
    return statistics.median(times) * 1e3, memory


def connect_burst(server, count):
    """Seconds for so many connects, and the slowest 1 % of them in ms."""
    times, held = [], []
    began = time.perf_counter()
    for _ in range(count):
        started = time.perf_counter()
        held.append(socket.create_connection(server.address, timeout=10))
        times.append(time.perf_counter() - started)
    took = time.perf_counter() - began
    for client in held:
        client.close()
    return took, sorted(times)[int(count * 0.99)] * 1e3


def serving(options):
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    folder = options.out + "-serve"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    servers = []
    figures = {}
    try:
        servers = [start_bench(options.build, "tarn", "tarn"), start_nginx(folder, "off"), start_nginx(folder, "on"),
                   start_bench(options.build, "bare libsoup", "soup")]
        logs = start_bench(options.build, "tarn, access log", "tarn", os.path.join(folder, "access.log"))
        servers.append(logs)
        cases = [(server, label, file, size) for label, file, size in
                 (("hot manifest", "hot.m3u8", MANIFEST_BYTES), ("hot 3 MiB", "hot.m4s", SEGMENT_BYTES))
                 for server in servers if server is not logs]
        cases.append((logs, "hot manifest", "hot.m3u8", MANIFEST_BYTES))
        cases += [(servers[0], "miss", "miss.m3u8", MANIFEST_BYTES), (servers[0], "miss 3 MiB", "miss.m4s", SEGMENT_BYTES)]
        rows = {}
        for _ in range(options.rounds):
            for server, label, file, size in cases:
                rows.setdefault((label, server.name, size), []).append(load(server, file, 32, options.seconds))
        print(f"\nServing, wrk -t1 -c32, median of {options.rounds} x {options.seconds} s")
        for (label, name, size), runs in rows.items():
            row = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            figures[f"serve {label} {name}"] = row["rate"]
            print(f"  {label:13s} {name:19s} {row['rate']:9.0f} req/s {row['rate'] * size / 1e9:6.2f} GB/s "
                  f"{row['cpu'] * 1e6:7.1f} us/req  p50 {row['p50']:.3f} p99 {row['p99']:.3f} ms")
        for server, file in ((servers[0], "hot.m3u8"), (servers[0], "miss.m3u8"), (servers[1], "hot.m3u8"),
                             (servers[3], "hot.m3u8")):
            alone, _ = beside_idle(server, file, 0)
            crowded, memory = beside_idle(server, file, options.idle)
            figures[f"serve p50 ms beside {options.idle} idle, {server.name} {file}"] = crowded
            print(f"  {server.name:19s} {file:9s} p50 {alone:.3f} ms alone, {crowded:.3f} ms beside {options.idle} idle; "
                  f"{memory:.2f} KiB each")
        took, slowest = connect_burst(servers[0], 5000)
        print(f"  tarn: 5000 connects in {took:.2f} s, slowest 1 % {slowest:.2f} ms")
        ours, miss = figures["serve hot manifest tarn"], figures["serve miss tarn"]
        nginx = max(figures["serve hot manifest nginx, sendfile off"], figures["serve hot manifest nginx, sendfile on"])
        print(f"  targets: a hot manifest 1.0 x nginx, here {ours / nginx:.2f}; a miss 1.6 x bare libsoup, here "
              f"{miss / figures['serve hot manifest bare libsoup']:.2f}")
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return figures
