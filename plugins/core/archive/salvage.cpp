// SPDX-License-Identifier: Apache-2.0
#include "core/archive/salvage.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "core/archive/file.h"
#include "core/archive/records.h"
#include "core/archive/volume.h"

namespace tarn::archive {
namespace {

using timeline::Chunk;
using timeline::Slot;
using timeline::Stretch;
using timeline::TrackId;

// Serials are reserved in blocks; a block that was reserved may be used up without a trace.
constexpr std::uint64_t unseen_serials = 2048;
constexpr std::uint64_t largest_head = 16U << 20U;  // init section and volume box
constexpr std::uint64_t slots_to_verify = 2;

struct FoundChunk {
  Chunk chunk;
  std::uint32_t stretch = 0;
  std::uint32_t checksum = 0;
};

struct BoxHeader {
  std::uint64_t size = 0;
  std::string type;
};

// Reads one volume.
class VolumeReader {
 public:
  VolumeReader(const File& file, std::uint32_t number, std::uint64_t size)
      : file_(file), number_(number), size_(size) {}

  Status run() {
    TRY(read_head());
    while (at_ < size_) {
      if (TRY(read_chunk())) continue;
      ++unreadable;
      if (!TRY(pass_chunk())) break;
    }
    return {};
  }

  Blob init;
  std::optional<Stretch> stretch;
  std::vector<FoundChunk> chunks;
  std::uint64_t unreadable = 0;

 private:
  Result<BoxHeader> box_at(std::uint64_t offset) const {
    std::array<std::uint8_t, 8> bytes{};
    if (offset + bytes.size() > size_) return truncated(file_.path() + ": ends in a box");
    TRY(file_.read_at(offset, bytes.data(), bytes.size()));
    Reader reader{bytes};
    BoxHeader header;
    header.size = reader.u32();
    header.type = std::string{as_text(reader.take(4))};
    if (header.size < bytes.size() || header.size > size_ - offset) {
      return malformed(file_.path() + ": impossible box at " + std::to_string(offset));
    }
    return header;
  }

  Result<Blob> bytes_at(std::uint64_t offset, std::uint64_t size) const {
    ByteVector bytes(static_cast<std::size_t>(size));
    TRY(file_.read_at(offset, bytes.data(), bytes.size()));
    return Blob::of(std::move(bytes));
  }

  // The init section is everything before the first `uuid` box.
  Status read_head() {
    for (;;) {
      const auto box = box_at(at_);
      if (!box.ok() || at_ > largest_head) {
        ++unreadable;
        at_ = size_;  // without a head nothing after it can be found
        return {};
      }
      if (box->type == "uuid") break;
      at_ += box->size;
    }
    init = TRY(bytes_at(0, at_));
    const auto header = box_at(at_);
    const Blob bytes = TRY(bytes_at(at_, std::min(header->size, largest_head)));
    at_ += header->size;
    const auto volume = parse_volume_box(bytes.bytes());
    auto record = volume.ok() ? parse_stretch(volume->stretch_record) : Result<Stretch>{volume.error()};
    if (record.ok()) {
      stretch = std::move(record).value();
    } else {
      ++unreadable;  // the volumes of the other tracks have the same record
    }
    return {};
  }

  // False: no whole chunk is here.
  Result<bool> read_chunk() {
    if (at_ + chunk_box_size > size_) {
      at_ = size_;  // it was being written
      return true;
    }
    std::array<std::uint8_t, chunk_box_size> bytes{};
    TRY(file_.read_at(at_, bytes.data(), bytes.size()));
    const auto box = parse_chunk_box(bytes);
    if (!box.ok()) return false;
    const std::uint64_t offset = at_ + chunk_box_size;
    if (offset + box->size > size_) {
      at_ = size_;
      return true;
    }
    const ChunkLabel& label = box->label;
    FoundChunk found;
    found.chunk = Chunk{label.track,    label.independent, label.start,
                        label.duration, label.serial,      {number_, box->size, offset}};
    found.stretch = box->stretch;
    found.checksum = box->checksum;
    slots.push_back(label.slot);
    chunks.push_back(found);
    at_ = offset + box->size;
    return true;
  }

  // Over a chunk whose box is damaged: the boxes after it have sizes of their own.
  Result<bool> pass_chunk() {
    std::uint64_t moof_at = at_ + chunk_box_size;
    auto moof = box_at(moof_at);
    while (moof.ok() && moof->type == "emsg") moof = box_at(moof_at += moof->size);
    if (!moof.ok() || moof->type != "moof") return false;
    const auto mdat = box_at(moof_at + moof->size);
    if (!mdat.ok() || mdat->type != "mdat") return false;
    at_ = moof_at + moof->size + mdat->size;
    return true;
  }

  const File& file_;
  const std::uint32_t number_;
  const std::uint64_t size_;
  std::uint64_t at_ = 0;

 public:
  std::vector<std::uint64_t> slots;  // of `chunks`
};

// Puts together what the volumes say.
class Collector {
 public:
  Status take(const std::string& path, std::uint32_t number) {
    const File file = TRY(File::open(path, O_RDONLY));
    VolumeReader volume{file, number, TRY(file.size())};
    TRY(volume.run());
    salvage_.unreadable += volume.unreadable;
    for (std::size_t i = 0; i < volume.chunks.size(); ++i) {
      const FoundChunk& found = volume.chunks[i];
      salvage_.next_serial = std::max(salvage_.next_serial, found.chunk.serial + unseen_serials);
      FoundChunk& best = slots_[volume.slots[i]][found.chunk.track];
      if (best.chunk.serial < found.chunk.serial) best = found;
    }
    if (volume.stretch) stretches_.try_emplace(volume.stretch->id, *std::move(volume.stretch));
    if (!volume.chunks.empty()) {
      const FoundChunk& first = volume.chunks.front();
      heads_.push_back({first.chunk.track, first.stretch, volume.init});
    }
    paths_.emplace(number, path);
    return {};
  }

  Result<Salvage> finish() {
    TRY(verify_last());
    number_inits();
    for (auto& [number, tracks] : slots_) add_slot(number, tracks);
    for (auto& [id, stretch] : stretches_) {
      const bool is_used = std::any_of(salvage_.slots.begin(), salvage_.slots.end(),
                                       [&, wanted = id](const Slot& slot) { return slot.stretch == wanted; });
      if (is_used) salvage_.stretches.push_back(std::move(stretch));
    }
    return std::move(salvage_);
  }

 private:
  struct Head {
    TrackId track;
    std::uint32_t stretch;
    Blob init;
  };

  Status verify_last() {
    std::uint64_t left = slots_to_verify;
    for (auto slot = slots_.rbegin(); slot != slots_.rend() && left > 0; ++slot, --left) {
      for (auto track = slot->second.begin(); track != slot->second.end();) {
        track = TRY(is_whole(track->second)) ? std::next(track) : slot->second.erase(track);
      }
    }
    return {};
  }

  Result<bool> is_whole(const FoundChunk& found) const {
    const timeline::ChunkLocation& location = found.chunk.location;
    const File file = TRY(File::open(paths_.at(location.volume), O_RDONLY));
    ByteVector bytes(location.size);
    TRY(file.read_at(location.offset, bytes.data(), bytes.size()));
    const Blob blob = Blob::of(std::move(bytes));
    return checksum_of({&blob, 1}) == found.checksum;
  }

  void number_inits() {
    std::map<std::pair<TrackId, std::uint32_t>, Blob> inits;
    for (const Head& head : heads_) {
      const auto stretch = stretches_.find(head.stretch);
      const timeline::Track* track = stretch == stretches_.end() ? nullptr : stretch->second.find(head.track);
      if (track != nullptr) inits.try_emplace({head.track, track->config}, head.init);
    }
    for (auto& [key, bytes] : inits) salvage_.inits.push_back({key.first, key.second, bytes});
  }

  [[nodiscard]] bool has_inits(const Stretch& stretch) const {
    return std::all_of(stretch.tracks.begin(), stretch.tracks.end(), [&](const timeline::Track& track) {
      return std::any_of(salvage_.inits.begin(), salvage_.inits.end(), [&](const InitSection& init) {
        return init.track == track.id && init.config == track.config;
      });
    });
  }

  // A slot is where its reference track's chunk is; without that it was never listed, or cannot be told.
  void add_slot(std::uint64_t number, const std::map<TrackId, FoundChunk>& tracks) {
    for (const auto& [track, found] : tracks) {
      const auto stretch = stretches_.find(found.stretch);
      if (stretch == stretches_.end() || stretch->second.reference != track) continue;
      if (number < stretch->second.first_slot || !has_inits(stretch->second)) continue;
      const std::uint32_t timescale = stretch->second.find(track)->description.info.timescale;
      Slot slot;
      slot.number = number;
      slot.stretch = found.stretch;
      slot.start = found.chunk.start;
      slot.end = found.chunk.start + found.chunk.duration;
      slot.utc = stretch->second.start + to_microseconds(slot.start - stretch->second.start_time, timescale);
      for (const auto& [id, other] : tracks) {
        if (other.stretch == found.stretch) slot.chunks.push_back(other.chunk);
      }
      fill_gap(slot);
      salvage_.slots.push_back(std::move(slot));
      return;
    }
  }

  // Slots without content before `next`: holes, or chunks that are lost.
  void fill_gap(const Slot& next) {
    if (salvage_.slots.empty()) return;
    const Slot last = salvage_.slots.back();
    const std::uint64_t missing = next.number - last.number - 1;
    const bool is_hole = last.stretch == next.stretch && next.start > last.end;
    const Stretch& stretch = stretches_.at(last.stretch);
    const std::uint32_t timescale = stretch.find(stretch.reference)->description.info.timescale;
    const std::int64_t length = missing == 0
                                    ? 0
                                    : (is_hole ? (next.start - last.end) / static_cast<std::int64_t>(missing)
                                               : last.end - last.start);
    for (std::uint64_t i = 0; i < missing; ++i) {
      Slot slot;
      slot.number = last.number + 1 + i;
      slot.stretch = last.stretch;
      slot.start = last.end + length * static_cast<std::int64_t>(i);
      slot.end = slot.start + length;
      slot.utc = last.utc + to_microseconds(slot.start - last.start, timescale);
      salvage_.slots.push_back(std::move(slot));
    }
  }

  Salvage salvage_;
  std::map<std::uint64_t, std::map<TrackId, FoundChunk>> slots_;
  std::map<std::uint32_t, Stretch> stretches_;
  std::vector<Head> heads_;
  std::map<std::uint32_t, std::string> paths_;
};

// A slot of which nothing is left, between its neighbours.
Slot empty_slot(std::uint64_t number, const Slot& before) {
  Slot slot;
  slot.number = number;
  slot.stretch = before.stretch;
  slot.start = slot.end = before.end;
  slot.utc = before.utc;
  return slot;
}

// Volumes know nothing of clocks that were set (semantics S13); the catalogue may.
void date(Slot& slot, const Contents& contents) {
  const auto later =
      std::upper_bound(contents.anchors.begin(), contents.anchors.end(), slot.number,
                       [](std::uint64_t number, const timeline::Anchor& a) { return number < a.slot; });
  if (later == contents.anchors.begin() || std::prev(later)->stretch != slot.stretch) return;
  const timeline::Anchor& anchor = *std::prev(later);
  for (const Stretch& stretch : contents.stretches) {
    const timeline::Track* reference = stretch.id == slot.stretch ? stretch.find(stretch.reference) : nullptr;
    if (reference == nullptr) continue;
    slot.utc = anchor.utc + to_microseconds(slot.start - anchor.time, reference->description.info.timescale);
  }
}

}  // namespace

Result<Salvage> salvage_volumes(const std::string& directory) {
  Collector collector;
  std::error_code failed;
  auto entry = std::filesystem::directory_iterator{directory, failed};
  for (; !failed && entry != std::filesystem::directory_iterator{}; entry.increment(failed)) {
    const std::uint32_t number = volume_number(entry->path().filename().string());
    if (number != 0) TRY(collector.take(entry->path().string(), number));
  }
  if (failed) return Error{ErrorCode::io, directory + ": " + failed.message()};
  return collector.finish();
}

Change change_of(const Salvage& salvage) {
  Change change;
  change.stretches = salvage.stretches;
  change.inits = salvage.inits;
  change.slots = salvage.slots;
  change.serial_limit = salvage.next_serial;
  if (salvage.slots.empty()) return change;
  change.availability_start = salvage.stretches.front().start;
  const Utc last = salvage.slots.back().utc;
  change.number_floor = static_cast<std::uint64_t>(std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::seconds>(last.time_since_epoch()).count()));
  return change;
}

Change mend(Contents& contents, const std::set<std::uint64_t>& damaged, const Salvage& salvage) {
  Change change;
  for (const Stretch& stretch : salvage.stretches) {
    const auto at = std::lower_bound(contents.stretches.begin(), contents.stretches.end(), stretch.id,
                                     [](const Stretch& s, std::uint32_t id) { return s.id < id; });
    if (at != contents.stretches.end() && at->id == stretch.id) continue;
    contents.stretches.insert(at, stretch);
    change.stretches.push_back(stretch);
  }
  timeline::SlotList mended;
  std::size_t next = 0;
  const auto take_before = [&](std::uint64_t number) {
    for (; next < contents.slots.size() && contents.slots[next].number < number; ++next) {
      mended.push_back(contents.slots[next].copy());
    }
  };
  for (const std::uint64_t number : damaged) {
    take_before(number);
    const auto known = std::lower_bound(salvage.slots.begin(), salvage.slots.end(), number,
                                        [](const Slot& s, std::uint64_t n) { return s.number < n; });
    Slot slot;
    if (known != salvage.slots.end() && known->number == number) {
      slot = *known;
      // The volumes do not say which chunks were listed and which came late.
      const auto late = std::find_if(contents.late.begin(), contents.late.end(),
                                     [&](const LateChunks& l) { return l.slot == number; });
      if (late != contents.late.end()) {
        std::erase_if(slot.chunks, [&](const timeline::Chunk& chunk) {
          return std::any_of(late->chunks.begin(), late->chunks.end(),
                             [&](const timeline::Chunk& l) { return l.track == chunk.track; });
        });
      }
      date(slot, contents);
    } else if (!mended.empty()) {
      slot = empty_slot(number, mended.back().copy());
    } else {
      continue;  // the oldest one: the programme begins after it
    }
    change.slots.push_back(slot);
    mended.push_back(std::move(slot));
  }
  take_before(std::numeric_limits<std::uint64_t>::max());
  contents.slots = std::move(mended);
  return change;
}

}  // namespace tarn::archive
