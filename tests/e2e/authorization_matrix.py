# SPDX-License-Identifier: Apache-2.0
"""G4: every way to prove or to fake who one is, against every kind of URL. What is expected follows from the value
alone, never from what the server answered."""

import base64
import re
import shutil
import time
import urllib.parse

import lab
from lab import Tap, request, wait_until
from paced_encoder import PacedEncoder, prepare
from raw_client import basic_value, compose, send

CODE, PREVIOUS, SIBLING, OTHER = "Alpha-code.1", "Older_code.0", "Sibling-code.2", "Other-code.3"
UNAUTHORIZED = {401}
MALFORMED = {400, 401, 431}  # by the message's form or by what it proves: refused either way


def base64_of(text):
    return base64.b64encode(text).decode().encode()


def code_values(strangers):
    """(name, fields, expected statuses or None when it proves who asks)"""
    code, previous = CODE.encode(), PREVIOUS.encode()
    right = {"code": code, "bearer": b"Bearer " + code, "lower-case bearer": b"bearer " + code,
             "padded": b"  " + code + b"\t", "previous": previous, "bearer previous": b"Bearer " + previous}
    wrong = {"empty": b"", "space": b"  ", "x": b"x", "first byte": b"B" + code[1:], "last byte": code[:-1] + b"2",
             "prefix": code[:-1], "longer": code + b"x", "twice": code + code, "upper case": code.upper(),
             "reversed": code[::-1], "both": code + b" " + previous, "list": b"x, " + code,
             "list of right": code + b"," + code, "quoted": b'"' + code + b'"', "bearer alone": b"Bearer",
             "bearer twice": b"Bearer Bearer " + code, "bearer two spaces": b"Bearer  " + code,
             "bearer tab": b"Bearer\t" + code, "bearer colon": b"Bearer: " + code, "basic": b"Basic " + code,
             "basic encoded": b"Basic " + base64_of(code), "basic user": b"Basic " + base64_of(b"x:" + code),
             "digest": b"Digest " + code, "encoded": base64_of(code), "percent": code.replace(b"-", b"%2d"),
             "utf-8": "Älpha-code.1".encode(), "latin-1": b"\xc4lpha", "wildcard": b"*", "null": b"null",
             "dots": b"........1", "huge": b"A" * 4000, "huge bearer": b"Bearer " + code * 300, **strangers}
    yield "none", [], UNAUTHORIZED
    for name, value in right.items():
        yield name, [b"Authorization: " + value], None
    for name, value in wrong.items():
        yield name, [b"Authorization: " + value], UNAUTHORIZED
    elsewhere = [name + code for name in (b"X-Authorization: ", b"Proxy-Authorization: ", b"Cookie: code=")]
    yield "other fields", elsewhere, UNAUTHORIZED
    for name, pair in {"right right": (code, code), "right wrong": (code, b"x"), "wrong right": (b"x", code)}.items():
        yield "two fields " + name, [b"Authorization: " + value for value in pair], MALFORMED
    yield "over-long", [b"Authorization: " + b"A" * 40000], MALFORMED | {0}
    yield "nul", [b"Authorization: " + code + b"\0"], MALFORMED | {0}


def reveals(answer):
    return answer.status != 200 and (b"#EXT-X-" in answer.body or b"ftyp" in answer.body or b"mdat" in answer.body)


class Judge:
    def __init__(self):
        self.count, self.wrong = 0, []

    def expect(self, what, answer, expected):
        self.count += 1
        if answer.status not in expected or reveals(answer):
            shown = " with content" if reveals(answer) else ""
            self.wrong.append(f"{what}: {answer.status}{shown}, not {sorted(expected)}")

    def verdict(self, least):
        assert not self.wrong, f"{len(self.wrong)} of {self.count}: " + "; ".join(self.wrong[:12])
        assert self.count >= least, f"only {self.count} cases"
        print(f"# {self.count} cases")


def playback(server, paths, strangers):
    judge = Judge()
    for name, fields, expected in code_values(strangers):
        for kind, path in paths.items():
            for method in (b"GET", b"HEAD"):
                judge.expect(f"{method.decode()} {kind} with {name}", send(server.port, compose(method, path, fields)),
                             expected or {200})
            for method in (b"POST", b"DELETE", b"PUT", b"MKCOL"):  # an upload to no input, whatever it proves
                judge.expect(f"{method.decode()} {kind} with {name}", send(server.port, compose(method, path, fields)),
                             UNAUTHORIZED | (expected or set()))
        absolute = b"http://127.0.0.1:%d" % server.port + paths["manifest"]
        judge.expect(f"absolute target with {name}", send(server.port, compose(b"GET", absolute, fields)),
                     (expected or {200}) | {400})
        judge.expect(f"code in the query beside {name}",
                     send(server.port, compose(b"GET", paths["manifest"] + b"?authorization=" + CODE.encode(), fields)),
                     expected or {200})
        # a preflight carries no credentials and tells nothing (S32)
        judge.expect(f"OPTIONS with {name}", send(server.port, compose(b"OPTIONS", paths["manifest"], fields)),
                     {204} | (expected if expected and 400 in expected else set()))
    judge.verdict(300)


def credential_values(entry, strangers):
    user, password = entry["username"], entry["password"]
    right = basic_value(user, password)
    encoded = right.split(b" ")[1]
    pairs = {"wrong password": (user, "x"), "wrong user": ("x", password), "no password": (user, ""),
             "no user": ("", password), "nothing": ("", ""), "swapped": (password, user), "wildcards": ("*", "*"),
             "password prefix": (user, password[:-1]), "password longer": (user, password + "x"),
             "password first byte": (user, "\x01" + password[1:]), "colon": (user, ":" + password),
             "password last byte": (user, password[:-1] + "\x01"), "swapped case": (user, password.swapcase()),
             "user longer": (user + "x", password), "nul": (user, password + "\0"), "line end": (user, password + "\n")}
    wrong = {"empty": b"", "scheme alone": b"Basic", "scheme and space": b"Basic ", "garbage": b"Basic !!!!",
             "no base64": f"Basic {user}:{password}".encode(), "no scheme": encoded, "bearer": b"Bearer " + encoded,
             "bearer password": b"Bearer " + password.encode(), "no colon": b"Basic " + base64_of(b"abc"),
             "cut": right[:-4], "three characters": right[:-1], "twice": right + b", " + right,
             "quoted": b'Basic "' + encoded + b'"', "huge": b"Basic " + b"QUFB" * 1000,
             "utf-8": "Bäsic ".encode() + encoded, "digest": b"Digest username=" + user.encode(),
             **{name: basic_value(*pair) for name, pair in pairs.items()}, **strangers}
    yield "none", [], UNAUTHORIZED
    yield "right", [b"Authorization: " + right], None
    yield "lower-case scheme", [b"authorization: basic " + encoded], None
    for name, value in wrong.items():
        yield name, [b"Authorization: " + value], UNAUTHORIZED
    yield "two fields", [b"Authorization: " + right, b"Authorization: " + right], MALFORMED
    yield "two fields, wrong first", [b"Authorization: Basic eDp4", b"Authorization: " + right], MALFORMED


def ingest(server, entry, path, strangers, least):
    judge = Judge()
    done = {200, 201, 400, 415}  # past authorization; what the input then says to the body is another matter
    requests = ((b"PUT", b"/x.m3u8", b"#EXTM3U\n"), (b"PUT", b"/x.ts", b"G" * 188), (b"POST", b"/x.m3u8", b""),
                (b"DELETE", b"/x.ts", None), (b"MKCOL", b"/x", None))
    for name, fields, expected in credential_values(entry, strangers):
        for method, file, body in requests:
            judge.expect(f"{method.decode()} {file.decode()} with {name}",
                         send(server.port, compose(method, path + file, fields, body)), expected or done)
        judge.expect(f"PUT to an unknown channel with {name}",
                     send(server.port, compose(b"PUT", b"/v1/g/1/unknown/x.m3u8", fields, b"#EXTM3U\n")),
                     expected or UNAUTHORIZED)
        judge.expect(f"GET with {name}", send(server.port, compose(b"GET", path + b"/x.m3u8", fields)),
                     {405} | (expected if expected and 400 in expected else set()))
    judge.verdict(least)


def control(server, strangers):
    judge = Judge()
    token = server.token.encode()
    wrong = {"empty": b"", "x": b"x", "bearer alone": b"Bearer", "bearer space": b"Bearer ", "no scheme": token,
             "basic": b"Basic " + token, "prefix": b"Bearer " + token[:-1], "longer": b"Bearer " + token + b"x",
             "first byte": b"Bearer \x7e" + token[1:], "twice": b"Bearer " + token + b", Bearer " + token,
             "case": b"Bearer " + token.swapcase(), **strangers}
    calls = ((b"GET", b""), (b"POST", b""), (b"PATCH", b"/g"), (b"DELETE", b"/g"),
             (b"GET", b"/g/channels/c?secrets=true"))
    for name, value in wrong.items():
        for method, path in calls:
            fields = [b"Authorization: " + value, b"Content-Type: application/json"]
            call = compose(method, b"/api/v1/channel-groups" + path, fields, b"{}")
            judge.expect(f"{method.decode()} {path.decode()} with {name}", send(server.control_port, call),
                         UNAUTHORIZED)
    call = compose(b"GET", b"/api/v1/channel-groups", [b"Authorization: Bearer " + token])
    judge.expect("the token", send(server.control_port, call), {200})
    judge.verdict(60)


def listed(url):
    """The four kinds of URL of an endpoint, as paths: what a player asks for one after another."""
    headers = {"Authorization": CODE}

    def lines(text):
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    playlist = urllib.parse.urljoin(url, lines(request(url, headers=headers).text)[0])
    text = request(playlist, headers=headers).text
    init = urllib.parse.urljoin(playlist, re.search(r'#EXT-X-MAP:URI="([^"]+)"', text).group(1))
    segment = urllib.parse.urljoin(playlist, lines(text)[-1])
    urls = {"manifest": url, "playlist": playlist, "init": init, "segment": segment}
    return {kind: urllib.parse.urlsplit(each).path.encode() for kind, each in urls.items()}


def rotate(server, entry, grace):
    path = f"/channel-groups/g/channels/c/inputs/{entry['id']}/rotate-credentials"
    made = server.api("POST", path, {"gracePeriod": grace}, 200)
    return {**entry, **{key: made[key] for key in ("username", "password")}}


def push(folder, inputs):
    """The same content to both inputs as fast as it goes: it is complete and stays listed."""
    _, hls = prepare(folder, 8)
    encoders = [PacedEncoder(hls, entry, time.monotonic() - 60) for entry in inputs]
    for encoder in encoders:
        encoder.start()
    for encoder in encoders:
        encoder.join()
        assert encoder.failure is None, encoder.failure


def run(tap, folder):
    if not shutil.which("ffmpeg"):
        return tap.run("G4 authorization", no_encoder)
    server = lab.Server(folder)
    try:
        inputs, urls = server.create_channel("g", "c", {
            "own": {"protocol": "HLS_CMAF", "authorizationCode": CODE, "previousAuthorizationCode": PREVIOUS},
            "sibling": {"protocol": "HLS_CMAF", "authorizationCode": SIBLING}})
        made = server.api("POST", "/channel-groups/g/channels", {"name": "d", "protocol": "HLS"}, 201)
        server.api("POST", "/channel-groups/g/channels/d/endpoints",
                   {"name": "own", "protocol": "HLS_CMAF", "authorizationCode": OTHER}, 201)
        push(folder, inputs)
        wait_until(lambda: request(urls["own"], headers={"Authorization": CODE}).status == 200, 20, "content")
        known = {"control token": b"Bearer " + server.token.encode(), "other channel's input": basic_value(
            made["inputs"][0]["username"], made["inputs"][0]["password"])}
        codes = {"sibling's code": SIBLING.encode(), "other channel's code": OTHER.encode()}
        own = {"own input": basic_value(inputs[0]["username"], inputs[0]["password"])}
        tap.run("G4 playback: code, previous code, and everything else", playback, server, listed(urls["own"]),
                {**known, **codes, **own})
        other_input = {"other input": basic_value(inputs[1]["username"], inputs[1]["password"])}
        tap.run("G4 ingest: user and password, and everything else", ingest, server, inputs[0], b"/v1/g/1/c",
                {**known, **codes, **other_input, "playback code": CODE.encode()}, 200)
        now = rotate(server, inputs[0], 0)
        tap.run("G4 ingest: without a grace period the old credentials are void", ingest, server, now, b"/v1/g/1/c",
                {"before the rotation": basic_value(inputs[0]["username"], inputs[0]["password"])}, 200)
        rotate(server, inputs[1], 600)
        tap.run("G4 ingest: within the grace period the old credentials hold", ingest, server, inputs[1], b"/v1/g/2/c",
                {}, 200)
        tap.run("G4 control: the token and nothing else", control, server,
                {**own, **codes, "other": known["other channel's input"]})
    finally:
        server.stop()
    return None


def no_encoder():
    raise Tap.Skip("no ffmpeg")
