# SPDX-License-Identifier: Apache-2.0
"""An encoder that a test can steer: it pushes a prepared HLS stream in real time, in ffmpeg's order of requests,
and can die in the middle of a body."""

import base64
import os
import re
import socket
import struct
import subprocess
import threading
import time
import urllib.parse


def prepare(folder, seconds, gop=25, rate=25, hls_time=2, variants=("hd",)):
    """source.mp4 (what every judge compares with) and the same samples as HLS TS below folder/hls: all variants are
    copies of one encode, told apart by their names and declared bandwidth only."""
    source = os.path.join(folder, "source.mp4")
    hls = os.path.join(folder, "hls")
    os.makedirs(hls, exist_ok=True)
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=640x360:rate={rate}", "-f", "lavfi",
         "-i", "sine=frequency=440:beep_factor=4:sample_rate=48000", "-t", str(seconds), "-c:v", "libx264", "-preset",
         "ultrafast", "-bf", "2", "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-b:v", "600k",
         "-c:a", "aac", "-b:a", "96k", "-ac", "2", source], check=True)
    for variant in variants:
        subprocess.run(
            ["ffmpeg", "-nostdin", "-v", "error", "-i", source, "-c", "copy", "-f", "hls", "-hls_time", str(hls_time),
             "-hls_list_size", "0", "-hls_segment_filename", os.path.join(hls, f"manifest-{variant}-%d.ts"),
             os.path.join(hls, f"manifest-{variant}.m3u8")], check=True)
    return source, hls


class Died(Exception):
    pass


class PacedEncoder(threading.Thread):
    """Pushes segment after segment, each at the moment its last frame would have been encoded."""

    def __init__(self, hls, entry, start_at, die_in_segment=None, window=5, variants=("hd",), late=None):
        super().__init__(daemon=True)
        self.hls, self.entry, self.start_at = hls, entry, start_at
        self.die_in_segment, self.window, self.variants = die_in_segment, window, variants
        parts = urllib.parse.urlsplit(entry["url"])
        self.address = (parts.hostname, parts.port)
        self.base = parts.path
        pair = f"{entry['username']}:{entry['password']}".encode()
        self.authorization = base64.b64encode(pair).decode()
        with open(os.path.join(hls, f"manifest-{variants[0]}.m3u8"), encoding="utf-8") as playlist:
            text = playlist.read()
        self.segments = re.findall(r"#EXTINF:([\d.]+),\n(\S+)", text)
        self.held_back = {index: None for index in late or {}}  # not sent yet: index -> when it is due
        self.late = late or {}  # index -> seconds after its turn
        self.late_statuses = []
        self.statuses = []
        self.retries = 0
        self.stopping = threading.Event()
        self.failure = None

    def run(self):
        try:
            self.push_all()
        except Died:
            pass
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def push_all(self):
        pushed_until = 0.0
        for index, (duration, _) in enumerate(self.segments):
            pushed_until += float(duration)
            if self.stopping.wait(max(0.0, self.start_at + pushed_until - time.monotonic())):
                return
            self.send_late()
            for variant in self.variants:
                suffix = self.suffix_of(index, variant)
                if index in self.late:
                    self.held_back[index] = time.monotonic() + self.late[index]
                else:
                    self.put(suffix, self.segment(suffix), dies=index == self.die_in_segment)
                self.put(f"-{variant}.m3u8", self.media_playlist(index, variant))
            if index == 0:
                self.put(".m3u8", self.multivariant_playlist())

    def suffix_of(self, index, variant):
        return "-" + self.segments[index][1].split("-", 1)[1].replace(self.variants[0], variant, 1)

    def segment(self, suffix):
        with open(os.path.join(self.hls, f"manifest{suffix}"), "rb") as file:
            return file.read()

    def send_late(self):
        for index, due in list(self.held_back.items()):
            if due is None or due > time.monotonic():
                continue
            for variant in self.variants:
                suffix = self.suffix_of(index, variant)
                self.late_statuses.append(self.put_once(suffix, self.segment(suffix), False))
            del self.held_back[index]

    def multivariant_playlist(self):
        lines = ["#EXTM3U"]
        for number, variant in enumerate(self.variants):
            lines += [f"#EXT-X-STREAM-INF:BANDWIDTH={800000 - 1000 * number},RESOLUTION=640x360", f"manifest-{variant}.m3u8"]
        return ("\n".join(lines) + "\n").encode()

    def media_playlist(self, last, variant):
        first = max(0, last - self.window + 1)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:2", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        for duration, name in self.segments[first:last + 1]:
            lines += [f"#EXTINF:{duration},", name.replace(self.variants[0], variant, 1)]
        return ("\n".join(lines) + "\n").encode()

    def put(self, suffix, body, dies=False):
        """One chunked PUT. A server that is away is asked again until it answers, as an encoder with a buffer does."""
        while not self.stopping.is_set():
            try:
                self.statuses.append((suffix, self.put_once(suffix, body, dies)))
                return
            except OSError:
                self.retries += 1
                self.stopping.wait(0.1)

    def put_once(self, suffix, body, dies):
        with socket.create_connection(self.address, timeout=10) as connection:
            head = (f"PUT {self.base}{suffix} HTTP/1.1\r\nHost: {self.address[0]}:{self.address[1]}\r\n"
                    f"Authorization: Basic {self.authorization}\r\nTransfer-Encoding: chunked\r\n"
                    "Connection: close\r\n\r\n")
            connection.sendall(head.encode())
            step = 16384
            for at in range(0, len(body), step):
                if dies and at >= len(body) // 2:
                    # close with unsent data dropped: the peer sees a reset
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    connection.close()
                    raise Died
                piece = body[at:at + step]
                connection.sendall(b"%x\r\n" % len(piece) + piece + b"\r\n")
            connection.sendall(b"0\r\n\r\n")
            answer = b""
            while b"\r\n" not in answer:
                more = connection.recv(4096)
                if not more:
                    raise ConnectionResetError("no answer")
                answer += more
            return int(answer.split()[1])

    def stop(self):
        self.stopping.set()
        self.join()
        if self.failure:
            raise self.failure
