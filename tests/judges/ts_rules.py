# SPDX-License-Identifier: Apache-2.0
"""What a transport stream can be complained of; clauses without a document are those of ISO/IEC 13818-1."""

RULES = {
    "packets": "2.4.3.2: packets of 188 bytes", "sync-byte": "2.4.3.3", "transport-error": "2.4.3.3",
    "scrambled": "2.4.3.3", "adaptation": "2.4.3.4 and 2.4.3.5",
    "pat": "2.4.4.3: one whole section of one program", "pat-crc": "annex A", "pat-version": "2.4.4.5",
    "pat-interval": "ETSI TR 101 290, 5.2.1", "pmt": "2.4.4.8", "pmt-crc": "annex A", "pmt-version": "2.4.4.9",
    "pmt-interval": "ETSI TR 101 290, 5.2.1", "pid": "2.4.4.9: every PID is listed",
    "descriptor": "A/53 part 3, ANSI/SCTE 35 8.1, timed metadata for HLS", "stream-type": "what HLS carries",
    "continuity": "2.4.3.3, semantics S16: from 0 on", "continuity-end": "semantics S16: to 15",
    "pcr": "2.4.2.1: there, and rising", "pcr-pid": "2.4.4.9", "pcr-interval": "ETSI TR 101 154, 4.1.5: 40 ms",
    "pcr-early": "2.4.2.6: not longer in the buffers", "pcr-late": "2.4.2.6: whole before it is decoded",
    "pcr-run": "the same from segment to segment", "pes": "2.4.3.6", "pes-length": "2.4.3.7", "stream-id": "table 2-22",
    "pts": "2.7.4 and RFC 8216bis 3.1.1", "dts": "2.4.3.7: rising", "dts-run": "the same from segment to segment",
    "start-code": "ITU-T H.264 annex B", "aud": "2.14.1: a delimiter first", "one-unit": "one access unit a PES packet",
    "slice": "ITU-T H.264 7.4.1.2", "parameter-sets": "RFC 8216bis 3.1.1: at every sync sample",
    "random-access": "2.4.3.5", "begins-with-sync": "EXT-X-INDEPENDENT-SEGMENTS",
    "begins-with-pat": "RFC 8216bis 3.1.1", "begins-with-pmt": "RFC 8216bis 3.1.1",
    "audio-frames": "ISO/IEC 13818-7 6.2, A/52: whole frames", "audio-overlap": "2.7.4: a frame follows the one before",
}
