# SPDX-License-Identifier: Apache-2.0
"""Connections full of HTTP/1.1 requests: valid ones, and valid ones with a few bytes or lines changed."""

METHODS = [b"GET", b"PUT", b"POST", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH"]
TARGETS = [b"/", b"/v1/a/b/c/index.m3u8", b"/x?start=1&end=2", b"//a/..%2f", b"/%00", b"/" + b"long" * 40, b"/a;b=c"]
FIELDS = [b"Accept: */*", b"User-Agent: x/1.0 (y; z)", b"X-Empty:", b"Connection: keep-alive", b"Connection: close",
          b"Expect: 100-continue", b"Authorization: Basic eDp5", b"Range: bytes=0-1", b"Cookie: a=b; c=d",
          b"Content-Type: video/mp2t", b"X-Text: caf\xc3\xa9 \xff", b"Icy-MetaData: 1", b"TE: trailers",
          b"Trailer: X", b"Connection: TE, keep-alive", b"Upgrade: h2c", b"Connection: Upgrade", b"Keep-Alive: 5",
          b"Proxy-Connection: keep-alive", b"Proxy-Connection: close"]
# what the grammar is made of, and what others have taken it for
PIECES = [b"\r\n", b"\n", b"\r", b"\t\r\n", b"\r\n\r\n", b" ", b"\t", b":", b";", b",", b"=", b'"', b"\\", b"\0", b"\x0b", b"\x7f",
          b"\x80", b"0", b"1", b"a", b"F", b"-", b"+", b"0x", b"#", b"?", b"*", b"chunked", b"gzip, ", b"identity",
          b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n",
          b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n", b"HTTP/1.0", b"http://b/", b"close",
          b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"ffffffffffffffff", b"18446744073709551616", b";x=y", b";x=\"y\\\"z\""]


def cased(random, text):
    return bytes(byte ^ 32 if chr(byte).isalpha() and random.random() < 0.5 else byte for byte in text)


def chunked(random, body):
    coded = b""
    while body:
        size = random.randint(1, len(body))
        digits = b"%x" % size if random.random() < 0.7 else b"%06X" % size
        extension = random.choice([b"", b"", b"", b";x", b";x=y", b';x="y;\\"z"', b";a;b=c"])
        coded += digits + extension + b"\r\n" + body[:size] + b"\r\n"
        body = body[size:]
    coded += random.choice([b"0", b"0", b"000", b"0;last"]) + b"\r\n"
    for _ in range(random.choice([0, 0, 0, 1, 2])):
        coded += random.choice([b"X: y", b"X-Sum:", b"Expires: 0", random.choice(FIELDS)]) + b"\r\n"
    return coded + b"\r\n"


def request(random):
    fields = [b"Host: " + random.choice([b"a", b"a.example:8080", b"127.0.0.1", b"[::1]:80"])]
    fields += random.sample(FIELDS, random.randint(0, 4))
    body = bytes(random.choice(b"abc\r\n 0\0\xff") for _ in range(random.choice([0, 1, 5, 17, 300])))
    coding = random.choice(["none", "none", "length", "chunked", "chunked"])
    if coding == "length":
        fields.append(b"Content-Length: %d" % len(body))
    elif coding == "chunked":
        fields.append(b"Transfer-Encoding: chunked")
        body = chunked(random, body)
    else:
        body = b""
    random.shuffle(fields)
    if random.random() < 0.2:
        fields = [cased(random, name) + colon + value for name, colon, value in (f.partition(b":") for f in fields)]
    version = b"HTTP/1.0" if coding != "chunked" and random.random() < 0.1 else b"HTTP/1.1"
    before = b"\r\n" if random.random() < 0.05 else b""
    line = random.choice(METHODS) + b" " + random.choice(TARGETS) + b" " + version
    return before + b"\r\n".join([line, *fields, b"", b""]) + body


def mutated(random, stream):
    at = random.randint(0, len(stream))
    kind = random.randint(0, 7)
    if kind == 0:
        return stream[:at] + random.choice(PIECES) + stream[at:]
    if kind == 1:
        return stream[:at] + random.choice(PIECES) + stream[at + 1:]
    if kind == 2:
        return stream[:at] + stream[at + random.randint(1, 4):]
    if kind == 3:
        return stream[:at] + bytes([random.randint(0, 255)]) + stream[at + 1:]
    if kind == 4:  # at the seams, where it matters most
        seams = [i for i, byte in enumerate(stream) if byte in b"\r\n:; "]
        at = random.choice(seams) + random.randint(0, 1) if seams else at
        return stream[:at] + random.choice(PIECES) + stream[at + random.randint(0, 1):]
    lines = stream.split(b"\r\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    if kind == 5:
        lines.insert(other, lines[one])
    elif kind == 6:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines[one] = cased(random, lines[one])
    return b"\r\n".join(lines)


def connection(random):
    stream = b"".join(request(random) for _ in range(random.choice([1, 1, 2, 3])))
    for _ in range(random.choice([0, 1, 1, 1, 2, 3])):
        stream = mutated(random, stream)
    return stream
