// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/time.h"
#include "core/mpegts/demuxer.h"
#include "core/webvtt/document.h"
#include "ingest/header_shelf.h"
#include "ingest/object_path.h"

namespace tarn::ingest {

// A media segment as it was uploaded, demuxed on arrival, so that the answer can say what is wrong.
struct UploadedSegment {
  std::string path;
  std::uint64_t digest = 0;
  std::uint64_t size = 0;                             // of the upload
  std::shared_ptr<const codecs::MediaSegment> media;  // none: not usable, its place in the playlist is a gap
  Monotonic arrival;
  bool cut = false;  // ended within media: what there is of it is used, and the upload refused
  std::shared_ptr<const void> ticket{};  // kept by everything that is made of it
  // Fragmented MP4: what `media` is made of when the header is known that the playlist names.
  Blob fragments{};
  std::uint64_t number = 0;                        // rises with every object of the input
  std::shared_ptr<const webvtt::Document> text{};  // of subtitles, in place of `media`

  [[nodiscard]] bool usable() const { return media != nullptr || text != nullptr || !fragments.empty(); }
};

// Tells a repeated upload from new content under an old name. All of it is read: a programme that is encoded
// again from the same file differs in nothing but a few time stamps.
std::uint64_t digest_of(Bytes bytes);

// Segments that wait for the playlist that names them, or for their turn, and the names of those
// that had theirs. Both bounded: the oldest goes first.
//
// The same content again under a name that had its turn is a retry, or an encoder that plays its file
// once more. Only a playlist can tell, so it is kept aside until one has.
class ObjectShelf {
 public:
  struct Limits {
    std::size_t segments = 256;
    std::uint64_t bytes = std::uint64_t{256} << 20U;
    std::size_t remembered = 4096;
  };
  explicit ObjectShelf(Limits limits) : limits_(limits) {}

  enum class Placed { held, repeated, replaced };
  // repeated: this very content waits, or was used before and is kept aside. replaced: new content under
  // a name that was used before, or of a segment that still waited.
  Placed put(UploadedSegment segment);

  // Whether this very content waits for its turn, and was accepted.
  [[nodiscard]] bool holds(std::string_view path, std::uint64_t digest) const;

  // What waits under this name, else what was kept aside under it.
  [[nodiscard]] const UploadedSegment* find(const ObjectName& name) const;
  [[nodiscard]] const UploadedSegment* find_waiting(const ObjectName& name) const;
  [[nodiscard]] const UploadedSegment* find_repeat(const ObjectName& name) const;
  // It was a retry.
  void drop_repeat(const ObjectName& name);
  // REQUIRES: find(name)
  UploadedSegment take(const ObjectName& name);
  // What comes under this name from now on is too late, except with other content after a restart.
  void give_up(const ObjectName& name);

  [[nodiscard]] HeaderShelf& headers() { return headers_; }
  [[nodiscard]] const HeaderShelf& headers() const { return headers_; }

  // Forgets what has waited since before `time`: nothing will ask for it any more.
  void drop_older_than(Monotonic time);

  [[nodiscard]] std::size_t held() const { return held_.size(); }
  [[nodiscard]] std::uint64_t held_bytes() const { return held_bytes_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  struct Waiting {
    std::uint64_t number = 0;  // in the order of arrival
    UploadedSegment segment;
  };
  using Held = std::map<std::string, Waiting, std::less<>>;
  void keep_aside(UploadedSegment segment);
  void remember(const std::string& path, std::uint64_t digest);
  UploadedSegment remove(Held::iterator at);
  void drop_oldest();

  Limits limits_;
  HeaderShelf headers_;
  Held held_;
  std::map<std::uint64_t, std::string> order_;  // number → path
  std::deque<UploadedSegment> repeats_;         // of names in used_, the oldest first
  std::uint64_t next_number_ = 0;
  std::uint64_t held_bytes_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> used_;  // digest, 0: given up
  std::deque<std::string> used_order_;
  std::uint64_t dropped_ = 0;
};

}  // namespace tarn::ingest
