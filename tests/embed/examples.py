#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the example programs as somebody would who has only what is installed: the library, its pkg-config file and its
typelib, no plugin path. Prints TAP; what this machine cannot do is skipped and counted as such."""

import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(sys.argv[1])
PYTHONS = ("python3", "/usr/bin/python3")
C_PROGRAM = """
#include <stdio.h>
#include <tarn/tarn.h>
int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (!tarn_register_elements()) return 1;
  GstElement *element = gst_element_factory_make("tspackager", NULL);
  if (element == NULL) return 2;
  gst_object_unref(element);
  printf("%s %s\\n", tarn_version_string(), TARN_MESSAGE_INPUT_SWITCHED);
  return 0;
}
"""


class Skip(Exception):
    pass


def environment(folder):
    env = {**os.environ, "GST_REGISTRY": os.path.join(folder, "registry.bin"), "GI_TYPELIB_PATH": os.path.join(BUILD, "embed"),
           "LD_LIBRARY_PATH": ":".join(os.path.join(BUILD, *path) for path in (["embed"], ["plugins", "core"])),
           "PKG_CONFIG_PATH": os.path.join(BUILD, "meson-uninstalled"), "G_DEBUG": "fatal-criticals"}
    env.pop("GST_PLUGIN_PATH", None)
    return env


def run(command, folder, **options):
    done = subprocess.run(command, env=environment(folder), capture_output=True, text=True, timeout=120, check=False, **options)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}: {(done.stdout + done.stderr)[-1500:]}"
    return done.stdout


def frames(path):
    text = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_type,nb_read_frames", "-of",
                           "csv=p=0", path], capture_output=True, text=True, check=True)
    assert not text.stderr, text.stderr
    return {kind: int(count) for kind, count in re.findall(r"^(video|audio),(\d+)", text.stdout, re.M)}


def c_programs_compile_with_what_pkg_config_says(folder):
    source, program = os.path.join(folder, "app.c"), os.path.join(folder, "app")
    with open(source, "w", encoding="utf-8") as file:
        file.write(C_PROGRAM)
    flags = run(["pkg-config", "--cflags", "--libs", "tarn-1.0"], folder).split()
    run(["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", source, "-o", program, *flags], folder)
    assert "tarn/input-switched" in run([program], folder)


def ingest_takes_what_an_encoder_uploads(folder):
    stream, out = os.path.join(folder, "stream"), os.path.join(folder, "ingested.mp4")
    os.makedirs(stream)
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", "6", "-c:v",
                    "libx264", "-preset", "ultrafast", "-g", "25", "-b:v", "300k", "-f", "hls", "-hls_time", "2",
                    "-hls_list_size", "0",
                    "-master_pl_name", "manifest.m3u8", os.path.join(stream, "video.m3u8")], check=True)
    said = run([os.path.join(BUILD, "examples", "example-ingest"), stream, out], folder)
    assert "manifest.m3u8" in said and "buffers" in said, said
    counts = frames(out)
    assert counts == {"video": 150}, (counts, said)


def python_with_gi():
    if not os.path.exists(os.path.join(BUILD, "embed", "Tarn-1.0.typelib")):
        raise Skip("built without introspection")
    for python in PYTHONS:
        probe = "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstApp', '1.0')"
        if subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode == 0:
            return python
    raise Skip("no PyGObject with GStreamer's typelibs")


def package_writes_segments_and_a_playlist(folder):
    out = os.path.join(folder, "packaged")
    said = run([python_with_gi(), os.path.join(ROOT, "examples", "package.py"), out], folder)
    assert "5 segments" in said, said
    counts = frames(os.path.join(out, "playlist.m3u8"))
    assert counts["video"] == 250 and counts["audio"] >= 470, counts


def python_reads_the_constants(folder):
    program = ("import gi; gi.require_version('Tarn', '1.0'); from gi.repository import Tarn; "
               "print(Tarn.MESSAGE_INPUT_SWITCHED, Tarn.META_EVENT_MESSAGES, Tarn.version())")
    said = run([python_with_gi(), "-c", program], folder)
    assert said.startswith("tarn/input-switched TarnEventMessages (major="), said


def python_may_register_too_early_and_again(folder):
    program = ("import gi; gi.require_version('Gst', '1.0'); gi.require_version('Tarn', '1.0'); "
               "from gi.repository import Gst, Tarn; early = Tarn.register_elements(); Gst.init(None); "
               "print(early, Tarn.register_elements(), Gst.ElementFactory.find('cencenc') is not None)")
    assert run([python_with_gi(), "-c", program], folder).split() == ["False", "True", "True"]


def main():
    tests = (c_programs_compile_with_what_pkg_config_says, ingest_takes_what_an_encoder_uploads,
             package_writes_segments_and_a_playlist, python_reads_the_constants,
             python_may_register_too_early_and_again)
    failed = 0
    print(f"1..{len(tests)}")
    with tempfile.TemporaryDirectory(prefix="tarn-examples-") as folder:
        for number, test in enumerate(tests, 1):
            name, problem = test.__name__.replace("_", " "), ""
            try:
                test(folder)
            except Skip as skip:
                name += f" # SKIP {skip}"
            except Exception as error:  # pylint: disable=broad-except
                problem = f"{type(error).__name__}: {error}"
                failed += 1
            print(("not " if problem else "") + f"ok {number} - {name}", flush=True)
            for line in problem.splitlines():
                print("# " + line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
