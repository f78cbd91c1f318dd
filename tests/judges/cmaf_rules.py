# SPDX-License-Identifier: Apache-2.0
"""What a CMAF header or segment can be complained of; clauses without a document are those of ISO/IEC 23000-19 (CMAF)."""

RULES = {
    "boxes": "ISO/IEC 14496-12 4.2: boxes that add up",
    "header-brands": "7.2: cmfc or cmf2", "header-boxes": "7.3.1: ftyp and moov",
    "one-track": "7.3.2.1: one track", "trex": "7.3.2.1: of this track", "no-samples": "7.5.12: none in the header",
    "timescale": "ISO/IEC 14496-12 8.4.2", "handler": "7.5.6: as the sample entry", "dimensions": "7.5.4: of video only",
    "tenc": "ISO/IEC 23001-7 8.2: protection says how", "segment-brands": "7.2: of segments, if any",
    "order": "7.3.2.3: styp, prft, emsg and sidx before moof, mdat behind it", "one-traf": "7.3.2.3: one track fragment",
    "track-id": "7.5.16: that of the header", "base-is-moof": "7.5.16: offsets from the moof",
    "tfdt": "7.5.17: one, as the samples before it end", "sequence": "ISO/IEC 14496-12 8.8.5: rising",
    "durations": "7.5.18: every sample lasts", "sample-sizes": "every sample has bytes",
    "data-offset": "ISO/IEC 14496-12 8.8.8: samples lie in the mdat", "mdat-whole": "7.3.2.3: samples fill the mdat",
    "presentation": "every moment has one picture", "composition": "7.5.18: cmf2 has negative offsets, version 1",
    "begins-with-sync": "7.3.2.3: a fragment begins with one", "sync-flags": "ISO/IEC 14496-12 8.8.3.1: as the NAL units",
    "nal-lengths": "ISO/IEC 14496-15 5.3.2: as long as the sample", "in-band-sets": "ISO/IEC 14496-15 5.3.2: none in avc1, hvc1",
    "sidx": "ISO/IEC 14496-12 8.16.3: exact", "emsg": "ISO/IEC 23001-18, DASH 5.10.3.3: fields of the track",
    "prft": "ISO/IEC 14496-12 8.16.5: of the track", "senc": "ISO/IEC 23001-7 7.2: an entry a sample",
    "saiz": "ISO/IEC 23001-7 7.1: sizes as in senc", "saio": "ISO/IEC 23001-7 7.1: the first entry of senc",
    "subsamples": "ISO/IEC 23001-7 9.5: they add up to the sample", "clear": "encrypted tracks have senc, clear ones none",
    "seig": "ISO/IEC 23001-7 6: a chunk that names its key names the header's, for all of its samples",
}
