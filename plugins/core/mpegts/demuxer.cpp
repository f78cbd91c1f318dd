// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/demuxer.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "core/codecs/audio_frames.h"
#include "core/mpegts/avc_assembler.h"
#include "core/mpegts/frame_assembler.h"
#include "core/mpegts/hevc_assembler.h"
#include "core/mpegts/metadata_reader.h"
#include "core/mpegts/packet.h"
#include "core/mpegts/psi.h"

namespace tarn::mpegts {
namespace {

constexpr std::size_t max_segment_size = std::size_t{1} << 30U;
constexpr std::size_t max_ignored = 64;
constexpr std::size_t max_metadata_streams = 16;

// One PID with media on its way to an ElementaryStream.
struct Track {
  Track(std::unique_ptr<Assembler> made, Findings& findings)
      : assembler(std::move(made)), reader(*assembler, findings) {}

  std::unique_ptr<Assembler> assembler;
  PesReader reader;
  codecs::ElementaryStream stream;
};

// `segment_size`: what the assembler must be ready for at most
std::unique_ptr<Assembler> make_assembler(codecs::Codec codec, const ElementaryInfo& info,
                                          std::size_t segment_size, Findings& findings) {
  // Start codes of three bytes become lengths of four.
  const std::size_t video_size = segment_size + segment_size / 16;
  if (codec == codecs::Codec::h264) return std::make_unique<AvcAssembler>(video_size, findings);
  if (codec == codecs::Codec::hevc) return std::make_unique<HevcAssembler>(video_size, findings);
  return std::make_unique<FrameAssembler>(codecs::audio_syntax(codec, info.descriptors.aac),
                                          segment_size / 16 + packet_size, findings);
}

std::string describe_ignored(const ElementaryInfo& info) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string pid;
  for (const unsigned shift : {8U, 4U, 0U}) pid += digits[info.pid >> shift & 0x0FU];
  if (info.pid > 0xFFF) pid.insert(pid.begin(), '1');
  std::string type{digits[info.stream_type >> 4U], digits[info.stream_type & 0x0FU]};
  return "PID 0x" + pid + ": stream_type 0x" + type + " (" + std::string{stream_type_name(info.stream_type)} +
         ")";
}

class Demuxer {
 public:
  explicit Demuxer(Bytes segment) : segment_(segment) { roles_[pat_pid] = role_pat; }

  Result<codecs::MediaSegment> run(std::size_t first) {
    if (!find_program(first)) return refusal();
    PacketCursor packets{segment_, first};
    while (const std::uint8_t* p = packets.next()) {
      const std::uint8_t role = roles_[packet_pid(p)];
      if (role >= role_metadata) {
        metadata_[role - role_metadata].reader->push(p, decode_time());
      } else if (role >= role_track) {
        readers_[role - role_track]->push(p);
      } else if (role != role_none) {
        read_tables(role, parse_packet(p));
      }
      if (findings_.error) return *std::move(findings_.error);
    }
    findings_.damaged_packets += packets.losses();
    end(packets.tail());
    if (findings_.error) return *std::move(findings_.error);
    if (tracks_.empty()) return nothing_to_carry();
    return collect();
  }

 private:
  // What a PID is for; from role_track on, the index of its track, from role_metadata on, of its metadata.
  static constexpr std::uint8_t role_none = 0;
  static constexpr std::uint8_t role_pat = 1;
  static constexpr std::uint8_t role_pmt = 2;
  static constexpr std::uint8_t role_track = 3;
  static constexpr std::uint8_t role_metadata = role_track + max_elementary_streams;

  // Media may come before the tables (the first packets of a cut stream do): these are looked up first.
  bool find_program(std::size_t first) {
    PacketCursor packets{segment_, first};
    while (const std::uint8_t* p = packets.next()) {
      const std::uint8_t role = roles_[packet_pid(p)];
      if (role == role_pat || role == role_pmt) read_tables(role, parse_packet(p));
      if (findings_.error) return false;
      if (!program_.empty()) break;
    }
    findings_ = {};
    (void)pat_.abandon();
    (void)pmt_.abandon();
    counters_ = {};
    return !program_.empty();
  }

  Error refusal() {
    if (findings_.error) return *std::move(findings_.error);
    return malformed(pmt_pid_ ? "TS: the PAT names a program, but its PMT is missing" : "TS: no PAT");
  }

  void read_tables(std::uint8_t role, const Packet& packet) {
    if (packet.transport_error || packet.bad_length) {
      ++findings_.damaged_packets;
      return;
    }
    if (!packet.has_payload || !follows(counters_[role], packet)) return;
    if (role == role_pat) {
      const auto read = [this](Bytes section) { read_pat(section); };
      findings_.damaged_packets += pat_.push(packet.payload, packet.unit_start, read);
    } else {
      const auto read = [this](Bytes section) { read_pmt(section); };
      findings_.damaged_packets += pmt_.push(packet.payload, packet.unit_start, read);
    }
  }

  struct Counter {
    bool seen = false;
    std::uint8_t value = 0;
  };

  // Tables are small and repeated, so that a duplicate packet may as well be left out unseen.
  bool follows(Counter& counter, const Packet& packet) {
    const bool known = std::exchange(counter.seen, true);
    const std::uint8_t last = std::exchange(counter.value, packet.continuity_counter);
    if (!known || packet.continuity_counter == ((last + 1U) & 0x0FU)) return true;
    if (packet.continuity_counter == last) return false;
    if (!packet.discontinuity) ++findings_.continuity_errors;
    (void)(&counter == &counters_[role_pat] ? pat_ : pmt_).abandon();
    return true;
  }

  void read_pat(Bytes section) {
    const Result<std::uint16_t> pid = parse_pat(section);
    if (!pid.ok() || pmt_pid_ == *pid || roles_[*pid] >= role_track || *pid == pat_pid) return;
    if (pmt_pid_) roles_[*pmt_pid_] = role_none;
    pmt_pid_ = *pid;
    roles_[*pid] = role_pmt;
    (void)pmt_.abandon();
    counters_[role_pmt] = {};
  }

  void read_pmt(Bytes section) {
    if (std::equal(section.begin(), section.end(), program_.begin(), program_.end())) return;
    Result<ProgramMap> map = parse_pmt(section);
    if (!map.ok()) {
      if (map.error().code == ErrorCode::limit) findings_.refuse(std::move(map).error());
      return;
    }
    program_.assign(section.begin(), section.end());
    for (std::uint8_t& role : roles_) {
      if (role >= role_track) role = role_none;
    }
    for (const ElementaryInfo& info : map->streams) add_stream(info);
  }

  void add_stream(const ElementaryInfo& info) {
    if (is_encrypted_type(info.stream_type)) {
      findings_.refuse({ErrorCode::encrypted, describe_ignored(info)});
      return;
    }
    if (info.stream_type == stream_type_latm) {
      // A programme must not lose its sound unnoticed.
      findings_.refuse(unsupported(describe_ignored(info) + ": only AAC in ADTS is carried"));
      return;
    }
    const std::optional<codecs::Codec> codec = codec_of(info);
    if (!codec && add_metadata(info)) return;
    if (!codec) {
      std::string line = describe_ignored(info);
      const bool is_new = std::find(ignored_.begin(), ignored_.end(), line) == ignored_.end();
      if (is_new && ignored_.size() < max_ignored) ignored_.push_back(std::move(line));
      return;
    }
    if (roles_[info.pid] != role_none) return;
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
      if (tracks_[i]->stream.id != info.pid || tracks_[i]->stream.codec != *codec) continue;
      roles_[info.pid] = static_cast<std::uint8_t>(role_track + i);
      return;
    }
    if (tracks_.size() == max_elementary_streams) {
      findings_.refuse({ErrorCode::limit, "TS: more than 32 PIDs with media"});
      return;
    }
    roles_[info.pid] = static_cast<std::uint8_t>(role_track + tracks_.size());
    tracks_.push_back(
        std::make_unique<Track>(make_assembler(*codec, info, segment_.size(), findings_), findings_));
    Track& track = *tracks_.back();
    readers_.push_back(&track.reader);
    track.stream.id = info.pid;
    track.stream.codec = *codec;
    track.stream.language = info.descriptors.language;
  }

  // Timed metadata; false when it is of a kind that is not carried.
  bool add_metadata(const ElementaryInfo& info) {
    const bool is_id3 = info.stream_type == stream_type_metadata && info.descriptors.id3;
    const bool is_splice = info.stream_type == stream_type_splice_info;
    if (!is_id3 && !is_splice) return false;
    if (roles_[info.pid] != role_none) return true;
    const auto known = std::find_if(metadata_.begin(), metadata_.end(), [&](const Metadata& metadata) {
      return metadata.pid == info.pid && metadata.stream_type == info.stream_type;
    });
    const auto index = static_cast<std::size_t>(known - metadata_.begin());
    if (known == metadata_.end()) {
      if (metadata_.size() == max_metadata_streams) return false;
      std::unique_ptr<MetadataReader> reader;
      if (is_id3) {
        reader = std::make_unique<Id3Reader>(events_, findings_);
      } else {
        reader = std::make_unique<SpliceReader>(events_, findings_);
      }
      metadata_.push_back({info.pid, info.stream_type, std::move(reader)});
    }
    roles_[info.pid] = static_cast<std::uint8_t>(role_metadata + index);
    return true;
  }

  // Of the picture that is being sent, else of the first stream; 33 bits.
  [[nodiscard]] std::optional<std::int64_t> decode_time() const {
    const Track* best = nullptr;
    for (const auto& track : tracks_) {
      const bool is_video = codecs::kind_of(track->stream.codec) == codecs::Kind::video;
      if (best == nullptr || is_video) best = track.get();
      if (is_video) break;
    }
    if (best == nullptr || !best->reader.times().given) return std::nullopt;
    return best->reader.times().dts;
  }

  // `tail`: a packet of which only the beginning has come.
  void end(Bytes tail) {
    findings_.truncated |= !tail.empty();
    const bool has_header = tail.size() >= packet_header_size && tail[0] == sync_byte;
    for (const auto& track : tracks_) {
      const bool next_begins =
          has_header && packet_pid(tail.data()) == track->stream.id && (tail[1] & 0x40U) != 0;
      track->reader.finish(!tail.empty() && !next_begins);
      track->assembler->finish(track->stream);
    }
    for (const Metadata& metadata : metadata_) metadata.reader->finish();
  }

  Error nothing_to_carry() const {
    std::string list;
    for (const std::string& line : ignored_) list += (list.empty() ? "" : ", ") + line;
    return unsupported("TS: no stream that Tarn carries" + (list.empty() ? "" : ": " + list));
  }

  codecs::MediaSegment collect() {
    codecs::MediaSegment segment;
    for (const auto& track : tracks_) {
      if (track->stream.units.empty()) {
        segment.empty.push_back(track->stream.id);
      } else {
        segment.streams.push_back(std::move(track->stream));
      }
    }
    if (!segment.streams.empty()) place_events(std::move(events_), segment.streams);
    segment.continuity_errors = findings_.continuity_errors;
    segment.damaged_packets = findings_.damaged_packets;
    segment.truncated = findings_.truncated;
    segment.ignored = std::move(ignored_);
    return segment;
  }

  Bytes segment_;
  Findings findings_;
  std::array<std::uint8_t, max_pids> roles_{};
  std::array<Counter, role_track> counters_{};
  SectionGatherer pat_;
  SectionGatherer pmt_;
  std::optional<std::uint16_t> pmt_pid_;
  ByteVector program_;  // the PMT that holds, to notice a new one
  std::vector<std::unique_ptr<Track>> tracks_;
  std::vector<PesReader*> readers_;  // of tracks_, by the same index
  struct Metadata {
    std::uint16_t pid = 0;
    std::uint8_t stream_type = 0;
    std::unique_ptr<MetadataReader> reader;
  };
  std::vector<Metadata> metadata_;
  std::vector<FoundEvent> events_;
  std::vector<std::string> ignored_;
};

// An HLS segment under METHOD=AES-128 (RFC 8216 4.3.2.4) is CBC over all of it, padded to the next 16
// bytes: the length gives it away, together with bytes that are all over the place.
bool looks_like_aes128(Bytes segment) {
  const std::size_t packets = segment.size() / packet_size;
  const std::size_t clear = packets * packet_size;
  if (packets == 0 || segment.size() != clear + 16 - clear % 16) return false;
  std::array<bool, 256> seen{};
  for (const std::uint8_t byte : segment.first(std::min(segment.size(), probe_size))) seen[byte] = true;
  return std::count(seen.begin(), seen.end(), true) > 160;
}

}  // namespace

bool is_transport_stream(Bytes beginning) { return first_packet(beginning) != SIZE_MAX; }

Result<codecs::MediaSegment> demux(Bytes segment) {
  if (segment.size() > max_segment_size) return Error{ErrorCode::limit, "TS: segment larger than 1 GiB"};
  const std::size_t first = first_packet(segment);
  if (first == SIZE_MAX) {
    if (looks_like_aes128(segment)) return Error{ErrorCode::encrypted, "not TS; it looks AES-128 encrypted"};
    return unsupported("not TS: no packets in the first 1504 bytes");
  }
  return Demuxer{segment}.run(first);
}

}  // namespace tarn::mpegts
