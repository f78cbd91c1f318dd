#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""debian/, as far as it can be judged without building the packages: all that is installed is in one of them, and what
others refer to has the name there that they say. The packages are not built here."""

import fnmatch
import glob
import os
import re
import shutil
import subprocess

from lab import BUILD, ROOT, Tap, temporary_folder

DEBIAN = os.path.join(ROOT, "debian")
# dh_compress does so to what is larger
COMPRESSED_FROM = 4096


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [line for line in file.read().splitlines() if line and not line.startswith("#")]


def patterns():
    """{package: globs of what it has}; "" is what no package takes from here."""
    found = {"": lines_of(os.path.join(DEBIAN, "not-installed"))}
    for path in glob.glob(os.path.join(DEBIAN, "*.install")):
        found[os.path.basename(path)[:-len(".install")]] = lines_of(path)
    # debian/rules: where npm has fetched what the console is made of
    found["tarn"].append("usr/share/tarn")
    return found


def install(folder):
    """Paths of what `meson install` puts below / with Debian's options, and the folder that stands for /."""
    root = os.path.join(folder, "root")
    run = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild"], env={**os.environ, "DESTDIR": root},
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    paths = [os.path.relpath(os.path.join(at, name), root) for at, _, names in os.walk(root) for name in names]
    # a build for tests has Meson's own prefix, where the configuration is below it
    names = {re.sub(r"^usr/local/", "usr/", path).replace("usr/etc/", "etc/"): path for path in paths}
    return root, {re.sub(r"^usr/lib/systemd/", "lib/systemd/", name): path for name, path in names.items()}


def matches(name, pattern):
    # a star does not cross folders, and a folder stands for all in it
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) >= len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def each_file_is_in_one_package(folder):
    _, names = install(folder)
    assert len(names) > 20, names
    wanted = patterns()
    for name in sorted(names):
        takers = [package for package, globs in wanted.items() if any(matches(name, pattern) for pattern in globs)]
        assert len(takers) == 1, f"{name} is in {takers}"


def no_package_waits_for_more(folder):
    _, names = install(folder)
    for package, globs in patterns().items():
        for pattern in globs:
            # what depends on options of the build: introspection, and the console
            if "gir-1.0" in pattern or "girepository" in pattern or pattern == "usr/share/tarn":
                continue
            assert any(matches(name, pattern) for name in names), f"{package} wants {pattern}, which is not installed"


def documents_keep_their_names(folder):
    root, names = install(folder)
    with open(os.path.join(DEBIAN, "rules"), encoding="utf-8") as file:
        kept = re.search(r"dh_compress (.*)", file.read()).group(1).replace("-X", "").split()
    large = [name for name, path in names.items() if name.startswith("usr/share/doc/tarn/") and "/examples/" not in name
             and os.path.getsize(os.path.join(root, path)) > COMPRESSED_FROM]
    assert len(large) > 3, names
    for name in large:
        assert any(part in name for part in kept), f"{name} becomes {name}.gz"
    unit = names["lib/systemd/system/tarn.service"]
    with open(os.path.join(root, unit), encoding="utf-8") as file:
        document = re.search(r"^Documentation=file:(\S+)", file.read(), re.M).group(1)
    assert os.path.exists(root + document), f"{document} is not installed"


def an_upgrade_leaves_it_running(folder):
    if not shutil.which("dh_installsystemd"):
        raise Tap.Skip("debhelper is not installed")
    shutil.copytree(DEBIAN, os.path.join(folder, "debian"))
    units = os.path.join(folder, "debian", "tarn", "lib", "systemd", "system")
    os.makedirs(units)
    shutil.copy(os.path.join(BUILD, "packaging", "tarn.service"), units)
    with open(os.path.join(DEBIAN, "rules"), encoding="utf-8") as file:
        options = re.search(r"^\tdh_installsystemd (.*)$", file.read(), re.M).group(1).split()
    run = subprocess.run(["dh_installsystemd", "-ptarn", *options], cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    scripts = {}
    paths = glob.glob(os.path.join(folder, "debian", "tarn.p*")) + \
        glob.glob(os.path.join(folder, "debian", ".debhelper", "generated", "tarn", "p*"))
    for path in paths:
        name = re.search(r"(pre|post)(inst|rm)", os.path.basename(path)).group(0)
        with open(path, encoding="utf-8") as file:
            scripts.setdefault(name, []).append(file.read())
    scripts = {name: "\n".join(parts) for name, parts in scripts.items()}
    assert "try-restart" in scripts["postinst"], scripts["postinst"]
    for wrong in (" start", " restart"):
        assert f"deb-systemd-invoke{wrong}" not in scripts["postinst"], scripts["postinst"]
    assert "stop" not in scripts.get("preinst", ""), "an upgrade stops it, and nothing starts it again"
    assert "deb-systemd-invoke stop tarn.service" in scripts["prerm"], "what is removed goes on running"


def building_has_its_packages(_folder):
    with open(os.path.join(DEBIAN, "control"), encoding="utf-8") as file:
        control = file.read()
    with open(os.path.join(ROOT, "meson.build"), encoding="utf-8") as file:
        modules = dict(re.findall(r"dependency\('([\w.-]+)'(?:, version: '>=([\d.]+)')?", file.read()))
    packages = {"libcrypto": "libssl-dev", "libssl": "libssl-dev", "libxml-2.0": "libxml2-dev",
                "sqlite3": "libsqlite3-dev", "gstreamer-1.0": "libgstreamer1.0-dev", "gstreamer-base-1.0": "libgstreamer1.0-dev",
                "gstreamer-app-1.0": "libgstreamer-plugins-base1.0-dev", "gio-2.0": "libglib2.0-dev",
                "gio-unix-2.0": "libglib2.0-dev", "libsoup-3.0": "libsoup-3.0-dev", "json-glib-1.0": "libjson-glib-dev"}
    build = re.search(r"^Build-Depends:(.*?)^\S", control, re.M | re.S).group(1)
    for module, version in modules.items():
        if module == "threads":
            continue
        told = re.search(rf"\b{re.escape(packages[module])}(?: \(>= ([\d.]+)\))?,?\s", build)
        assert told, f"{packages[module]} is not among Build-Depends"
        assert not version or told.group(1) == version, f"{module}: Meson wants {version}, Debian {told.group(1)}"


def main():
    tap = Tap()
    for name, test in (("each file that is installed is in one package", each_file_is_in_one_package),
                       ("no package waits for a file that is not installed", no_package_waits_for_more),
                       ("documents keep the names that they are referred to by", documents_keep_their_names),
                       ("an upgrade restarts a server that runs, a removal stops it", an_upgrade_leaves_it_running),
                       ("Debian installs what Meson looks for", building_has_its_packages)):
        with temporary_folder() as folder:
            tap.run(name, test, folder)
    tap.done()


if __name__ == "__main__":
    main()
