#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/elements/*.md: the doc block of each element's source, and what gst-inspect-1.0 says of it.

    ./tarn exec python3 scripts/element_docs.py            writes the pages
    ./tarn exec python3 scripts/element_docs.py --check    says which page is out of date"""

import argparse
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = os.path.join(ROOT, "docs", "elements")
BLOCK = re.compile(r"/\*\*\n \* SECTION:element-(\w+)\n(.*?)\n \*/", re.S)


def blocks():
    """{element: text of its doc block as Markdown}"""
    found = {}
    for path in sorted(glob.glob(os.path.join(ROOT, "plugins", "*", "gst*.cpp"))):
        with open(path, encoding="utf-8") as file:
            for name, text in BLOCK.findall(file.read()):
                lines = [re.sub(r"^ \* ?", "", line) for line in text.splitlines()]
                lines = [line for line in lines if not line.startswith("@title")]
                body = "\n".join(lines).strip()
                body = body.replace("|[\n", "```sh\n").replace("\n]|", "\n```")
                found[name] = re.sub(r"#(Gst\w+|GBytes|G\w+Flow\w*)", r"`\1`", body)
    return found


def inspect(name):
    """Pads, properties, signals as gst-inspect-1.0 prints them, without what every element has."""
    run = subprocess.run(["gst-inspect-1.0", "--no-colors", name], capture_output=True, text=True, check=True)
    text = run.stdout[run.stdout.index("Pad Templates:"):]
    text = re.sub(r"^Element has no .*\n", "", text, flags=re.M)
    text = re.sub(r"^Pads:\n(?:  .*\n)*", "", text, flags=re.M)
    text = re.sub(r"^  (name|parent) +: .*\n(?:   .*\n)*\s*?\n?", "", text, flags=re.M)
    text = re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+$", "", text, flags=re.M))
    return text.strip()


def page(name, body):
    return f"# {name}\n\n{body}\n\n## Pads, properties, signals\n\n```\n{inspect(name)}\n```\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    os.makedirs(PAGES, exist_ok=True)
    stale = []
    for name, body in blocks().items():
        path = os.path.join(PAGES, name + ".md")
        wanted = page(name, body)
        have = open(path, encoding="utf-8").read() if os.path.exists(path) else ""
        if have == wanted:
            continue
        if options.check:
            stale.append(name)
            continue
        with open(path, "w", encoding="utf-8") as file:
            file.write(wanted)
        print(f"wrote docs/elements/{name}.md")
    for name in stale:
        print(f"docs/elements/{name}.md is out of date: run scripts/element_docs.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
