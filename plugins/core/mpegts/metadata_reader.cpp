// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/metadata_reader.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/mpegts/id3.h"
#include "core/mpegts/splice_info.h"

namespace tarn::mpegts {
namespace {

using codecs::EventMessage;

// The same message has the same number wherever it is read: repetitions of it, and the other input's copy.
std::uint32_t id_of(std::string_view scheme, std::optional<std::int64_t> time, Bytes data) {
  std::uint32_t hash = 0x811c9dc5;  // FNV-1a, 32 bits
  const auto add = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x01000193U; };
  for (const char c : scheme) add(static_cast<std::uint8_t>(c));
  for (unsigned shift = 0; time && shift < 40; shift += 8) add(static_cast<std::uint8_t>(*time >> shift));
  for (const std::uint8_t byte : data) add(byte);
  return hash;
}

// a - b of 33 bits that wrap
std::int64_t distance(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t half = (timestamp_mask + 1) / 2;
  return ((a - b + half) & timestamp_mask) - half;
}

}  // namespace

void Id3Reader::push(const std::uint8_t* packet, std::optional<std::int64_t> now) {
  now_ = now;
  reader_.push(packet);
}

void Id3Reader::begin(const PesTimes& times) {
  end();
  times_ = times;
  sent_ = now_;
}

void Id3Reader::append(Bytes payload) {
  if (tag_.size() + payload.size() > codecs::max_event_size) return tag_.clear();
  tag_.insert(tag_.end(), payload.begin(), payload.end());
}

void Id3Reader::end() {
  const ByteVector tag = std::exchange(tag_, {});
  if (out_.size() >= codecs::max_events || !id3_tag_size(tag)) return;
  FoundEvent found;
  if (times_.given) found.time = times_.pts;
  found.sent = sent_;
  found.message.scheme_id_uri = codecs::id3_scheme;
  found.message.id = id_of(codecs::id3_scheme, found.time, tag);
  found.message.data = tag;
  out_.push_back(std::move(found));
}

void Id3Reader::finish() {
  reader_.finish(false);
  end();
}

void SpliceReader::push(const std::uint8_t* bytes, std::optional<std::int64_t> now) {
  const Packet packet = parse_packet(bytes);
  if (packet.transport_error || packet.bad_length) {
    ++findings_.damaged_packets;
    return;
  }
  if (packet.scrambled || !packet.has_payload || counter_ == packet.continuity_counter) return;
  if (counter_ && packet.continuity_counter != ((*counter_ + 1U) & 0x0FU)) {
    if (!packet.discontinuity) ++findings_.continuity_errors;
    (void)sections_.abandon();
  }
  counter_ = packet.continuity_counter;
  findings_.damaged_packets +=
      sections_.push(packet.payload, packet.unit_start, [&](Bytes section) { take(section, now); });
}

void SpliceReader::take(Bytes section, std::optional<std::int64_t> now) {
  const auto info = parse_splice_info(section);
  if (!info.ok() || info->is_idle || out_.size() >= codecs::max_events) return;
  FoundEvent found;
  found.time = info->time;
  found.sent = now;
  found.message.scheme_id_uri = codecs::splice_scheme;
  found.message.id = id_of(codecs::splice_scheme, info->time, section);
  if (info->duration && *info->duration < codecs::unknown_event_duration) {
    found.message.duration = static_cast<std::uint32_t>(*info->duration);
  }
  found.message.data.assign(section.begin(), section.end());
  out_.push_back(std::move(found));
}

void place_events(std::vector<FoundEvent> events, std::vector<codecs::ElementaryStream>& streams) {
  const auto video = std::find_if(streams.begin(), streams.end(), [](const codecs::ElementaryStream& stream) {
    return codecs::kind_of(stream.codec) == codecs::Kind::video;
  });
  codecs::ElementaryStream& stream = video != streams.end() ? *video : streams.front();
  for (FoundEvent& event : events) {
    // Tags are said at their time; splices are said ahead of theirs.
    const bool is_tag = codecs::is_id3(event.message.scheme_id_uri);
    const auto at = is_tag && event.time ? event.time : event.sent;
    std::size_t unit = 0;
    for (std::size_t i = 0; at && i < stream.units.size(); ++i) {
      if (stream.units[i].frame_in_pes == 0 && distance(stream.units[i].dts, *at) <= 0) unit = i;
    }
    if (event.time) event.message.delta = distance(*event.time, stream.units[unit].pts);
    const auto at_unit =
        std::upper_bound(stream.events.begin(), stream.events.end(), unit,
                         [](std::size_t a, const codecs::PlacedEvent& b) { return a < b.unit; });
    stream.events.insert(at_unit, {static_cast<std::uint32_t>(unit), std::move(event.message)});
  }
}

}  // namespace tarn::mpegts
