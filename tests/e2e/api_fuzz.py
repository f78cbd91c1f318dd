#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests made from /api/v1/openapi.json, right and wrong ones: every answer is one that the document has, no 5xx, every
refusal is a problem document that names the field and changes nothing, secrets are where they may be and nowhere else, and
after all of it the server has what it said it has. TARN_SEED repeats a run, TARN_LONG makes it long. Prints TAP."""

import collections
import copy
import json
import os
import random
import re
import urllib.parse

import lab
from lab import Server, Tap, request
from openapi_requests import Document, Values, is_for, mend, put

ROUNDS = 12000 if os.environ.get("TARN_LONG") else 1200
BROKEN_BODIES = [b"", b"{", b"nul", b"[]", b"7", b'"x"', b'{"name":"a","name":"b"}', b'{"name":"\xff"}', b'{"name":"\\ud800"}',
                 b"{}{}", b'\xef\xbb\xbf{"name":"a"}', b'{"name":NaN}', b'{"name":"a",}', b'{"a":' * 40 + b"1" + b"}" * 40,
                 b'{"description":"' + b"x" * 70000 + b'"}', b"{'name':'a'}", b'{"name":"a"\0}', b'{"segments":1e400}']
BROKEN_NAMES = ["%00", "a%2Fb", "a%20b", "x" * 300, "%E2%82%AC", "%ff", "a;b", "~", "%", "'"]
BROKEN_QUERIES = {"pageSize": ["0", "101", "-1", "x", "1.5", "9" * 30], "pageToken": ["x", "%00", "!" * 300], "secrets": ["2", "yes"],
                  "deleteContent": ["maybe"], "after": ["x", "-1", "1.5", "9" * 40], "filter": ["x" * 201]}


class Api:
    """The server, what is known of it, and the judge of its answers."""

    def __init__(self, server, seed):
        self.server = server
        self.random = random.Random(seed)
        self.values = Values(self.random)
        self.token = {"Authorization": f"Bearer {server.token}"}
        self.document = Document(json.loads(self.raw("get", "/openapi.json").body))
        self.secrets = {server.token}
        self.counts = collections.Counter()

    def raw(self, method, target, body=None, headers=None):
        return request(f"{self.server.control}/api/v1{target}", method.upper(), body, {**self.token, **(headers or {})})

    def export(self):
        answer = self.raw("get", "/export?secrets=true")
        assert answer.status == 200, answer.text
        return answer.body

    def known(self):
        """{(group,), (group, channel), (group, channel, endpoint)} with protocols of endpoints."""
        found = {}
        for group in json.loads(self.export())["channelGroups"]:
            found[(group["name"],)] = None
            for channel in group.get("channels", []):
                found[(group["name"], channel["name"])] = None
                for endpoint in channel.get("endpoints", []):
                    found[(group["name"], channel["name"], endpoint["name"])] = endpoint["protocol"]
        return found

    def judge(self, path, method, answer, shows_secrets, what):
        """What holds for any answer."""
        self.counts[answer.status] += 1
        documented = self.document.paths[path][method]["responses"]
        assert str(answer.status) in documented, f"{what}: {answer.status} is not documented: {answer.text[:300]}"
        assert answer.status < 500, f"{what}: {answer.status} {answer.text[:300]}"
        assert answer.headers["cache-control"] == "no-store", what
        if answer.status >= 400:
            assert answer.headers["content-type"].startswith("application/problem+json"), f"{what}: {answer.headers}"
            problem = json.loads(answer.body)
            assert problem["status"] == answer.status and problem["title"] and problem["detail"] and problem["type"], what
        if not shows_secrets or answer.status >= 400:
            shown = [secret for secret in self.secrets if secret in answer.text]
            assert not shown, f"{what}: {shown} in {answer.status} {answer.text[:300]}"


def fits(api, kind, path, method):
    """Whether a request of the operation can be wrong in that way."""
    named = [(one["in"], one["name"]) for one in api.document.parameters(path, method)]
    if (path, method) == ("/events", "get"):
        return kind == "broken query"  # else it does not end
    if kind in ("bad field", "unknown field", "broken body", "type"):
        return api.document.body(path, method) is not None
    if kind == "broken query":
        return any(where == "query" for where, _ in named)
    if kind == "good":
        return not path.endswith("collection-tasks") or method != "post"  # needs content: tests/e2e/collect.py
    return {"broken path": "{" in path, "stale tag": ("header", "If-Match") in named}.get(kind, True)


def places(api, path, known):
    """A path of the document with names: those of something there, or now and then of nothing."""
    names = re.findall(r"{(\w+)}", path)
    depth = sum(name in ("group", "channel", "endpoint") for name in names)
    there = [key for key in known if len(key) == depth]
    if depth and not there:
        return None, None, None
    key = api.random.choice(sorted(there)) if depth else ()
    filled = {**dict(zip(("group", "channel", "endpoint"), key)), "input": api.random.choice(["ingest1", "ingest2"]), "task": "0"}
    return key, filled, re.sub(r"{(\w+)}", lambda match: filled[match.group(1)], path)


def good_body(api, schema, fields, is_patch, protocol, nullable):
    body = {}
    for path, node in fields:
        required = path in schema.get("required", [])
        if is_patch and path in ("name", "protocol"):
            continue
        if not is_for(node, protocol) or (path.startswith("drm.") and not api.with_drm):
            continue
        if required or api.random.random() < 0.3:
            is_reset = path in nullable and api.random.random() < 0.2
            put(body, path, None if is_reset else api.values.good(path, node))
    if "protocol" in dict(fields) and not is_patch and "manifestName" in dict(fields):
        body["protocol"] = protocol
    if protocol == "HLS":
        body.pop("drm", None)
    bitrates = ("minVideoBitrate", "maxVideoBitrate")
    if is_patch and any(name in body.get("manifest", {}) for name in bitrates):
        for name in bitrates:  # one alone may contradict what is there
            body["manifest"].setdefault(name, api.values.good(name, dict(fields)["manifest." + name]))
    return mend(api.values, body, protocol)


def one_request(api):
    """Whether there was one."""
    run, kind = api.random.choice(KINDS)
    path, method = api.random.choice([one for one in api.document.operations() if fits(api, kind, *one)])
    known = api.known()
    key, filled, target = places(api, path, known)
    makes_more = method == "post" and path.endswith(("groups", "channels", "endpoints"))
    if key is None or (makes_more and kind == "good" and len(known) > 40):
        return False
    call = Call(api, path, method, key, filled, target, api.document.body(path, method), known, kind)
    before = None if kind == "good" else api.export()
    run(call)
    if before is not None:
        assert api.export() == before, f"{call.what()}: it was refused and has changed something"
    return True


class Call:
    def __init__(self, api, path, method, key, filled, target, schema, known, kind):
        self.api, self.path, self.method, self.key, self.target, self.schema = api, path, method, key, target, schema
        self.filled, self.kind, self.body, self.sent = filled, kind, None, ""
        self.is_patch = method == "patch"
        self.fields = api.document.fields(schema) if schema else []
        self.is_endpoint = "manifestName" in dict(self.fields)
        self.protocol = known.get(key) if self.is_patch else None
        if self.is_endpoint and not self.protocol:
            self.protocol = api.random.choice(["HLS", "HLS_CMAF", "DASH"])
        api.with_drm = self.protocol != "HLS" and api.random.random() < 0.2 and self.is_endpoint and not self.is_patch

    def what(self):
        return f"{self.kind}: {self.method.upper()} {self.target} {self.sent[:400]}"

    def make_body(self):
        if self.schema is None:
            return None
        nullable = self.api.document.nullable(self.path, self.method)
        return good_body(self.api, self.schema, self.fields, self.is_patch, self.protocol, nullable)

    def send(self, body, query="", headers=None, raw=None, shows_secrets=False):
        payload = raw if raw is not None else None if body is None else json.dumps(body)
        kind = {"Content-Type": "application/merge-patch+json" if self.is_patch else "application/json"} if payload is not None else {}
        self.sent = payload if isinstance(payload, str) else repr(payload)
        answer = self.api.raw(self.method, self.target + query, payload, {**kind, **(headers or {})})
        self.api.judge(self.path, self.method, answer, shows_secrets, self.what())
        return answer

    def expect(self, answer, *statuses):
        assert answer.status in statuses, f"{self.what()}: {answer.status}, not {statuses}: {answer.text[:400]}"


def note_secrets(api, node):
    """Passwords and codes of an answer, or of a request, right or wrong."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in ("password", "authorizationCode", "previousAuthorizationCode") and isinstance(value, str) and value:
                api.secrets.add(value)
            note_secrets(api, value)
    elif isinstance(node, list):
        for one in node:
            note_secrets(api, one)


def same(sent, shown):
    """Everything that was sent is shown again; what was put back is shown as whatever it is by default."""
    if sent is None:
        return True
    if isinstance(sent, dict):
        return isinstance(shown, dict) and all(
            # never less than its other settings need
            shown[name] >= value if name == "manifestWindow" and value is not None else same(value, shown.get(name))
            for name, value in sent.items())
    return shown == sent or (sent == "" and shown is None)


def good(call):
    body = call.make_body()
    query = "?secrets=true" if call.method == "get" and "secrets" in str(call.api.document.parameters(call.path, "get")) else ""
    makes = call.method == "post" and call.schema is not None
    answer = call.send(body, query, shows_secrets=bool(query) or makes)
    if answer.status >= 400:
        call.expect(answer, 404, 409) if not makes and not call.is_patch else call.expect(answer, 409)
        return
    if answer.body:
        note_secrets(call.api, json.loads(answer.body))
    if call.is_patch and body:
        note_secrets(call.api, body)
    if makes and call.path.endswith("rotate-credentials"):
        return
    if (makes or call.is_patch) and body:
        where = call.target if call.is_patch else f"{call.target}/{body['name']}"
        shown = json.loads(call.api.raw("get", f"{where}?secrets=true").body)
        assert same(body, shown), f"{call.what()}: shown as {json.dumps(shown)}"


def is_named(field, path):
    return field == path or field.startswith((path + ".", path + "[")) or path.startswith(field + ".")


def bad_field(call):
    """One thing is wrong with it."""
    api = call.api
    body = copy.deepcopy(call.make_body())
    if call.kind == "unknown field":
        wrong = api.random.choice(["nope", "Name", "id", "segment duration", "__proto__", "drm.systems"])
        body[wrong] = api.random.choice([1, None])
    else:
        listed = [(path, node) for path, node in call.fields if not path.startswith("drm.") or "drm" in body]
        listed = [(path, node) for path, node in listed if is_for(node, call.protocol) and not path.startswith("target.")]
        wrong, node = api.random.choice(listed)
        value = api.values.bad(wrong, api.document.resolve(node))
        if wrong in call.schema.get("required", []) and not call.is_patch and api.random.random() < 0.2:
            body.pop(wrong, None)
        else:
            put(body, wrong, value)
    note_secrets(api, body)
    answer = call.send(body)
    call.expect(answer, 400)
    named = [error["field"] for error in json.loads(answer.body).get("errors", [])]
    if call.path.endswith("collection-tasks"):
        assert named and set(named) <= {*dict(call.fields), wrong, "target"}, f"{call.what()}: {named}"
        return  # times and targets are wrong as well
    assert any(is_named(field, wrong) for field in named), f"{call.what()}: {wrong} is not among {named}"
    # a wrong protocol decides about the others
    others = [field for field in named if not is_named(field, wrong)]
    assert not others or wrong in ("protocol", "authorizationCode") or wrong.startswith("drm"), f"{call.what()}: {others} too"


def broken_body(call):
    optional = not call.api.document.paths[call.path][call.method]["requestBody"].get("required")
    raw = call.api.random.choice(BROKEN_BODIES[1:] if optional else BROKEN_BODIES)
    answer = call.send(None, raw=raw)
    call.expect(answer, 400, 413)


def broken_path(call):
    names = re.findall(r"{(\w+)}", call.path)
    wrong = call.api.random.choice(names)
    filled = {**call.filled, wrong: call.api.random.choice(BROKEN_NAMES + ["nobody"])}
    call.target = re.sub(r"{(\w+)}", lambda match: filled[match.group(1)], call.path)
    answer = call.api.raw(call.method, call.target, "{}" if call.schema else None, {"Content-Type": "application/json"})
    call.api.counts[answer.status] += 1
    assert answer.status in (400, 404, 405, 414), f"{call.what()}: {answer.status} {answer.text[:300]}"


def broken_query(call):
    named = [one["name"] for one in call.api.document.parameters(call.path, call.method) if one["in"] == "query"]
    wrong = call.api.random.choice(named)
    value = call.api.random.choice(BROKEN_QUERIES[wrong])
    answer = call.send(None, f"?{wrong}={value if '%' in value else urllib.parse.quote(value)}")
    call.expect(answer, 400)
    assert wrong in answer.text, f"{call.what()}: {wrong} is not named in {answer.text}"


def stale_tag(call):
    answer = call.send(call.make_body(), headers={"If-Match": '"0"'})
    call.expect(answer, 412)


def no_token(call):
    for field in ("", "Bearer", "Bearer x", "Basic eDp5", f"bearer{call.api.server.token}"):
        answer = call.send(call.make_body(), headers={"Authorization": field})
        call.expect(answer, 401)


def wrong_type(call):
    answer = call.send(call.make_body(), headers={"Content-Type": call.api.random.choice(
        ["text/plain", "text/json", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded"])})
    call.expect(answer, 415)


KINDS = [(good, "good"), (good, "good"), (good, "good"), (bad_field, "bad field"), (bad_field, "bad field"),
         (bad_field, "unknown field"), (broken_body, "broken body"), (broken_path, "broken path"), (broken_query, "broken query"),
         (stale_tag, "stale tag"), (no_token, "no token"), (wrong_type, "type")]


def fuzz(api):
    number = 0
    while number < ROUNDS:
        try:
            number += one_request(api)
        except AssertionError as error:
            raise AssertionError(f"request {number}: {error}") from error
    assert api.server.process.poll() is None, "the server has ended"
    print("#", dict(sorted(api.counts.items())), f"{len(api.known())} resources, {len(api.secrets)} secrets")
    for status, least in ((200, 50), (201, 20), (204, 5), (400, 200), (401, 50), (404, 5), (409, 1), (412, 10), (415, 10)):
        assert api.counts[status] >= least * ROUNDS // 1200, f"{api.counts[status]} answers {status}: the test has become blind"


def nothing_secret_in_the_log(api):
    log = api.server.log()
    assert len(log) > 10000
    found = [(secret, line[:300]) for secret in api.secrets if secret in log for line in log.splitlines() if secret in line]
    assert not found, found[:5]


def a_restart_changes_nothing(api):
    before = api.export()
    assert api.server.stop() == 0
    api.server.start()
    assert api.export() == before


def main():
    tap = Tap()
    seed = int(os.environ.get("TARN_SEED") or random.SystemRandom().getrandbits(32))
    print(f"# TARN_SEED={seed}")
    with lab.temporary_folder() as folder:
        server = Server(folder, "--log-level", "debug")
        try:
            api = Api(server, seed)
            tap.run(f"{ROUNDS} requests made from the document", fuzz, api)
            tap.run("nothing secret is in the log", nothing_secret_in_the_log, api)
            tap.run("a restart changes nothing", a_restart_changes_nothing, api)
        finally:
            server.kill()
    tap.done()


if __name__ == "__main__":
    main()
