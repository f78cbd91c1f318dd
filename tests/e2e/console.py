#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The web console as an operator uses it, in headless Chromium: from signing in to a clip, with the encoder started by the
command line that it shows. The steps are in console_*.mjs; each story stands on a server of its own.

    console.py [STORY…]      story, forms, commands, live, failover, hostile; all without one

TARN_SCREENSHOTS=FOLDER keeps what was seen."""

import json
import os
import shutil
import subprocess
import sys

import lab
from lab import Tap

ENCODER = os.path.join(lab.ROOT, "scripts", "encsim.py")

STORIES = ["story", "forms", "commands", "live", "failover", "hostile"]
CONSOLE = os.path.join(lab.BUILD, "server", "console", "index.html")
# what hangs ends then; on a busy machine a story takes several times its two minutes
SECONDS = 600


def told(step):
    assert step["ok"], step["error"]


def tell(tap, story, job):
    with open(os.path.join(job["folder"], "story.log"), "w+", encoding="utf-8") as log, subprocess.Popen(
            ["timeout", "-s", "KILL", str(SECONDS), "node", os.path.join(lab.HERE, story)], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=log) as run:
        run.stdin.write(json.dumps(job))
        run.stdin.close()
        for line in run.stdout:
            step = json.loads(line)
            tap.run(step["name"], told, step)
        code = run.wait()
        log.seek(0)
        tap.run(f"{story} was told to its end", ended, code, log.read())


def ended(code, complaints):
    assert code == 0, f"it ended with {code}: {complaints[-2000:]}"


def no_secret_in_log(server):
    inputs = server.api("GET", "/channel-groups/kept/channels/kept?secrets=true", expect=200)["inputs"]
    for secret in (server.token, *(entry["password"] for entry in inputs)):
        assert secret not in server.log()


def missing():
    if not os.path.isdir(os.path.join(lab.HERE, "node_modules", "playwright-core")):
        return "the browser's driver is not installed: ./tarn test installs it"
    if not shutil.which("chromium"):
        return "chromium is not installed"
    if not os.path.exists(CONSOLE):
        return "the console is not built: ./tarn test builds it"
    return None


def skip(reason):
    raise Tap.Skip(reason)


def stage(tap, story, folder):
    clips = os.path.join(folder, "clips")
    os.makedirs(clips)
    programme = os.path.join(folder, "programme")
    if story == "failover":
        subprocess.run([sys.executable, ENCODER, programme, "--make", "180"], check=True)
    server = lab.Server(folder, "--collection-root", clips, "--key-provider", "builtin")
    try:
        server.create_channel("kept", "kept", {})
        job = {"control": server.control, "origin": server.origin, "token": server.token, "clips": clips, "folder": folder,
               "openapi": os.path.join(lab.ROOT, "docs", "api", "openapi.json"),
               "encoder": ENCODER, "programme": programme, "screenshots": os.environ.get("TARN_SCREENSHOTS")}
        tell(tap, f"console_{story}.mjs", job)
        tap.run("no secret is in the server's log", no_secret_in_log, server)
    finally:
        server.stop()


def main():
    tap = Tap()
    if missing():
        tap.run("the console", skip, missing())
        tap.done()
    for story in sys.argv[1:] or STORIES:
        with lab.temporary_folder() as folder:
            stage(tap, story, folder)
    tap.done()


if __name__ == "__main__":
    main()
