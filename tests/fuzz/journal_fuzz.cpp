// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/archive/crc32c.h"
#include "core/archive/journal_record.h"

// The reader of journal files. Checksums would stop a fuzzer at the door: those of the file header, and of
// every record header that begins where the last one's body ended, are made right first.
namespace {

using namespace tarn;
using archive::journal_file_header_size;
using archive::journal_record_header_size;

void require(bool is_true) {
  if (!is_true) std::abort();
}

void fix(ByteVector& bytes, std::size_t at, std::size_t size) {
  Writer{bytes}.patch_u32(at + size - 4, archive::crc32c(Bytes{bytes}.subspan(at, size - 4)));
}

void fix_checksums(ByteVector& bytes) {
  if (bytes.size() < journal_file_header_size) return;
  fix(bytes, 0, journal_file_header_size);
  for (std::size_t at = journal_file_header_size; at + journal_record_header_size <= bytes.size();) {
    fix(bytes, at, journal_record_header_size);
    Reader reader{Bytes{bytes}.subspan(at)};
    reader.skip(6);
    const std::size_t path = reader.u16();
    reader.skip(16);
    at += journal_record_header_size + path + reader.u32();
  }
}

void scan(const ByteVector& bytes) {
  const auto read = [&](std::uint64_t offset, std::span<std::uint8_t> into) -> Status {
    if (offset > bytes.size() || into.size() > bytes.size() - offset) return truncated("beyond the end");
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return {};
  };
  const auto found = archive::scan_journal("fuzz", read, bytes.size());
  if (!found.ok()) {
    require(found.error().code == ErrorCode::unsupported);
    return;
  }
  std::uint64_t end = 0;
  for (const auto& record : found->records) {
    require(record.offset >= end);
    end = record.offset + record.path.size() + record.header.body_size;
    require(end <= bytes.size());
  }
  require(found->tail_bytes <= bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteVector bytes{data, data + size};
  scan(bytes);
  fix_checksums(bytes);
  scan(bytes);
  return 0;
}
