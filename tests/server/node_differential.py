#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever our reader of HTTP/1.1 messages accepts, Node's accepts as the same messages. Prints TAP.

    node_differential.py PROGRAM      PROGRAM is message_boundaries; TARN_SEED repeats a run, TARN_LONG makes it longer
"""

import os
import random
import shutil
import struct
import subprocess
import sys

import request_mutations

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH = 4000


def run(command, streams):
    framed = b"".join(struct.pack(">I", len(stream)) + stream for stream in streams)
    done = subprocess.run(command, input=framed, stdout=subprocess.PIPE, timeout=120, check=True)
    return done.stdout.decode("ascii").splitlines()


def disagreement(ours, node, methods):
    """What is wrong about the two readings of a connection, or None."""
    *mine, outcome = ours.split(" ")
    *theirs, their_outcome = node.split(" ")
    for number, message in enumerate(mine):
        if message.split(":")[0] not in methods:
            return None  # any token is a method to us; Node ends here
        if number >= len(theirs):
            return f"message {number + 1} is none to node"
        if message != theirs[number]:
            return f"message {number + 1} is another to node"
    # where we refuse or close, what comes behind is nobody's message; Node may read on
    if outcome == "end" and (len(theirs), their_outcome) != (len(mine), "end"):
        return f"{len(mine)} messages, to node {len(theirs)} and {their_outcome}"
    return None


def main():
    print("1..2")
    node = shutil.which("node")
    if node is None:
        print("ok 1 - node accepts what we accept # SKIP no node\nok 2 - enough was accepted to say so # SKIP no node")
        return 0
    seed = int(os.environ.get("TARN_SEED") or random.SystemRandom().getrandbits(32))
    batches = 60 if os.environ.get("TARN_LONG") else 4
    print(f"# seed {seed}, {batches * BATCH} connections", flush=True)
    generator = random.Random(seed)
    wrong, messages, refused = [], 0, 0
    for _ in range(batches):
        streams = [request_mutations.connection(generator) for _ in range(BATCH)]
        ours = run([sys.argv[1]], streams)
        methods, *theirs = run([node, os.path.join(HERE, "node_messages.mjs")], streams)
        assert len(ours) == len(theirs) == BATCH, f"{len(ours)} and {len(theirs)} answers to {BATCH}"
        methods = set(methods.split(" "))
        for stream, mine, other in zip(streams, ours, theirs):
            messages += mine.count(" ")
            refused += mine.split(" ")[-1].isdigit()
            problem = disagreement(mine, other, methods)
            if problem:
                wrong.append((problem, stream, mine, other))
    print(("not " if wrong else "") + "ok 1 - node accepts what we accept, as the same messages")
    for problem, stream, mine, other in wrong[:20]:
        print(f"# {problem}: {stream!r}\n#   ours {mine}\n#   node {other}")
    print(f"# {len(wrong)} disagreements; {messages} messages accepted, {refused} connections refused")
    is_telling = messages > batches * BATCH // 2 and refused > batches * BATCH // 10
    print(("" if is_telling else "not ") + "ok 2 - enough was accepted and enough refused to say so")
    return 1 if wrong or not is_telling else 0


if __name__ == "__main__":
    sys.exit(main())
