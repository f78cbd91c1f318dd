// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/archive/archive.h"
#include "core/base/text.h"

// A programme of made-up bytes for the archive's tests: GOPs of two seconds, a video and an audio track.
namespace tarn::archive {

constexpr std::uint32_t video_scale = 90'000;
constexpr std::uint32_t audio_scale = 48'000;
constexpr std::int64_t gop_seconds = 2;

inline const Utc programme_start{Microseconds{1'700'000'000'000'000}};

inline Utc utc_of_slot(std::uint64_t slot) {
  return programme_start + Microseconds{(static_cast<std::int64_t>(slot) - 1) * gop_seconds * 1'000'000};
}

inline Blob text_blob(std::string_view text) { return Blob::copy_of(as_bytes(text)); }

inline timeline::Stretch make_stretch(std::uint32_t id, std::uint64_t first_slot) {
  timeline::Stretch stretch;
  stretch.id = id;
  stretch.first_slot = first_slot;
  stretch.start = utc_of_slot(first_slot);
  stretch.start_time = static_cast<std::int64_t>(first_slot) * gop_seconds * video_scale;
  stretch.reference = 1;
  stretch.tracks.resize(2);
  timeline::Track& video = stretch.tracks[0];
  video.id = 1;
  video.description.key = "v0";
  video.description.info.codec = codecs::Codec::h264;
  video.description.info.timescale = video_scale;
  video.description.info.codec_string = "avc1.64001F";
  video.description.info.config = {1, 0x64, 0, 0x1F};
  video.description.info.width = 1920;
  video.description.info.height = 1080;
  video.description.variants = {{0, 5'000'000, 4'500'000}, {1, 2'000'000, 0}};
  timeline::Track& audio = stretch.tracks[1];
  audio.id = 2;
  audio.description.key = "a0";
  audio.description.info.codec = codecs::Codec::aac;
  audio.description.info.timescale = audio_scale;
  audio.description.info.sample_rate = audio_scale;
  audio.description.info.channels = 2;
  audio.description.language = "en";
  audio.description.is_default = true;
  return stretch;
}

inline std::vector<Blob> make_inits(std::string_view variant = "one") {
  return {text_blob("video init " + std::string{variant}), text_blob("audio init " + std::string{variant})};
}

inline std::string chunk_text(timeline::TrackId track, std::uint64_t slot) {
  return "moof of track " + std::to_string(track) + ", slot " + std::to_string(slot) + "; mdat";
}

inline NewChunk make_chunk(timeline::TrackId track, std::uint64_t slot) {
  const std::int64_t scale = track == 1 ? video_scale : audio_scale;
  NewChunk chunk;
  chunk.track = track;
  chunk.slot = slot;
  chunk.start = static_cast<std::int64_t>(slot) * gop_seconds * scale;
  chunk.duration = gop_seconds * scale;
  const std::string text = chunk_text(track, slot);
  chunk.parts = {text_blob(text.substr(0, 10)), text_blob(text.substr(10))};
  return chunk;
}

inline timeline::SlotListed make_listing(std::uint64_t slot, std::uint32_t stretch) {
  timeline::SlotListed listed;
  listed.number = slot;
  listed.stretch = stretch;
  listed.start = static_cast<std::int64_t>(slot) * gop_seconds * video_scale;
  listed.end = listed.start + gop_seconds * video_scale;
  listed.utc = utc_of_slot(slot);
  return listed;
}

// The time at which a slot is listed: when it is over.
inline Utc listing_time(std::uint64_t slot) { return utc_of_slot(slot + 1); }

// With these tracks only; what is missing is a hole. `clock`: by how much its date is later than its media
// time says.
inline Status write_slot_of(Archive& archive, std::uint64_t slot,
                            const std::vector<timeline::TrackId>& tracks, std::uint32_t stretch = 1,
                            Microseconds clock = {}) {
  for (const timeline::TrackId track : tracks) TRY(archive.append(make_chunk(track, slot)));
  timeline::SlotListed listed = make_listing(slot, stretch);
  listed.utc += clock;
  return archive.list_slot(listed, listing_time(slot) + clock);
}

inline Status write_slot(Archive& archive, std::uint64_t slot, std::uint32_t stretch,
                         Microseconds clock = {}) {
  return write_slot_of(archive, slot, {1, 2}, stretch, clock);
}

inline void write_slots(Archive& archive, std::uint64_t first, std::uint64_t last,
                        std::uint32_t stretch = 1) {
  for (std::uint64_t slot = first; slot <= last; ++slot) {
    const Status written = write_slot(archive, slot, stretch);
    ASSERT_TRUE(written.ok()) << written.error().message;
  }
}

inline void begin(Archive& archive, std::uint32_t stretch = 1, std::uint64_t first_slot = 1,
                  std::string_view init = "one") {
  const Status begun = archive.begin_stretch(make_stretch(stretch, first_slot), make_inits(init));
  ASSERT_TRUE(begun.ok()) << begun.error().message;
}

inline std::string read_text(Archive& archive, const timeline::Chunk& chunk) {
  const Result<Blob> bytes = archive.read(chunk);
  return bytes.ok() ? std::string{as_text(bytes->bytes())} : "error: " + bytes.error().message;
}

// Everything a reader can learn, as text: equal texts, equal archives.
std::string describe(Archive& archive);

// A directory of its own, removed with its contents.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (root_ / name).string(); }
  // As it would be found after a crash at this moment.
  [[nodiscard]] std::string copy(const std::string& from, const std::string& to) const;

 private:
  std::filesystem::path root_;
};

inline std::shared_ptr<Archive> open_or_fail(const std::string& directory) {
  auto archive = Archive::open(directory);
  if (!archive.ok()) {
    ADD_FAILURE() << archive.error().message;
    std::abort();
  }
  return std::move(archive).value();
}

}  // namespace tarn::archive
