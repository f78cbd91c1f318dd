#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies the licences of what is in the built console to where they are installed: install.py BUILT DESTINATION."""

import os
import shutil
import sys

built, destination = sys.argv[1:]
licences = os.path.join(built, "licences.txt")
if not os.path.exists(licences):
    sys.exit(0)
destination = os.path.join(os.environ["MESON_INSTALL_DESTDIR_PREFIX"], destination)
os.makedirs(destination, exist_ok=True)
shutil.copyfile(licences, os.path.join(destination, "console-licences.txt"))
