# SPDX-License-Identifier: Apache-2.0
"""Requests as exact bytes, one connection each, and the answer as the bytes that came."""

import base64
import socket


def basic_value(username, password):
    return b"Basic " + base64.b64encode(f"{username}:{password}".encode())


def compose(method, target, fields=(), body=None):
    """The bytes of a request that asks for the connection's end; all arguments are bytes and taken as they are."""
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close", *fields]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


class RawAnswer:
    def __init__(self, text):
        self.text = text
        self.head, _, self.body = text.partition(b"\r\n\r\n")
        first = self.head.split(b"\r\n")[0].split(b" ")
        # 0: the connection was closed without an answer
        self.status = int(first[1]) if len(first) > 1 and first[1].isdigit() else 0

    @property
    def header_lines(self):
        return self.head.split(b"\r\n")[1:]


def send(port, request, seconds=10):
    """What the server answers until it closes; a connection that it leaves open is a failure."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        try:
            connection.sendall(request)
            while True:
                more = connection.recv(65536)
                if not more:
                    break
                answer += more
        except TimeoutError as error:
            raise AssertionError(f"after {seconds} s neither answered nor closed: {request[:200]!r}") from error
        except ConnectionError:
            pass  # closed with bytes unread: what came before is the answer
    return RawAnswer(answer)
