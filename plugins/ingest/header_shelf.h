// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "core/isobmff/movie_header.h"
#include "ingest/object_path.h"

namespace tarn::ingest {

// The headers (EXT-X-MAP) that an input has uploaded. A name may be used again for another header: a segment
// belongs to the last one that came before it. Bounded: the oldest goes first.
class HeaderShelf {
 public:
  using Header = std::shared_ptr<const isobmff::MovieHeader>;

  // `number`: rises with every object of the input. False: the same header again.
  bool put(const std::string& path, std::uint64_t digest, std::uint64_t number, Header header);
  // For a segment that came as object `number`; the header may also come after it. null: not there yet.
  [[nodiscard]] Header find(const ObjectName& name, std::uint64_t number) const;

 private:
  struct Version {
    std::uint64_t number = 0;
    std::uint64_t digest = 0;
    Header header;
  };
  std::map<std::string, std::deque<Version>, std::less<>> headers_;  // the oldest first
};

}  // namespace tarn::ingest
