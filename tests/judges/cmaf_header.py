# SPDX-License-Identifier: Apache-2.0
"""A CMAF header, and what is wrong with it."""

from boxes import Malformed, brands, fields, read_boxes, sample_entry

HANDLERS = {"vide": "vmhd", "soun": "smhd", "text": "nmhd", "subt": "sthd", "meta": "nmhd"}
HANDLER_OF = {**dict.fromkeys(("avc1", "avc3", "hvc1", "hev1", "av01", "vp09", "encv"), "vide"),
              **dict.fromkeys(("mp4a", "ac-3", "ec-3", "Opus", "fLaC", "enca", ".mp3"), "soun"), "wvtt": "text", "stpp": "subt"}


class Header:
    def __init__(self, data):
        self.data = data
        self.complaints = []
        self.track_id = self.timescale = 0
        self.entry = self.handler = self.tenc = self.scheme = None
        self.format = ""  # of the sample entry, before it was encrypted
        self.trex = (0, 0, 0)
        self.size = (0, 0)
        try:
            self.read(read_boxes(data))
        except Malformed as problem:
            self.say("boxes", str(problem))

    def say(self, rule, text):
        self.complaints.append((rule, text))

    def read(self, top):
        names = [box.type for box in top]
        if names[:2] != ["ftyp", "moov"] or set(names[2:]) - {"free"}:
            self.say("header-boxes", f"{names}")
            return
        major, compatible = brands(top[0])
        self.brands = {major, *compatible}
        if not self.brands & {"cmfc", "cmf2"}:
            self.say("header-brands", f"{major} {compatible}")
        moov = top[1]
        tracks = moov.all("trak")
        if len(tracks) != 1:
            self.say("one-track", f"{len(tracks)} tracks")
            return
        self.read_track(moov, tracks[0])

    def read_track(self, moov, track):
        wanted = [("tkhd",), ("mdia", "mdhd"), ("mdia", "hdlr"), ("mdia", "minf", "dinf", "dref"), ("mdia", "minf", "stbl", "stsd")]
        tkhd, mdhd, hdlr, _, stsd = found = [track.find(*path) for path in wanted]
        if None in found or moov.find("mvhd") is None:
            self.say("header-boxes", "a box of the track is missing")
            return
        self.track_id, = fields(tkhd, "I", 20 if tkhd.version else 12)
        self.timescale, duration = fields(mdhd, "IQ", 20) if mdhd.version else fields(mdhd, "II", 12)
        if not self.timescale or duration:
            self.say("timescale", f"mdhd: timescale {self.timescale}, duration {duration}")
        self.size = tuple(each >> 16 for each in fields(tkhd, "II", len(tkhd.data) - 8))
        self.handler = hdlr.data[8:12].decode("latin-1")
        self.check_extends(moov)
        for name in ("stts", "stsc", "stsz", "stco"):
            box = track.find("mdia", "minf", "stbl", name)
            if box is None or fields(box, "I", 8 if name == "stsz" else 4)[0]:
                self.say("no-samples", f"{name} is missing or has entries")
        self.read_entry(sample_entry(stsd), track)

    def check_extends(self, moov):
        extends = moov.find("mvex").all("trex") if moov.find("mvex") else []
        if len(extends) != 1 or fields(extends[0], "I")[0] != self.track_id:
            self.say("trex", f"{len(extends)} boxes, or of another track")
        else:
            self.trex = fields(extends[0], "III", 12)

    def read_entry(self, entry, track):
        self.entry = self.format = entry.type
        if entry.type in ("encv", "enca"):
            self.read_protection(entry)
        kind = HANDLER_OF.get(entry.type)
        if kind != self.handler or track.find("mdia", "minf", HANDLERS.get(self.handler, "none")) is None:
            self.say("handler", f"{entry.type} with handler {self.handler}")
        if (self.handler == "vide") != all(self.size):
            self.say("dimensions", f"{self.size} of {entry.type}")
        self.nal_length = None
        config = entry.find("avcC") or entry.find("hvcC")
        if config:
            self.nal_length = (config.data[4 if config.type == "avcC" else 21] & 3) + 1

    def read_protection(self, entry):
        frma, schm, tenc = (entry.find("sinf", *path) for path in (("frma",), ("schm",), ("schi", "tenc")))
        if None in (frma, schm, tenc):
            self.say("tenc", "sinf has no frma, schm or tenc")
            return
        self.format, self.scheme = frma.data.decode("latin-1"), schm.data[4:8].decode("latin-1")
        pattern, protected, iv_size = tenc.data[5], tenc.data[6], tenc.data[7]
        constant = tenc.data[24] if not iv_size and len(tenc.data) > 24 else 0
        self.tenc = {"iv_size": iv_size, "pattern": (pattern >> 4, pattern & 15), "kid": tenc.data[8:24].hex()}
        if self.scheme not in ("cenc", "cbcs") or protected != 1:
            self.say("tenc", f"scheme {self.scheme}, isProtected {protected}")
        if self.scheme == "cenc" and (iv_size not in (8, 16) or pattern):
            self.say("tenc", f"cenc with IVs of {iv_size} bytes, pattern {pattern:#x}")
        if self.scheme == "cbcs" and (iv_size or constant not in (8, 16) or tenc.version != 1 or len(tenc.data) != 25 + constant):
            self.say("tenc", f"cbcs with IVs of {iv_size} bytes, a constant one of {constant}, version {tenc.version}")
        if self.scheme == "cbcs" and pattern != (0x19 if entry.type == "encv" else 0) and pattern != 0x10:
            self.say("tenc", f"cbcs with pattern {pattern:#x}")
