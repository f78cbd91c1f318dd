#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/nginx/tarn.conf as it is, but for ports and folders: what encoders, players and operators get through it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess

import lab
from lab import Tap, basic, request, wait_until
from tls import make_certificate

CONFIGURATION = os.path.join(lab.ROOT, "docs", "nginx", "tarn.conf")
MAIN = """pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
{user}
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    {temporary}
    include {folder}/tarn.conf;
}}
"""
CODE = "s3same-open"
OPEN_CODE = "cdn-may-keep-it"
VIEWER = "127.0.0.2"  # an address of this machine that is no trusted proxy's
ENDPOINTS = {
    "hls": {"protocol": "HLS"},
    "cmaf": {"protocol": "HLS_CMAF"},
    "coded": {"protocol": "HLS_CMAF", "authorizationCode": CODE},
    "cacheable": {"protocol": "HLS_CMAF", "authorizationCode": OPEN_CODE, "cdnCacheable": True},
    "listed": {"protocol": "HLS_CMAF", "ipWhitelist": [VIEWER]},
}


class Nginx:
    def __init__(self, folder, server, ports):
        self.folder = os.path.join(folder, "nginx")
        os.mkdir(self.folder)
        self.certificate, self.key = make_certificate(self.folder, "live")
        with open(CONFIGURATION, encoding="utf-8") as file:
            text = file.read()
        for old, new in (("server 127.0.0.1:8080;", f"server 127.0.0.1:{server.port};"),
                         ("server 127.0.0.1:8081;", f"server 127.0.0.1:{server.control_port};"),
                         ("listen 443 ", f"listen 127.0.0.1:{ports[0]} "),
                         ("listen 8443 ", f"listen 127.0.0.1:{ports[1]} "),
                         ("/var/cache/nginx/tarn", f"{self.folder}/cache"),
                         ("/var/log/nginx/tarn.log", f"{self.folder}/access.log"),
                         ("/etc/ssl/tarn/live.pem", self.certificate),
                         ("/etc/ssl/tarn/live.key", self.key)):
            assert old in text, f"the configuration no longer has {old}"
            text = text.replace(old, new)
        with open(os.path.join(self.folder, "tarn.conf"), "w", encoding="utf-8") as file:
            file.write(text)
        temporary = " ".join(f"{kind}_temp_path {self.folder}/{kind};"
                             for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        main = os.path.join(self.folder, "nginx.conf")
        with open(main, "w", encoding="utf-8") as file:
            file.write(MAIN.format(folder=self.folder, temporary=temporary, user="user root;" if os.geteuid() == 0 else ""))
        self.process = subprocess.Popen(["nginx", "-c", main, "-e", os.path.join(self.folder, "error.log")],
                                        stderr=subprocess.DEVNULL)
        wait_until(lambda: self.accepts(ports[0]) and self.accepts(ports[1]), 10, "nginx listens")

    @staticmethod
    def accepts(port):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    def log(self, name="error.log"):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)


class Lab:
    def __init__(self, folder):
        self.ports = (lab.free_port(), lab.free_port())
        base = f"https://127.0.0.1:{self.ports[0]}"
        self.control = f"https://127.0.0.1:{self.ports[1]}"
        self.server = lab.Server(folder, "--trusted-proxies", "127.0.0.1", "--origin-base-url", base,
                                 "--ingest-base-url", base)
        self.nginx = Nginx(folder, self.server, self.ports)
        self.inputs, self.urls = self.server.create_channel("g", "c", ENDPOINTS)
        self.encoder = lab.tee_encoder(folder, self.inputs)
        self.bearer = {"Authorization": f"Bearer {self.server.token}"}

    def stop(self):
        self.encoder.kill()
        self.nginx.stop()
        self.server.kill()

    def segment(self, name, headers=None):
        """URL of a segment in the middle of an endpoint's first media playlist."""
        playlist = self.urls[name].replace("manifest.m3u8", "manifest-v1.m3u8")
        text = request(playlist, headers=headers).text
        names = [line for line in text.splitlines() if line and not line.startswith("#")]
        return playlist.rsplit("/", 1)[0] + "/" + names[len(names) // 2]


def encoders_push_and_readers_play(it):
    playlist = it.urls["hls"].replace("manifest.m3u8", "manifest-v1.m3u8")
    wait_until(lambda: request(playlist).text.count("#EXTINF") > 3, 30, "content that came through nginx")
    status = it.server.api("GET", "/channel-groups/g/channels/c/status")
    assert [entry["connected"] for entry in status["inputs"]] == [True, True], status["inputs"]
    probe = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0",
                            it.urls["hls"]], capture_output=True, text=True, timeout=60, check=False)
    assert probe.returncode == 0 and {"h264", "aac"} <= set(probe.stdout.split()), probe.stdout + probe.stderr
    assert " 502 " not in it.nginx.log("access.log"), "a connection was closed while nginx used it"


def viewers_get_http2(it):
    if not shutil.which("curl"):
        raise Tap.Skip("curl is not installed")
    run = subprocess.run(["curl", "-sk", "--http2", "-o", os.devnull, "-w", "%{http_version} %{http_code}", it.urls["hls"]],
                         capture_output=True, text=True, timeout=20, check=False)
    assert run.stdout == "2 200", run.stdout + run.stderr


def the_second_viewer_is_answered_by_the_cache(it):
    url = it.segment("cmaf")
    first, second = request(url), request(url)
    assert (first.status, first.headers["x-cache"]) == (200, "MISS"), first.headers
    assert (second.status, second.headers["x-cache"]) == (200, "HIT"), second.headers
    assert first.body == second.body and len(first.body) > 1000
    assert second.headers["etag"] == first.headers["etag"]


def refusals_are_not_kept(it):
    url = it.urls["cmaf"].replace("manifest.m3u8", "nothing.m3u8")
    for _ in range(2):
        answer = request(url)
        assert (answer.status, answer.headers["x-cache"]) == (404, "MISS"), answer.headers


def a_code_is_asked_for_behind_the_cache(it):
    for name, code, kept in (("coded", CODE, "MISS"), ("cacheable", OPEN_CODE, "HIT")):
        right, wrong = {"Authorization": code}, {"Authorization": code + "x"}
        url = it.segment(name, right)
        assert request(url).status == 401 and request(url, headers=wrong).status == 401
        assert request(url, headers=right).headers["x-cache"] == "MISS"
        again = request(url, headers=right)
        assert (again.status, again.headers["x-cache"]) == (200, kept), (name, again.headers)
        assert request(url).status == 401 and request(url, headers=wrong).status == 401, name


def lists_hold_the_viewers_address(it):
    def status(source, headers=()):
        run = subprocess.run(["curl", "-sk", "--interface", source, "-o", os.devnull, "-w", "%{http_code}",
                              *[part for field in headers for part in ("-H", field)], it.urls["listed"]],
                             capture_output=True, text=True, timeout=20, check=False)
        return run.stdout

    if not shutil.which("curl"):
        raise Tap.Skip("curl is not installed")
    assert status("127.0.0.3") == "403"
    assert status("127.0.0.3", [f"X-Forwarded-For: {VIEWER}"]) == "403", "a claim was believed"
    assert status(VIEWER) == "200"
    assert status("127.0.0.3") == "403", "the cache answered somebody who may not play"


def operators_get_the_console_and_events(it):
    assert request(f"{it.control}/api/v1/channel-groups").status == 401
    assert request(f"{it.control}/api/v1/channel-groups", headers=it.bearer).status == 200
    assert request(f"{it.control}/metrics", headers=it.bearer).status == 404
    # past this configuration: a proxy on this machine makes nobody local
    assert request(f"{it.server.control}/metrics").status == 200
    assert request(f"{it.server.control}/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status == 401
    context = ssl._create_unverified_context()
    with socket.create_connection(("127.0.0.1", it.ports[1]), timeout=10) as raw, context.wrap_socket(raw) as secure:
        secure.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: t\r\nAuthorization: {it.bearer['Authorization']}\r\n\r\n".encode())
        with secure.makefile("rb") as stream:
            assert b" 200 " in stream.readline()
            it.server.api("POST", "/channel-groups", {"name": "told"}, 201)
            for line in stream:  # the socket's time-out is the bound
                if line.startswith(b"{") and json.loads(line).get("resource") == "group told":
                    break
            else:
                raise AssertionError("the stream ended")


def a_new_certificate_is_used_after_a_reload(it):
    def subject():
        context = ssl.create_default_context(cafile=it.nginx.certificate)
        with contextlib.suppress(ssl.SSLError), socket.create_connection(("127.0.0.1", it.ports[0])) as raw:
            with context.wrap_socket(raw, server_hostname="127.0.0.1") as secure:
                return dict(pair[0] for pair in secure.getpeercert()["subject"])["commonName"]
        return None

    assert subject() == "live"
    certificate, key = make_certificate(it.nginx.folder, "renewed")
    os.replace(key, it.nginx.key)
    os.replace(certificate, it.nginx.certificate)
    it.nginx.process.send_signal(signal.SIGHUP)
    wait_until(lambda: subject() == "renewed", 10, "the renewed certificate")
    name = it.inputs[0]["url"].rsplit("/", 1)[0] + "/after.m3u8"
    assert request(name, "PUT", b"no playlist", basic(it.inputs[0])).status == 400
    assert request(it.urls["cmaf"]).status == 200


def main():
    tap = Tap()
    if shutil.which("nginx") is None:
        print("1..0 # SKIP nginx is not installed")
        return
    with lab.temporary_folder() as folder:
        it = Lab(folder)
        try:
            tap.run("encoders push through nginx, and readers play", encoders_push_and_readers_play, it)
            tap.run("viewers get HTTP/2", viewers_get_http2, it)
            tap.run("the second viewer is answered by the cache", the_second_viewer_is_answered_by_the_cache, it)
            tap.run("refusals are not kept", refusals_are_not_kept, it)
            tap.run("a code is asked for, whatever is in the cache", a_code_is_asked_for_behind_the_cache, it)
            tap.run("address lists hold the viewer's address and no claim", lists_hold_the_viewers_address, it)
            tap.run("operators get the API and the events at once, nobody the metrics", operators_get_the_console_and_events,
                    it)
            tap.run("a new certificate is used after a reload", a_new_certificate_is_used_after_a_reload, it)
        finally:
            it.stop()
    tap.done()


if __name__ == "__main__":
    main()
