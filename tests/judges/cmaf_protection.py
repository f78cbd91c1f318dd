# SPDX-License-Identifier: Apache-2.0
"""Sample auxiliary information of common encryption (ISO/IEC 23001-7): senc, saiz and saio say the same."""

from boxes import Malformed, fields

NALS = ("avc1", "avc3", "hvc1", "hev1")


def complaints(header, fragment, data):
    traf = fragment.moof.find("traf")
    senc, saiz, saio = traf.find("senc"), traf.find("saiz"), traf.find("saio")
    if header.tenc is None:
        return [("clear", "senc in a clear track")] if senc or saiz or saio else []
    whole_samples = not header.tenc["iv_size"] and header.format not in NALS
    wrong = group_complaints(header, traf, len(fragment.samples))
    if senc is None:
        # constant IVs and no subsamples: nothing to say of a sample
        missing = [("clear", f"no senc in the moof at {fragment.moof.start}")]
        return wrong + ([] if whole_samples and not (saiz or saio) else missing)
    try:
        entries = read_entries(senc, header.tenc["iv_size"])
    except Malformed as problem:
        return [("senc", str(problem))]
    if len(entries) != len(fragment.samples):
        return [("senc", f"{len(entries)} entries for {len(fragment.samples)} samples")]
    wrong += check_sizes(saiz, [size for size, _, _ in entries])
    where = senc.start + senc.header + 8
    if saio is None or read_offsets(saio) != [where - fragment.moof.start]:
        wrong.append(("saio", f"{saio and read_offsets(saio)}, the entries are at {where - fragment.moof.start}"))
    elif where + sum(size for size, _, _ in entries) > len(data):
        wrong.append(("saio", "beyond the end"))
    ivs = [iv for _, iv, _ in entries if iv]
    if len(set(ivs)) != len(ivs):
        wrong.append(("senc", "an IV is used twice"))
    for number, ((_, _, subsamples), sample) in enumerate(zip(entries, fragment.samples)):
        if subsamples is not None and sum(map(sum, subsamples)) != sample.size:
            wrong.append(("subsamples", f"sample {number}: {sum(map(sum, subsamples))} of {sample.size} bytes"))
        elif subsamples is None and header.format in NALS:
            wrong.append(("subsamples", f"sample {number} has none"))
        elif subsamples is not None and header.scheme == "cenc" and any(encrypted % 16 for _, encrypted in subsamples):
            wrong.append(("subsamples", f"sample {number}: encrypted ranges that are no whole blocks"))
    return wrong


def group_complaints(header, traf, samples):
    """23001-7 clause 6: where a chunk names its key, it is the header's, and holds for all of its samples."""
    sgpd, sbgp = traf.find("sgpd"), traf.find("sbgp")
    if sgpd is None and sbgp is None:
        return []
    if sgpd is None or sbgp is None or sgpd.data[4:8] != b"seig" or sbgp.data[4:8] != b"seig":
        return [("seig", "sgpd and sbgp are not a pair of seig")]
    length, count = fields(sgpd, "II", 8)
    entry = sgpd.data[16:]
    if count != 1 or length != len(entry) or entry[4:20].hex() != header.tenc["kid"].replace("-", ""):
        return [("seig", f"{count} entries of {length} bytes, {entry[4:20].hex()} and not {header.tenc['kid']}")]
    if fields(sbgp, "III", 8) != (1, samples, 0x10001):
        return [("seig", f"sbgp says {fields(sbgp, 'III', 8)} of {samples} samples")]
    return []


def read_entries(senc, iv_size):
    """[(bytes, IV, [(clear, encrypted)] or None)]"""
    count, = fields(senc, "I")
    entries, at = [], 8
    for _ in range(count):
        begin = at
        iv = senc.data[at:at + iv_size]
        at += iv_size
        subsamples = None
        if senc.flags & 2:
            number, = fields(senc, "H", at)
            subsamples = [fields(senc, "HI", at + 2 + 6 * index) for index in range(number)]
            at += 2 + 6 * number
        entries.append((at - begin, iv, subsamples))
    if at != len(senc.data):
        raise Malformed(f"senc has {len(senc.data)} bytes, its entries end at {at}")
    return entries


def check_sizes(saiz, sizes):
    if saiz is None:
        return [("saiz", "there is none")]
    at = 4 + (8 if saiz.flags & 1 else 0)
    default, count = fields(saiz, "BI", at)
    said = [default] * count if default else list(saiz.data[at + 5:])
    return [] if said == sizes else [("saiz", f"{said[:8]}, senc has {sizes[:8]}")]


def read_offsets(saio):
    at = 4 + (8 if saio.flags & 1 else 0)
    count, = fields(saio, "I", at)
    return [fields(saio, "Q" if saio.version else "I", at + 4 + index * (8 if saio.version else 4))[0] for index in range(count)]
