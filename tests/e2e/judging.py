# SPDX-License-Identifier: Apache-2.0
"""Everything that a server serves, before the judges: each endpoint's manifests, and every header and segment they name."""

import json
import os
import subprocess
import time
import urllib.parse

import lab  # first: it says where the judges are
from lab import Tap, request

import cmaf_header
import cmaf_run
import hls_rules
import mpd
import ts_run

STRICT = os.path.join(lab.HERE, "hls_strict.mjs")
TYPES = {".m3u8": {"application/vnd.apple.mpegurl"}, ".mpd": {"application/dash+xml"}, ".ts": {"video/mp2t"},
         ".m4s": {"video/mp4", "audio/mp4", "application/mp4"}, ".mp4": {"video/mp4", "audio/mp4", "application/mp4"},
         ".vtt": {"text/vtt"}}


class StrictParser:
    """hls-parser of npm, one process for all playlists."""

    def __init__(self):
        if not os.path.isdir(os.path.join(lab.HERE, "node_modules", "hls-parser")):
            raise Tap.Skip("hls-parser is not installed: ./tarn test installs it")
        self.process = subprocess.Popen(["node", STRICT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, text):
        self.process.stdin.write(json.dumps(text) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Judge:
    """Complaints about one endpoint, as (rule, text), and how much was looked at."""

    def __init__(self, parse, real_time=False):
        self.parse, self.real_time = parse, real_time
        self.complaints = []
        self.seen = {}  # suffix -> number of files

    def say(self, rule, text):
        self.complaints.append((rule, text))

    def fetch(self, url):
        answer = request(url)
        name = urllib.parse.urlsplit(url).path.rsplit("/", 1)[1]
        suffix = os.path.splitext(name)[1]
        self.seen[suffix] = self.seen.get(suffix, 0) + 1
        if answer.status != 200:
            self.say("status", f"{name}: {answer.status} {answer.headers.get('x-tarn-reason')}")
            return None
        if answer.headers["content-type"].split(";")[0] not in TYPES.get(suffix, {"text/plain"}):
            self.say("content-type", f"{name}: {answer.headers['content-type']}")
        return answer

    def playlist(self, url):
        """(text, what hls-parser says) or None."""
        answer = self.fetch(url)
        if answer is None:
            return None
        parsed = self.parse(answer.text)
        if "error" in parsed:
            self.say("hls-parser", f"{url.rsplit('/', 1)[1]}: {parsed['error']}")
            return None
        return answer.text, parsed

    def hls(self, url):
        found = self.playlist(url)
        if found is None:
            return
        text, multivariant = found
        if not multivariant.get("multivariant"):
            self.say("hls", f"{url} is no multivariant playlist")
            return
        media = {}
        for uri in [each["uri"] for each in multivariant["variants"]] + multivariant["renditions"]:
            if uri not in media:
                media[uri] = self.playlist(urllib.parse.urljoin(url, uri))
        self.complaints += hls_rules.multivariant(text, multivariant)
        for uri, playlist in media.items():
            if playlist is not None:
                self.complaints += [(rule, f"{uri}: {what}") for rule, what in hls_rules.media(*playlist)]
                self.segments(urllib.parse.urljoin(url, uri), *playlist)

    def segments(self, url, text, playlist):
        fetched, breaks = [], False
        for segment in playlist["segments"]:
            breaks = breaks or segment["discontinuity"] or segment["gap"]
            if segment["gap"] or segment.get("byterange"):
                continue
            answer = self.fetch(urllib.parse.urljoin(url, segment["uri"]))
            if answer is None:
                breaks = True
                continue
            fetched.append((segment, answer.body, breaks))
            breaks = False
        of = lambda suffix: [each for each in fetched if urllib.parse.urlsplit(each[0]["uri"]).path.endswith(suffix)]  # noqa: E731
        parts = of(".ts")
        self.complaints += ts_run.check_run([(segment["uri"], body, broken) for segment, body, broken in parts])
        self.complaints += hls_rules.ts_durations(parts)
        headers = self.fragments(url, of(".m4s"))
        self.complaints += hls_rules.keys(text, headers) + hls_rules.changes_of_headers(text, playlist, headers)

    def fragments(self, url, parts):
        """CMAF segments; a discontinuity begins a new run, a gap does not."""
        runs = []
        for segment, body, broken in parts:
            if not runs or segment["discontinuity"] or segment["map"] != runs[-1][0]:
                runs.append((segment["map"], []))
            runs[-1][1].append((segment, body, broken))
        headers = {}
        for where, run in runs:
            name = where and where["uri"]
            if name not in headers:
                answer = self.fetch(urllib.parse.urljoin(url, name)) if name else None
                headers[name] = cmaf_header.Header(answer.body if answer else b"")
            wrong, read = cmaf_run.check_run(headers[name], [(segment["uri"], body, broken) for segment, body, broken in run])
            listed = [segment for segment, _, _ in run]
            self.complaints += wrong + hls_rules.cmaf_durations(headers[name], listed, read)
            self.complaints += hls_rules.producer_times(headers[name], listed, read)
        return headers

    def dash(self, url):
        known = {}

        def fetch(where):
            if where not in known:
                answer = self.fetch(where)
                known[where] = answer.body if answer else None
            return known[where]

        began, first = time.time(), self.fetch(url)
        if first is None:
            return
        # pushed faster than it lasts, a stream has segments of the future
        self.complaints += [(rule, text) for rule, text in mpd.check(first.text, url, fetch, began)
                            if self.real_time or rule != "future"]
        second = self.fetch(url)
        if second is not None:
            self.complaints += mpd.check_update(first.text, second.text)


class FileJudge(Judge):
    """The same of what lies in a directory, where no server says what type it is."""

    def fetch(self, url):
        path = urllib.parse.unquote(urllib.parse.urlsplit(url).path)
        suffix = os.path.splitext(path)[1]
        self.seen[suffix] = self.seen.get(suffix, 0) + 1
        try:
            with open(path, "rb") as file:
                return lab.Answer(200, {}, file.read())
        except FileNotFoundError:
            self.say("status", f"{path} is not there")
            return None


def endpoints_of(server):
    """[(channel's name, endpoint as the control API has it)]"""
    found = []
    for group in server.api("GET", "/channel-groups")["items"]:
        channels = f"/channel-groups/{group['name']}/channels"
        for channel in server.api("GET", channels)["items"]:
            listed = server.api("GET", f"{channels}/{channel['name']}/endpoints")["items"]
            found += [(f"{group['name']}/{channel['name']}", endpoint) for endpoint in listed]
    return found


def judge_url(url, parse, real_time=False):
    judge = (FileJudge if url.startswith("file:") else Judge)(parse, real_time)
    if urllib.parse.urlsplit(url).path.endswith(".m3u8"):
        judge.hls(url)
    else:
        judge.dash(url)
    return judge


def accept(judge, faults=()):
    complaints = [(rule, text) for rule, text in judge.complaints if rule not in faults]
    shown = "\n".join(f"{rule}: {text}" for rule, text in complaints[:20])
    assert not complaints, f"{len(complaints)} complaints\n{shown}"
    assert len(judge.seen) > 1, f"nothing but {judge.seen} was looked at"


def judge_server(server, tap, queries=("",), real_time=False, faults=None):
    """A line of TAP for every endpoint that has content, and for every query that it answers. `real_time`: it was pushed no
    faster than it lasts. `faults`: {"channel/endpoint": rules that its source breaks}."""
    try:
        parse = StrictParser()
    except Tap.Skip as reason:
        tap.run("the judges accept what is served", lambda message=str(reason): skip(message))
        return
    for channel, endpoint in endpoints_of(server):
        for query in queries:
            url = server.origin + urllib.parse.urlsplit(endpoint["url"]).path + query
            if request(url).status == 200:
                name = f"{channel}/{endpoint['name']}"
                known = (faults or {}).get(name, ())
                tap.run(f"the judges accept {name}{query}",
                        lambda u=url, k=known: accept(judge_url(u, parse, real_time), k))
    parse.close()


def judge_file(manifest, faults=()):
    """Asserts that the judges accept a manifest in a directory with all that it names, but for the rules in `faults`."""
    parse = StrictParser()
    try:
        accept(judge_url(f"file://{urllib.parse.quote(manifest)}", parse), faults)
    finally:
        parse.close()


def skip(message):
    raise Tap.Skip(message)
