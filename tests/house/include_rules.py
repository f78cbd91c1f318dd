#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The house's dependency rules, read off the #include lines (docs/architecture.md). Prints TAP."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)

# core rooms: which other rooms each may include (besides base and itself)
CORE = {
    "base": [],
    "codecs": [],
    "isobmff": ["codecs"],
    "mpegts": ["codecs"],
    "timeline": ["codecs"],
    "hls": ["codecs", "timeline"],
    "dash": ["codecs", "timeline"],
    "archive": ["codecs", "timeline"],
    "crypto": ["codecs", "isobmff"],
    "webvtt": [],
    "drm": ["codecs", "crypto", "hls", "isobmff", "timeline"],
}
CORE_LIBRARIES = {"archive": ["sqlite3.h"], "crypto": ["openssl/crypto.h", "openssl/evp.h"],
                  "drm": ["libxml/parser.h", "libxml/tree.h", "openssl/evp.h", "openssl/hmac.h"]}
ELEMENT_ROOMS = ["ingest", "package", "archive", "drm", "manifest"]
GSTREAMER = ("gst/", "glib", "gio/", "gmodule")
FOREIGN = GSTREAMER + ("libsoup/", "json-glib/", "libxml/", "openssl/")


def sources(folder):
    for directory, _, files in os.walk(os.path.join(ROOT, folder)):
        if "node_modules" in directory:
            continue
        for name in sorted(files):
            if name.endswith((".h", ".cpp", ".cc")):
                path = os.path.join(directory, name)
                yield os.path.relpath(path, ROOT), open(path, encoding="utf-8").read()


def includes(text):
    return [(kind == "<", target) for kind, target in INCLUDE.findall(text)]


def core_problem(path, system, target):
    room = path.split("/")[2]
    if room not in CORE:
        return f"room core/{room} is not in the rules"
    if target.startswith(FOREIGN) and target not in CORE_LIBRARIES.get(room, []):
        return f"core/{room} may not include {target}"
    if not system and target.startswith("core/"):
        other = target.split("/")[1]
        if other not in ("base", room) and other not in CORE[room]:
            return f"core/{room} may not include core/{other}"
    elif not system:
        return f"core includes only core, not {target}"
    return None


def element_problem(path, system, target):
    room = path.split("/")[1]
    # ADR 0013 and 0016: files are put and fetched over HTTP by the library that the server stands on.
    if path in ("plugins/manifest/http_output.cpp", "plugins/ingest/http_source.cpp") and target == "libsoup/soup.h":
        return None
    if target.startswith(("libsoup/", "json-glib/", "server/", "pipelines/")):
        return f"elements may not include {target}"
    first = target.split("/")[0]
    if not system and first in ELEMENT_ROOMS and first != room:
        return f"element rooms do not include each other: {target}"
    return None


def gstkit_problem(_path, system, target):
    if not system and target.split("/")[0] not in ("core", "gstkit"):
        return f"gstkit may include only core and gst, not {target}"
    return None


def pipelines_problem(_path, system, target):
    if target.startswith(("libsoup/", "json-glib/", "server/")):
        return f"pipelines may not include {target}"
    if not system and target.split("/")[0] in ELEMENT_ROOMS:
        return f"pipelines name elements by factory, not by header: {target}"
    return None


# server/front: where messages end is decided without a socket, a clock or a library
MESSAGE_FILES = ("chunk_decoder", "field_syntax", "head_parser", "line_reader", "message_head", "message_reader")


def server_problem(path, system, target):
    room, name = os.path.split(os.path.splitext(path)[0])
    if room == "server/front" and name in MESSAGE_FILES:
        own = not system and target.startswith(tuple(f"server/front/{file}.h" for file in MESSAGE_FILES))
        if target.startswith(FOREIGN) or not (system or own or target.startswith("core/base/")):
            return f"message boundaries stand on core/base alone, not on {target}"
    if not system and target.split("/")[0] in ELEMENT_ROOMS + ["gstkit"]:
        return f"the server may not include {target}"
    if target.startswith("gst/") and not path.startswith(("server/runtime/", "server/main.cpp")):
        return f"GStreamer is used only in server/runtime, not for {target}"
    return None


def example_problem(_path, system, target):
    return None if system else f"examples use what is installed, not {target}"


RULES = [
    ("plugins/core", "core stands alone and its rooms keep to their neighbours", core_problem),
    ("plugins/gstkit", "gstkit knows core and GStreamer only", gstkit_problem),
    ("plugins/ingest", "ingest elements are strangers to the others", element_problem),
    ("plugins/package", "package elements are strangers to the others", element_problem),
    ("plugins/archive", "archive elements are strangers to the others", element_problem),
    ("pipelines", "pipelines build by factory name", pipelines_problem),
    ("server", "the server reaches elements through pipelines", server_problem),
    ("examples", "examples stand on installed headers", example_problem),
]
# freed in one place each: the seam (gstkit) and nowhere else
MANUAL = re.compile(r"\b(?:g_object_unref|gst_object_unref|gst_buffer_unref|gst_caps_unref|gst_event_unref|"
                    r"gst_buffer_unmap|gst_buffer_list_unref)\s*\(")
BAD_ROOMS = {"utils", "util", "common", "helpers", "misc", "manager"}


def main():
    print(f"1..{len(RULES) + 3}")
    failed = 0
    number = 0

    def report(name, problems):
        nonlocal failed, number
        number += 1
        print(("not " if problems else "") + f"ok {number} - {name}")
        for problem in problems:
            print(f"# {problem}")
        failed += bool(problems)

    for folder, name, rule in RULES:
        problems = []
        count = 0
        for path, text in sources(folder):
            count += 1
            for system, target in includes(text):
                problem = rule(path, system, target)
                if problem:
                    problems.append(f"{path}: {problem}")
        if count == 0:
            problems.append(f"{folder} has no sources: the rule would hold for nothing")
        report(name, problems)

    problems = [f"{path}: {match}" for folder in ("plugins", "pipelines") for path, text in sources(folder)
                if not path.startswith("plugins/gstkit/") for match in MANUAL.findall(text)]
    report("references are released only in gstkit", problems)
    problems = [path for folder in ("plugins", "embed", "pipelines", "server", "tests") for path, _ in sources(folder)
                if BAD_ROOMS & set(os.path.splitext(path)[0].split("/"))]
    report("no room or file is called utils, common, helpers, misc or manager", problems)
    problems = [f"{path}: SPDX line missing" for folder in ("plugins", "pipelines", "server", "tests")
                for path, text in sources(folder) if not text.startswith("// SPDX-License-Identifier: Apache-2.0")]
    report("every source says its licence", problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
