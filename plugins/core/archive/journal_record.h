// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/time.h"

// The bytes of a journal file (docs/formats/journal.md): a file header, then records back to back. Every
// header repeats the file's nonce and is closed by a CRC-32C: what merely looks like a header inside an
// object that an encoder sent is not taken for one.
namespace tarn::archive {

constexpr std::size_t journal_file_header_size = 32;
constexpr std::size_t journal_record_header_size = 44;
constexpr std::uint64_t max_journal_body = 256ULL << 20U;
constexpr std::size_t max_journal_path = 4096;

struct JournalFileHeader {
  std::uint64_t nonce = 0;
  std::uint32_t number = 0;
};

enum class JournalKind : std::uint8_t {
  segment = 1,
  playlist = 2,
  mark = 3,  // `sequence`: objects of the input before it are released; no path, no body
};

struct JournalRecordHeader {
  JournalKind kind = JournalKind::segment;
  std::uint8_t input = 0;
  std::uint16_t path_size = 0;
  std::uint64_t sequence = 0;
  Utc arrival;
  std::uint32_t body_size = 0;
  std::uint32_t checksum = 0;  // CRC-32C of path and body
};

void write_journal_file_header(const JournalFileHeader& header, ByteVector& out);
void write_journal_record_header(const JournalRecordHeader& header, std::uint64_t nonce, ByteVector& out);
// `bytes` begins with the header.
Result<JournalRecordHeader> parse_journal_record_header(Bytes bytes, std::uint64_t nonce);

struct JournalRecordFound {
  JournalRecordHeader header;
  std::string path;
  std::uint64_t offset = 0;  // of the path; the body follows it
};

// What a file holds. A beginning of a record at its end is no damage: it was being written when the
// process died.
struct JournalScan {
  std::vector<JournalRecordFound> records;
  std::uint64_t damaged = 0;     // places that are not readable between records that are
  std::uint64_t tail_bytes = 0;  // after the last whole record
};

// Reads `into.size()` bytes at `offset`, all of them or an error.
using JournalReader = std::function<Status(std::uint64_t offset, std::span<std::uint8_t> into)>;

// Bodies are not read. unsupported: a newer format; `name` is what errors call the file.
Result<JournalScan> scan_journal(const std::string& name, const JournalReader& read, std::uint64_t size);

}  // namespace tarn::archive
