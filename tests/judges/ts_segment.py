# SPDX-License-Identifier: Apache-2.0
"""One HLS media segment in a transport stream, which has to be decodable on its own: its packets, tables, clocks and
access units, and what is wrong with them as (rule, text)."""

import elementary
from ts_rules import RULES
from ts_packets import (PACKET, PCR_HZ, Pes, apart, crc32, read_packet, read_pat, read_pes, read_pmt)

PCR_WRAP = (1 << 33) * 300
MAX_PCR_INTERVAL = PCR_HZ * 40 // 1000
MAX_TABLE_INTERVAL = PCR_HZ // 2  # ETSI TR 101 290, 5.2.1
MAX_DELAY = {"video": 10 * PCR_HZ, "audio": PCR_HZ}  # 2.4.2.6
NULL_PID = 0x1FFF
VIDEO = {0x1B: elementary.AVC, 0x24: elementary.HEVC}
AUDIO = {0x0F: elementary.adts_frames, 0x81: elementary.ac3_frames, 0x87: elementary.ac3_frames,
         0x03: elementary.mpeg_audio_frames, 0x04: elementary.mpeg_audio_frames}
REGISTRATION = {0x81: b"AC-3", 0x87: b"EAC3"}  # A/53 part 3 annex A, ANSI/SCTE 128: what Apple's players look for


def kind_of(stream_type):
    return "video" if stream_type in VIDEO else "audio" if stream_type in AUDIO else "data"


class Segment:
    def __init__(self, data):
        self.complaints = []
        self.packets = []
        self.pmt_version = self.pmt_body = self.pcr_pid = None
        self.streams = {}  # PID -> Stream
        self.pes = {}  # PID -> [Pes]
        self.pcrs = []  # (index of the packet, ticks)
        self.read_packets(data)
        if not self.packets:
            return
        self.read_tables()
        self.check_continuity()
        self.check_clock()
        self.gather()
        for stream in self.streams.values():
            self.check_stream(stream)
        self.check_beginning()

    def say(self, rule, text):
        assert rule in RULES, rule
        self.complaints.append((rule, text))

    def of(self, pid):
        return [packet for packet in self.packets if packet.pid == pid]

    def read_packets(self, data):
        if not data or len(data) % PACKET:
            self.say("packets", f"{len(data)} bytes are no whole packets")
        for index in range(len(data) // PACKET):
            packet = read_packet(data, index)
            if packet is None:
                self.say("sync-byte", f"packet {index} has none")
                continue
            self.packets.append(packet)
            if packet.transport_error:
                self.say("transport-error", f"packet {index}")
            if packet.scrambled:
                self.say("scrambled", f"packet {index}")
            if packet.bad_adaptation:
                self.say("adaptation", f"packet {index}: the adaptation field does not add up")

    def sections(self, pid, table_id, name):
        """The payload of each section of the PID, in order; sections of one packet only, which PAT and PMT are here."""
        found = []
        for packet in self.of(pid):
            if not packet.unit_start or not packet.payload:
                self.say(name, f"packet {packet.index} continues a section")
                continue
            start = 1 + packet.payload[0]
            length = 3 + (int.from_bytes(packet.payload[start + 1:start + 3], "big") & 0xFFF)
            section, rest = packet.payload[start:start + length], packet.payload[start + length:]
            if len(section) < length or length < 12 or section[0] != table_id or section[1] & 0xC0 != 0x80:
                self.say(name, f"packet {packet.index} has no whole section of table {table_id}")
                continue
            if rest.strip(b"\xff"):
                self.say(name, f"packet {packet.index} is not stuffed behind its section")
            if crc32(section):
                self.say(f"{name}-crc", f"packet {packet.index}")
                continue
            if section[6] or section[7] or not section[5] & 1:
                self.say(name, f"packet {packet.index}: section {section[6]} of {section[7]}, or not the one that holds")
            found.append((packet.index, section))
        if not found:
            self.say(name, "there is none")
        for (_, first), (index, later) in zip(found, found[1:]):
            if later != first:
                self.say(f"{name}-version", f"the table changes inside the segment, in packet {index}")
        return found

    def read_tables(self):
        pat = self.sections(0, 0, "pat")
        if not pat:
            return
        programs = {number: pid for number, pid in read_pat(pat[0][1]).items() if number}
        if len(programs) != 1:
            self.say("pat", f"{len(programs)} programs")
            return
        pmt_pid = next(iter(programs.values()))
        pmt = self.sections(pmt_pid, 2, "pmt")
        if not pmt:
            return
        section = pmt[0][1]
        if int.from_bytes(section[3:5], "big") != next(iter(programs)):
            self.say("pmt", "it is of another program than the PAT names")
        content = read_pmt(section)
        if content is None:
            self.say("pmt", "its loops do not add up")
            return
        self.pcr_pid, program, streams = content
        self.pmt_version, self.pmt_body = section[5] >> 1 & 31, section[8:-4]
        self.streams = {stream.pid: stream for stream in streams}
        if len(self.streams) != len(streams):
            self.say("pmt", "a PID is listed twice")
        self.check_descriptors(program, streams)
        allowed = {0, pmt_pid, NULL_PID, self.pcr_pid, *self.streams}
        for pid in {packet.pid for packet in self.packets} - allowed:
            self.say("pid", f"PID {pid:#x} is not in the PMT")
        self.tables = [index for index, _ in pat], [index for index, _ in pmt]

    def check_descriptors(self, program, streams):
        for stream in streams:
            has = dict(stream.descriptors)
            wanted = REGISTRATION.get(stream.stream_type)
            if wanted and has.get(5, b"")[:4] != wanted:
                self.say("descriptor", f"PID {stream.pid:#x} has no registration as {wanted.decode()}")
            if stream.stream_type == 0x15 and (has.get(0x26, b"")[2:6] != b"ID3 " or 0x25 not in dict(program)):
                self.say("descriptor", f"PID {stream.pid:#x}: metadata without metadata descriptor and pointer for ID3")
            if stream.stream_type == 0x86 and dict(program).get(5) != b"CUEI":
                self.say("descriptor", "SCTE 35 without the registration CUEI of the program")
            if stream.stream_type not in {*VIDEO, *AUDIO, 0x15, 0x86}:
                self.say("stream-type", f"PID {stream.pid:#x} has {stream.stream_type:#x}")
            if 0x0A in has and (len(has[0x0A]) % 4 or not has[0x0A][:3].isalpha() or not has[0x0A][:3].islower()):
                self.say("descriptor", f"PID {stream.pid:#x}: language {has[0x0A]!r}")

    def check_continuity(self):
        """Counters start at 0, follow each other and end at 15 (semantics S16)."""
        for pid in {packet.pid for packet in self.packets} - {NULL_PID}:
            expected, payloads = 0, 0
            for packet in self.of(pid):
                if packet.discontinuity:
                    self.say("continuity", f"PID {pid:#x}: discontinuity_indicator in packet {packet.index}")
                wanted = expected if packet.has_payload else (expected - 1) % 16
                if packet.counter != wanted:
                    self.say("continuity", f"PID {pid:#x}: packet {packet.index} has {packet.counter}, not {wanted}")
                    break
                payloads += packet.has_payload
                expected = payloads % 16
            else:
                if payloads % 16:
                    self.say("continuity-end", f"PID {pid:#x} has {payloads} packets with payload")

    def check_clock(self):
        for packet in self.packets:
            if packet.pcr is None:
                continue
            if packet.pid != self.pcr_pid:
                self.say("pcr-pid", f"packet {packet.index} of PID {packet.pid:#x} has a PCR")
            else:
                self.pcrs.append((packet.index, packet.pcr))
        if not self.pcrs:
            self.say("pcr", "there is none")
        for (_, before), (index, now) in zip(self.pcrs, self.pcrs[1:]):
            step = apart(now, before, PCR_WRAP)
            if step <= 0:
                self.say("pcr", f"packet {index}: {step} ticks after the one before")
            elif step > MAX_PCR_INTERVAL:
                self.say("pcr-interval", f"packet {index}: {step / PCR_HZ * 1000:.1f} ms after the one before")
        self.check_table_interval()

    def clock_at(self, index, after=False):
        """The last PCR up to a packet, or the first one behind it; None when there is none."""
        if after:
            return next((ticks for at, ticks in self.pcrs if at > index), None)
        return next((ticks for at, ticks in reversed(self.pcrs) if at <= index), None)

    def check_table_interval(self):
        for name, indices in zip(("pat", "pmt"), getattr(self, "tables", ())):
            for before, now in zip(indices, indices[1:]):
                times = self.clock_at(before), self.clock_at(now)
                if None not in times and apart(times[1], times[0], PCR_WRAP) > MAX_TABLE_INTERVAL:
                    self.say(f"{name}-interval", f"more than 500 ms up to packet {now}")

    def gather(self):
        for pid, stream in self.streams.items():
            if stream.stream_type == 0x86:  # sections
                continue
            group, self.pes[pid] = [], []
            for packet in [packet for packet in self.of(pid) if packet.has_payload]:
                if packet.unit_start and group:
                    self.take(pid, group)
                    group = []
                elif not packet.unit_start and not group:
                    self.say("pes", f"PID {pid:#x} begins in the middle of a PES packet")
                group.append(packet)
            if group:
                self.take(pid, group)

    def take(self, pid, group):
        pes = read_pes(group)
        if pes is None:
            self.say("pes", f"PID {pid:#x}: packet {group[0].index} begins no PES packet")
            return
        self.pes[pid].append(pes)
        video = kind_of(self.streams[pid].stream_type) == "video"
        if pes.length != pes.actual and not (video and pes.length == 0):
            self.say("pes-length", f"PID {pid:#x}: packet {group[0].index} says {pes.length}, has {pes.actual}")
        if pes.pts is None:
            self.say("pts", f"PID {pid:#x}: packet {group[0].index} has none")
        allowed = {"video": range(0xE0, 0xF0), "data": [0xBD], "audio": [*range(0xC0, 0xE0), 0xBD]}
        wanted = allowed[kind_of(self.streams[pid].stream_type)]
        if pes.stream_id not in wanted:
            self.say("stream-id", f"PID {pid:#x}: {pes.stream_id:#x}")

    def check_stream(self, stream):
        kind = kind_of(stream.stream_type)
        packets: list[Pes] = [pes for pes in self.pes.get(stream.pid, []) if pes.pts is not None]
        for before, now in zip(packets, packets[1:]):
            step = apart(now.dts, before.dts)
            if step < 0 or step == 0 and kind != "data":
                self.say("dts", f"PID {stream.pid:#x}: packet {now.first.index} is {step} ticks after the one before")
        for pes in packets:
            if apart(pes.pts, pes.dts) < 0:
                self.say("pts", f"PID {stream.pid:#x}: packet {pes.first.index} is shown before it is decoded")
            if kind != "data":
                self.check_delay(stream, pes, MAX_DELAY[kind])
        if kind == "video":
            self.check_video(stream, packets)
        elif kind == "audio":
            self.check_audio(stream, packets)

    def check_delay(self, stream, pes, most):
        """All of it arrives before it is decoded, and not long before."""
        began, ended = self.clock_at(pes.first.index), self.clock_at(pes.last.index, after=True)
        where = f"PID {stream.pid:#x}: packet {pes.first.index}"
        if began is not None and apart(pes.dts * 300, began, PCR_WRAP) > most:
            self.say("pcr-early", f"{where} arrives {apart(pes.dts * 300, began, PCR_WRAP) / PCR_HZ:.3f} s before its DTS")
        last = ended if ended is not None else began
        if last is not None and apart(pes.dts * 300, last, PCR_WRAP) < 0:
            self.say("pcr-late", f"{where} arrives after its DTS by the PCR")

    def check_video(self, stream, packets):
        for number, pes in enumerate(packets):
            is_sync, wrong = elementary.video_complaints(VIDEO[stream.stream_type], pes.payload)
            for rule, text in wrong:
                self.say(rule, f"PID {stream.pid:#x}: packet {pes.first.index}: {text}")
            if is_sync != pes.first.random_access:
                self.say("random-access", f"packet {pes.first.index}: indicator {pes.first.random_access}, sync {is_sync}")
            if number == 0 and not is_sync:
                self.say("begins-with-sync", f"PID {stream.pid:#x} does not")

    def check_audio(self, stream, packets):
        for number, pes in enumerate(packets):
            count, rate, wrong = AUDIO[stream.stream_type](pes.payload)
            if wrong or not count:
                self.say("audio-frames", f"PID {stream.pid:#x}: packet {pes.first.index}: {wrong or 'empty'}")
            elif number + 1 < len(packets) and stream.stream_type == 0x0F:
                # the times of what follows agree with the samples, if it follows at once
                step = apart(packets[number + 1].pts, pes.pts)
                off = step - count * 1024 * 90000 / rate
                if -2000 < off < 0 and off < -2:
                    self.say("audio-overlap", f"PID {stream.pid:#x}: packet {pes.first.index} overlaps the next one")

    def check_beginning(self):
        pids = [packet.pid for packet in self.packets[:2]]
        pmt_pid = next((packet.pid for packet in self.packets if packet.pid not in {0, NULL_PID}), None)
        if not pids or pids[0] != 0:
            self.say("begins-with-pat", "it does not")
        elif len(pids) < 2 or pids[1] in self.streams or pids[1] != pmt_pid:
            self.say("begins-with-pmt", "the PMT does not follow the PAT at once")

    def first_times(self, kind):
        """[first DTS] of the streams of a kind, by PID."""
        return {pid: packets[0].dts for pid, packets in self.pes.items()
                if packets and packets[0].pts is not None and kind_of(self.streams[pid].stream_type) == kind}
