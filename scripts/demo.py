#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tarn in one command: a server, a channel in three formats and one of them encrypted, and a test programme pushed to both
of its inputs."""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"
ENDPOINTS = [("hls", "HLS"), ("cmaf", "HLS_CMAF"), ("dash", "DASH")]


def free_port(wanted):
    for port in range(wanted, wanted + 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    sys.exit(f"tarn: no free port from {wanted} on")


def resources(control):
    # encrypted with keys of the built-in provider, whose licences the manifest points players to
    encrypted = {"name": "dash-drm", "protocol": "DASH",
                 "drm": {"systems": ["WIDEVINE", "PLAYREADY"], "providerUrl": control + "/speke"}}
    return {"channelGroups": [{
        "name": "demo", "description": "What ./tarn demo shows",
        "channels": [{
            "name": "clock", "description": "A test picture with a clock, and a tone", "protocol": "HLS",
            "segmentDuration": 2, "segments": 5,
            "endpoints": [{"name": name, "protocol": protocol} for name, protocol in ENDPOINTS] + [encrypted],
        }],
    }]}


def environment(build):
    rooms = [os.path.join(build, "plugins", room) for room in ("ingest", "package", "archive", "drm", "manifest")]
    return dict(os.environ, GST_PLUGIN_PATH=":".join(rooms), GST_REGISTRY=os.path.join(build, "registry.bin"))


def get(url, token=None):
    request = urllib.request.Request(url)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def encoder_command(inputs):
    """One encode of two variants, pushed to both inputs."""
    clock = (f"drawtext=fontfile={FONT}:text='%{{gmtime\\:%T}} UTC':fontsize=h/9:fontcolor=white:box=1:"
             "boxcolor=black@0.6:boxborderw=12:x=(w-tw)/2:y=h*0.7")
    streams = r"v\:0\,a\:0\,name\:hd v\:1\,a\:1\,name\:sd"
    outputs = []
    for entry in inputs:
        base = entry["url"].replace("://", f"://{entry['username']}:{entry['password']}@", 1)
        outputs.append(f"[f=hls:hls_time=2:hls_list_size=5:method=PUT:http_persistent=1:onfail=ignore:"
                       f"var_stream_map='{streams}':master_pl_name=manifest.m3u8]{base}-%v.m3u8")
    return ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-re",
            "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25", "-f", "lavfi", "-i",
            "sine=frequency=440:beep_factor=4:sample_rate=48000",
            "-filter_complex", f"[0:v]{clock},split=2[hd][s];[s]scale=640:360[sd];"
            "[1:a]volume=0.3,aformat=channel_layouts=stereo,asplit=2[a][b]",
            "-map", "[hd]", "-map", "[a]", "-map", "[sd]", "-map", "[b]",
            "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-keyint_min", "50", "-sc_threshold", "0",
            "-b:v:0", "2500k", "-b:v:1", "800k", "-c:a", "aac", "-b:a", "128k", "-f", "tee", "|".join(outputs)]


def wait_for_content(urls, processes, seconds=30):
    for waited in range(seconds * 2):
        for name, process in processes.items():
            if process.poll() is not None:
                sys.exit(f"tarn: {name} ended with {process.returncode}")
        if all(get(url)[0] == 200 for url in urls):
            return
        if sys.stderr.isatty():
            print(f"\rwaiting for the first segments … {waited / 2:.0f} s", end="", file=sys.stderr, flush=True)
        time.sleep(0.5)
    sys.exit("tarn: no content after 30 s; the server's messages are above")


def main():
    parser = argparse.ArgumentParser(prog="./tarn demo")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--data-dir", default=os.path.join(ROOT, "tarn-data", "demo"))
    parser.add_argument("--port", type=int, default=8080, help="first port to try (default 8080)")
    options = parser.parse_args()
    os.makedirs(options.data_dir, exist_ok=True)
    resources_file = os.path.join(options.data_dir, "resources.json")
    port = free_port(options.port)
    control_port = free_port(port + 1)
    origin, control = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{control_port}"
    with open(resources_file, "w", encoding="utf-8") as file:
        json.dump(resources(control), file, indent=2)
    processes = {}

    def stop(*_):
        for process in reversed(list(processes.values())):
            if process.poll() is None:
                process.terminate()
        for process in processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
        print("\nstopped", flush=True)
        sys.exit(0)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    log_path = os.path.join(options.data_dir, "server.log")
    with open(log_path, "ab") as log:
        # a session of its own: Ctrl-C reaches this script, which ends the encoder before the server
        processes["server"] = subprocess.Popen(
            [os.path.join(options.build, "server", "tarnd"), "--data-dir", options.data_dir, "--listen",
             f"127.0.0.1:{port}", "--control-listen", f"127.0.0.1:{control_port}", "--resources", resources_file,
             "--key-provider", "builtin"],
            stdout=subprocess.PIPE, stderr=log, text=True, env=environment(options.build), start_new_session=True)
    ready = processes["server"].stdout.readline()
    if not ready.startswith("ready"):
        sys.exit(f"tarn: the server did not start; see {log_path}")
    with open(os.path.join(options.data_dir, "control-token"), encoding="utf-8") as file:
        token = file.read().strip()
    base = f"{control}/api/v1/channel-groups/demo/channels/clock"
    inputs = json.loads(get(base + "?secrets=true", token)[1])["inputs"]
    endpoints = {entry["name"]: entry["url"] for entry in json.loads(get(base + "/endpoints", token)[1])["items"]}
    processes["encoder"] = subprocess.Popen(encoder_command(inputs), start_new_session=True)
    wait_for_content(endpoints.values(), processes)
    print(f"""
Tarn is on air: one programme, pushed to two inputs, packaged on request in three formats.

  HLS (TS)     {endpoints['hls']}
  HLS (CMAF)   {endpoints['cmaf']}
  DASH         {endpoints['dash']}
  encrypted    {endpoints['dash-drm']}
               (DASH, cbcs; shaka-player and dash.js get its keys from {control}/clearkey)

  web console  {control}/console/
  API token    {token}
  server log   {log_path}

Any player takes these URLs, for example:  ffplay {endpoints['hls']}
Ctrl-C ends the demo ({origin} and {control} with it).""", flush=True)
    while True:
        for name, process in processes.items():
            if process.poll() is not None:
                print(f"tarn: {name} ended with {process.returncode}", file=sys.stderr)
                stop()
        time.sleep(0.5)


if __name__ == "__main__":
    main()
