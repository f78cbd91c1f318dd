#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An encoder that fails as it is told: pushes a prepared HLS stream to an input in real time, in ffmpeg's order of
requests. The content is the same in every run, so that whoever watches can tell each frame.

    encsim.py --make 120 stream                      prepares stream/ (and stream/source.mp4 to compare with); needs ffmpeg
    encsim.py stream URL USER PASSWORD --fault kill@30

Faults, KIND@SECONDS[:ARGUMENT], by the time of the programme at which they begin:

    kill@T         the connection is reset in the middle of a body, and nothing follows; fin@T: closed between two chunks;
                   length@T: closed before the promised Content-Length
    hang@T         a body stops in the middle, the connection stays open
    trickle@T:N    bodies at N bytes a second from then on
    off@T:S        nothing is sent for S seconds
    flap@T:S       S seconds nothing, S seconds as if nothing had been, and so on; a segment at the least
    drop@T:N       N segments are listed and never sent; twice@T:N: sent twice; swap@T:N: after their successor
    late@T:S       the segment is sent S seconds after its turn
    restart@T      the encoder begins anew with sequence 0 and the same names; anew@T: with times that begin at 0, too
    step@T:S       its times are S seconds later from then on, and nothing says so; -S: earlier
"""

import argparse
import base64
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

KINDS = ("kill", "fin", "length", "hang", "trickle", "off", "flap", "drop", "twice", "swap", "late", "restart", "anew",
         "step")
CLOCK = 90_000
PICTURE = "testsrc2=size=640x360:rate={rate}"


class Ended(Exception):
    """The encoder is over, as it was told."""


class Fault:
    def __init__(self, text):
        found = re.fullmatch(r"(\w+)@([\d.]+)(?::(-?[\d.]+))?", text)
        if not found or found.group(1) not in KINDS:
            raise ValueError(f"{text}: not KIND@SECONDS[:ARGUMENT] with one of {', '.join(KINDS)}")
        self.kind, self.begin = found.group(1), float(found.group(2))
        self.argument = float(found.group(3) or 1)

    def covers(self, begin, end, segment_seconds):
        """Whether it concerns the segment [begin, end)."""
        if self.kind in ("kill", "fin", "length", "hang", "late", "restart", "anew"):
            return begin <= self.begin < end
        if self.kind in ("trickle", "step"):
            return end > self.begin
        if self.kind == "off":
            return end > self.begin and begin < self.begin + self.argument
        if self.kind == "flap":
            phase = max(self.argument, segment_seconds)  # a segment is sent whole or not at all
            return end > self.begin and int((end - self.begin) / phase) % 2 == 0
        return self.begin < end and begin < self.begin + self.argument * segment_seconds


def make(folder, seconds, gop=25, rate=25, segment_seconds=2):
    """The programme: source.mp4 and the same samples as HLS TS."""
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(folder, "source.mp4")
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", PICTURE.format(rate=rate), "-f", "lavfi", "-i",
         "sine=frequency=440:beep_factor=4:sample_rate=48000", "-t", str(seconds), "-c:v", "libx264", "-preset",
         "ultrafast", "-bf", "2", "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-b:v", "600k",
         "-c:a", "aac", "-b:a", "96k", "-ac", "2", source], check=True)
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", source, "-c", "copy", "-f", "hls", "-hls_time",
         str(segment_seconds), "-hls_list_size", "0", "-hls_segment_filename", os.path.join(folder, "s%d.ts"),
         os.path.join(folder, "stream.m3u8")], check=True)


def segments_of(folder, join=1):
    """[(seconds, [paths])]: `join` segments of the folder in one."""
    with open(os.path.join(folder, "stream.m3u8"), encoding="utf-8") as file:
        parts = [(float(seconds), os.path.join(folder, name))
                 for seconds, name in re.findall(r"#EXTINF:([\d.]+),\n(\S+)", file.read())]
    joined = [parts[at:at + join] for at in range(0, len(parts), join)]
    return [(sum(seconds for seconds, _ in group), [path for _, path in group]) for group in joined]


def shift_times(data, ticks):
    """Moves every PTS, DTS and PCR of a transport stream."""
    if ticks == 0:
        return data
    out = bytearray(data)

    def move(at):
        field = out[at:at + 5]
        time_ = ((field[0] >> 1) & 7) << 30 | field[1] << 22 | (field[2] >> 1) << 15 | field[3] << 7 | field[4] >> 1
        time_ = (time_ + ticks) % (1 << 33)
        out[at:at + 5] = bytes([(field[0] & 0xF1) | (time_ >> 30) << 1, (time_ >> 22) & 0xFF, ((time_ >> 14) & 0xFE) | 1,
                                (time_ >> 7) & 0xFF, ((time_ << 1) & 0xFE) | 1])

    for packet in range(0, len(out) - 187, 188):
        payload = packet + 4
        if out[packet + 3] & 0x20:
            length = out[payload]
            if length >= 7 and out[payload + 1] & 0x10:
                base = int.from_bytes(out[payload + 2:payload + 7], "big")
                low = base & 0x7F
                clock = ((base >> 7) + ticks) % (1 << 33)
                out[payload + 2:payload + 7] = (clock << 7 | low).to_bytes(5, "big")
            payload += 1 + length
        starts = out[packet + 1] & 0x40 and out[packet + 3] & 0x10
        if starts and out[payload:payload + 3] == b"\0\0\1" and out[payload + 3] >= 0xC0:
            if out[payload + 7] & 0x80:
                move(payload + 9)
            if out[payload + 7] & 0x40:
                move(payload + 14)
    return bytes(out)


class EncoderSimulator(threading.Thread):
    """Sends each segment at the moment its last frame would have been encoded."""

    def __init__(self, folder, url, user, password, start_at, faults=(), join=1, offset=0.0, delay=0.0, window=5,
                 dates=None, drift=0.0):
        super().__init__(daemon=True)
        self.segments = segments_of(folder, join)
        parts = urllib.parse.urlsplit(url)
        self.address, self.base = (parts.hostname, parts.port or 80), parts.path
        self.stem = self.base.rsplit("/", 1)[1]
        self.authorization = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.start_at, self.delay, self.window = start_at, delay, window
        self.ticks = round(offset * CLOCK)
        self.moved = 0  # by an encoder that began anew with other times
        self.pace = 1 / (1 + drift / 1e6)  # of its clock, which runs fast by so many parts per million
        self.faults = [fault if isinstance(fault, Fault) else Fault(fault) for fault in faults]
        self.dates = dates  # seconds since 1970 of a time of the programme; None: no EXT-X-PROGRAM-DATE-TIME
        self.stopping = threading.Event()
        self.statuses = {}  # of answers: how often
        self.sent = 0
        self.failed_at = None  # time.monotonic() at which the first fault was felt
        self.hung_for = None  # seconds until the server gave a body up that had stopped
        self.failure = None
        self.offset = 0  # of sequence numbers, after a restart
        self.seconds = max(seconds for seconds, _ in self.segments)

    def run(self):
        try:
            self.push_all()
        except Ended:
            pass
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def stop(self):
        self.stopping.set()
        self.join()
        if self.failure:
            raise self.failure

    def push_all(self):
        begin, waiting = 0.0, []
        for index, (seconds, _) in enumerate(self.segments):
            end = begin + seconds
            faults = {fault.kind: fault for fault in self.faults if fault.covers(begin, end, self.seconds)}
            self.wait_for(end)
            if faults and self.failed_at is None:
                self.failed_at = time.monotonic()
            if faults.keys() & {"restart", "anew"}:
                self.offset = index
            if "anew" in faults:
                self.moved = -round(begin * CLOCK)
            if "late" in faults:
                waiting.append((end + faults["late"].argument, index))
            elif "swap" in faults:
                waiting.append((end + 0.01, index))
            elif not faults.keys() & {"off", "flap", "drop"}:
                self.send(index, faults)
            for due, late in [entry for entry in waiting if entry[0] <= end and entry[1] != index]:
                waiting.remove((due, late))
                self.send(late, {})
            if not faults.keys() & {"off", "flap"}:
                self.put("-v.m3u8", self.media_playlist(index), faults)
            if index == self.offset:
                self.put(".m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360\n"
                         + f"{self.stem}-v.m3u8\n".encode(), {})
            begin = end

    def wait_for(self, programme):
        if self.stopping.wait(max(0.0, self.start_at + self.delay + programme * self.pace - time.monotonic())):
            raise Ended

    def send(self, index, faults):
        data = b""
        for path in self.segments[index][1]:
            with open(path, "rb") as file:
                data += file.read()
        step = round(faults["step"].argument * CLOCK) if "step" in faults else 0
        data = shift_times(data, self.ticks + self.moved + step)
        for _ in range(2 if "twice" in faults else 1):
            self.put(f"-{index - self.offset}.ts", data, faults)
        self.sent += 1

    def media_playlist(self, last):
        first = max(self.offset, last - self.window + 1)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{round(self.seconds)}",
                 f"#EXT-X-MEDIA-SEQUENCE:{first - self.offset}"]
        begin = sum(seconds for seconds, _ in self.segments[:first])
        for index in range(first, last + 1):
            if self.dates:
                at = self.dates(begin)
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}Z"
                lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{stamp}")
            lines += [f"#EXTINF:{self.segments[index][0]:.6f},", f"{self.stem}-{index - self.offset}.ts"]
            begin += self.segments[index][0]
        return ("\n".join(lines) + "\n").encode()

    def put(self, suffix, body, faults):
        """One PUT, asked again while nobody listens, as an encoder with a buffer does."""
        while not self.stopping.is_set():
            try:
                status = self.put_once(suffix, body, faults)
                self.statuses[status] = self.statuses.get(status, 0) + 1
                return
            except OSError:
                if "trickle" in faults:  # the server gave it up: so does the encoder
                    return
                self.stopping.wait(0.1)
        raise Ended

    def put_once(self, suffix, body, faults):
        has_length = "length" in faults
        framing = f"Content-Length: {len(body)}" if has_length else "Transfer-Encoding: chunked"
        head = (f"PUT {self.base}{suffix} HTTP/1.1\r\nHost: {self.address[0]}:{self.address[1]}\r\n"
                f"Authorization: Basic {self.authorization}\r\n{framing}\r\nConnection: close\r\n\r\n")
        with socket.create_connection(self.address, timeout=20) as connection:
            connection.sendall(head.encode())
            step = max(64, int(faults["trickle"].argument / 4)) if "trickle" in faults else 16384
            for at in range(0, len(body), step):
                if at >= len(body) // 2:
                    self.end_inside(connection, faults)
                if "trickle" in faults and self.stopping.wait(0.25):
                    raise Ended
                piece = body[at:at + step]
                connection.sendall(piece if has_length else b"%x\r\n" % len(piece) + piece + b"\r\n")
            if not has_length:
                connection.sendall(b"0\r\n\r\n")
            answer = b""
            while b"\r\n" not in answer:
                more = connection.recv(4096)
                if not more:
                    raise ConnectionResetError("no answer")
                answer += more
            return int(answer.split()[1])

    @staticmethod
    def is_given_up(connection):
        try:
            return not connection.recv(4096)
        except ConnectionError:
            return True

    def end_inside(self, connection, faults):
        if "hang" in faults:
            began = time.monotonic()
            connection.settimeout(0.25)
            while not self.stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    if self.is_given_up(connection):
                        self.hung_for = time.monotonic() - began
                        self.stopping.wait()
                        break
            raise Ended
        if "kill" in faults:  # closed with data unsent: the peer sees a reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if faults.keys() & {"kill", "fin", "length"}:
            connection.close()
            raise Ended


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("url", nargs="?", help="of the input, as the channel's resource says")
    parser.add_argument("user", nargs="?")
    parser.add_argument("password", nargs="?", help="or in TARN_INPUT_PASSWORD")
    parser.add_argument("--make", type=int, metavar="SECONDS", help="prepare the folder and do nothing else")
    parser.add_argument("--fault", action="append", default=[], metavar="KIND@SECONDS[:ARGUMENT]")
    parser.add_argument("--start", type=float, help="seconds since 1970 of the programme's beginning, the same for both "
                        "encoders (default: now)")
    parser.add_argument("--join", type=int, default=1, metavar="N", help="send N segments in one")
    parser.add_argument("--offset", type=float, default=0.0, metavar="SECONDS", help="added to all timestamps")
    parser.add_argument("--drift", type=float, default=0.0, metavar="PPM", help="its clock runs fast by so much")
    parser.add_argument("--dates", action="store_true", help="EXT-X-PROGRAM-DATE-TIME by its clock, from --start on")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="everything is sent later")
    options = parser.parse_args()
    if options.make:
        make(options.folder, options.make)
        return 0
    password = options.password or os.environ.get("TARN_INPUT_PASSWORD", "")
    if not options.url or not options.user or not password:
        parser.error("the input's URL, user and password are needed")
    start = time.monotonic() + (options.start - time.time() if options.start else 0.0)
    began = options.start or time.time()
    by_its_clock = (lambda programme: began + programme) if options.dates else None
    encoder = EncoderSimulator(options.folder, options.url, options.user, password, start, options.fault, options.join,
                               options.offset, options.delay, drift=options.drift, dates=by_its_clock)
    encoder.start()
    try:
        while encoder.is_alive():
            encoder.join(0.2)
    except KeyboardInterrupt:
        encoder.stop()
    if encoder.failure:
        sys.exit(f"encsim: {encoder.failure}")
    print(json.dumps({"segments": encoder.sent, "answers": encoder.statuses}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
