// SPDX-License-Identifier: Apache-2.0
// Boxes (ISO/IEC 14496-12, 4.2) that change, go, come twice and change places within containers whose sizes
// stay right, so that the engine gets beyond the first size.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "mutator.h"

namespace tarn::fuzz {

struct Box {
  std::size_t begin = 0;
  std::size_t size = 0;
  std::size_t body = 0;  // where its payload or its first child begins
  std::size_t parent = 0;
  bool holds = false;
};

constexpr std::size_t no_parent = SIZE_MAX;

/** Bytes between a box's header and its children, or nothing for a box that has none. */
inline std::optional<std::size_t> before_children(std::string_view type) {
  struct Container {
    std::string_view type;
    std::size_t before;
  };
  static constexpr std::array<Container, 22> known{{
      {"moov", 0},  {"trak", 0},  {"mdia", 0},  {"minf", 0},  {"stbl", 0},  {"dinf", 0},
      {"mvex", 0},  {"moof", 0},  {"traf", 0},  {"edts", 0},  {"udta", 0},  {"sinf", 0},
      {"vttc", 0},  {"stsd", 8},  {"avc1", 78}, {"avc3", 78}, {"hvc1", 78}, {"hev1", 78},
      {"av01", 78}, {"mp4a", 28}, {"Opus", 28}, {"wvtt", 8},
  }};
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const Container& each) { return each.type == type; });
  return found == known.end() ? std::nullopt : std::optional{found->before};
}

inline std::size_t read_size(const Input& bytes, std::size_t at) {
  return std::size_t{bytes[at]} << 24U | std::size_t{bytes[at + 1]} << 16U |
         std::size_t{bytes[at + 2]} << 8U | bytes[at + 3];
}

inline void write_size(Input& bytes, std::size_t at, std::size_t size) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::uint8_t>(size >> (24U - 8U * i));
}

/** The boxes from `begin` to `end`, each behind its container; what does not fit is not looked at. */
inline void find_boxes(const Input& bytes, std::size_t begin, std::size_t end, std::size_t parent,
                       std::vector<Box>& found) {
  while (end - begin >= 8 && found.size() < 256) {
    const std::size_t size = read_size(bytes, begin);
    if (size < 8 || size > end - begin) return;
    const std::string_view type{reinterpret_cast<const char*>(bytes.data() + begin + 4), 4};
    const auto before = before_children(type);
    const std::size_t body = std::min(begin + size, begin + 8 + before.value_or(0));
    found.push_back({begin, size, body, parent, before.has_value()});
    if (before) find_boxes(bytes, body, begin + size, found.size() - 1, found);
    begin += size;
  }
}

/** Puts `with` in the place of `count` bytes at `at`, within the box `inside` and all that hold it. */
inline void replace(Input& bytes, const std::vector<Box>& boxes, std::size_t inside, std::size_t at,
                    std::size_t count, const Input& with) {
  for (; inside != no_parent; inside = boxes[inside].parent) {
    write_size(bytes, boxes[inside].begin, boxes[inside].size + with.size() - count);
  }
  const auto where = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  bytes.insert(bytes.erase(where, where + static_cast<std::ptrdiff_t>(count)), with.begin(), with.end());
}

/** Moves the data offset of every track run (8.8.8) by what the movie fragment has grown. */
inline void move_runs(Input& bytes, std::size_t grown) {
  std::vector<Box> boxes;
  find_boxes(bytes, 0, bytes.size(), no_parent, boxes);
  for (const Box& box : boxes) {
    if (std::memcmp(bytes.data() + box.begin + 4, "trun", 4) != 0 || box.size < 20 ||
        (bytes[box.begin + 11] & 1U) == 0)
      continue;
    write_size(bytes, box.begin + 16, read_size(bytes, box.begin + 16) + grown);
  }
}

inline Input mutate_boxes(Input bytes, Random& random, std::size_t most) {
  std::vector<Box> boxes;
  find_boxes(bytes, 0, bytes.size(), no_parent, boxes);
  if (boxes.empty() || random.below(16) == 0) return changed(std::move(bytes), most);
  const std::size_t chosen = random.below(boxes.size());
  const Box box = boxes[chosen];
  const auto part = [&bytes](std::size_t begin, std::size_t end) {
    return Input{bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                 bytes.begin() + static_cast<std::ptrdiff_t>(end)};
  };
  const std::size_t before = bytes.size();
  switch (random.below(8)) {
    case 0:
      replace(bytes, boxes, box.parent, box.begin, box.size, {});
      break;
    case 1:
      replace(bytes, boxes, box.parent, box.begin, 0, part(box.begin, box.begin + box.size));
      break;
    case 2: {
      const Box& other = boxes[random.below(boxes.size())];
      replace(bytes, boxes, other.parent, other.begin, 0, part(box.begin, box.begin + box.size));
      break;
    }
    case 3: {
      const Box& other = boxes[random.below(boxes.size())];
      std::copy_n(part(other.begin + 4, other.begin + 8).begin(), 4,
                  bytes.begin() + static_cast<std::ptrdiff_t>(box.begin + 4));
      break;
    }
    default: {
      const std::size_t end = box.holds ? box.body : box.begin + box.size;
      const Input old = part(box.begin + 8, end);
      replace(bytes, boxes, chosen, box.begin + 8, old.size(), changed(old, old.size() + 16));
      break;
    }
  }
  if (bytes.size() != before && random.below(2) == 0) move_runs(bytes, bytes.size() - before);
  return bytes;
}

}  // namespace tarn::fuzz
