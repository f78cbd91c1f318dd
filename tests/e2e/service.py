#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""As a service: what `meson install` puts into place runs from there, tells the service manager how it is, and its
unit holds what it promises."""

import os
import re
import shutil
import socket
import subprocess
import tempfile

from lab import BUILD, ROOT, Server, Tap, request, temporary_folder

# systemd-analyze's exposure, times ten: at most "OK" with room for a network service
MOST_EXPOSURE = 20


def notices(listener):
    listener.settimeout(5)
    while True:
        yield listener.recv(4096).decode()


def the_manager_is_told(folder):
    path = os.path.join(folder, "notify")
    for name in (path, "@tarn-test-" + str(os.getpid())):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind("\0" + name[1:] if name[0] == "@" else name)
            os.environ["NOTIFY_SOCKET"] = name
            try:
                home = tempfile.mkdtemp(dir=folder)
                server = Server(home, "--log-level", "error")
            finally:
                del os.environ["NOTIFY_SOCKET"]
            told = notices(listener)
            assert next(told) == "READY=1"
            assert request(f"{server.control}/healthz").status == 200
            assert server.stop() == 0
            assert next(told) == "STOPPING=1"
            listener.setblocking(False)
            try:
                raise AssertionError(listener.recv(100))
            except BlockingIOError:
                pass


def nobody_listens(folder):
    os.environ["NOTIFY_SOCKET"] = os.path.join(folder, "nobody")
    try:
        assert Server(folder).stop() == 0
    finally:
        del os.environ["NOTIFY_SOCKET"]


class Installed(Server):
    """The server that was installed below a folder, with nothing of the build or the sources."""

    def __init__(self, folder, root):
        self.root = root
        super().__init__(folder)

    def start(self):
        def find(name):
            found = [os.path.join(at, name) for at, _, files in os.walk(self.root) if name in files]
            assert found, f"{name} was not installed"
            return found[0]

        environment = {"PATH": os.environ["PATH"], "GST_REGISTRY": os.path.join(self.folder, "registry.bin"),
                       "LD_LIBRARY_PATH": os.path.dirname(find("libtarncore.so")),
                       "GST_PLUGIN_PATH": os.path.dirname(find("libgsttarningest.so"))}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [find("tarnd"), "--data-dir", self.data, "--listen", f"127.0.0.1:{self.port}",
                 "--control-listen", f"127.0.0.1:{self.control_port}"],
                stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        assert self.process.stdout.readline().startswith("ready"), self.log()[-2000:]


def what_is_installed_runs(folder):
    root = os.path.join(folder, "root")
    run = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild"], env={**os.environ, "DESTDIR": root},
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    home = os.path.join(folder, "home")
    os.mkdir(home)
    server = Installed(home, root)
    try:
        page = request(f"{server.control}/console/")
        assert page.status == 200 and b"<html" in page.body.lower()
        # MemoryDenyWriteExecute costs nothing: there is no such memory
        with open(f"/proc/{server.process.pid}/maps", encoding="utf-8") as maps:
            writable = [line for line in maps if line.split()[1].startswith("rwx")]
        assert not writable, writable
    finally:
        assert server.stop() == 0
    names = {name for _, _, files in os.walk(root) for name in files}
    for name in ("tarn.service", "tarn.json", "operations.md", "dashboard.json", "alerts.yaml", "libgsttarndrm.so",
                 "libgsttarnpackage.so", "libgsttarnarchive.so"):
        assert name in names, f"{name} was not installed"


def unit_text():
    with open(os.path.join(BUILD, "packaging", "tarn.service"), encoding="utf-8") as file:
        return file.read()


def the_unit_is_valid(folder):
    if not shutil.which("systemd-analyze"):
        raise Tap.Skip("systemd-analyze is not installed")
    unit = os.path.join(folder, "tarn.service")
    with open(unit, "w", encoding="utf-8") as file:
        file.write(re.sub(r"^ExecStart=\S+", f"ExecStart={BUILD}/server/tarnd", unit_text(), flags=re.M))
    run = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit], capture_output=True,
                         text=True, check=False)
    told = [line for line in (run.stdout + run.stderr).splitlines() if "tarn.service" in line]
    assert run.returncode == 0 and not told, run.stdout + run.stderr
    run = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                          f"--threshold={MOST_EXPOSURE}", unit], capture_output=True, text=True, check=False)
    assert run.returncode == 0, (run.stdout + run.stderr)[-3000:]
    print("#", run.stdout.strip().splitlines()[-1])


def the_unit_and_the_configuration_agree(_folder):
    text = unit_text()
    assert not re.search(r"@\w+@", text), "a placeholder is left"
    assert "Type=notify" in text and "ExecStart=" in text and "/etc/tarn/tarn.json" in text
    start = re.search(r"^ExecStart=\S+ (.*)$", text, re.M).group(1).split()
    start[start.index("--config") + 1] = os.path.join(ROOT, "packaging", "tarn.json")
    # A wrong option ends with 2 before anything is opened; --version comes after they have been read.
    run = subprocess.run([os.path.join(BUILD, "server", "tarnd"), *start, "--version"], capture_output=True, text=True,
                         check=False)
    assert run.returncode == 0 and run.stdout.startswith("tarnd "), run.stderr
    run = subprocess.run([os.path.join(BUILD, "server", "tarnd"), *start, "--no-such-option", "x"], capture_output=True,
                         text=True, check=False)
    assert run.returncode == 2


def main():
    tap = Tap()
    for name, test in (("the service manager is told", the_manager_is_told),
                       ("a socket where nobody listens does no harm", nobody_listens),
                       ("what is installed runs from where it is", what_is_installed_runs),
                       ("systemd finds no fault with the unit", the_unit_is_valid),
                       ("the unit's command line and configuration are accepted", the_unit_and_the_configuration_agree)):
        with temporary_folder() as folder:
            tap.run(name, test, folder)
    tap.done()


if __name__ == "__main__":
    main()
