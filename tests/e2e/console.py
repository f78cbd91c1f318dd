#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The web console as an operator uses it, in headless Chromium: from signing in to a clip, with the encoder started by the
command line that it shows. The steps are in console_*.mjs; TARN_SCREENSHOTS=FOLDER keeps what was seen."""

import json
import os
import shutil
import subprocess
import sys

import lab
from lab import Tap

ENCODER = os.path.join(lab.ROOT, "scripts", "encsim.py")

STORIES = ["console_story.mjs", "console_forms.mjs", "console_commands.mjs", "console_live.mjs", "console_failover.mjs",
           "console_hostile.mjs"]
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


def types_hold():
    source = os.path.join(lab.ROOT, "server", "console")
    run = subprocess.run(["npm", "run", "--silent", "check"], cwd=source, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]


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


def main():
    tap = Tap()
    if missing():
        tap.run("the console", skip, missing())
        tap.done()
    tap.run("the console's types hold", types_hold)
    with lab.temporary_folder() as folder:
        clips = os.path.join(folder, "clips")
        os.makedirs(clips)
        server = lab.Server(folder, "--collection-root", clips, "--key-provider", "builtin")
        try:
            server.create_channel("kept", "kept", {})
            programme = os.path.join(folder, "programme")
            subprocess.run([sys.executable, ENCODER, programme, "--make", "180"], check=True)
            job = {"control": server.control, "origin": server.origin, "token": server.token, "clips": clips, "folder": folder,
                   "openapi": os.path.join(lab.ROOT, "docs", "api", "openapi.json"),
                   "encoder": ENCODER, "programme": programme, "screenshots": os.environ.get("TARN_SCREENSHOTS")}
            wanted = os.environ.get("TARN_STORIES")  # some of them, while one is written
            for story in wanted.split(",") if wanted else STORIES:
                tell(tap, story, job)
            tap.run("no secret is in the server's log", no_secret_in_log, server)
        finally:
            server.stop()
    tap.done()


if __name__ == "__main__":
    main()
