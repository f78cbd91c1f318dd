# SPDX-License-Identifier: Apache-2.0
"""One CMAF segment of a track, read with its header, and what is wrong with it as (rule, text)."""

from fractions import Fraction

import cmaf_protection
from boxes import Malformed, brands, fields, read_boxes, read_trun
from cmaf_rules import RULES

SEGMENT_BRANDS = {"msdh", "msix", "cmfs", "cmff", "cmfl", "lmsg"}
# How long the last picture of a file of the encoder's lasts is known when the next one comes. Where a picture is no whole
# number of ticks, such as at 23.976 pictures a second, it may have been a tick more.
ROUNDING = 1
SECONDS_BEFORE_1970 = 70 * 365 * 86400 + 17 * 86400
AVC_SYNC, HEVC_SYNC = {5}, set(range(16, 22))


class Fragment:
    """A moof and its mdat."""

    def __init__(self, moof, mdat):
        self.moof, self.mdat = moof, mdat
        self.sequence = self.base = 0
        self.samples = []

    @property
    def duration(self):
        return sum(sample.duration for sample in self.samples)


class Segment:
    def __init__(self, data, header):
        self.data, self.header = data, header
        self.complaints = []
        self.fragments = []
        self.events = []  # emsg: (scheme, value, time, id)
        self.producer = None  # prft: (seconds since 1970, time of the track)
        try:
            self.read(read_boxes(data))
        except Malformed as problem:
            self.say("boxes", str(problem))

    def say(self, rule, text):
        assert rule in RULES, rule
        self.complaints.append((rule, text))

    @property
    def samples(self):
        return [sample for fragment in self.fragments for sample in fragment.samples]

    @property
    def begin(self):
        return self.fragments[0].base if self.fragments else 0

    @property
    def end(self):
        return self.fragments[-1].base + self.fragments[-1].duration if self.fragments else 0

    def presentation(self):
        """[(time, duration)] in the order of presentation."""
        times = []
        for fragment in self.fragments:
            at = fragment.base
            for sample in fragment.samples:
                times.append((at + sample.composition, sample.duration))
                at += sample.duration
        return sorted(times)

    def read(self, top):
        self.check_order(top)
        for index, box in enumerate(top):
            if box.type == "styp":
                major, compatible = brands(box)
                if not {major, *compatible} & SEGMENT_BRANDS:
                    self.say("segment-brands", f"{major} {compatible}")
            elif box.type == "emsg":
                self.read_event(box)
            elif box.type == "prft":
                self.read_producer(box)
            elif box.type == "moof" and index + 1 < len(top) and top[index + 1].type == "mdat":
                self.read_fragment(box, top[index + 1])
        for before, now in zip(self.fragments, self.fragments[1:]):
            self.check_follows(before, now)
        for box in top:
            if box.type == "sidx":
                self.check_index(box)
        self.check_presentation()

    def check_order(self, top):
        names = [box.type for box in top]
        stage = 0
        for index, name in enumerate(names):
            allowed = {"styp": 0, "sidx": 2, "prft": 2, "emsg": 2, "moof": 3, "mdat": 4}.get(name)
            if allowed is None:
                self.say("order", f"a box {name}")
            elif name == "styp" and index or name == "sidx" and "moof" in names[:index]:
                self.say("order", f"{name} behind {names[index - 1]}")
            elif name == "mdat" and names[index - 1:index] != ["moof"] or stage == 3 and name != "mdat":
                self.say("order", f"{name} behind {names[index - 1:index]}")
            stage = allowed if allowed is not None else stage
        if "moof" not in names or names[-1:] != ["mdat"]:
            self.say("order", f"it has only {names}")

    def read_producer(self, box):
        track, seconds, fraction, time = fields(box, "IIIQ" if box.version else "IIII")
        if track != self.header.track_id:
            self.say("prft", f"of track {track}")
        self.producer = (seconds - SECONDS_BEFORE_1970 + Fraction(fraction, 2**32), time)

    def read_event(self, box):
        timescale_ok, event = True, None
        if box.version == 1:
            timescale, time, _, number = fields(box, "IQII")
            scheme, value = box.data[24:].split(b"\0", 2)[:2]
            timescale_ok = timescale == self.header.timescale
            event = (scheme, value, time, number)
        if not timescale_ok or event is None or b":" not in event[0]:
            self.say("emsg", f"version {box.version}, {event}, or a timescale other than {self.header.timescale}")
        self.events.append(event)

    def read_fragment(self, moof, mdat):
        fragment = Fragment(moof, mdat)
        tracks = moof.all("traf")
        if len(tracks) != 1 or moof.find("mfhd") is None:
            self.say("one-traf", f"{len(tracks)} in the moof at {moof.start}")
            return
        traf = tracks[0]
        fragment.sequence, = fields(moof.find("mfhd"), "I")
        tfhd, times = traf.find("tfhd"), traf.all("tfdt")
        if tfhd is None or fields(tfhd, "I")[0] != self.header.track_id:
            self.say("track-id", f"the moof at {moof.start} is not of track {self.header.track_id}")
            return
        if tfhd.flags & 1 or not tfhd.flags & 0x20000:
            self.say("base-is-moof", f"tfhd at {tfhd.start} has flags {tfhd.flags:#x}")
        if len(times) != 1:
            self.say("tfdt", f"{len(times)} in the moof at {moof.start}")
            return
        fragment.base, = fields(times[0], "Q" if times[0].version else "I")
        for trun in traf.all("trun"):
            if not trun.flags & 1:
                self.say("data-offset", f"trun at {trun.start} has none")
            if trun.flags & 0x800 and not trun.version and "cmf2" in self.header.brands:
                self.say("composition", f"trun at {trun.start} has version 0")
            fragment.samples += read_trun(trun, tfhd, self.header.trex, moof.start)
        self.fragments.append(fragment)
        self.check_data(fragment)
        for rule, text in cmaf_protection.complaints(self.header, fragment, self.data):
            self.say(rule, text)
        self.check_samples(fragment)

    def check_data(self, fragment):
        begin, end = fragment.mdat.start + fragment.mdat.header, fragment.mdat.end
        if not fragment.samples:
            self.say("durations", f"no sample in the moof at {fragment.moof.start}")
        at = begin
        for number, sample in enumerate(fragment.samples):
            if sample.offset != at or sample.offset + sample.size > end:
                self.say("data-offset", f"sample {number} at {sample.offset}, {sample.size} bytes; the mdat is at {begin} to {end}")
                return
            at += sample.size
            if not sample.size:
                self.say("sample-sizes", f"sample {number} is empty")
            if not sample.duration:
                self.say("durations", f"sample {number} has no duration")
        if at != end:
            self.say("mdat-whole", f"{end - at} bytes of the mdat belong to no sample")

    def check_samples(self, fragment):
        if fragment.samples and not fragment.samples[0].is_sync:
            self.say("begins-with-sync", f"the fragment at {fragment.moof.start} does not")
        if not self.header.nal_length:
            return
        avc = self.header.format in ("avc1", "avc3")
        for number, sample in enumerate(fragment.samples):
            found = self.nal_types(sample, avc)
            if found is None:
                self.say("nal-lengths", f"sample {number} of the moof at {fragment.moof.start}")
                continue
            is_sync = bool(set(found) & (AVC_SYNC if avc else HEVC_SYNC))
            if is_sync != sample.is_sync:
                self.say("sync-flags", f"sample {number} at {fragment.moof.start}: flags {sample.flags:#x}, NAL units {found}")
            if self.header.format in ("avc1", "hvc1") and set(found) & ({7, 8} if avc else {32, 33, 34}):
                self.say("in-band-sets", f"sample {number} has NAL units {found}")

    def nal_types(self, sample, avc):
        """Lengths and headers are in the clear in encrypted samples, too."""
        data = self.data[sample.offset:sample.offset + sample.size]
        found, at, width = [], 0, self.header.nal_length
        while at < len(data):
            length = int.from_bytes(data[at:at + width], "big")
            if at + width + length > len(data) or not length:
                return None
            found.append(data[at + width] & 31 if avc else data[at + width] >> 1 & 63)
            at += width + length
        return found

    def check_follows(self, before, now):
        if now.sequence <= before.sequence:
            self.say("sequence", f"{now.sequence} behind {before.sequence}")
        if not 0 <= now.base - before.base - before.duration <= ROUNDING:
            self.say("tfdt", f"{now.base} where the samples end at {before.base + before.duration}")

    def check_presentation(self):
        times = self.presentation()
        for (before, duration), (now, _) in zip(times, times[1:]):
            if now == before or self.header.handler != "vide" and now != before + duration:
                self.say("presentation", f"a sample at {now} behind {before}, which lasts {duration}")
        if times and "cmf2" in self.header.brands and self.fragments and times[0][0] < 0:
            self.say("composition", f"the first sample shows at {times[0][0]}")

    def check_index(self, box):
        reference, timescale = fields(box, "II")
        earliest, first = fields(box, "QQ" if box.version else "II", 12)
        at = 28 if box.version else 20
        _, count = fields(box, "HH", at)
        sizes, durations = 0, 0
        for number in range(count):
            size, duration, _ = fields(box, "III", at + 4 + number * 12)
            sizes, durations = sizes + (size & 0x7FFFFFFF), durations + duration
        times = self.presentation()
        exact = (reference == self.header.track_id and timescale == self.header.timescale and times and
                 earliest == times[0][0] and box.end + first + sizes == len(self.data) and durations == self.end - self.begin)
        if not exact:
            self.say("sidx", f"track {reference}, timescale {timescale}, from {earliest}, {sizes} bytes, {durations} ticks")
