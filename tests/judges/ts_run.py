# SPDX-License-Identifier: Apache-2.0
"""A judge of HLS media segments in transport streams, each on its own and as a run. It shares no code with the writer.
Complaints are (rule, text)."""

from ts_packets import PCR_HZ, apart
from ts_segment import MAX_PCR_INTERVAL, PCR_WRAP, Segment, kind_of


def check(data):
    """Complaints of one segment."""
    return Segment(data).complaints


def check_run(parts):
    """Complaints of the segments of one playlist: [(name, bytes, whether a discontinuity or a gap is before it)]."""
    complaints, before = [], None
    for name, data, breaks in parts:
        segment = Segment(data)
        complaints += [(rule, f"{name}: {text}") for rule, text in segment.complaints]
        if before is not None and not breaks:
            complaints += [(rule, f"{name}: {text}") for rule, text in between(before, segment)]
        before = segment
    return complaints


def between(before, now):
    wrong = []
    if before.pmt_body != now.pmt_body and before.pmt_version == now.pmt_version:
        wrong.append(("pmt-version", "the PMT has changed, its version has not"))
    for pid, packets in now.pes.items():
        earlier = before.pes.get(pid)
        if not packets or not earlier or None in (packets[0].pts, earlier[-1].pts):
            continue
        step = apart(packets[0].dts, earlier[-1].dts)
        if step < 0 or step == 0 and kind_of(now.streams[pid].stream_type) != "data":
            wrong.append(("dts-run", f"PID {pid:#x} begins {-step} ticks before the last segment's end"))
    if before.pcrs and now.pcrs:
        step = apart(now.pcrs[0][1], before.pcrs[-1][1], PCR_WRAP)
        if step <= 0:
            wrong.append(("pcr-run", f"the clock goes back {-step} ticks"))
        elif step > MAX_PCR_INTERVAL:
            wrong.append(("pcr-run", f"{step / PCR_HZ * 1000:.1f} ms since the last segment's PCR"))
    return wrong
