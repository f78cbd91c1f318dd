#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""packaging/Dockerfile, as far as it can be judged without a Docker daemon: its packages are those that building needs and
that the programs link to, Meson takes its options, its health check tells a server that serves from one that does not. Its
image is not built here: docs/operations.md says how it was tried."""

import glob
import json
import os
import re
import shutil
import subprocess

import lab
from lab import BUILD, ROOT, Server, Tap, temporary_folder

# for tests, benchmarks and quicker builds only
NOT_IN_IMAGES = {"ccache", "libgtest-dev", "libgmock-dev", "libbenchmark-dev"}


def stages():
    """[(base, text)] of the Dockerfile, comments gone and lines that go on joined."""
    with open(os.path.join(ROOT, "packaging", "Dockerfile"), encoding="utf-8") as file:
        text = re.sub(r"^#.*\n", "", file.read(), flags=re.M).replace("\\\n", " ")
    return re.findall(r"^FROM (\S+).*?$(.*?)(?=^FROM |\Z)", text, re.M | re.S)


def packages_of(stage):
    installed = re.search(r"apt-get install -y --no-install-recommends (.*?)(?:&&|$)", stage, re.M).group(1)
    return set(installed.split())


def group_of(name):
    with open(os.path.join(ROOT, "scripts", "packages.txt"), encoding="utf-8") as file:
        section = re.search(rf"^\[{name}\]\n(.*?)(?=^\[|\Z)", file.read(), re.M | re.S).group(1)
    return set(re.sub(r"#.*", "", section).split())


def the_build_has_its_packages(_folder):
    (base, build), _ = stages()
    wanted = (group_of("build") | group_of("npm")) - NOT_IN_IMAGES
    # Meson asks dpkg-architecture for the library folder; in another one GStreamer finds no plugin
    wanted.add("dpkg-dev")
    assert base == "debian:12-slim" and wanted <= packages_of(build), wanted - packages_of(build)


def binaries():
    return [os.path.join(BUILD, "server", "tarnd"), *glob.glob(os.path.join(BUILD, "plugins", "*", "*.so"))]


def the_image_has_the_libraries(_folder):
    if not shutil.which("dpkg-query"):
        raise Tap.Skip("this is not Debian")
    needed = set()
    for binary in binaries():
        told = subprocess.run(["readelf", "-d", binary], capture_output=True, text=True, check=True).stdout
        needed |= set(re.findall(r"\(NEEDED\).*\[(.*?)\]", told))
    needed = {name for name in needed if not name.startswith(("libtarn", "ld-linux"))}
    assert len(needed) > 8, needed
    paths = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    _, (base, image) = stages()
    assert base == "debian:12-slim"
    # those that every Debian has
    there = packages_of(image) | {"libc6", "libstdc++6", "libgcc-s1"}
    for name in sorted(needed):
        path = re.search(rf"{re.escape(name)} .*=> (\S+)", paths).group(1)
        found = subprocess.run(["dpkg-query", "-S", path, os.path.realpath(path), path.replace("/lib/", "/usr/lib/", 1)],
                               capture_output=True, text=True, check=False).stdout
        owners = {line.split(":")[0] for line in found.splitlines()}
        assert owners, f"nobody owns {path}"
        assert owners & there, f"{name} is of {owners}, which the image does not install"


def meson_takes_the_options(folder):
    (_, build), _ = stages()
    arguments = re.search(r"meson setup /build (.*?) &&", build).group(1).split()
    run = subprocess.run(["meson", "setup", os.path.join(folder, "build"), ROOT, *arguments], capture_output=True, text=True,
                         check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-1000:]
    assert "-Dtests=false" in arguments and "--prefix=/usr" in arguments


def it_is_nobody_important(_folder):
    _, (_, image) = stages()
    user = re.search(r"^USER (\d+)$", image, re.M).group(1)
    # files of the volume keep their owner and group from one image to the next
    assert int(user) > 0 and f"--uid {user}" in image and f"--gid {user}" in image
    assert image.index("USER") < image.index("ENTRYPOINT") and "install -d -m 0700 -o tarn" in image
    start = json.loads(re.search(r"^ENTRYPOINT (\[.*\])$", image, re.M).group(1))
    run = subprocess.run([os.path.join(BUILD, "server", "tarnd"), *start[1:], "--version"], capture_output=True, text=True,
                         check=False)
    assert start[0] == "tarnd" and run.returncode == 0, run.stderr


def the_health_check_sees(folder):
    _, (_, image) = stages()
    command = json.loads(re.search(r"^HEALTHCHECK .*? CMD (\[.*\])$", image, re.M).group(1))
    assert "/8081" in command[-1]
    server = Server(folder)
    command[-1] = command[-1].replace("/8081", f"/{server.control_port}")

    def healthy():
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0

    try:
        assert healthy(), "a server that serves is not healthy"
        other = [*command[:-1], command[-1].replace("/healthz", "/nothing")]
        assert subprocess.run(other, capture_output=True, timeout=10, check=False).returncode != 0, "404 is taken for health"
    finally:
        server.stop()
    assert not healthy(), "a server that has ended is healthy"


def nothing_of_node_is_in_the_bundle(folder):
    built = os.path.join(folder, "built")
    os.makedirs(os.path.join(built, "assets"))
    os.makedirs(os.path.join(built, "node_modules", "x"))
    os.makedirs(os.path.join(built, ".vite"))
    for name in ("index.html", "assets/a.js", "node_modules/x/index.js", ".vite/cache"):
        with open(os.path.join(built, name), "w", encoding="utf-8") as file:
            file.write("x")
    made = [os.path.join(folder, name) for name in ("console.gresource", "console.cpp", "console.d")]
    subprocess.run(["python3", os.path.join(ROOT, "server", "console", "bundle.py"), built, "glib-compile-resources", *made], check=True)
    listed = subprocess.run(["gresource", "list", made[0]], capture_output=True, text=True, check=True).stdout.split()
    assert sorted(listed) == ["/tarn/console/assets/a.js", "/tarn/console/index.html"], listed


def the_console_has_its_players_and_licences(_folder):
    console = os.path.join(BUILD, "server", "console")
    if not os.path.exists(os.path.join(console, "index.html")):
        raise Tap.Skip("the console is not built: ./tarn test builds it")
    with open(os.path.join(console, "licences.txt"), encoding="utf-8") as file:
        licences = file.read()
    with open(os.path.join(ROOT, "server", "console", "package.json"), encoding="utf-8") as file:
        bundled = json.load(file)["dependencies"]
    for name, version in bundled.items():
        assert re.search(rf"^{re.escape(name)} {re.escape(version)}, (Apache-2.0|MIT|BSD-3-Clause)$", licences, re.M), name
    names = os.listdir(os.path.join(console, "assets"))
    for player in ("shaka", "hls", "dash"):
        assert any(name.startswith(player + "-") and name.endswith(".js") for name in names), f"{player} is not in {names}"


def main():
    tap = Tap()
    for name, test in (("the build stage has what building needs", the_build_has_its_packages),
                       ("the image has the libraries that the programs link to", the_image_has_the_libraries),
                       ("Meson takes its options", meson_takes_the_options),
                       ("it does not run as root, and its command line is accepted", it_is_nobody_important),
                       ("its health check sees", the_health_check_sees),
                       ("nothing of npm's is installed", nothing_of_node_is_in_the_bundle),
                       ("the built console has the preview players and all licences", the_console_has_its_players_and_licences)):
        with temporary_folder() as folder:
            tap.run(name, test, folder)
    tap.done()


if __name__ == "__main__":
    main()
