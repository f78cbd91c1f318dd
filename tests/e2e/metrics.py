#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/metrics under load, read by a strict parser: everything is described and documented, what happens is counted
where it belongs, and a channel that is deleted is gone from it."""

import math
import os
import shutil
import subprocess
import time
import urllib.parse

from exposition import Metrics, parse
from lab import BUILD, ROOT, Server, Tap, basic, hls_output, ladder_source, request, temporary_folder, wait_until

CHANNEL = {"group": "g", "channel": "c"}
# Only where somebody counts with them: a refusal's, an encoder's bad habits, two inputs with the same content.
QUIET = {"tarn_input_condition", "tarn_http_refusals_total", "tarn_input_drift_seconds"}


def scrape(server):
    answer = request(f"{server.control}/metrics")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Metrics(answer.text)


def described():
    """Names in the server's list."""
    import re
    with open(os.path.join(ROOT, "server", "runtime", "metric_list.cpp"), encoding="utf-8") as file:
        return set(re.findall(r'^\s*\{"(\w+)", (?:counter|gauge|histogram),', file.read(), re.M))


def the_parser_refuses():
    good = '# HELP a_total A.\n# TYPE a_total counter\na_total{x="1"} 2\n'
    parse(good)
    for bad in (good[:-1], good + 'a_total{x="1"} 3\n', good.replace("HELP a_total A.", "HELP a_total"),
                good.replace('"1"', '"1'), good.replace(" 2", " two"), good.replace("counter", "gauge"),
                good.replace("} 2", ",} 2"), good.replace(" 2", " -2"), "b 1\n" + good, good + "# HELP b B.\n",
                '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
                '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'):
        try:
            parse(bad)
        except (AssertionError, KeyError, IndexError):
            continue
        raise AssertionError(f"accepted: {bad!r}")


class Lab:
    def __init__(self, folder):
        self.server = Server(folder)
        self.inputs, self.urls = self.server.create_channel(
            "g", "c", {"hls": {"protocol": "HLS"}, "dash": {"protocol": "DASH", "authorizationCode": "a-code"}})
        self.playlists = {}
        media = os.path.join(folder, "media")
        os.mkdir(media)
        arguments = [a for a in ladder_source(8) if a != "-re"]
        subprocess.run(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", *arguments, "-f", "tee",
                        hls_output(os.path.join(media, "seg"))], check=True)
        self.media = media

    def push(self):
        """All that the encoder made, to input 1; {name: bytes}."""
        sent = {}
        names = sorted(os.listdir(self.media), key=lambda n: (n.endswith(".m3u8"), n != "manifest.m3u8", n))
        for name in names:
            with open(os.path.join(self.media, name), "rb") as file:
                sent[name] = file.read()
            answer = request(f"{self.inputs[0]['url'].rsplit('/', 1)[0]}/{name}", "PUT", sent[name], basic(self.inputs[0]))
            assert answer.status in (200, 201), f"{name}: {answer.status} {answer.text}"
        return sent


def ingest_is_counted(lab):
    sent = lab.push()
    now = scrape(lab.server)
    one = {**CHANNEL, "input": "ingest1"}
    assert now.values("tarn_ingest_bytes_total", **one) == [sum(map(len, sent.values()))]
    playlists = sum(name.endswith(".m3u8") for name in sent)
    assert now.sum("tarn_ingest_objects_total", kind="playlist", **one) == playlists
    assert now.sum("tarn_ingest_objects_total", kind="segment", **one) == len(sent) - playlists
    assert now.values("tarn_ingest_acknowledgement_seconds_count", **CHANNEL) == [len(sent)]
    assert now.values("tarn_input_connected", **one) == [1] and now.values("tarn_input_active", **one) == [1]
    assert now.values("tarn_input_connected", **CHANNEL, input="ingest2") == [0]
    # looked at once a second
    wait_until(lambda: scrape(lab.server).values("tarn_input_state", **CHANNEL, input="ingest2", state="never-seen") == [1],
               10, "the state of the input that sends nothing")
    assert scrape(lab.server).values("tarn_input_state", **one) == [1]
    assert now.values("tarn_archive_bytes", **CHANNEL)[0] > 10_000
    assert -30 < now.values("tarn_timeline_lag_seconds", **CHANNEL)[0] < 60
    assert now.values("tarn_retention_lag_seconds", **CHANNEL) == [0]
    assert abs(now.values("tarn_timeline_start_seconds", **CHANNEL)[0] - time.time()) < 120
    assert now.sum("tarn_ingest_refusals_total") == 0
    assert now.sum("tarn_http_request_duration_seconds_count", listener="origin", kind="upload") == len(sent)


def refusals_have_a_reason(lab):
    url = lab.inputs[1]["url"].rsplit("/", 1)[0]
    assert request(f"{url}/broken.m3u8", "PUT", b"no playlist", basic(lab.inputs[1])).status == 400
    now = scrape(lab.server)
    assert now.values("tarn_ingest_refusals_total", **CHANNEL, input="ingest2", reason="malformed") == [1], \
        now.families["tarn_ingest_refusals_total"].samples
    assert request(lab.urls["dash"]).status == 401
    assert request(lab.urls["dash"], headers={"Authorization": "wrong"}).status == 401
    now = scrape(lab.server)
    dash = {**CHANNEL, "endpoint": "dash"}
    assert now.values("tarn_playback_refusals_total", **dash, reason="code-missing") == [1]
    assert now.values("tarn_playback_refusals_total", **dash, reason="code-wrong") == [1]
    assert now.values("tarn_playback_requests_total", **dash, kind="manifest", status="4xx", protocol="dash") == [2]


def playback_is_counted(lab):
    """Byte for byte, whoever answers: the handlers first, the connection layer later."""
    hls = {**CHANNEL, "endpoint": "hls", "protocol": "hls"}
    before = scrape(lab.server)
    received = {"manifest": 0, "segment": 0}
    asked = {"manifest": 0, "segment": 0}

    def get(url, kind, **more):
        answer = request(url, **more)
        received[kind] += len(answer.body)
        asked[kind] += 1
        assert answer.status == 200, f"{url}: {answer.status} {answer.text}"
        return answer.text if kind == "manifest" else answer.body

    def children(url, text):
        return [urllib.parse.urljoin(url, line) for line in text.split("\n") if line and not line.startswith("#")]

    media = children(lab.urls["hls"], get(lab.urls["hls"], "manifest"))[0]
    segments = children(media, get(media, "manifest"))
    for _ in range(5):
        get(media, "manifest")
        get(segments[0], "segment")
    get(segments[0], "segment", method="HEAD")
    tag = request(segments[0])
    asked["segment"] += 1
    received["segment"] += len(tag.body)
    assert request(segments[0], headers={"If-None-Match": tag.headers["etag"]}).status == 304

    def counted():
        now = scrape(lab.server)
        return now if now.sum("tarn_playback_requests_total", **hls) - before.sum("tarn_playback_requests_total", **hls) \
            == sum(asked.values()) + 1 else None

    # the answer is counted when it has been written, which the client may see first
    now = wait_until(counted, 5, "all requests are counted")
    for kind, size in received.items():
        assert now.sum("tarn_delivered_bytes_total", kind=kind, **hls) == size, kind
        assert now.values("tarn_playback_requests_total", kind=kind, status="2xx", **hls) == [asked[kind]], kind
    assert now.values("tarn_playback_requests_total", kind="segment", status="3xx", **hls) == [1]
    status = lab.server.api("GET", "/channel-groups/{group}/channels/{channel}/status".format(**CHANNEL))
    failed = sum(now.sum("tarn_playback_requests_total", status=word, **CHANNEL) for word in ("4xx", "5xx"))
    assert status["playback"] == {"requests": now.sum("tarn_playback_requests_total", **CHANNEL), "failed": failed,
                                  "bytes": now.sum("tarn_delivered_bytes_total", **CHANNEL)}, status["playback"]
    assert now.values("tarn_packaged_segments_total", **CHANNEL, endpoint="hls") == [1]
    assert now.values("tarn_packaged_bytes_total", **CHANNEL, endpoint="hls") == [len(tag.body)]
    assert now.values("tarn_packaging_duration_seconds_count", protocol="hls") == [1]
    assert now.sum("tarn_segment_cache_hits_total") == 7 and now.sum("tarn_segment_cache_misses_total") == 1
    assert now.sum("tarn_segment_cache_bytes") == len(tag.body)
    assert now.values("tarn_packaging_pipelines", **CHANNEL, endpoint="hls") == [1]


def labels_are_bounded(lab):
    for name in ("a", "b", "c"):
        request(f"{lab.server.origin}/v1/x/{name}/e/m.m3u8", name.upper() * 5)
        request(f"{lab.server.origin}/{name}")
    now = scrape(lab.server)
    known = {"group", "channel", "endpoint", "input", "reason", "listener", "method", "status", "kind", "protocol",
             "result", "le", "outcome", "state", "version", "condition"}
    for name in now.families:
        found = now.labels(name)
        assert set(found) <= known, f"{name}: {set(found) - known}"
        assert all(len(values) < 40 for values in found.values()), name
        assert found.get("group", {"g"}) == {"g"}, f"{name}: names that somebody made up are labels"


def everything_is_described(lab):
    now = scrape(lab.server)
    missing = described() - set(now.families) - QUIET
    assert not missing, f"described and never there: {missing}"
    assert set(now.families) <= described(), f"not described: {set(now.families) - described()}"


def the_process_is_there(lab):
    now = scrape(lab.server)
    [started] = now.values("process_start_time_seconds")
    assert time.time() - 600 < started < time.time() + 2, started
    with open(f"/proc/{lab.server.process.pid}/statm", encoding="ascii") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    assert math.isclose(now.sum("process_resident_memory_bytes"), resident, rel_tol=0.3)
    assert 0 < now.sum("process_cpu_seconds_total") < 300
    assert 10 < now.sum("process_open_fds") < now.sum("process_max_fds")
    assert now.sum("process_threads") > 4
    assert now.values("tarn_build_info") == [1]
    assert now.sum("tarn_collection_tasks") == 0 and len(now.values("tarn_collection_tasks")) == 5
    assert now.values("tarn_collection_tasks_retrying") == [0]


def a_deleted_channel_is_gone(lab):
    assert scrape(lab.server).sum("tarn_ingest_bytes_total", **CHANNEL) > 0
    lab.server.api("DELETE", "/channel-groups/g/channels/c/endpoints/dash", expect=204)
    wait_until(lambda: not scrape(lab.server).values("tarn_playback_requests_total", endpoint="dash"), 10,
               "the endpoint's counters are gone")
    assert scrape(lab.server).values("tarn_playback_requests_total", endpoint="hls"), "the other one's are there"
    lab.server.api("DELETE", "/channel-groups/g/channels/c/endpoints/hls", expect=204)
    lab.server.api("DELETE", "/channel-groups/g/channels/c?deleteContent=true", expect=204)

    def no_trace():
        now = scrape(lab.server)
        return not any("channel" in now.labels(name) for name in now.families)

    wait_until(no_trace, 10, "no metric knows the channel")
    # A new one of that name begins at nothing.
    made = lab.server.api("POST", "/channel-groups/g/channels", {"name": "c", "segmentDuration": 2}, 201)
    now = scrape(lab.server)
    assert now.values("tarn_ingest_bytes_total", **CHANNEL, input="ingest1") == [0]
    assert now.values("tarn_input_connected", **CHANNEL) == [0, 0] and made["inputs"]


def promtool_agrees(lab):
    if not shutil.which("promtool"):
        raise Tap.Skip("promtool is not installed")
    text = request(f"{lab.server.control}/metrics").body
    run = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()


def main():
    tap = Tap()
    tap.run("the parser refuses what is not the format", the_parser_refuses)
    with temporary_folder() as folder:
        lab = Lab(folder)
        try:
            tap.run("what encoders send is counted by input", ingest_is_counted, lab)
            tap.run("refusals are counted by reason", refusals_have_a_reason, lab)
            tap.run("what is delivered is counted to the byte", playback_is_counted, lab)
            tap.run("labels are bounded", labels_are_bounded, lab)
            tap.run("everything is described, and nothing in vain", everything_is_described, lab)
            tap.run("the process is described", the_process_is_there, lab)
            tap.run("promtool agrees", promtool_agrees, lab)
            tap.run("a deleted channel is gone from the metrics", a_deleted_channel_is_gone, lab)
            tap.run("the server ends with 0", lambda: None if lab.server.stop() == 0 else 1 / 0)
        finally:
            lab.server.kill()
    tap.done()


if __name__ == "__main__":
    assert BUILD
    main()
