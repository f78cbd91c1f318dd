# SPDX-License-Identifier: Apache-2.0
"""What an MPD can be complained of: ISO/IEC 23009-1 (clauses without a document) and the DASH-IF interoperability points
for live services (IOP), beyond what the schema says."""

RULES = {
    "root": "5.3.1.2: type and profile", "availability": "5.3.1.2: availabilityStartTime of live, not in the future",
    "publish-time": "5.3.1.2: of live, between availabilityStartTime and now", "update-period": "5.3.1.2: of live only",
    "min-buffer": "5.3.1.2: positive, not more than the presentation delay",
    "delay": "IOP 4.3.3.2.3: within the window, a segment at least", "window": "5.3.1.2: time shift buffer of live only",
    "duration": "5.3.1.2: a static presentation lasts as long as its last segment",
    "utc-timing": "IOP 4.7: a clock that answers with the time",
    "period-id": "5.3.2.2: there and unique", "period-start": "5.3.2.2: ascending, not before the last one's end",
    "period-continuity": "IOP 5.3.2.4: continuous Periods adjoin",
    "set-id": "5.3.3.2: there and unique in the Period", "set-type": "IOP 3.2.13: contentType as mimeType",
    "representation-id": "5.3.5.2: there and unique in the Period, no white space", "bandwidth": "5.3.5.2: positive",
    "codecs": "IOP 3.2.13: as the header", "video": "IOP 3.2.13: width, height, frame rate, as the header",
    "audio": "IOP 3.2.13: sampling rate and channels", "role": "ISO/IEC 23009-1 5.8.5.5: of its vocabulary",
    "language": "RFC 5646", "template": "5.3.9.4: initialization, and media with $Time$",
    "timescale": "IOP 4.3.2.2: that of the header", "timeline": "5.3.9.6: begins with @t, every segment lasts",
    "overlap": "5.3.9.6.1: no segment begins before the last one's end", "alignment": "5.3.3.2: as segmentAlignment says",
    "period-bounds": "IOP 4.3.2.2: segments lie in their Period", "future": "5.3.9.5.3: what is listed is there",
    "segment-time": "IOP 4.3.2.2.2: tfdt as @t, the first picture always so much later", "segment-duration": "IOP: samples last as @d says",
    "producer-time": "ISO/IEC 14496-12 8.16.5: prft has the date that the MPD gives the time",
    "protection": "IOP 7.5: mp4protection of what is encrypted, as the header", "default-kid": "IOP 7.5: that of the header",
    "pssh": "ISO/IEC 23001-7 8.1: of the system it stands at", "events": "5.10.3.3: emsg schemes are announced",
    "update": "5.4: updates change nothing that was there", "status": "what is listed is served",
}
ROLES = {"caption", "subtitle", "main", "alternate", "supplementary", "commentary", "dub", "description", "sign", "metadata",
         "enhanced-audio-intelligibility", "emergency", "forced-subtitle", "easyreader", "karaoke"}
