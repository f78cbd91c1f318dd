# SPDX-License-Identifier: Apache-2.0
"""Lists of hostile requests: paths that try to leave their folder, and values that try to become lines of a header
or a log."""

import itertools

MARK = b"X-Injected"


def traversal_paths():
    """At least 200 paths below a folder, all of which try to name a file outside of it or none at all."""
    dots = [b"..", b"%2e%2e", b"%2E.", b".%2e", b"%252e%252e", b"%25%32%65%25%32%65", b"..;x=y", b"%c0%ae%c0%ae",
            b"%e0%80%ae%e0%80%ae", b"%uff0e%uff0e", b"\xc0\xae\xc0\xae", b"..%00", b"..%20", b"...."]
    slashes = [b"/", b"%2f", b"%2F", b"%252f", b"\\", b"%5c", b"%c0%af", b"//", b"/./", b"%2f%2f", b"/%00/"]
    goals = [b"etc/passwd", b"proc/self/environ"]
    for (dot, slash), goal in zip(itertools.product(dots, slashes), itertools.cycle(goals)):
        yield (dot + slash) * 10 + goal
    yield from [b"%2fetc%2fpasswd", b"/etc/passwd", b"//etc/passwd", b"file:///etc/passwd", b"%00", b"a%00.ts",
                b"a.ts%00.m3u8", b".hidden", b"a/.hidden", b"a/.b/c", b"%2ehidden", b"~root/.ssh/id_rsa", b"$HOME/x",
                b"%24(id)", b"`id`", b"a|b", b"a;b", b"C:%5cWindows%5cwin.ini", b"\\\\host\\share\\x", b"CON:", b"a:b",
                b"a*", b"a%3f/../../../../../../etc/passwd", b"a,b", b"a@b", b"%0d%0aa", b"a%0a.ts", b"%7f", b"%80",
                b"%01", b"a%09.ts", b"%20", b"%20/a", b"%ff.ts", b"%c3%28.ts", b"%", b"%zz", b"%2", b"a" * 201 + b".ts",
                b"a" * 4096, b"a/" * 2000 + b"b", b"../" * 1000 + b"etc/passwd", b"%2e%2e%2f" * 400 + b"etc/passwd",
                b"tarn.db/../../data/control-token", b"..%2f..%2fcontrol-token", b"../../../../control-token",
                b"..\\..\\control-token", b"%2e%2e/%2e%2e/%2e%2e/control-token"]


def injections():
    """Values that would be a header line or a log line of their own if they were copied as they are."""
    line = MARK + b": yes"
    yield from [b"%0d%0a" + line, b"%0a" + line, b"%0d" + line, b"a%0d%0a%0d%0a<html>" + line, b"%250d%250a" + line,
                b"%u000d%u000a" + line, b"%c4%8d%c4%8a" + line, b"%e5%98%8d%e5%98%8a" + line, b"%c2%85" + line,
                b"%e2%80%a8" + line, b"\r" + line, b"\n" + line, b"\0" + line, b"\x0b" + line,
                b"\x1b[2K" + line, b"%1b[2K" + line,
                b'"}%0a{"event":"' + line, b'","status":"200', b"%22%7d%0a%7b" + line, b"\xe2\x80\xa8" + line,
                b"\xff\xfe" + line, b"\\r\\n" + line, b"\\u000a" + line, b"%00%0a" + line, b"\t" + line, b"%09" + line]
