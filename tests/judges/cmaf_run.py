# SPDX-License-Identifier: Apache-2.0
"""A judge of CMAF tracks: a header, and segments each on its own and as a run. It shares no code with the writer.
Complaints are (rule, text)."""

from cmaf_header import Header
from cmaf_segment import ROUNDING, Segment


def check_run(header, parts):
    """`parts`: [(name, bytes, whether a gap is before it)] of one header; complaints and the segments that were read."""
    wrong, before, segments = [(rule, f"header: {text}") for rule, text in header.complaints], None, []
    for name, data, gap in parts:
        segment = Segment(data, header)
        wrong += [(rule, f"{name}: {text}") for rule, text in segment.complaints]
        if before is not None and segment.fragments and before.fragments:
            wrong += [(rule, f"{name}: {text}") for rule, text in between(before, segment, gap)]
        before = segment
        segments.append(segment)
    return wrong, segments


def between(before, now, gap):
    wrong = []
    if now.begin < before.end or now.begin - before.end > ROUNDING and not gap:
        wrong.append(("tfdt", f"it begins at {now.begin}, the segment before it ends at {before.end}"))
    if now.fragments[0].sequence <= before.fragments[-1].sequence:
        wrong.append(("sequence", f"{now.fragments[0].sequence} behind {before.fragments[-1].sequence}"))
    return wrong


def check(header_bytes, parts):
    return check_run(Header(header_bytes), parts)[0]
