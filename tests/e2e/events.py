#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GET /api/v1/events: what happens reaches whoever follows, in order and once, resumes after an id, and neither slow
nor gone nor too many readers cost anybody else anything."""

import json
import signal
import socket
import time

from lab import Server, Tap, basic, request, temporary_folder, wait_until


class Reader:
    """A raw client that follows the events; strict about the chunks it gets."""

    def __init__(self, server, query="", receive_buffer=None, read_head=True):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", server.control_port))
        self.socket.sendall(f"GET /api/v1/events{query} HTTP/1.1\r\nHost: t\r\n"
                            f"Authorization: Bearer {server.token}\r\n\r\n".encode())
        self.input = self.socket.makefile("rb")
        self.text = ""
        if read_head:
            self.read_head()

    def read_head(self):
        self.status = int(self.input.readline().split()[1])
        self.headers = {}
        while (line := self.input.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()

    def chunk(self):
        """The bytes of the next chunk; empty: the body has ended well."""
        line = self.input.readline()
        assert line.endswith(b"\r\n"), f"cut within a body: {line!r}"
        size = int(line, 16)
        body = self.input.read(size)
        assert len(body) == size and self.input.readline() == b"\r\n"
        return body.decode()

    def event(self, seconds=10):
        """The next event; None: the stream has ended."""
        self.socket.settimeout(seconds)
        while True:
            line, newline, rest = self.text.partition("\n")
            if newline:
                self.text = rest
                if line:
                    return json.loads(line)
                continue
            more = self.chunk()
            if not more:
                return None
            self.text += more

    def until(self, name):
        events = []
        while not events or events[-1]["event"] != name:
            event = self.event()
            assert event, f"the stream ended before {name}"
            events.append(event)
        return events

    def close(self):
        self.input.close()
        self.socket.close()


def make_group(server, name):
    server.api("POST", "/channel-groups", {"name": name}, 201)


def needs_the_token(server):
    assert request(f"{server.control}/api/v1/events").status == 401
    assert request(f"{server.control}/api/v1/events", headers={"Authorization": "Bearer no"}).status == 401
    reader = Reader(server, "?after=x")
    assert reader.status == 400
    reader.close()


def what_happens_arrives(server):
    reader = Reader(server)
    assert reader.status == 200 and reader.headers["content-type"] == "application/x-ndjson"
    assert reader.headers["transfer-encoding"] == "chunked" and reader.headers["cache-control"] == "no-store"
    inputs, _ = server.create_channel("g", "c", {"hls": {"protocol": "HLS"}})
    url = inputs[0]["url"].rsplit("/", 1)[0]
    assert request(f"{url}/broken.m3u8", "PUT", b"no playlist", basic(inputs[0])).status == 400
    changed = request(f"{server.control}/api/v1/channel-groups/g/channels/c", "PATCH", b'{"segments":9}',
                      {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"})
    assert changed.status == 200
    server.api("DELETE", "/channel-groups/g/channels/c/endpoints/hls", expect=204)
    events = reader.until("resource-deleted")
    found = [(e["event"], e.get("resource", e.get("channel"))) for e in events]
    assert found == [("resource-created", "group g"), ("resource-created", "channel g/c"),
                     ("resource-created", "endpoint g/c/hls"), ("ingest-refused", "g/c"),
                     ("resource-updated", "channel g/c"), ("resource-deleted", "endpoint g/c/hls")], found
    # a request's id is in its answer, in what it has caused, and in the log
    assert [e["request"] for e in events if e["event"] == "resource-updated"] == [changed.headers["x-request-id"]], events
    assert len({e["request"] for e in events}) == len(events), events
    for line in [f'{e["event"]} resource="{e["resource"]}" request={e["request"]}' for e in events if "resource" in e]:
        assert server.log().count(line) == 1, f"{line} is not in the log once"
    ids = [e["id"] for e in events]
    assert ids == list(range(ids[0], ids[0] + len(ids))), ids
    assert all(e["time"].endswith("Z") and e["level"] in ("info", "warning", "error") for e in events)
    for secret in (inputs[0]["password"], server.token):
        assert secret not in json.dumps(events)
    reader.close()
    # after=ID resumes: nothing twice, nothing lost
    again = Reader(server, f"?after={ids[2]}")
    assert again.until("resource-deleted") == events[3:]
    again.close()
    everything = Reader(server, "?after=0")
    assert [e["id"] for e in everything.until("resource-deleted")][-len(ids):] == ids
    everything.close()


def ids_grow_over_restarts(server):
    make_group(server, "before")
    reader = Reader(server, "?after=0")
    last = [e for e in reader.until("resource-created")][-1]["id"]
    reader.close()
    assert server.stop() == 0
    server.start()
    make_group(server, "after")
    reader = Reader(server, f"?after={last}")
    first, second = reader.event(), reader.until("resource-created")[-1]
    assert first["event"] == "events-missed" and first["id"] > last, first
    assert second["id"] > first["id"] and second["resource"] == "group after"
    reader.close()


def readers_are_bounded(server):
    def sixteen():
        readers = [Reader(server) for _ in range(16)]
        if all(reader.status == 200 for reader in readers):
            return readers
        for reader in readers:
            reader.close()
        return None

    readers = wait_until(sixteen, 10, "sixteen places, those of the other tests' readers among them")
    # a reader has its place when it has its first byte
    for reader in readers:
        assert reader.chunk() == "\n"
    refused = Reader(server)
    assert refused.status == 503 and refused.headers["retry-after"]
    refused.close()
    make_group(server, "for-all")
    for reader in readers:
        assert reader.until("resource-created")[-1]["resource"] == "group for-all"
    for reader in readers:
        reader.close()
    for reader in wait_until(sixteen, 10, "the places of those who left are free, though nothing has happened"):
        reader.close()


def slow_readers_are_cut_off(server):
    """It reads nothing at all; everybody else is served as ever meanwhile, and afterwards it has been cut."""
    slow = Reader(server, "?after=0", receive_buffer=4096)
    quick = Reader(server)
    assert quick.chunk() == "\n"
    inputs, _ = server.create_channel("slow", "c", {})
    folders = "/".join(["x" * 190] * 10)
    slowest = 0.0
    for number in range(2000):
        started = time.monotonic()
        answer = request(f"{inputs[0]['url'].rsplit('/', 1)[0]}/{folders}/{number}.m3u8", "PUT", b"no", basic(inputs[0]))
        slowest = max(slowest, time.monotonic() - started)
        assert answer.status == 400, answer.text
        while (event := quick.event())["event"] != "ingest-refused":
            pass
        assert event["file"].endswith(f"/{number}.m3u8")
        if was_cut(slow):
            break
    assert was_cut(slow), f"after {number} events it still has its place"
    assert slowest < 2, f"an upload took {slowest} s"
    quick.close()
    # 1 MiB waits at most, and the kernel's buffers; what was cut is no complete body
    total = 0
    try:
        while True:
            body = slow.chunk()
            assert body, "a body that was cut must not look complete"
            total += len(body)
    except (AssertionError, ConnectionError) as error:
        assert "must not" not in str(error), error
    assert total > 0
    slow.close()


def was_cut(reader):
    """The server has closed its connection: it is in nobody's books but ours any more."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        port = f":{reader.socket.getsockname()[1]:04X}"
        states = [line.split()[3] for line in table.readlines()[1:] if line.split()[2].endswith(port)]
    return not states or states[0] != "01"


def sigterm_ends_them_well(server):
    readers = [Reader(server) for _ in range(4)]
    for reader in readers:
        assert reader.chunk() == "\n"
    started = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    for reader in readers:
        while reader.event() is not None:
            pass
    assert server.stop() == 0
    assert time.monotonic() - started < 5, "the drain waited for readers"
    assert 'drained=true' in server.log().splitlines()[-1], server.log()[-300:]


def main():
    tap = Tap()
    with temporary_folder() as folder:
        server = Server(folder)
        try:
            tap.run("events are for the token only", needs_the_token, server)
            tap.run("what happens arrives, and resumes after an id", what_happens_arrives, server)
            tap.run("ids grow over restarts, and what was missed is said", ids_grow_over_restarts, server)
            tap.run("readers are bounded, and leave their places", readers_are_bounded, server)
            tap.run("slow readers are cut off and hold up nobody", slow_readers_are_cut_off, server)
            tap.run("SIGTERM ends the streams and the server", sigterm_ends_them_well, server)
        finally:
            server.kill()
    tap.done()


if __name__ == "__main__":
    main()
