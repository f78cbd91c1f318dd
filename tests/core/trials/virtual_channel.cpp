// SPDX-License-Identifier: Apache-2.0
#include "virtual_channel.h"

#include <gtest/gtest.h>

#include <sstream>

#include "core/base/text.h"
#include "core/timeline/output_span.h"

namespace tarn::trials {

using namespace timeline;  // NOLINT(google-build-using-namespace): the trials are about its words

namespace {

constexpr std::array all_protocols{Protocol::hls, Protocol::hls_cmaf, Protocol::dash};

const char* name_of(Protocol protocol) {
  return protocol == Protocol::hls ? "hls" : protocol == Protocol::hls_cmaf ? "cmaf" : "dash";
}

void expect_ok(const Status& status) { EXPECT_TRUE(status.ok()) << status.error().message; }

}  // namespace

OutputSettings endpoint(Protocol protocol, std::uint32_t segment_duration) {
  OutputSettings settings;
  settings.endpoint = name_of(protocol);
  settings.protocol = protocol;
  settings.segments = 6;
  settings.segment_duration = segment_duration;
  settings.manifest_window = 6 * segment_duration;
  settings.suggested_presentation_delay = 3 * segment_duration;
  return settings;
}

VirtualChannel::VirtualChannel(std::uint32_t segment_duration) : archive_(archive::Archive::in_memory()) {
  for (const Protocol protocol : all_protocols) {
    expect_ok(
        archive_->set_presentation(name_of(protocol), segment_duration, segment_duration, Scene::utc_at(0)));
  }
}

archive::NewChunk VirtualChannel::chunk_of(const PartDecided& part) {
  archive::NewChunk chunk{.track = part.track, .slot = part.slot, .start = part.start, .parts = {}};
  chunk.independent = part.independent;
  std::string text;
  for (const auto& payload : part.payloads) {
    const auto& sample = *std::static_pointer_cast<Sample>(payload);
    chunk.duration += sample.key[0] == 'v' ? gop_ticks : frame_ticks;
    text += sample.key + ":" + std::to_string(sample.number) + " ";
  }
  chunk.parts.push_back(Blob::copy_of(as_bytes(text)));
  return chunk;
}

void VirtualChannel::carry_out(const Decision& decision, Utc now) {
  if (const auto* started = std::get_if<StretchStarted>(&decision)) {
    std::vector<Blob> headers;
    for (const Track& track : started->stretch.tracks) {
      headers.push_back(Blob::copy_of(as_bytes(track.description.key)));
    }
    expect_ok(archive_->begin_stretch(started->stretch, headers));
  } else if (const auto* part = std::get_if<PartDecided>(&decision)) {
    expect_ok(archive_->append(chunk_of(*part)));
  } else if (const auto* late = std::get_if<PartRepaired>(&decision)) {
    expect_ok(archive_->repair(chunk_of(late->part)));
  } else if (const auto* slot = std::get_if<SlotListed>(&decision)) {
    expect_ok(archive_->list_slot(*slot, now));
  } else if (std::holds_alternative<StreamEnded>(decision)) {
    expect_ok(archive_->close_tail(true, now));
  }
}

std::optional<std::vector<Sample>> VirtualChannel::fetch(const std::string& endpoint,
                                                         const std::string& uri) {
  const auto timeline = archive_->timeline();
  const auto name = parse_segment_name(uri);
  if (!name) return std::nullopt;
  const auto cut = find_cut(*timeline, *timeline->presentation(endpoint), *name);
  if (cut == nullptr) return std::nullopt;
  const bool repaired = is_repaired(*timeline, cut->first_slot, cut->slot_count, name->tracks);
  std::vector<Sample> samples;
  for (const TrackId track : name->tracks) {
    for (std::uint64_t slot = cut->first_slot; slot < cut->first_slot + cut->slot_count; ++slot) {
      const auto chunk = archived_chunk(*timeline, slot, track, repaired);
      if (chunk == nullptr) continue;
      std::istringstream words{std::string{as_text(archive_->read(*chunk)->bytes())}};
      for (std::string word; words >> word;) {
        const auto colon = word.find(':');
        samples.push_back({word.substr(0, colon), std::stoll(word.substr(colon + 1)), 0});
      }
    }
  }
  if (samples.empty()) return std::nullopt;
  return samples;
}

}  // namespace tarn::trials
