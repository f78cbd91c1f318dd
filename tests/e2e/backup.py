#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/operations.md, "Backups", done by its words: control data is copied from a running server, recordings from one
that is stopped; the copies serve, and a database without its key is refused."""

import contextlib
import os
import shutil
import sqlite3
import subprocess

import lab
from lab import Server, Tap, basic, request, wait_until

ENDPOINTS = {"hls": {"protocol": "HLS", "timeShiftDays": 1}, "cmaf": {"protocol": "HLS_CMAF", "authorizationCode": "a-code"}}
CODE = {"Authorization": "a-code"}


class Copy(Server):
    """A server on a data directory that somebody else made."""

    def __init__(self, folder, data):
        os.mkdir(folder)
        shutil.copytree(data, os.path.join(folder, "data"))
        super().__init__(folder)


def export(server):
    answer = request(f"{server.control}/api/v1/export?secrets=true", headers={"Authorization": f"Bearer {server.token}"})
    assert answer.status == 200
    return answer.body


def media(url, headers=None):
    """{name: bytes} of what the first media playlist lists; empty while there is none."""
    playlist = url.replace("manifest.m3u8", "manifest-v1.m3u8")
    answer = request(playlist, headers=headers)
    if answer.status != 200:
        return {}
    names = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    base = playlist.rsplit("/", 1)[0]
    segments = {name: request(f"{base}/{name}", headers=headers) for name in names}
    assert all(segment.status == 200 for segment in segments.values()), segments
    return {name: segment.body for name, segment in segments.items()}


def control_data_of_a_running_server(it):
    backup = os.path.join(it.folder, "backup")
    os.mkdir(backup, mode=0o700)
    # what `sqlite3 control.db ".backup copy.db"` does
    with contextlib.closing(sqlite3.connect(os.path.join(it.server.data, "control.db"))) as source:
        with contextlib.closing(sqlite3.connect(os.path.join(backup, "control.db"))) as target:
            source.backup(target)
    for name in ("secrets.key", "control-token"):
        shutil.copy2(os.path.join(it.server.data, name), backup)
    restored = Copy(os.path.join(it.folder, "restored"), backup)
    try:
        assert export(restored) == export(it.server)
        url = f"{restored.origin}/{it.inputs[0]['url'].split('/', 3)[3].rsplit('/', 1)[0]}/x.m3u8"
        assert request(url, "PUT", b"no playlist", basic(it.inputs[0])).status == 400, "the encoder's password is another"
    finally:
        restored.stop()
    return backup


def a_database_without_its_key_is_refused(it):
    data = os.path.join(it.folder, "keyless")
    shutil.copytree(os.path.join(it.folder, "backup"), data)
    for what in ("missing", "another"):
        key = os.path.join(data, "secrets.key")
        os.remove(key)
        if what == "another":
            with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(os.urandom(32))
        run = subprocess.run([os.path.join(lab.BUILD, "server", "tarnd"), "--data-dir", data, "--listen", "127.0.0.1:0",
                              "--control-listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=20, check=False,
                             env=lab.build_environment())
        assert run.returncode == 1 and "secrets.key" in run.stderr, (what, run.returncode, run.stderr)
        assert what == "another" or not os.path.exists(key), "a new key was made for a database that needs the old one"
        if what == "missing":
            shutil.copy2(os.path.join(it.folder, "backup", "secrets.key"), data)


def recordings_of_a_stopped_server(it):
    wait_until(lambda: len(media(it.urls["hls"])) > 3, 30, "content")
    it.encoder.kill()
    wait_until(lambda: not any(entry["connected"] for entry in it.server.api(
        "GET", "/channel-groups/g/channels/c/status")["inputs"]), 30, "the end of the stream")
    before = {name: media(url, CODE if name == "cmaf" else None) for name, url in it.urls.items()}
    assert it.server.stop() == 0
    copy = Copy(os.path.join(it.folder, "copy"), it.server.data)
    try:
        for name, url in it.urls.items():
            there = f"{copy.origin}/{url.split('/', 3)[3]}"
            found = media(there, CODE if name == "cmaf" else None)
            assert found == before[name] and len(found) > 3, (name, list(found), list(before[name]))
    finally:
        copy.stop()


class Lab:
    def __init__(self, folder):
        self.folder = folder
        os.mkdir(os.path.join(folder, "first"))
        self.server = Server(os.path.join(folder, "first"))
        self.inputs, self.urls = self.server.create_channel("g", "c", ENDPOINTS)
        self.encoder = lab.tee_encoder(folder, self.inputs)


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        it = Lab(folder)
        try:
            tap.run("control data of a running server", control_data_of_a_running_server, it)
            tap.run("a database without its key is refused, and no key is made", a_database_without_its_key_is_refused, it)
            tap.run("recordings of a stopped server", recordings_of_a_stopped_server, it)
        finally:
            it.encoder.kill()
            it.server.kill()
    tap.done()


if __name__ == "__main__":
    main()
