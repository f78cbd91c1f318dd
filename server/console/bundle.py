#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The built console as a GResource in a C++ source: bundle.py BUILT COMPILER BUNDLE SOURCE DEPENDENCIES. Where npm has not
built it the bundle is empty; once it has, the dependencies have ninja make it anew."""

import hashlib
import os
import subprocess
import sys
from xml.sax.saxutils import escape

SOURCE = """\
// SPDX-License-Identifier: Apache-2.0
// Made by server/console/bundle.py of {count} files. {digest}
#include "server/http/console_bundle.h"

__asm__(R"(
  .pushsection .rodata
  .balign 16
  .hidden tarn_console_bundle
  .global tarn_console_bundle
tarn_console_bundle:
  {content}
  .hidden tarn_console_bundle_end
  .global tarn_console_bundle_end
tarn_console_bundle_end:
  .byte 0
  .popsection
)");

extern "C" const std::uint8_t tarn_console_bundle[];
extern "C" const std::uint8_t tarn_console_bundle_end[];

namespace tarn::server {{

Bytes console_bundle() {{ return {{tarn_console_bundle, tarn_console_bundle_end}}; }}

}}  // namespace tarn::server
"""


def files_of(built):
    found = []
    for at, folders, names in os.walk(built):
        folders[:] = [name for name in folders if name != "node_modules" and not name.startswith(".")]
        found += [os.path.relpath(os.path.join(at, name), built) for name in names if not name.startswith(".")]
    return sorted(found)


def write(path, text):
    try:
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    except OSError:
        pass
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    built, compiler, bundle, source, dependencies = sys.argv[1:]
    index = os.path.join(built, "index.html")
    files = files_of(built) if os.path.exists(index) else []
    listed = "".join(f"    <file>{escape(name)}</file>\n" for name in files)
    description = bundle + ".xml"
    write(description, f'<gresources>\n  <gresource prefix="/tarn/console">\n{listed}  </gresource>\n</gresources>\n')
    subprocess.run([compiler, f"--sourcedir={built}", f"--target={bundle}", description], check=True)
    with open(bundle, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    content = f'.incbin "{os.path.abspath(bundle)}"' if files else ""
    write(source, SOURCE.format(count=len(files), digest=digest, content=content))
    paths = [index, *(os.path.join(built, name) for name in files)]
    with open(dependencies, "w", encoding="utf-8") as file:
        file.write(f"{source}: " + " ".join(path.replace(" ", "\\ ") for path in paths) + "\n")


if __name__ == "__main__":
    main()
