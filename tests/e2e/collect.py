#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clips of a running channel, to a directory and to real object stores: whole, playable in place, and the same pictures as
time shift gives. The stores (Ceph's gateway, Swift) are asked with a signature of the test's own."""

import contextlib
import datetime
import functools
import hashlib
import hmac
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import judging
import lab
import mpd_model
import timeshift
from lab import SHARED, Tap, request, wait_until
from timeshift import available, decodes_whole, seconds, text_of

ENDPOINTS = {name: {**fields, "timeShiftDays": 1} for name, fields in timeshift.ENDPOINTS.items() if name != "off"}
MANIFEST = {"hls": "manifest.m3u8", "cmaf": "manifest.m3u8", "dash": "manifest.mpd"}
LENGTH = 8  # seconds, four segments


def create(server, endpoint, start, end, target, group="g"):
    return server.api("POST", f"/channel-groups/{group}/channels/c/collection-tasks",
                      {"endpoint": endpoint, "start": start, "end": end, "target": target}, 201)


def finished(server, task, state="SUCCEEDED"):
    def look():
        now = server.api("GET", f"/collection-tasks/{task['id']}")
        return now if now["state"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None
    over = wait_until(look, 60, "the task is over")
    assert over["state"] == state, over
    return over


class Files(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        self.send_header("Access-Control-Allow-Origin", "*")  # the players' page is from elsewhere
        super().end_headers()

    def log_message(self, *_):
        pass


def port_run(count):
    """The first of so many neighbours that are free: a store has several listeners."""
    while True:
        port = lab.free_port()
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for one in range(port + 1, port + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", one))
            return port


@contextlib.contextmanager
def served(folder):
    """A plain web server over a folder, as a CDN's origin might be."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=folder)) as plain:
        plain.handle_error = lambda *_: None  # players give requests up
        threading.Thread(target=plain.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{plain.server_port}"
        plain.shutdown()


def folder_of(root, task):
    found = [name for name in os.listdir(root) if name.endswith(task["id"])]
    assert len(found) == 1, os.listdir(root)
    return found[0]


def uris(playlist):
    """What a playlist names: lines, and URI attributes."""
    lines = playlist.splitlines()
    return [line.split('URI="', 1)[1].split('"', 1)[0] for line in lines if 'URI="' in line] + \
        [line for line in lines if line and not line.startswith("#")]


def media_of(manifest, get):
    """The names of all headers and segments that a manifest lists; `get(name)` has the text of one."""
    if manifest.split("?")[0].endswith(".mpd"):
        found = set()
        for period in mpd_model.read(get(manifest))[1]:
            for each in period.representations:
                found |= {each.url("initialization"), *(each.url("media", at) for _, at, _ in each.entries)}
        return found
    playlists = [uri for uri in uris(get(manifest)) if ".m3u8" in uri]
    return {name for playlist in playlists for name in uris(get(playlist))}


def has_the_bytes_of(folder, manifest, url, query):
    """A clip lists and has what time shift lists of the same range, byte for byte, and nothing else."""
    base = url.rsplit("/", 1)[0] + "/"

    def local(name):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()
    wanted = media_of(manifest + query, lambda name: request(base + name).text)
    there = {name for name in os.listdir(folder) if not name.endswith((".m3u8", ".mpd"))}
    assert len(wanted) > LENGTH // 2 and there == wanted == media_of(manifest, local), \
        (sorted(there ^ wanted), sorted(wanted))
    for name in wanted:
        answer = request(base + name)
        with open(os.path.join(folder, name), "rb") as file:
            assert answer.status == 200 and answer.body == file.read(), name


def plays_as_time_shift_does(server, urls, begin, scratch):
    start, end = text_of(begin + seconds(4.5)), text_of(begin + seconds(4.5 + LENGTH - 1))
    tasks = {name: create(server, name, start, end, {"url": f"file:clips/{name}"}) for name in ENDPOINTS}
    for task in tasks.values():
        over = finished(server, task)
        assert over["progress"] == 100 or over["progress"] == 1, over
    with served(os.path.join(server.data, "collections", "clips")) as base:
        for name, task in tasks.items():
            folder = folder_of(os.path.join(server.data, "collections", "clips", name), task)
            manifest = f"{base}/{name}/{folder}/{MANIFEST[name]}"
            query = f"?start={start}&vodend={end}"
            local = os.path.join(server.data, "collections", "clips", name, folder)
            has_the_bytes_of(local, MANIFEST[name], urls[name], query)
            judging.judge_file(os.path.join(local, MANIFEST[name]))
            assert decodes_whole(manifest, LENGTH, scratch) == decodes_whole(urls[name] + query, LENGTH, scratch), name
        cases = [{"name": name, "player": player, "url": f"{base}/{name}/"
                  f"{folder_of(os.path.join(server.data, 'collections', 'clips', name), tasks[name])}/{MANIFEST[name]}"}
                 for player, name in (("hls.js", "hls"), ("shaka", "cmaf"), ("shaka", "dash"))]
        played = lab.play(cases, 5)
        for case in cases:
            result = played[case["name"]]
            assert result["errors"] == [] and result["advanced"] > 4 and result["longest_stall"] < 1, result


def collected_as_it_comes(server, begin, edge):
    start, end = text_of(begin + seconds(4.5)), text_of(edge + seconds(7))
    task = create(server, "cmaf", start, end, {"url": "file:future"})
    root = os.path.join(server.data, "collections", "future")
    wait_until(lambda: os.path.isdir(root) and any(name.endswith(".m4s") for _, _, names in os.walk(root) for name in names),
               20, "segments before the end")
    assert not any(name.endswith(".m3u8") for _, _, names in os.walk(root) for name in names), "a manifest too early"
    finished(server, task)
    assert any(name == "manifest.m3u8" for _, _, names in os.walk(root) for name in names)


def refusals(server, begin):
    start, end = text_of(begin + seconds(4.5)), text_of(begin + seconds(8))
    rows = [
        ({"endpoint": "none"}, "endpoint"), ({"end": start}, "end"), ({"target": {"url": "file:../x"}}, "target.url"),
        ({"target": {"url": "ftp://x"}}, "target.url"), ({"target": {"url": "s3://bucket/x", "region": "eu-1"}}, "credentials"),
    ]
    for change, field in rows:
        body = {"endpoint": "hls", "start": start, "end": end, "target": {"url": "file:x"}, **change}
        answer = request(f"{server.control}/api/v1/channel-groups/g/channels/c/collection-tasks", "POST",
                         json.dumps(body),
                         {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"})
        assert answer.status in (400, 404) and field in answer.text, (change, answer.status, answer.text)


# ---- a real store

class Store:
    """A store, asked with AWS Signature Version 4."""

    # script that runs it, a program it needs, key, secret, listeners
    KINDS = {"ceph": ("ceph-rgw.sh", "radosgw", "AKIDTEST", "SECRETTEST", 2),
             "swift": ("swift-s3.sh", "swift-proxy-server", "test:tester", "testing", 5)}
    # What makes buckets names of hosts below localhost: a line of the script, and what is to follow it.
    HOSTS = {"ceph": ("[client.rgw]\n", "rgw dns name = localhost\n"),
             "swift": ("use = egg:swift#s3api\n", "storage_domain = localhost\n")}

    def __init__(self, folder, kind):
        script, program, self.key, self.secret, ports = self.KINDS[kind]
        self.kind = kind
        self.script = os.path.join(SHARED, "tools", script)
        if not os.path.exists(self.script) or not shutil.which(program):
            raise Tap.Skip(f"{kind} is not installed")
        with open(self.script, encoding="utf-8") as file:
            text = file.read()
        line, more = self.HOSTS[kind]
        self.script = os.path.join(folder, script)
        with open(self.script, "w", encoding="utf-8") as file:
            file.write(text.replace(line, line + more, 1))
        self.has_hosts = line in text
        self.folder = os.path.join(folder, kind)
        for _ in range(3):  # somebody else may have taken one of the ports meanwhile
            self.port = port_run(ports)
            run = subprocess.run(["bash", self.script, "start", self.folder, str(self.port)], stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, timeout=120, check=False)
            if run.returncode == 0:
                break
            self.stop()
        assert run.returncode == 0, run.stderr[-1500:]

    def stop(self):
        subprocess.run(["bash", self.script, "stop", self.folder], capture_output=True, timeout=60, check=False)

    def ask(self, method, path):
        host = f"127.0.0.1:{self.port}"
        moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        empty = hashlib.sha256(b"").hexdigest()
        split = urllib.parse.urlsplit(path)
        signed = "host;x-amz-content-sha256;x-amz-date"
        canonical = "\n".join([method, urllib.parse.quote(split.path), split.query, f"host:{host}",
                               f"x-amz-content-sha256:{empty}", f"x-amz-date:{moment}", "", signed, empty])
        scope = f"{moment[:8]}/us-east-1/s3/aws4_request"
        to_sign = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secret).encode()
        for part in (moment[:8], "us-east-1", "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        return request(f"http://{host}{path}", method, None, {
            "x-amz-date": moment, "x-amz-content-sha256": empty,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={signed}, "
                             f"Signature={signature}"})


def to_a_bucket(server, store, begin, scratch):
    # Its parts come up one after another.
    wait_until(lambda: store.ask("PUT", "/clips").status in (200, 409), 60, "the store takes a bucket")
    start, end = text_of(begin + seconds(4.5)), text_of(begin + seconds(4.5 + LENGTH - 1))
    target = {"endpoint": f"http://127.0.0.1:{store.port}", "credentials": store.kind, "pathStyle": True}
    task = create(server, "cmaf", start, end, {"url": "s3://clips/one", **target})
    finished(server, task)
    listing = store.ask("GET", "/clips?list-type=2").text
    keys = [part.split("<")[0] for part in listing.split("<Key>")[1:]]
    assert keys and all(key.startswith("one/c-cmaf-") for key in keys), keys
    local = os.path.join(scratch, "bucket")
    for key in keys:
        answer = store.ask("GET", f"/clips/{key}")
        assert answer.status == 200, (key, answer.status)
        kind = {"m3u8": "application/vnd.apple.mpegurl", "m4s": "video/mp4", "mp4": "video/mp4"}[key.rsplit(".", 1)[1]]
        assert answer.headers["content-type"] in (kind, "audio/mp4"), (key, answer.headers)
        path = os.path.join(local, key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(answer.body)
    manifest = os.path.join(local, os.path.dirname(keys[0]), "manifest.m3u8")
    decodes_whole(manifest, LENGTH, scratch)
    for change, said in (({"url": "s3://nobucket/x"}, "does not exist"), ({"credentials": f"{store.kind}-wrong"}, "credentials")):
        over = finished(server, create(server, "cmaf", start, end, {"url": "s3://clips/two", **target, **change}), "FAILED")
        assert said in over["error"] and "SECRET" not in over["error"], over


def push_large(folder, server):
    """A channel with a segment of 30 s that is too large for one request, as soon as it is encoded: its URL."""
    endpoint = {"protocol": "HLS", "segmentDuration": 30, "timeShiftDays": 1}
    inputs, urls = server.create_channel("large", "c", {"hls": endpoint})
    noise = "nullsrc=size=320x180:rate=25,noise=alls=100:allf=t"
    encoder = lab.Encoder(folder, [
        "-f", "lavfi", "-i", noise, "-t", "36", "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-keyint_min",
        "50", "-sc_threshold", "0", "-b:v", "6M", "-maxrate", "6M", "-bufsize", "6M", "-nal-hrd", "cbr",
        "-f", "hls", "-hls_time", "2", "-hls_list_size", "0", "-method", "PUT", "-http_persistent", "1",
        lab.with_credentials(inputs[0]) + ".m3u8"], "large")
    try:
        assert encoder.process.wait(120) == 0, encoder.log()
    finally:
        encoder.kill()
    wait_until(lambda: request(urls["hls"]).status == 200, 20, "a segment of 30 s")
    return urls["hls"]


def goes_up_in_parts(server, store, url, endpoint, path_style):
    """A segment that takes several requests is joined to what the origin serves. Stores mark such objects' tags."""
    begin = available(url)[0]
    name = "parts" if path_style else "hosts"
    target = {"url": f"s3://clips/{name}", "endpoint": endpoint, "credentials": store.kind, "pathStyle": path_style}
    finished(server, create(server, "hls", text_of(begin + seconds(1)), text_of(begin + seconds(20)), target, "large"))
    listing = store.ask("GET", f"/clips?list-type=2&prefix={name}%2F").text
    keys = [part.split("<")[0] for part in listing.split("<Key>")[1:]]
    segment, = [key for key in keys if key.endswith(".ts")]
    assert len(keys) == 3, keys
    answer = store.ask("GET", f"/clips/{segment}")
    assert answer.status == 200 and len(answer.body) > 16 << 20, (answer.status, len(answer.body))
    assert answer.headers["content-type"] == "video/mp2t", answer.headers
    assert answer.headers["etag"].strip('"').partition("-")[2] in ("3", "4"), answer.headers
    assert answer.body == request(url.rsplit("/", 1)[0] + "/" + segment.rsplit("/", 1)[1]).body


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        secrets = os.path.join(folder, "buckets.json")
        with open(secrets, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            entries = {kind: {"accessKeyId": key, "secretAccessKey": secret}
                       for kind, (_, _, key, secret, _) in Store.KINDS.items()}
            wrong = {f"{kind}-wrong": {**entry, "secretAccessKey": "SECRETWRONG"} for kind, entry in entries.items()}
            json.dump({**entries, **wrong}, file)
        server = lab.Server(folder, "--bucket-credentials", secrets, "--outbound-allow", "127.0.0.0/8")
        inputs, urls = server.create_channel("g", "c", ENDPOINTS)
        encoder = lab.tee_encoder(folder, inputs)
        stores = []
        try:
            wait_until(lambda: all(request(url).status == 200 for url in urls.values()), 30, "all manifests answer 200")
            begin = available(urls["hls"])[0]
            wait_until(lambda: available(urls["hls"])[1] >= begin + seconds(16), 60, "16 s are there")
            tap.run("clips in every format have time shift's bytes and pictures, and play from a plain web server",
                    plays_as_time_shift_does, server, urls, begin, folder)
            tap.run("a range that is not over is collected as it comes, its manifests last", collected_as_it_comes, server,
                    begin, available(urls["hls"])[1])
            judging.judge_server(server, tap, real_time=True)
            tap.run("what cannot be collected is refused", refusals, server, begin)

            def bucket(kind):
                stores.append(Store(folder, kind))
                to_a_bucket(server, stores[-1], begin, os.path.join(folder, "fetched-" + kind))
            large = []

            def in_parts(kind, by_host):
                store = next((each for each in stores if each.kind == kind), None)
                if not store or (by_host and not store.has_hosts):
                    raise Tap.Skip(f"{kind} does not run" if not store else f"{kind} knows no hosts")
                if not large:
                    large.append(push_large(folder, server))
                host = "localhost" if by_host else "127.0.0.1"
                goes_up_in_parts(server, store, large[0], f"http://{host}:{store.port}", not by_host)
            for kind in Store.KINDS:
                tap.run(f"a clip in a bucket of a real store ({kind}) is whole", bucket, kind)
                tap.run(f"a large segment goes up in parts ({kind})", in_parts, kind, False)
                tap.run(f"and to a bucket in the host's name ({kind})", in_parts, kind, True)
            tap.run("no secret in the log", lambda: no_secret(server))
        finally:
            encoder.kill()
            code = server.stop()
            for store in stores:
                store.stop()
        tap.run("the server ends well", lambda: exits_well(code))
    tap.done()


def no_secret(server):
    assert "SECRET" not in server.log()


def exits_well(code):
    assert code == 0, code


if __name__ == "__main__":
    sys.exit(main())
