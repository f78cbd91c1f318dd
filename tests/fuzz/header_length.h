// SPDX-License-Identifier: Apache-2.0
// Inputs of two bytes, a header that is so long, and a segment: their boxes change, and the length follows.
#pragma once

#include "box_mutator.h"

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed) {
  using namespace tarn::fuzz;
  if (size < 2 || most < 3) return LLVMFuzzerMutate(data, size, most);
  Random random{seed};
  const std::size_t told = data[0] * std::size_t{256} + data[1];
  Input boxes = mutate_boxes({data + 2, data + size}, random, most - 2);
  std::vector<Box> found;
  find_boxes(boxes, 0, boxes.size(), no_parent, found);
  const auto moov = std::find_if(found.begin(), found.end(), [&](const Box& box) {
    return std::memcmp(boxes.data() + box.begin + 4, "moov", 4) == 0;
  });
  const std::size_t length = moov == found.end() ? told : moov->begin + moov->size;
  const std::uint8_t lengths[2]{static_cast<std::uint8_t>(length >> 8U), static_cast<std::uint8_t>(length)};
  boxes.insert(boxes.begin(), lengths, lengths + 2);
  return give(boxes, data, most);
}
