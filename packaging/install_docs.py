#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies the pages that operators need to where they are installed, beside each other: install_docs.py DESTINATION. Links between
them lead to where they are there; what is not installed keeps the link's words only."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = ["README.md", "CHANGELOG.md", "docs/operations.md", "docs/configuration.md", "docs/security.md"]
# by other install rules (packaging/meson.build)
FILES = ["docs/nginx/tarn.conf", "docs/grafana/dashboard.json", "docs/prometheus/alerts.yaml"]
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
CODE = re.compile(r"(^```.*?^```|`[^`\n]*`)", re.S | re.M)


def installed():
    """{path in the source tree: path below the destination}"""
    return {path: path.removeprefix("docs/") for path in PAGES + FILES}


def rewritten(page, text):
    names = installed()

    def link(found):
        words, target = found.groups()
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            return found.group(0)
        path, mark, fragment = target.partition("#")
        name = names.get(os.path.normpath(os.path.join(os.path.dirname(page), path)))
        return f"[{words}]({name}{mark}{fragment})" if name else words

    # a link's words may be code; what only looks like a link inside of code is none
    masked = []

    def mask(found):
        masked.append(found.group(0))
        return f"\0{len(masked) - 1}\0"

    text = LINK.sub(link, CODE.sub(mask, text))
    return re.sub(r"\0(\d+)\0", lambda found: masked[int(found.group(1))], text)


def install(destination):
    os.makedirs(destination, exist_ok=True)
    for page in PAGES:
        with open(os.path.join(ROOT, page), encoding="utf-8") as file:
            text = file.read()
        path = os.path.join(destination, installed()[page])
        with open(path, "w", encoding="utf-8") as file:
            file.write(rewritten(page, text))
        os.chmod(path, 0o644)


if __name__ == "__main__":
    # below the prefix that Meson installs to, when it is Meson that asks
    install(os.path.join(os.environ.get("MESON_INSTALL_DESTDIR_PREFIX", ""), sys.argv[1]))
