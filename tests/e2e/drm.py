#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Encrypted endpoints: another packager decrypts them to what the clear endpoint serves, Chromium plays them through EME
ClearKey, and without a key there is nothing (faults D1, D3 to D5)."""

import base64
import contextlib
import http.server
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
import xml.etree.ElementTree as ElementTree

import judging
import lab
from crowds import rss_kib
from lab import HERE, SHARED, Tap, request, wait_until
from streams import encode, push_folder

SECONDS = 24
WINDOW = {"manifest": {"segments": 100}}
DASH_WINDOW = {"manifest": {"manifestWindow": 3600}}
MPD = "{urn:mpeg:dash:schema:mpd:2011}"
PACKAGER = os.path.join(HERE, "node_modules", "shaka-packager", "bin", "packager-linux-x64")


def endpoints(speke):
    wv_pr = ["WIDEVINE", "PLAYREADY"]
    drm = {"providerUrl": speke, "systems": wv_pr}
    return {
        "clear": {"protocol": "HLS_CMAF", **WINDOW},
        "clear-dash": {"protocol": "DASH", **DASH_WINDOW},
        "cbcs": {"protocol": "HLS_CMAF", **WINDOW, "drm": {**drm, "systems": ["FAIRPLAY", *wv_pr], "contentId": "one"}},
        "cenc": {"protocol": "HLS_CMAF", **WINDOW,
                 "drm": {**drm, "encryptionMethod": "CENC", "keyPreset": "VIDEO_AUDIO"}},
        "dash-cbcs": {"protocol": "DASH", **DASH_WINDOW,
                      "drm": {**drm, "keyPreset": "VIDEO_AUDIO", "constantIv": "00112233445566778899aabbccddeeff"}},
        "dash-cenc": {"protocol": "DASH", **DASH_WINDOW,
                      "drm": {**drm, "encryptionMethod": "CENC", "spekeVersion": "1.0"}},
        "dash-twin": {"protocol": "DASH", **DASH_WINDOW, "drm": {**drm, "contentId": "one"}},
    }


def push(folder, entry):
    """The whole programme at once, to its end."""
    lines = lab.ladder_source(SECONDS)
    lines.remove("-re")
    encoder = lab.Encoder(folder, [*lines, "-f", "tee", lab.hls_output(lab.with_credentials(entry))])
    assert encoder.process.wait(timeout=120) == 0, encoder.log()[-1500:]


def hls_tracks(url):
    """{rendition: (URL of its header, URLs of its segments)}"""
    base = url.rsplit("/", 1)[0] + "/"
    text = request(url).text
    names = set(re.findall(r'EXT-X-MEDIA:.*URI="([^"]+\.m3u8)"', text)) | {line for line in text.splitlines() if line.endswith(".m3u8")}
    tracks = {}
    for name in names:
        playlist = request(base + name).text
        header = re.search(r'#EXT-X-MAP:URI="([^"]+)"', playlist).group(1)
        segments = [line for line in playlist.splitlines() if line and not line.startswith("#")]
        tracks[re.search(r"-(\w+)\.m3u8", name).group(1)] = (base + header, [base + segment for segment in segments])
    return tracks


def dash_tracks(url):
    base = url.rsplit("/", 1)[0] + "/"
    tracks = {}
    for representation in ElementTree.fromstring(request(url).body).iter(MPD + "Representation"):
        name = representation.get("id")
        template = representation.find(MPD + "SegmentTemplate")
        segments, at = [], 0
        for run in template.iter(MPD + "S"):
            at = int(run.get("t", at))
            for _ in range(int(run.get("r", 0)) + 1):
                segments.append(base + template.get("media").replace("$RepresentationID$", name).replace("$Time$", str(at)))
                at += int(run.get("d"))
        tracks[name] = (base + template.get("initialization").replace("$RepresentationID$", name), segments)
    return tracks


def tracks_of(url):
    return dash_tracks(url) if url.endswith(".mpd") else hls_tracks(url)


def fetch(url):
    answer = request(url)
    assert answer.status == 200, f"{url}: {answer.status} {answer.text[:200]}"
    return answer.body


def download(track, path):
    header, segments = track
    with open(path, "wb") as file:
        for url in [header, *segments]:
            file.write(fetch(url))
    return path


def hashes(path):
    run = subprocess.run(["ffprobe", "-v", "quiet", "-show_data_hash", "md5", "-show_entries", "packet=data_hash", "-of",
                          "csv=p=0", path], capture_output=True, text=True, check=False)
    return run.stdout.split()


def keys_of(server, endpoint, channel="/channel-groups/g/channels/c"):
    """{key id: key} in hexadecimal, as a player's licence request gets them."""
    status = server.api("GET", f"{channel}/endpoints/{endpoint}/status")["drm"]
    kids = [bytes.fromhex(kid.replace("-", "")) for kid in status["keyIds"]]
    body = json.dumps({"kids": [base64.urlsafe_b64encode(kid).rstrip(b"=").decode() for kid in kids], "type": "temporary"})
    licence = json.loads(request(server.control + "/clearkey", "POST", body).body)
    decode = lambda text: base64.urlsafe_b64decode(text + "==").hex()  # noqa: E731
    return {decode(key["kid"]): decode(key["k"]) for key in licence["keys"]}


def check_decrypted(clear, encrypted, rendition, keys, least, folder):
    """shaka-packager makes of the encrypted track what the clear one has."""
    arguments = ",".join(f"label={i}:key_id={kid}:key={key}" for i, (kid, key) in enumerate(keys.items()))
    source = download(clear, os.path.join(folder, "clear.mp4"))
    file = download(encrypted, os.path.join(folder, "encrypted.mp4"))
    kind = "audio" if rendition.startswith("a") else "video"
    result = os.path.join(folder, "decrypted.mp4")
    run = subprocess.run([PACKAGER, f"in={file},stream={kind},output={result}", "--enable_raw_key_decryption",
                          "--keys", arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-1500:]
    expected = hashes(source)
    assert len(expected) > least, len(expected)
    assert hashes(file) != expected, "it was not encrypted"
    assert hashes(result) == expected, f"{rendition}: other frames"


def decrypts(server, urls, name, folder):
    if not os.path.exists(PACKAGER):
        raise Tap.Skip("shaka-packager is not installed")
    keys = keys_of(server, name)
    clear = tracks_of(urls["clear-dash" if urls[name].endswith(".mpd") else "clear"])
    encrypted = tracks_of(urls[name])
    assert set(encrypted) == set(clear) and len(clear) >= 3, (encrypted.keys(), clear.keys())
    for rendition, track in encrypted.items():
        check_decrypted(clear[rendition], track, rendition, keys, SECONDS * 20, folder)


# beside H.264 and AAC: of AV1 frames are encrypted tile by tile, of audio whole
CODECS = {
    "av1": ["-c:v", "libsvtav1", "-preset", "12", "-g", "50", "-svtav1-params", "tile-columns=1", "-c:a", "aac"],
    "hevc": ["-c:v", "libx265", "-tag:v", "hvc1", "-preset", "ultrafast", "-x265-params",
             "log-level=error:keyint=50:min-keyint=50:scenecut=0:bframes=3:slices=2", "-c:a", "eac3", "-b:a", "192k"],
    "opus": ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-bf", "2", "-c:a", "libopus", "-b:a", "96k"],
    "ac3": ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "ac3", "-b:a", "192k"],
}

# ffmpeg gives the first two pictures of a segment of x265's the same time
SOURCE_FAULTS = {f"hevc/c/{name}": {"presentation"} for name in ("clear", "hls-cbcs", "hls-cenc", "dash-cbcs", "dash-cenc")}


def other_codecs(server, group, folder):
    """Both schemes, both protocols."""
    if not os.path.exists(PACKAGER):
        raise Tap.Skip("shaka-packager is not installed")
    drm = {"providerUrl": server.control + "/speke", "systems": ["WIDEVINE"]}
    endpoints_ = {"clear": {"protocol": "HLS_CMAF", **WINDOW}}
    for scheme, method in (("cbcs", "SAMPLE_AES"), ("cenc", "CENC")):
        for protocol, window in (("HLS_CMAF", WINDOW), ("DASH", DASH_WINDOW)):
            endpoints_[f"{protocol[:4]}-{scheme}".lower().replace("_", "")] = {
                "protocol": protocol, **window, "drm": {**drm, "encryptionMethod": method}}
    inputs, urls = server.create_channel(group, "c", endpoints_, protocol="HLS_CMAF")
    source = os.path.join(folder, group)
    encode(os.path.join(source, "live.m3u8"), CODECS[group], "-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "2",
           "-hls_list_size", "0")
    push_folder(inputs, source, b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nlive.m3u8\n")
    wait_until(lambda: all(request(url).status == 200 for url in urls.values()), 30, "it is there")
    wait_until(lambda: "ENDLIST" in request(hls_media(urls["clear"])).text, 30, "the programme has ended")
    clear = tracks_of(urls["clear"])
    assert len(clear) == 2 and len(urls) == 5, (clear.keys(), urls.keys())
    for name in set(urls) - {"clear"}:
        keys = keys_of(server, name, f"/channel-groups/{group}/channels/c")
        encrypted = tracks_of(urls[name])
        assert set(encrypted) == set(clear), (name, encrypted.keys())
        for rendition, track in encrypted.items():
            check_decrypted(clear[rendition], track, rendition, keys, 200, folder)


def plays_what_names_three_systems(server):
    """Keys of somebody else's server: nothing in the manifests is for ClearKey, and its keys are those that decrypt."""
    provider = KeyServer(server)
    path = "/channel-groups/g/channels/c/endpoints"
    keys = {"providerUrl": provider.url, "systems": ["WIDEVINE", "PLAYREADY"]}
    made = {"three": {"protocol": "HLS_CMAF", **WINDOW, "drm": {**keys, "systems": ["FAIRPLAY", *keys["systems"]]}},
            "two": {"protocol": "DASH", **DASH_WINDOW, "drm": {**keys, "encryptionMethod": "CENC"}}}
    urls = {name: server.api("POST", path, {"name": name, **fields}, 201)["url"] for name, fields in made.items()}
    wait_until(lambda: all(request(url).status == 200 for url in urls.values()), 20, "the manifests")
    for url in urls.values():
        text = request(url).text + (request(hls_media(url)).text if url.endswith(".m3u8") else "")
        assert "clearkey" not in text.lower() and "e2719d58" not in text, text
    cases = [{"name": name, "player": "shaka", "url": url, "clear_keys": keys_of(server, name)} for name, url in urls.items()]
    cases += [{**case, "name": case["name"] + "-wrong", "clear_keys": dict.fromkeys(case["clear_keys"], "00" * 16)} for case in cases]
    for name, result in lab.play(cases, 5, os.environ.get("TARN_SCREENSHOTS")).items():
        if name.endswith("-wrong"):
            assert result["errors"] or result["frames"] < 5, ("a wrong key played", result)
        else:
            assert result["errors"] == [] and result["advanced"] > 3.5 and result["frames"] > 75, (name, result)
            assert result["audio_bytes"] > 0, (name, result)
    for name in urls:
        server.api("DELETE", f"{path}/{name}")
    provider.shutdown()


def twins_are_equal(urls):
    """HLS_CMAF and DASH of one content id have the same segments (product.md, section 3)."""
    hls, dash = tracks_of(urls["cbcs"]), tracks_of(urls["dash-twin"])
    for rendition, (_, segments) in hls.items():
        assert fetch(segments[1]) == fetch(dash[rendition][1][1]), rendition


def signalling(urls):
    multivariant = request(urls["cbcs"]).text
    assert multivariant.count("#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,") == 4, multivariant
    base = urls["cbcs"].rsplit("/", 1)[0] + "/"
    media = request(base + re.search(r"manifest-v\d+\.m3u8", multivariant).group(0)).text
    assert media.count("#EXT-X-KEY:METHOD=SAMPLE-AES,") == 4 and "skd://" in media, media
    assert media.index("#EXT-X-KEY") < media.index("#EXT-X-MAP")
    header = fetch(tracks_of(urls["cbcs"])["v1"][0])
    for text in re.findall(r"data:text/plain;base64,([^\"]+)", media):
        assert base64.b64decode(text) in header, "the PSSH of playlist and header differ"
    assert request(urls["cenc"]).text.count("METHOD=SAMPLE-AES-CTR,") == 6
    mpd = ElementTree.fromstring(request(urls["dash-cenc"]).body)
    for adaptation_set in mpd.iter(MPD + "AdaptationSet"):
        schemes = [(each.get("schemeIdUri"), each.get("value")) for each in adaptation_set.iter(MPD + "ContentProtection")]
        assert schemes[0] == ("urn:mpeg:dash:mp4protection:2011", "cenc") and len(schemes) == 4, schemes


def mpds_are_valid(urls):
    schema = os.path.join(SHARED, "schemas", "dash", "DASH-MPD.xsd")
    if not os.path.exists(schema):
        raise Tap.Skip("the MPEG schema is not here")
    for name in ("dash-cbcs", "dash-cenc"):
        run = subprocess.run(["xmllint", "--nonet", "--noout", "--schema", schema, "-"], input=fetch(urls[name]),
                             capture_output=True, check=False)
        assert run.returncode == 0, run.stderr.decode()[-1500:]


class WrongKeys(http.server.ThreadingHTTPServer):
    """A licence server whose keys are all the same."""

    daemon_threads = True

    def __init__(self):
        self.asked = 0
        super().__init__(("127.0.0.1", 0), WrongKeysHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/"


class WrongKeysHandler(http.server.BaseHTTPRequestHandler):
    def do_OPTIONS(self):
        self.answer(b"")

    def do_POST(self):
        self.server.asked += 1
        kids = json.loads(self.rfile.read(int(self.headers["content-length"])))["kids"]
        self.answer(json.dumps({"keys": [{"kty": "oct", "kid": kid, "k": "A" * 22} for kid in kids], "type": "temporary"}).encode())

    def answer(self, body):
        self.send_response(200)
        for name, value in {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*", "Content-Length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def plays(server, urls):
    names = ["cbcs", "cenc", "dash-cbcs", "dash-cenc"]
    cases = [{"name": name, "player": "shaka", "url": urls[name], "clear_keys": keys_of(server, name)} for name in names]
    wrong = {kid: "00" * 16 for kid in keys_of(server, "cbcs")}
    cases.append({"name": "wrong", "player": "shaka", "url": urls["cbcs"], "clear_keys": wrong})
    # where the manifest itself signals ClearKey
    direct = [("shaka", "dash-cenc"), ("shaka", "dash-cbcs"), ("dash.js", "dash-cenc"), ("dash.js", "dash-cbcs")]
    cases += [{"name": f"{player}-{name}", "player": player, "url": urls[name]} for player, name in direct]
    names += [f"{player}-{name}" for player, name in direct]
    licence = server.control + "/clearkey"
    cases += [{"name": f"hls.js-{name}", "player": "hls.js", "url": urls[name], "licence": licence} for name in ("cbcs", "cenc")]
    names += ["hls.js-cbcs", "hls.js-cenc"]
    cases.append({"name": "identity", "player": "shaka", "url": urls["cbcs"], "identity": licence + "/"})
    names.append("identity")
    strangers = WrongKeys()
    cases.append({"name": "hls.js-wrong", "player": "hls.js", "url": urls["cbcs"], "licence": strangers.url})
    seconds = 8
    seen = lab.play(cases, seconds, os.environ.get("TARN_SCREENSHOTS"))
    strangers.shutdown()
    for name in names:
        result = seen[name]
        assert result["errors"] == [], (name, result["errors"])
        assert result["advanced"] > seconds - 1.5 and result["frames"] > seconds * 15, (name, result)
        assert result["audio_bytes"] > 0, (name, result)
    for name in ("wrong", "hls.js-wrong"):
        assert seen[name]["errors"] or seen[name]["frames"] < 5, ("a wrong key played", seen[name])
    assert strangers.asked > 0, "hls.js did not ask for the licence"


def gone_under_old_names(server, urls):
    """Semantics S7: encryption applies to everything at once."""
    path = "/channel-groups/g/channels/c/endpoints"
    url = server.api("POST", path, {"name": "later", "protocol": "HLS_CMAF", **WINDOW}, 201)["url"]
    before = wait_until(lambda: request(url).status == 200 and tracks_of(url), 10, "the endpoint's manifest")
    fetch(before["v1"][0])
    clear_segment = before["v1"][1][0]
    fetch(clear_segment)
    server.api("PATCH", path + "/later", {"drm": {"systems": ["WIDEVINE"], "providerUrl": server.control + "/speke"}}, 200)
    for old in (clear_segment, before["v1"][0]):
        assert request(old).status == 404, "the clear URL is still served"
    wait_until(lambda: request(url).status == 200, 10, "the encrypted manifest")
    header, segments = tracks_of(url)["v1"]
    assert b"encv" in fetch(header) and b"senc" in fetch(segments[0])
    assert segments[0] != clear_segment and request(clear_segment).status == 404
    server.api("PATCH", path + "/later", {"drm": None}, 200)
    assert request(segments[0]).status == 404 and b"avc1" in fetch(tracks_of(url)["v1"][0])
    assert urls


def nothing_without_a_key(server, port):
    """D1: a key server that nobody listens at."""
    path = "/channel-groups/g/channels/c/endpoints"
    drm = {"systems": ["WIDEVINE"], "providerUrl": f"http://127.0.0.1:{port}/speke"}
    url = server.api("POST", path, {"name": "nokey", "protocol": "HLS_CMAF", "drm": drm}, 201)["url"]
    base = url.rsplit("/", 1)[0] + "/"
    status = lambda: server.api("GET", path + "/nokey/status")["drm"]  # noqa: E731
    wait_until(lambda: status()["state"] == "FAILED", 10, "the status tells of the failure")
    assert "reached" in status()["lastError"], status()
    for name in ("manifest.m3u8", "manifest-v1.m3u8", "g1-v1-i1.mp4", "g1-v1-1.m4s", "g1-v1-0.m4s", "g1-a2-1.m4s"):
        answer = request(base + name)
        assert answer.status == 404 and answer.headers["x-tarn-reason"] == "no-key", (name, answer.status)
        assert answer.headers["cache-control"] == "no-store", answer.headers
    server.api("DELETE", path + "/nokey")


class KeyServer(http.server.ThreadingHTTPServer):
    """Asks the built-in provider and spoils its answer, as `spoil` says."""

    daemon_threads = True
    scheme = "http"

    def __init__(self, tarn):
        self.tarn, self.spoil, self.open, self.most_open, self.asked = tarn, None, 0, 0, 0
        self.connections = set()
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), KeyHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # connections that Tarn has given up

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}/keys"


def is_open(connection):
    """Whether the client still waits: one that has given up has closed its end."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except (BlockingIOError, ValueError):  # of TLS nothing can be peeked at
        return True
    except OSError:
        return False


class KeyHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked += 1000  # nobody may come here: it is where redirects lead to
        self.send_response(200)
        self.end_headers()

    def do_POST(self):
        with self.server.lock:
            self.server.open += 1
            self.server.asked += 1
            self.server.connections.add(self.connection)
            waiting = sum(is_open(connection) for connection in self.server.connections)
            self.server.most_open = max(self.server.most_open, waiting)
        try:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {"Authorization": f"Bearer {self.server.tarn.token}", "X-Speke-Version": "2.0"}
            answer = request(self.server.tarn.control + "/speke", "POST", body, headers)
            reply = {"status": 200, "type": "application/xml", "body": answer.body, "headers": {"X-Speke-Version": "2.0"}}
            if self.server.spoil:
                self.server.spoil(reply, self)
            self.send_response(reply["status"])
            for name, value in {"Content-Type": reply["type"], "Content-Length": str(len(reply["body"])), **reply["headers"]}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply["body"])
        except OSError:
            pass
        finally:
            with self.server.lock:
                self.server.open -= 1
                self.server.connections.discard(self.connection)

    def log_message(self, *_):
        pass


def self_signed(keys, folder):
    """A second key server, by https, with a certificate for localhost that it made itself."""
    key, certificate = os.path.join(folder, "tls.key"), os.path.join(folder, "tls.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    server = KeyServer(keys.tarn)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.scheme = "https"
    return server


def hang(_reply, handler):
    handler.connection.settimeout(30)
    with contextlib.suppress(OSError):
        handler.rfile.read(1)


def break_off(reply, _handler):
    reply["headers"]["Content-Length"] = str(len(reply["body"]) + 10)
    reply["headers"]["Connection"] = "close"


def set_(**changes):
    return lambda reply, _handler: reply.update(changes)


def sub(pattern, replacement):
    def spoil(reply, _handler):
        reply["body"], count = re.subn(pattern, replacement, reply["body"], count=1)
        assert count == 1, pattern
    return spoil


SPOILT = {
    "a refusal": set_(status=422, body=b"Malformed encryption contract"),
    "a redirect": lambda reply, handler: (set_(status=302)(reply, handler), reply["headers"].update(Location=handler.server.url)),
    "another type": set_(type="text/html"),
    "no XML": set_(body=b"{}"),
    "nothing": set_(body=b""),
    "a megabyte": set_(body=b"<a>" + b" " * 2**20 + b"</a>"),
    "a content coding": lambda reply, _: reply["headers"].update({"Content-Encoding": "gzip"}),
    "another SPEKE version": lambda reply, _: reply["headers"].update({"X-Speke-Version": "9"}),
    "a DOCTYPE": sub(rb"<cpix:CPIX", b"<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><cpix:CPIX"),
    "a key of 15 bytes": sub(rb"<pskc:PlainValue>[^<]+", b"<pskc:PlainValue>AAECAwQFBgcICQoLDA0O"),
    "no key": sub(rb"<cpix:Data>.*?</cpix:Data>", b""),
    "another key id": sub(rb'(<cpix:ContentKey kid=")........', rb"\g<1>00000000"),
    "no PSSH": sub(rb"<cpix:PSSH>[^<]+</cpix:PSSH>", b""),
    "another content id": sub(rb'contentId="', b'contentId="x'),
    "no line for HLS": sub(rb'<cpix:HLSSignalingData playlist="media">[^<]+</cpix:HLSSignalingData>', b""),
    "a key of 17 bytes": sub(rb"<pskc:PlainValue>[^<]+", b"<pskc:PlainValue>AAECAwQFBgcICQoLDA0ODxA="),
    "a key that is no base64": sub(rb"<pskc:PlainValue>[^<]+", b"<pskc:PlainValue>!!!!!!!!!!!!!!!!!!!!!!=="),
    "an encrypted key": sub(rb"<pskc:PlainValue>[^<]+</pskc:PlainValue>", b"<pskc:EncryptedValue/>"),
    "a key twice": sub(rb"(<cpix:ContentKey .*?</cpix:ContentKey>)", rb"\1\1"),
    "no keys at all": sub(rb"<cpix:ContentKeyList>.*?</cpix:ContentKeyList>", b"<cpix:ContentKeyList/>"),
    "another scheme": sub(rb"commonEncryptionScheme=.cbcs.", b'commonEncryptionScheme="cenc"'),
    "no systems": sub(rb"<cpix:DRMSystemList>.*?</cpix:DRMSystemList>", b"<cpix:DRMSystemList/>"),
    "another system": sub(rb"systemId=.edef8ba9", b'systemId="00000000'),
    "a system of another key": sub(rb'(<cpix:DRMSystem kid=")........', rb"\g<1>00000000"),
    "a PSSH that is no box": sub(rb"<cpix:PSSH>[^<]+", b"<cpix:PSSH>AAECAwQFBgcICQoLDA0ODxA="),
    "a PSSH of another system": sub(rb"<cpix:PSSH>AAAAX3Bzc2gAAAAA7e", b"<cpix:PSSH>AAAAX3Bzc2gAAAAA8e"),
    "a PSSH that is cut": sub(rb"(<cpix:PSSH>[^<]{40})[^<]+", rb"\1"),
    "data that is not the PSSH": sub(rb"<cpix:ContentProtectionData>[^<]+", b"<cpix:ContentProtectionData>PGEvPg=="),
    "a line that is none": sub(rb'(<cpix:HLSSignalingData playlist="media">)[^<]+', rb"\1" + base64.b64encode(b"#EXTINF:4,")),
    "two lines": sub(rb'(<cpix:HLSSignalingData playlist="media">)[^<]+', rb"\1" + base64.b64encode(b"#EXT-X-KEY:METHOD=NONE\n#EXT-X-ENDLIST")),
    "no encryption": sub(rb'(<cpix:HLSSignalingData playlist="media">)[^<]+', rb"\1" + base64.b64encode(b"#EXT-X-KEY:METHOD=NONE")),
    "no rules": sub(rb"<cpix:ContentKeyUsageRuleList>.*?</cpix:ContentKeyUsageRuleList>", b""),
    "another kind of track": sub(rb'intendedTrackType="ALL"', b'intendedTrackType="SD"'),
    "another root": sub(rb"<cpix:CPIX(.*)</cpix:CPIX>", rb"<cpix:CPIY\1</cpix:CPIY>"),
    "an element that is not closed": sub(rb"</cpix:CPIX>", b""),
    "an entity": sub(rb"<pskc:PlainValue>[^<]+", b"<pskc:PlainValue>&xxe;"),
    "a NUL": sub(rb"<pskc:PlainValue>", b"<pskc:PlainValue>\0"),
    "a thousand elements within each other": set_(body=b"<a>" * 1000 + b"</a>" * 1000),
    "unauthorized": set_(status=401),
    "too many requests": set_(status=429),
    "nothing to say": set_(status=204, body=b""),
    "gone for a while": lambda reply, handler: (set_(status=307)(reply, handler),
                                               reply["headers"].update(Location="http://169.254.169.254/latest/meta-data")),
}


def bad_answers_are_refused(server):
    """D3 and D4 (40 cases and more, in a megabyte), then a good one."""
    assert len(SPOILT) >= 40, len(SPOILT)
    path = "/channel-groups/g/channels/c/endpoints"
    keys = KeyServer(server)
    keys.spoil = set_(status=500)
    drm = {"systems": ["WIDEVINE"], "providerUrl": keys.url}
    url = server.api("POST", path, {"name": "spoilt", "protocol": "HLS_CMAF", **WINDOW, "drm": drm}, 201)["url"]
    status = lambda: server.api("GET", path + "/spoilt/status")["drm"]  # noqa: E731
    secrets = set()
    memory = 0
    for number, (name, spoil) in enumerate([*SPOILT.items(), ("broken off", break_off)]):
        memory = memory if number != 5 else rss_kib(server.process.pid)  # what is needed once is there
        keys.spoil = spoil
        before = status()["requests"]
        # a change of the URL is tried at once: no waiting for the backoff
        server.api("PATCH", path + "/spoilt", {"drm": {"providerUrl": f"{keys.url}/{number}"}}, 200)
        wait_until(lambda b=before: status()["requests"] > b and not keys.open, 10, f"{name} was answered")
        wait_until(lambda: status()["lastError"], 10, f"{name} is told of")
        assert status()["state"] == "FAILED", (name, status())
        secrets.add(status()["lastError"])
        assert request(url).status == 404, name
    assert keys.asked < 1000, "a redirect was followed"
    assert len(secrets) > 20, secrets
    grown = rss_kib(server.process.pid) - memory
    assert grown <= 1024, f"{grown} KiB more"

    keys.spoil = hang
    keys.most_open = 0
    server.api("PATCH", path + "/spoilt", {"drm": {"providerUrl": keys.url + "/hang"}}, 200)
    wait_until(lambda: keys.open, 10, "the request that hangs")
    began = time.monotonic()
    assert request(server.origin + "/v1/g/c/cbcs/manifest.m3u8").status == 200
    assert time.monotonic() - began < 2.5, "another endpoint waits for the key server"
    wait_until(lambda: "time" in (status()["lastError"] or ""), 10, "the request was given up")
    assert 3 < time.monotonic() - began < 8, time.monotonic() - began
    assert keys.most_open == 1, keys.most_open

    keys.spoil = None
    tls = self_signed(keys, server.folder)
    before = status()["requests"]
    server.api("PATCH", path + "/spoilt", {"drm": {"providerUrl": tls.url.replace("127.0.0.1", "localhost")}}, 200)
    wait_until(lambda: status()["requests"] > before and "certificate" in (status()["lastError"] or ""), 30,
               f"a certificate that nobody knows is refused, {before} requests before, now {status()}")
    assert tls.asked == 0, "the request was sent all the same"
    tls.shutdown()

    # by name: it is looked up, and one of its addresses is allowed
    good = keys.url.replace("127.0.0.1", "localhost")
    server.api("PATCH", path + "/spoilt", {"drm": {"providerUrl": good + "/good"}}, 200)
    wait_until(lambda: status()["state"] == "READY", 40, "a good answer is taken")
    wait_until(lambda: request(url).status == 200, 5, "the manifest")
    server.api("DELETE", path + "/spoilt")
    keys.shutdown()


def unwanted_urls(server):
    """D5, at configuration: 30 of 30."""
    path = "/channel-groups/g/channels/c/endpoints"
    refused = [
        "http://key.example.com/", "http://8.8.8.8/", "https://10.0.0.1/", "https://192.168.1.1/", "https://172.16.0.1/",
        "https://169.254.169.254/latest/meta-data", "https://100.64.0.1/", "https://0.0.0.0/", "https://[::1]/",
        "https://[::ffff:10.0.0.1]/", "https://[fe80::1]/", "https://[fc00::1]/", "https://[2002:a00:1::]/",
        "https://[64:ff9b::a00:1]/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/",
        "https://localhost/", "https://a.localhost/", "https://user:pass@key.example.com/", "https://key.example.com:22/",
        "https://key.example.com:25/", "file:///etc/passwd", "ftp://key.example.com/", "gopher://key.example.com/",
        "https:///x", "https://key.example.com/#x", "https://key.example.com\\@10.0.0.1/", "https://" + "a" * 600 + "/",
        "https://224.0.0.1/", "https://key example.com/",
    ]
    for number, url in enumerate(refused):
        answer = server.api("POST", path, {"name": f"u{number}", "protocol": "DASH",
                                           "drm": {"systems": ["WIDEVINE"], "providerUrl": url}})
        assert answer.get("status") == 400, (url, answer)
        assert [error["field"] for error in answer["errors"]] == ["drm.providerUrl"], answer
    made = server.api("POST", path, {"name": "good", "protocol": "DASH",
                                     "drm": {"systems": ["WIDEVINE"], "providerUrl": "https://key.example.com:8443/s?x=1"}}, 201)
    assert made["drm"]["contentId"].startswith("tarn-"), made
    server.api("DELETE", path + "/good")


def keys_survive(server, urls, options):
    """After a restart without any key server the same bytes are served."""
    name = "dash-cbcs"
    track = tracks_of(urls[name])["v1"]
    before = fetch(track[0]), fetch(track[1][0])
    keys = keys_of(server, name)
    assert server.stop() == 0
    server.options = options
    server.start()
    assert (fetch(track[0]), fetch(track[1][0])) == before
    assert server.api("GET", f"/channel-groups/g/channels/c/endpoints/{name}/status")["drm"]["requests"] == 0
    assert keys


def forms_of(keys):
    """What a key looks like in files of any kind."""
    forms = []
    for key in keys:
        raw = bytes.fromhex(key)
        forms += [raw, raw[::-1], key.encode(), key.upper().encode(), str(uuid.UUID(key)).encode(), base64.b64encode(raw),
                  base64.urlsafe_b64encode(raw).rstrip(b"="), ", ".join(str(byte) for byte in raw).encode()]
    return forms


def encrypted_output(urls):
    """{URL: bytes} of everything that encrypted endpoints serve."""
    found = {}
    for name in ("cbcs", "cenc", "dash-cbcs", "dash-cenc", "dash-twin"):
        base = urls[name].rsplit("/", 1)[0] + "/"
        found[urls[name]] = fetch(urls[name])
        for playlist in re.findall(r'[\w-]+\.m3u8', found[urls[name]].decode()):
            found[base + playlist] = fetch(base + playlist)
        for header, segments in tracks_of(urls[name]).values():
            found.update((url, fetch(url)) for url in [header, *segments])
    return found


def no_key_is_told(server, urls, keys):
    """Neither viewers nor those who watch the server see a key."""
    forms = forms_of(keys)
    told = encrypted_output(urls)
    endpoints = "/channel-groups/g/channels/c/endpoints"
    for path in ("/channel-groups", endpoints, *(f"{endpoints}/{name}{what}" for name in ("cbcs", "cenc") for what in ("", "/status"))):
        told[path] = json.dumps(server.api("GET", path)).encode()
    told["/metrics"] = request(server.control + "/metrics", "GET", None, {"Authorization": f"Bearer {server.token}"}).body
    assert len(told) > 50
    for path, content in told.items():
        for form in forms:
            assert form not in content, f"{path} has a key in it"


def no_media_in_the_clear(server, urls):
    """Known plaintext: 320 bytes of the programme in a row, two lengths of the pattern that leaves nine blocks of ten, are in
    nothing that an encrypted endpoint serves, and not in the log."""
    known = set()
    for header, segments in tracks_of(urls["clear"]).values():
        for url in segments:
            media = fetch(url)
            media = media[media.index(b"mdat") + 4:]
            known.update(media[at:at + 320] for at in range(0, len(media) - 320, 320))
    # x264 writes its settings in front of the first picture; such NAL units stay as they are
    known = {window for window in known if sum(32 <= byte < 127 for byte in window) < 270}
    assert len(known) > 500
    with open(server.log_path, "rb") as file:
        served = {**encrypted_output(urls), "the log": file.read()}
    prefixes = {}
    for window in known:
        prefixes.setdefault(window[:16], []).append(window)

    def shown(content):
        return next((at for at in range(len(content) - 319)
                     for window in prefixes.get(content[at:at + 16], ()) if content[at:at + 320] == window), None)

    clear = [fetch(url) for _, segments in tracks_of(urls["clear-dash"]).values() for url in segments]
    assert all(shown(content) is not None for content in clear), "what is in the clear is not known"
    for url, content in served.items():
        assert shown(content) is None, f"{url} has the programme in the clear at {shown(content)}"


def no_key_in_files(server, keys):
    """I8: neither in the log nor in the data directory, in whatever form."""
    forms = forms_of(keys)
    files = [server.log_path] + [os.path.join(folder, name) for folder, _, names in os.walk(server.data) for name in names]
    assert len(files) > 5
    for path in files:
        content = b""
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:  # journals come and go
            content = file.read()
        for form in forms:
            assert form not in content, f"{path} has a key in it"


def access_to_keys(server):
    body = json.dumps({"kids": ["AAECAwQFBgcICQoLDA0ODw"]})
    assert request(server.control + "/clearkey", "POST", body).status == 200
    assert request(server.control + "/clearkey?kid=" + str(uuid.UUID(int=1)), "POST", body).status == 200
    assert request(server.control + "/clearkey", "POST", "{}").status == 400
    assert request(server.control + "/clearkey", "OPTIONS").headers["access-control-allow-origin"] == "*"
    kid, key = next(iter(keys_of(server, "cbcs").items()))
    for form in (kid, str(uuid.UUID(kid)), kid.upper()):
        answer = request(f"{server.control}/clearkey/{form}")
        assert answer.status == 200 and answer.body.hex() == key and answer.headers["cache-control"] == "no-store", form
    assert request(server.control + "/clearkey/" + kid[1:]).status == 404
    assert request(server.control + "/clearkey/" + kid, "POST", "x").status == 405
    assert request(server.control + "/speke", "POST", "<a/>").status == 401
    answer = request(server.control + "/speke", "POST", "<a/>", {"Authorization": f"Bearer {server.token}"})
    assert answer.status == 422 and answer.text.strip() == "Malformed encryption contract", answer.text
    assert request(server.control + "/speke").status == 405


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        options = ("--outbound-allow", "127.0.0.9/32,127.0.0.1/32")
        server = lab.Server(folder, "--key-provider", "builtin")
        try:
            inputs, urls = server.create_channel("g", "c", endpoints(server.control + "/speke"))
            tap.run("URLs that lead where they should not are refused (D5)", unwanted_urls, server)
            push(folder, inputs[0])
            wait_until(lambda: all(request(url).status == 200 for url in urls.values()), 30, "all manifests answer 200")
            wait_until(lambda: "ENDLIST" in request(hls_media(urls["clear"])).text, 30, "the programme has ended")
            for name in ("cbcs", "cenc", "dash-cbcs", "dash-cenc"):
                tap.run(f"shaka-packager decrypts {name} to the clear endpoint's frames", decrypts, server, urls, name, folder)
            for group in CODECS:
                tap.run(f"shaka-packager decrypts {group} to the clear endpoint's frames", other_codecs, server, group, folder)
            tap.run("HLS_CMAF and DASH of one content id have the same segments", twins_are_equal, urls)
            tap.run("manifests signal every system", signalling, urls)
            tap.run("encrypted MPDs are valid against the MPEG schema", mpds_are_valid, urls)
            judging.judge_server(server, tap, faults=SOURCE_FAULTS)
            tap.run("Chromium plays all four through EME ClearKey, by the manifest alone and by identity keys, and not with a wrong key", plays, server, urls)
            tap.run("what was clear is gone when its endpoint is encrypted", gone_under_old_names, server, urls)
            tap.run("the key provider answers those who may ask", access_to_keys, server)
            keys = [key for name in urls if "clear" not in name for key in keys_of(server, name).values()]
            assert server.stop() == 0
            server.options = ("--key-provider", "builtin", *options)
            server.start()
            tap.run("without a key there is nothing, never clear media (D1)", nothing_without_a_key, server, lab.free_port())
            tap.run("bad, slow and broken answers are refused, a good one is taken (D3, D4)", bad_answers_are_refused, server)
            tap.run("shaka plays what signals FairPlay, Widevine and PlayReady alone", plays_what_names_three_systems, server)
            tap.run("keys outlive their key server and a restart", keys_survive, server, urls, options)
            tap.run("no key in the log or the data directory", no_key_in_files, server, keys)
            tap.run("no key in what is served and told", no_key_is_told, server, urls, keys)
            tap.run("known plaintext is nowhere", no_media_in_the_clear, server, urls)
            tap.run("SIGTERM ends the server with 0", lambda: assert_equal(server.stop(), 0))
        finally:
            server.stop()
    tap.done()


def hls_media(url):
    return url.rsplit("/", 1)[0] + "/" + re.search(r"manifest-v\d+\.m3u8", request(url).text).group(0)


def assert_equal(left, right):
    assert left == right, f"{left!r} is not {right!r}"


if __name__ == "__main__":
    sys.exit(main())
