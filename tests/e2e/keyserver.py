#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A key server that asks for a user name and a password, by Basic and by Digest: another Tarn behind a door."""

import base64
import hashlib
import http.server
import json
import os
import re
import threading

import lab
from lab import Tap, request, wait_until

USER, PASSWORD = "operator", "correct-horse-battery"


class Door(http.server.BaseHTTPRequestHandler):
    """Lets in who knows the password; /basic and /digest ask in their way, /open is for nobody."""

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        given = self.headers.get("Authorization", "")
        self.server.seen.append((self.path, given.split(" ")[0]))
        if not self.is_right(given):
            ask = ('Digest realm="keys", nonce="abc123", qop="auth", algorithm=MD5' if self.path == "/digest"
                   else 'Basic realm="keys"')
            return self.answer(401, b"", {"WWW-Authenticate": ask})
        headers = {"Authorization": f"Bearer {self.server.keys.token}", "Content-Type": "application/xml"}
        if self.headers.get("X-Speke-Version"):
            headers["X-Speke-Version"] = self.headers["X-Speke-Version"]
        got = request(self.server.keys.control + "/speke", "POST", body, headers)
        kept = {name: got.headers[name] for name in ("content-type", "x-speke-version") if name in got.headers}
        return self.answer(got.status, got.body, kept)

    def is_right(self, given):
        if self.path == "/digest":
            found = dict(re.findall(r'(\w+)="?([^",]+)"?', given))
            first = hashlib.md5(f"{USER}:keys:{PASSWORD}".encode()).hexdigest()
            second = hashlib.md5(f"POST:{self.path}".encode()).hexdigest()
            wanted = hashlib.md5(":".join([first, "abc123", found.get("nc", ""), found.get("cnonce", ""), "auth",
                                           second]).encode()).hexdigest()
            return given.startswith("Digest ") and found.get("response") == wanted
        return given == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


class Lab:
    def __init__(self, folder):
        self.folder = folder
        self.keys = lab.Server(os.path.join(folder, "keys"), "--key-provider", "builtin")
        self.door = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.door.keys, self.door.seen = self.keys, []
        threading.Thread(target=self.door.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.door.server_port}"
        credentials = os.path.join(folder, "credentials.json")
        with open(credentials, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            json.dump({f"{self.base}/{way}": {"username": USER, "password": PASSWORD} for way in ("basic", "digest")}, file)
        self.server = lab.Server(os.path.join(folder, "server"), "--outbound-allow", "127.0.0.0/8",
                                 "--key-server-credentials", credentials)
        drm = {"systems": ["WIDEVINE", "PLAYREADY"]}
        self.server.create_channel("g", "c", {way: {"protocol": "DASH", "drm": {**drm, "providerUrl": f"{self.base}/{way}"}}
                                              for way in ("basic", "digest", "open")})

    def state(self, endpoint):
        return self.server.api("GET", f"/channel-groups/g/channels/c/endpoints/{endpoint}/status")["drm"]


def keys_come_by(it, way):
    status = wait_until(lambda: (s := it.state(way))["state"] != "WAITING" and s, 15, "an answer")
    assert status["state"] == "READY", status
    asked = [scheme for path, scheme in it.door.seen if path == f"/{way}"]
    assert asked[-1] == way.capitalize(), asked


def nobody_else_is_told_the_password(it):
    status = wait_until(lambda: (s := it.state("open"))["state"] == "FAILED" and s, 15, "a failure")
    assert "401" in status["lastError"], status
    assert {scheme for path, scheme in it.door.seen if path == "/open"} == {""}, it.door.seen


def no_password_is_anywhere(it):
    shown = it.server.log() + json.dumps(it.server.api("GET", "/channel-groups/g/channels/c/endpoints/basic?secrets=true"))
    assert PASSWORD not in shown and USER not in shown


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        for name in ("keys", "server"):
            os.makedirs(os.path.join(folder, name))
        it = Lab(folder)
        try:
            for way in ("basic", "digest"):
                tap.run(f"keys come by {way}", keys_come_by, it, way)
            tap.run("nobody else is told the password", nobody_else_is_told_the_password, it)
            tap.run("no password is anywhere", no_password_is_anywhere, it)
        finally:
            it.server.stop()
            it.keys.stop()
            it.door.shutdown()
    tap.done()


if __name__ == "__main__":
    main()
