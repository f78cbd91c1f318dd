#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies the built console to where it is installed: install.py BUILT DESTINATION."""

import os
import shutil
import sys

built, destination = sys.argv[1:]
if not os.path.exists(os.path.join(built, "index.html")):
    sys.exit(0)
destination = os.path.join(os.environ["MESON_INSTALL_DESTDIR_PREFIX"], destination)
shutil.rmtree(destination, ignore_errors=True)
shutil.copytree(built, destination, ignore=shutil.ignore_patterns("node_modules", ".*"))
