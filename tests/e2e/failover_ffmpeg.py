#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two ffmpeg encoders with identical timestamps, and what happens to one of them: killed, stopped, throttled, cut off.
The last two need root and network namespaces, the last one nftables as well."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import lab
from failover_lab import Stage, judge_switches, judge_unnoticed
from lab import Tap

FAULT_AT = 13.0
SECONDS = 28
ENCODER = [
    "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i",
    "sine=frequency=440:beep_factor=4:sample_rate=48000", "-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-bf",
    "2", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0", "-b:v", "300k", "-c:a", "aac", "-b:a", "64k", "-ac", "2",
    "-f", "hls", "-hls_time", "2", "-hls_list_size", "5", "-method", "PUT", "-http_persistent", "1"]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Relay(threading.Thread):
    """Passes connections to an address of a namespace on to the server, which listens on loopback only."""

    def __init__(self, address, to):
        super().__init__(daemon=True)
        self.to = to
        self.listener = socket.create_server((address, 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = self.listener.accept()
                onward = socket.create_connection(self.to)
                for source, target in ((accepted, onward), (onward, accepted)):
                    threading.Thread(target=self.copy, args=(source, target), daemon=True).start()

    @staticmethod
    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


class Namespace:
    """A network of its own for one encoder, with one way out."""

    def __init__(self, number):
        if os.geteuid() != 0 or not shutil.which("ip"):
            raise Tap.Skip("needs root and ip")
        self.name = f"tarn{os.getpid()}-{number}"
        self.outside, self.inside = f"tn{os.getpid() % 100000}{number}o", f"tn{os.getpid() % 100000}{number}i"
        self.address = f"10.213.{number}.1"
        if run("ip", "netns", "add", self.name).returncode != 0:
            raise Tap.Skip("network namespaces cannot be made here")
        made = [run("ip", "link", "add", self.outside, "type", "veth", "peer", "name", self.inside, "netns", self.name),
                run("ip", "addr", "add", f"{self.address}/30", "dev", self.outside),
                run("ip", "link", "set", self.outside, "up"),
                self.run("ip", "addr", "add", f"10.213.{number}.2/30", "dev", self.inside),
                self.run("ip", "link", "set", self.inside, "up")]
        if any(result.returncode for result in made):
            self.remove()
            raise Tap.Skip(f"no veth: {[result.stderr for result in made if result.returncode]}")

    def run(self, *command):
        return run(*self.prefix, *command)

    @property
    def prefix(self):
        return ("ip", "netns", "exec", self.name)

    def remove(self):
        run("ip", "link", "del", self.outside)
        run("ip", "netns", "del", self.name)

    def throttle(self):
        result = self.run("tc", "qdisc", "add", "dev", self.inside, "root", "tbf", "rate", "8kbit", "burst", "2kb", "limit",
                          "8kb")
        assert result.returncode == 0, result.stderr

    def cut_off(self):
        for rule in ("add table inet cut", "add chain inet cut out { type filter hook output priority 0 ; policy drop ; }"):
            result = self.run("nft", *rule.split())
            assert result.returncode == 0, result.stderr


class RealStage(Stage):
    """`harm` is called with the first encoder's process when it is time."""

    def __init__(self, server, folder, name, harm, namespace=None):
        super().__init__(server, name, None, seconds=SECONDS, encoders=0)
        self.folder, self.harm, self.namespace = folder, harm, namespace
        self.processes = []

    def begin_encoder(self, number):
        url, prefix = lab.with_credentials(self.inputs[number]), ()
        if number == 0 and self.namespace:
            relay = Relay(self.namespace.address, ("127.0.0.1", self.server.port))
            relay.start()
            url = url.replace(f"127.0.0.1:{self.server.port}", f"{self.namespace.address}:{relay.port}")
            prefix = self.namespace.prefix
        with open(os.path.join(self.folder, f"{self.name}-{number}.log"), "wb") as log:
            self.processes.append(subprocess.Popen(
                [*prefix, "ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "warning", *ENCODER,
                 "-hls_segment_filename", f"{url}-%d.ts", f"{url}.m3u8"], stdout=log, stderr=log))
        self.start = time.monotonic()

    def stop(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        if self.namespace:
            self.namespace.remove()


def judge(stage):
    judge_unnoticed(stage)
    judge_switches(stage, 1)


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        server = lab.Server(folder)
        stages = []

        def add(name, test, harm, namespace=None):
            if sys.argv[1:] and name not in sys.argv[1:]:
                return
            try:
                network = Namespace(len(stages)) if namespace else None
                if namespace == "nft" and not shutil.which("nft"):
                    network.remove()
                    raise Tap.Skip("nft is not installed")
                if namespace == "tc" and not shutil.which("tc"):
                    network.remove()
                    raise Tap.Skip("tc is not installed")
            except Tap.Skip as reason:
                skipped.append((test, reason))
                return
            stages.append((test, RealStage(server, folder, name, harm, network)))

        skipped = []
        try:
            add("killed", "A1 an ffmpeg is killed", lambda stage: stage.processes[0].kill())
            add("stopped", "A2 an ffmpeg is stopped (SIGSTOP)", lambda stage: stage.processes[0].send_signal(signal.SIGSTOP))
            add("throttled", "A3 an ffmpeg has 1 KB/s left", lambda stage: stage.namespace.throttle(), "tc")
            add("cut", "A2 an ffmpeg is cut off by a packet filter", lambda stage: stage.namespace.cut_off(), "nft")
            # the first encoder of each is to be the active one: its content comes first
            for number in (0, 1):
                for _, stage in stages:
                    stage.begin_encoder(number)
                time.sleep(0.4)
            for _, stage in stages:
                stage.watch()
            for _, stage in stages:
                time.sleep(max(0.0, stage.start + FAULT_AT - time.monotonic()))
                stage.harm(stage)
            for test, stage in stages:
                stage.finish()
                tap.run(test, judge, stage)
        finally:
            for _, stage in stages:
                stage.stop()
            server.stop()
        for test, reason in skipped:
            tap.run(test, skip, reason)
    tap.done()


def skip(reason):
    raise reason


if __name__ == "__main__":
    sys.exit(main())
