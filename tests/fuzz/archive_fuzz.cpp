// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>

#include "core/archive/crc32c.h"
#include "core/archive/records.h"
#include "core/archive/volume.h"

// The archive's records and boxes. Their checksums would stop a fuzzer at the door: the first byte
// chooses the parser, and the last four of the rest are made right before it is called.
namespace {

using namespace tarn;

void require(bool is_true) {
  if (!is_true) std::abort();
}

ByteVector with_checksum(Bytes bytes) {
  ByteVector fixed{bytes.begin(), bytes.end()};
  const std::uint32_t checksum = archive::crc32c(Bytes{fixed}.first(fixed.size() - 4));
  Writer{fixed}.patch_u32(fixed.size() - 4, checksum);
  return fixed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 5) return 0;
  const ByteVector input = with_checksum(Bytes{data + 1, size - 1});
  switch (data[0] % 4) {
    case 0: {
      const auto slot = archive::parse_slot(7, input);
      if (slot.ok()) require(archive::parse_slot(7, archive::write_slot(*slot)).ok());
      break;
    }
    case 1: {
      const auto stretch = archive::parse_stretch(input);
      if (stretch.ok()) require(archive::parse_stretch(archive::write_stretch(*stretch)).ok());
      break;
    }
    case 2: {
      const auto box = archive::parse_chunk_box(input);
      ByteVector out;
      if (box.ok()) archive::write_chunk_box(*box, out);
      if (box.ok()) require(archive::parse_chunk_box(out).ok());
      break;
    }
    default: {
      const auto box = archive::parse_volume_box(input);
      if (box.ok()) require(box->stretch_record.size() < input.size());
      break;
    }
  }
  return 0;
}
