// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/segment_writer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "core/codecs/event_message.h"
#include "core/mpegts/packet_writer.h"
#include "core/mpegts/pes_builder.h"
#include "core/mpegts/program_tables.h"
#include "core/mpegts/psi.h"
#include "core/mpegts/splice_info.h"

namespace tarn::mpegts {
namespace {

constexpr std::uint16_t video_pid = 0x100;
constexpr std::uint16_t first_audio_pid = 0x101;
constexpr std::uint8_t video_stream_id = 0xE0;
constexpr std::uint8_t first_audio_stream_id = 0xC0;
constexpr std::uint8_t private_stream_id = 0xBD;  // AC-3 and E-AC-3 (A/53 part 3, 6.2)
constexpr std::size_t max_streams = 14;
constexpr std::int64_t counter_period = 16;
constexpr std::int64_t max_table_rounds = 64;
constexpr std::size_t max_output = std::size_t{1} << 30U;

constexpr std::int64_t max_pcr_interval = 3'600;                  // 40 ms
constexpr std::int64_t max_filled_gap = 900'000;                  // 10 s
constexpr std::int64_t max_early = pcr_delay - max_pcr_interval;  // in time with the first PCR all the same
constexpr std::int64_t max_ahead = 45'000;                        // 500 ms: what is sent before its turn
constexpr std::int64_t table_interval = 36'000;                   // 400 ms; TR 101 290 asks for 500
constexpr std::int64_t max_time = std::int64_t{1} << 52U;         // ticks; keeps 27 MHz within 64 bits
constexpr std::int64_t pcr_per_tick = 300;

// Something to write at a time of 27 MHz on the decode axis.
struct Item {
  enum class Kind { tables, pcr, section, pes };
  std::int64_t time = 0;
  Kind kind = Kind::pes;
  std::uint16_t pid = 0;
  std::size_t stream = 0;  // pes: which
  std::size_t index = 0;   // pes: of its packets; section: of the sections

  bool operator<(const Item& other) const {
    if (time != other.time) return time < other.time;
    if (kind != other.kind) return kind < other.kind;
    return pid < other.pid;  // video first
  }
};

class SegmentWriter {
 public:
  SegmentWriter(const std::vector<Stream>& streams, const std::vector<Metadata>& metadata)
      : streams_(streams), metadata_(metadata) {}

  Result<ByteVector> write() {
    if (Status status = prepare(); !status.ok()) return std::move(status).error();
    add_metadata();
    if (make_pmt().size() > max_pmt_size) {
      return Error{ErrorCode::limit, "TS: more streams than a PMT of one packet can list"};
    }
    mark_pcrs();
    for (PesBuilder& builder : builders_) fill_up(builder.packets());
    schedule();
    return emit();
  }

 private:
  Status prepare() {
    if (streams_.size() > max_streams) return Error{ErrorCode::limit, "TS: more than 14 streams"};
    std::uint16_t audio = 0;
    std::size_t size = 0;
    for (const Stream& stream : streams_) {
      const bool is_video = codecs::kind_of(stream.info.codec) == codecs::Kind::video;
      const std::optional<Mapping> mapping = mapping_of(stream.info.codec);
      if (!mapping)
        return unsupported("TS: no mapping for " + std::string{codecs::name_of(stream.info.codec)});
      if (is_video && std::count(pids_.begin(), pids_.end(), video_pid) != 0) {
        return Error{ErrorCode::invalid, "TS: more than one video stream"};
      }
      if (Status status = check_times(stream); !status.ok()) return status;
      for (const Sample& sample : stream.samples) size += sample.data.size();
      if (size > max_output) return Error{ErrorCode::limit, "TS: segment larger than 1 GiB"};
      pids_.push_back(is_video ? video_pid : static_cast<std::uint16_t>(first_audio_pid + audio));
      const bool is_private = mapping->registration != 0;
      const auto id = static_cast<std::uint8_t>(is_video     ? video_stream_id
                                                : is_private ? private_stream_id
                                                             : first_audio_stream_id + audio);
      if (!is_video) ++audio;
      Result<PesBuilder> builder = PesBuilder::build(stream, id);
      if (!builder.ok()) return std::move(builder).error();
      builders_.push_back(std::move(builder).value());
      // Video, or else the first stream that has anything.
      if (!stream.samples.empty() && (is_video || !clock_)) clock_ = builders_.size() - 1;
    }
    if (!clock_) return Error{ErrorCode::invalid, "TS: no samples to write"};
    set_bounds();
    return {};
  }

  // The clock runs from the first sample of its stream to the end of the last one, so that it goes on from
  // segment to segment; what begins somewhat before or after is sent within.
  void set_bounds() {
    const std::vector<Sample>& clock = streams_[*clock_].samples;
    begin_ = clock.front().dts;
    end_ = clock.back().dts;
    if (clock.size() > 1) end_ += clock.back().dts - clock[clock.size() - 2].dts;
    const std::int64_t first_in_time = begin_ - max_early;
    const std::int64_t last_in_time = end_ + max_ahead;
    for (const Stream& stream : streams_) {
      if (stream.samples.empty()) continue;
      if (stream.samples.front().dts < first_in_time) begin_ = std::min(begin_, stream.samples.front().dts);
      if (stream.samples.back().dts > last_in_time) end_ = std::max(end_, stream.samples.back().dts);
    }
  }

  void add_metadata() {
    std::vector<Metadata> tags;
    for (Metadata metadata : metadata_) {
      metadata.sent = std::clamp(metadata.sent, begin_, end_);
      if (metadata.kind == Metadata::Kind::id3) {
        if (metadata.data.size() <= codecs::max_event_size) tags.push_back(metadata);
      } else if (metadata.data.size() <= max_section_size && parse_splice_info(metadata.data).ok()) {
        sections_.push_back({metadata.sent, retimed(metadata.data, metadata.time)});
      }
    }
    const auto by_time = [](const auto& a, const auto& b) { return a.sent < b.sent; };
    if (!tags.empty()) {
      std::stable_sort(tags.begin(), tags.end(), by_time);
      pids_.push_back(id3_pid);
      builders_.push_back(PesBuilder::of_tags(tags));
      has_.id3 = true;
    }
    if (sections_.empty()) return;
    has_.splice = true;
    std::stable_sort(sections_.begin(), sections_.end(), by_time);
    std::size_t packets = 0;
    for (const Section& section : sections_) packets += PacketWriter::section_packets(section.bytes.size());
    for (; packets % counter_period != 0; ++packets) sections_.push_back({end_, write_splice_null()});
  }

  Status check_times(const Stream& stream) {
    const std::string name{codecs::name_of(stream.info.codec)};
    const Sample* before = nullptr;
    for (const Sample& sample : stream.samples) {
      const auto out_of_range = [](std::int64_t time) { return time > max_time || time < -max_time; };
      if (out_of_range(sample.dts) || out_of_range(sample.pts)) {
        return Error{ErrorCode::invalid, "TS: " + name + " time out of range"};
      }
      if (before != nullptr && sample.dts < before->dts) {
        return Error{ErrorCode::invalid,
                     "TS: " + name + " decode times go back at " + std::to_string(sample.dts)};
      }
      if (sample.data.empty())
        return malformed("TS: empty " + name + " sample at " + std::to_string(sample.dts));
      before = &sample;
    }
    return {};
  }

  static std::uint64_t pcr_at(std::int64_t time) {
    constexpr std::int64_t period = (timestamp_mask + 1) * pcr_per_tick;
    const std::int64_t wrapped = (time - pcr_delay * pcr_per_tick) % period;
    return static_cast<std::uint64_t>(wrapped < 0 ? wrapped + period : wrapped);
  }

  // Which packets carry a PCR, and how many packets each PES packet needs.
  void mark_pcrs() {
    for (std::size_t i = 0; i < builders_.size(); ++i) {
      const bool is_video = pids_[i] == video_pid;
      for (Pes& pes : builders_[i].packets()) {
        if (i == *clock_) pes.field.pcr = pcr_at(pes.dts * pcr_per_tick);
        pes.field.random_access = pes.sync && (is_video || i == *clock_);
        pes.packets = PacketWriter::packets_for(pes.size, pes.field);
      }
    }
  }

  // Semantics S16: spreads the last PES packets over more packets, so that their number becomes a
  // multiple of 16. Each packet needs a byte, and the PES header stays whole as long as others can give.
  static void fill_up(std::vector<Pes>& packets) {
    constexpr auto period = static_cast<std::size_t>(counter_period);
    std::size_t count = 0;
    for (const Pes& pes : packets) count += pes.packets;
    std::size_t missing = (period - count % period) % period;
    for (const bool whole_header : {true, false}) {
      for (auto pes = packets.rbegin(); pes != packets.rend() && missing > 0; ++pes) {
        const std::size_t most = whole_header ? pes->size - pes->header_size + 1 : pes->size;
        const std::size_t more = std::min(missing, most > pes->packets ? most - pes->packets : 0);
        pes->packets += more;
        missing -= more;
      }
    }
  }

  void schedule() {
    const std::int64_t length = end_ - begin_;
    const std::int64_t period = counter_period * table_interval;
    // Long gaps in time are no reason for thousands of tables.
    const std::int64_t tables = std::min(length / period + 1, max_table_rounds) * counter_period;
    for (std::int64_t i = 0; i < tables; ++i) {
      const std::int64_t offset = length / tables * i;
      items_.push_back({(begin_ + offset) * pcr_per_tick, Item::Kind::tables, pat_pid, 0, 0});
    }
    for (std::size_t i = 0; i < builders_.size(); ++i) {
      const std::vector<Pes>& packets = builders_[i].packets();
      for (std::size_t n = 0; n < packets.size(); ++n) {
        const std::int64_t time = std::clamp(packets[n].dts, begin_, end_);
        items_.push_back({time * pcr_per_tick, Item::Kind::pes, pids_[i], i, n});
      }
    }
    for (std::size_t i = 0; i < sections_.size(); ++i) {
      items_.push_back({sections_[i].sent * pcr_per_tick, Item::Kind::section, splice_pid, 0, i});
    }
    schedule_pcrs();
    std::stable_sort(items_.begin(), items_.end());
  }

  void schedule_pcrs() {
    const std::vector<Pes>& clock = builders_[*clock_].packets();
    if (begin_ < clock.front().dts) {
      items_.push_back({begin_ * pcr_per_tick, Item::Kind::pcr, pids_[*clock_], 0, 0});
      fill_gap(begin_, clock.front().dts);
    }
    for (std::size_t i = 1; i < clock.size(); ++i) fill_gap(clock[i - 1].dts, clock[i].dts);
    fill_gap(clock.back().dts, end_);
  }

  void fill_gap(std::int64_t from, std::int64_t to) {
    const std::int64_t gap = to - from;
    if (gap > max_filled_gap) return;
    const std::int64_t steps = (gap + max_pcr_interval - 1) / max_pcr_interval;
    for (std::int64_t i = 1; i < steps; ++i) {
      items_.push_back(
          {from * pcr_per_tick + gap * pcr_per_tick * i / steps, Item::Kind::pcr, pids_[*clock_], 0, 0});
    }
  }

  [[nodiscard]] ByteVector make_pmt() const {
    std::vector<TableEntry> entries;
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      entries.push_back({*mapping_of(streams_[i].info.codec), pids_[i], streams_[i].language});
    }
    return write_pmt(pids_[*clock_], entries, has_);
  }

  ByteVector emit() {
    std::size_t packets = 0;
    for (const Item& item : items_) packets += item.kind == Item::Kind::tables ? 2 : 1;
    for (const Section& section : sections_) {
      packets += PacketWriter::section_packets(section.bytes.size()) - 1;
    }
    for (PesBuilder& builder : builders_) {
      for (const Pes& pes : builder.packets()) packets += pes.packets - 1;
    }
    ByteVector out;
    out.reserve(packets * packet_size);
    const ByteVector pat = write_pat();
    const ByteVector pmt = make_pmt();
    PacketWriter writer{out};
    for (const Item& item : items_) {
      if (item.kind == Item::Kind::tables) {
        writer.section(pat_pid, pat);
        writer.section(pmt_pid, pmt);
      } else if (item.kind == Item::Kind::pcr) {
        writer.pcr(pids_[*clock_], pcr_at(item.time));
      } else if (item.kind == Item::Kind::section) {
        writer.section(splice_pid, sections_[item.index].bytes);
      } else {
        PesBuilder& builder = builders_[item.stream];
        const Pes& pes = builder.packets()[item.index];
        writer.pes(item.pid, builder.pieces(pes), pes.size, pes.packets, pes.field);
      }
    }
    writer.flush();
    return out;
  }

  struct Section {
    std::int64_t sent = 0;
    ByteVector bytes;
  };

  const std::vector<Stream>& streams_;
  const std::vector<Metadata>& metadata_;
  std::vector<PesBuilder> builders_;  // of streams_, by the same index; behind them that of the tags
  std::vector<std::uint16_t> pids_;   // of builders_
  std::vector<Section> sections_;     // by time
  MetadataTables has_;
  std::optional<std::size_t> clock_;  // the stream that carries the PCR
  std::int64_t begin_ = 0;            // of the clock
  std::int64_t end_ = 0;
  std::vector<Item> items_;
};

}  // namespace

Result<ByteVector> write_segment(const std::vector<Stream>& streams, const std::vector<Metadata>& metadata) {
  return SegmentWriter{streams, metadata}.write();
}

}  // namespace tarn::mpegts
