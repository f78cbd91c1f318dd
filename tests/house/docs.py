#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The documents lead somewhere: every relative link has its file and its heading, docs/README.md names every page,
no two decision records share a number, and formats have the versions that the code writes. Prints TAP."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCS = os.path.join(ROOT, "docs")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def pages():
    """Every Markdown file that is ours."""
    return sorted(glob.glob(os.path.join(ROOT, "*.md")) + glob.glob(os.path.join(DOCS, "**", "*.md"), recursive=True))


def without_code(text):
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(path):
    """The fragments that GitHub's renderer makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text_of(path), flags=re.S | re.M), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def link_problems():
    found = []
    for page in pages():
        for target in LINK.findall(without_code(text_of(page))):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, fragment = target.partition("#")
            file = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            name = os.path.relpath(page, ROOT)
            if not os.path.exists(file):
                found.append(f"{name}: {target} is not there")
            elif fragment and file.endswith(".md") and fragment not in anchors(file):
                found.append(f"{name}: {target} has no such heading")
    return found


def map_problems():
    """Pages that docs/README.md does not lead to, itself or by their folder."""
    linked = {os.path.normpath(target.partition("#")[0]) for target in LINK.findall(text_of(os.path.join(DOCS, "README.md")))}
    found = []
    for page in pages():
        name = os.path.relpath(page, DOCS)
        if name.startswith("..") or name == "README.md":
            continue
        if name not in linked and os.path.dirname(name) not in linked:
            found.append(f"docs/README.md does not lead to {name}")
    return found


def number_problems():
    found, numbers = [], {}
    for path in sorted(glob.glob(os.path.join(DOCS, "adr", "*.md"))):
        name = os.path.basename(path)
        if name[:4] in numbers:
            found.append(f"{name} has the number of {numbers[name[:4]]}")
        numbers[name[:4]] = name
        title = re.match(r"# 0*(\d+)", text_of(path))
        if title is None or int(title.group(1)) != int(name[:4]):
            found.append(f"{name} begins with another number than its name")
    return found


def format_problems():
    """The table of operations.md against the constants that are written to disk."""
    found = []
    for what, path, pattern in (("`control.db`", "server/model/store_rows.h", r"schema_version = (\d+)"),
                                ("archive", "plugins/core/archive/archive.cpp", r"format_version = (\d+)"),
                                ("catalogue", "plugins/core/archive/catalogue_schema.h", r"schema_version = (\d+)"),
                                ("journal", "plugins/core/archive/journal_record.cpp", r"format_version = (\d+)")):
        written = re.search(pattern, text_of(os.path.join(ROOT, path))).group(1)
        row = re.search(rf"^\| {re.escape(what)} \([^|]*\| (\d+) \|", text_of(os.path.join(DOCS, "operations.md")), re.M)
        if row is None or row.group(1) != written:
            found.append(f"docs/operations.md: {what} has format {written}")
    return found


def installed_problems():
    """The pages as `meson install` puts them down: every link leads to a page or file that is there too."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, os.path.join(ROOT, "packaging", "install_docs.py"), folder], check=True)
        for file in glob.glob(os.path.join(DOCS, "*", "*")):
            if f"'../docs/{os.path.relpath(file, DOCS)}'" in text_of(os.path.join(ROOT, "packaging", "meson.build")):
                os.makedirs(os.path.join(folder, os.path.basename(os.path.dirname(file))), exist_ok=True)
                shutil.copy(file, os.path.join(folder, os.path.relpath(file, DOCS)))
        found, links = [], 0
        for page in sorted(glob.glob(os.path.join(folder, "*.md"))):
            for target in LINK.findall(without_code(text_of(page))):
                if re.match(r"[a-z]+:", target):
                    continue
                links += 1
                path, _, fragment = target.partition("#")
                file = os.path.join(folder, path) if path else page
                if not os.path.exists(file) or (fragment and fragment not in anchors(file)):
                    found.append(f"{os.path.basename(page)}, as it is installed: {target} leads nowhere")
        return found if links > 10 else found + [f"{links} links were found"]


def checks():
    yield "every relative link in the documents leads to a file and a heading", link_problems
    yield "docs/README.md leads to every page", map_problems
    yield "every decision record has a number of its own", number_problems
    yield "every link of the installed documents leads to what is installed", installed_problems
    yield "operations.md names the formats that are written", format_problems


def main():
    all_passed = True
    listed = list(checks())
    print(f"1..{len(listed)}")
    for number, (name, check) in enumerate(listed, 1):
        problems = check()
        all_passed = all_passed and not problems
        print(f"{'not ok' if problems else 'ok'} {number} - {name}")
        for problem in problems:
            print(f"# {problem}")
    return 0 if all_passed else 1


if __name__ == "__main__":
    sys.exit(main())
