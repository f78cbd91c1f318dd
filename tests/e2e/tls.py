#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTPS on both listeners (semantics S31): real encoders and readers, curl and openssl as judges."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
import time

import lab
from lab import Tap, request, wait_until

ENDPOINTS = {"hls": {"protocol": "HLS"}, "cmaf": {"protocol": "HLS_CMAF"}, "dash": {"protocol": "DASH"}}


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **more)


def make_certificate(folder, name, curve="prime256v1"):
    certificate, key = os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key")
    made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-nodes",
               "-keyout", key, "-out", certificate, "-days", "2", "-subj", f"/CN={name}",
               "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    assert made.returncode == 0, made.stderr
    return certificate, key


class Lab:
    def __init__(self, folder):
        self.folder = folder
        first, key = make_certificate(folder, "first")
        self.certificate, self.key = os.path.join(folder, "live.pem"), os.path.join(folder, "live.key")
        shutil.copy(key, self.key)
        shutil.copy(first, self.certificate)
        self.server = lab.Server(folder, "--tls-cert", self.certificate, "--tls-key", self.key,
                                 "--limit-ingest-idle-time", "3", "--limit-idle-time", "2")
        self.inputs, self.urls = self.server.create_channel("g", "c", ENDPOINTS)
        self.encoder = lab.tee_encoder(folder, self.inputs)

    def subject(self):
        """Of the certificate that a new connection gets, and verified against itself."""
        context = ssl.create_default_context(cafile=self.certificate)
        with socket.create_connection(("127.0.0.1", self.server.port)) as raw:
            with context.wrap_socket(raw, server_hostname="127.0.0.1") as secure:
                return dict(pair[0] for pair in secure.getpeercert()["subject"])["commonName"]


def every_url_is_https(it):
    assert all(url.startswith("https://127.0.0.1:") for url in it.urls.values()), it.urls
    assert all(entry["url"].startswith("https://") for entry in it.inputs), it.inputs


def encoders_push_and_readers_play(it):
    for name, url in it.urls.items():
        wait_until(lambda url=url: request(url).status == 200, 20, f"{name} has content")
    wait_until(lambda: request(it.urls["hls"].replace("manifest.m3u8", "manifest-v1.m3u8")).text.count("#EXTINF") > 3,
               20, "four segments")
    for name in ("hls", "dash"):
        played = run("ffmpeg", "-nostdin", "-v", "error", "-xerror", "-t", "4", "-i", it.urls[name], "-f", "null", "-")
        assert played.returncode == 0, (name, played.stderr)
    mpd = request(it.urls["dash"]).text
    assert 'value="https://' in mpd, "UTCTiming leads to a page that is blocked as mixed content"
    states = [i["state"] for i in it.server.api("GET", "/channel-groups/g/channels/c/status")["inputs"]]
    assert states == ["live", "live"], states


def large_bodies_arrive_whole(it):
    """Several records, slow readers, ranges: what came is what was served."""
    playlist = request(it.urls["cmaf"].replace("manifest.m3u8", "manifest-v1.m3u8")).text
    name = [line for line in playlist.splitlines() if line and not line.startswith("#")][0]
    url = it.urls["cmaf"].rsplit("/", 1)[0] + "/" + name
    whole = request(url)
    assert whole.status == 200 and len(whole.body) > 100_000, (whole.status, len(whole.body))
    ranged = request(url, headers={"Range": "bytes=1000-90000"})
    assert ranged.status == 206 and ranged.body == whole.body[1000:90001]
    slow = subprocess.run(["curl", "-sk", "--limit-rate", "400k", url], capture_output=True, timeout=30, check=True)
    assert slow.stdout == whole.body, (len(slow.stdout), len(whole.body))
    # a client that does not read for a while: the server meets a full socket in the middle of a record
    context = ssl._create_unverified_context()
    with socket.create_connection(("127.0.0.1", it.server.port)) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with context.wrap_socket(raw) as secure:
            path = "/" + url.split("/", 3)[3]
            secure.sendall((f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n" * 12).encode())
            time.sleep(0.3)
            wanted, got = 12 * len(whole.body), 0
            while got < wanted:
                piece = secure.recv(65536)
                assert piece, f"the connection ended after {got} of {wanted}"
                got += len(piece)


def curl_agrees(it):
    shown = run("curl", "-sv", "--http2", "--cacert", it.certificate, "-o", "/dev/null", it.urls["hls"])
    assert shown.returncode == 0, shown.stderr
    assert "ALPN: server accepted http/1.1" in shown.stderr or "ALPN, server accepted to use http/1.1" in shown.stderr, \
        shown.stderr
    assert "TLSv1.3" in shown.stderr, shown.stderr
    assert run("curl", "-sk", "--tls-max", "1.2", "-o", "/dev/null", it.urls["hls"]).returncode == 0
    assert run("curl", "-sk", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", "-o", "/dev/null",
               it.urls["hls"]).returncode == 35, "TLS 1.1 must fail in the handshake"


def plain_http_gets_nothing(it):
    with socket.create_connection(("127.0.0.1", it.server.port), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = b""
        try:
            while piece := plain.recv(4096):
                answer += piece
        except ConnectionResetError:
            pass
    assert not answer.startswith(b"HTTP"), answer
    metrics = request(it.server.control + "/metrics", headers={"Authorization": f"Bearer {it.server.token}"}).text
    assert any(line.startswith("tarn_http_refusals_total") and 'reason="tls"' in line for line in metrics.splitlines())


def a_silent_handshake_ends(it):
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", it.server.port), timeout=20) as silent:
        silent.sendall(b"\x16\x03\x01")
        assert silent.recv(100) == b"", "the server has nothing to say before a ClientHello"
    assert time.monotonic() - begun < 10


def a_body_that_is_cut_is_refused(it):
    """Truncation is found by HTTP's own lengths, with close_notify or without."""
    entry = it.inputs[0]
    context = ssl._create_unverified_context()
    path = "/" + entry["url"].split("/", 3)[3].rsplit("/", 1)[0] + "/manifest-cut.ts"
    before = it.server.api("GET", "/channel-groups/g/channels/c/status")["inputs"][0]["refused"]
    for polite in (True, False):
        with socket.create_connection(("127.0.0.1", it.server.port), timeout=10) as raw:
            secure = context.wrap_socket(raw, suppress_ragged_eofs=True)
            head = f"PUT {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
            head += f"Authorization: {lab.basic(entry)['Authorization']}\r\n\r\n"
            secure.sendall(head.encode() + b"bc\r\n" + b"\x47" + bytes(187) + b"\r\n")
            if polite:
                try:
                    secure.unwrap()
                except (ssl.SSLError, OSError):
                    pass
            else:
                os.close(secure.detach())
    status = it.server.api("GET", "/channel-groups/g/channels/c/status")["inputs"][0]
    assert status["refused"] == before and "cut" not in str(status["lastSegment"]), "half a body reached the channel"


def a_new_certificate_is_used_without_a_restart(it):
    assert it.subject() == "first"
    context = ssl._create_unverified_context()
    with socket.create_connection(("127.0.0.1", it.server.port)) as raw:
        with context.wrap_socket(raw) as old:
            second, key = make_certificate(it.folder, "second", "secp384r1")
            shutil.copy(key, it.key + ".new")
            os.replace(it.key + ".new", it.key)
            shutil.copy(second, it.certificate + ".new")
            os.replace(it.certificate + ".new", it.certificate)
            wait_until(lambda: "certificate-loaded" in it.server.log(), 10, "the certificate is loaded")
            assert it.subject() == "second"
            old.sendall(b"GET /time HTTP/1.1\r\nHost: a\r\n\r\n")
            assert old.recv(4096).startswith(b"HTTP/1.1 200")


def a_bad_certificate_changes_nothing(it):
    with open(it.certificate + ".new", "w", encoding="utf-8") as file:
        file.write("rubbish")
    shutil.copy(it.certificate, it.certificate + ".good")
    os.replace(it.certificate + ".new", it.certificate)
    wait_until(lambda: "certificate-refused" in it.server.log(), 10, "the file is refused")
    time.sleep(1.5)
    assert it.server.log().count("certificate-refused") == 1, "said once"
    os.replace(it.certificate + ".good", it.certificate)
    assert it.subject() == "second"


def many_connect_at_once(it):
    failed = []

    def one():
        try:
            assert request(it.urls["hls"]).status == 200
        except Exception as error:  # pylint: disable=broad-except
            failed.append(repr(error))
    threads = [threading.Thread(target=one) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[:3]


def nothing_starts_with_the_wrong_key(it):
    first, _ = make_certificate(it.folder, "a")
    _, key = make_certificate(it.folder, "b")
    tarnd = os.path.join(lab.BUILD, "server", "tarnd")
    said = run(tarnd, "--data-dir", os.path.join(it.folder, "other"), "--listen", "127.0.0.1:0", "--control-listen",
               "127.0.0.1:0", "--tls-cert", first, "--tls-key", key, env=lab.build_environment())
    assert said.returncode == 1 and "is no PEM key of the certificate" in said.stderr, (said.returncode, said.stderr)


def ends_in_order(it):
    code = it.server.stop()
    assert code == 0, code


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        it = Lab(folder)
        try:
            for test in (every_url_is_https, encoders_push_and_readers_play, large_bodies_arrive_whole, curl_agrees,
                         plain_http_gets_nothing, a_silent_handshake_ends, a_body_that_is_cut_is_refused,
                         many_connect_at_once, a_new_certificate_is_used_without_a_restart,
                         a_bad_certificate_changes_nothing, nothing_starts_with_the_wrong_key):
                tap.run(test.__name__.replace("_", " "), test, it)
        finally:
            it.encoder.kill()
            tap.run("the server ends in order", ends_in_order, it)
    tap.done()


if __name__ == "__main__":
    main()
