// SPDX-License-Identifier: Apache-2.0
#include "core/archive/journal_record.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/archive/crc32c.h"

namespace tarn::archive {
namespace {

constexpr std::string_view file_magic = "tarnjrnl";
constexpr std::string_view record_magic = "TJr1";
constexpr std::uint32_t format_version = 1;
constexpr std::size_t nonce_offset = 32;  // in a record header
constexpr std::size_t block_size = 64U << 10U;

std::uint64_t nonce_of(Bytes record_header) { return Reader{record_header.subspan(nonce_offset)}.u64(); }

// The nonce, or none when the file header is damaged: then the first record tells.
Result<std::optional<std::uint64_t>> parse_file_header(const std::string& name, Bytes bytes) {
  Reader reader{bytes};
  const bool is_journal = as_text(reader.take(file_magic.size())) == file_magic;
  const std::uint32_t version = reader.u32();
  reader.skip(4);
  const std::uint64_t nonce = reader.u64();
  reader.skip(4);
  const std::uint32_t checksum = reader.u32();
  if (!is_journal || checksum != crc32c(bytes.first(journal_file_header_size - 4))) {
    return std::optional<std::uint64_t>{};
  }
  if (version > format_version) {
    return unsupported(name + ": journal format " + std::to_string(version) +
                       " was written by a newer Tarn; this one knows up to " +
                       std::to_string(format_version));
  }
  return std::optional<std::uint64_t>{nonce};
}

// Walks over one file.
class Scanner {
 public:
  Scanner(const JournalReader& read, std::uint64_t size, std::optional<std::uint64_t> nonce)
      : read_(read), size_(size), nonce_(nonce) {}

  Result<JournalScan> run() {
    while (at_ < size_) {
      if (TRY(take_record())) continue;
      const auto next = TRY(find_record(at_ + 1));
      if (!next) break;
      ++scan_.damaged;
      at_ = *next;
    }
    scan_.tail_bytes = size_ - at_;
    return std::move(scan_);
  }

 private:
  // False: no whole record begins here.
  Result<bool> take_record() {
    const auto header = TRY(header_at(at_));
    if (!header) return false;
    const std::uint64_t after = at_ + journal_record_header_size + header->path_size + header->body_size;
    if (after > size_) return false;
    JournalRecordFound found{*header, {}, at_ + journal_record_header_size};
    ByteVector path(header->path_size);
    TRY(read_(found.offset, path));
    found.path = std::string{as_text(path)};
    scan_.records.push_back(std::move(found));
    at_ = after;
    return true;
  }

  Result<std::optional<JournalRecordHeader>> header_at(std::uint64_t offset) {
    std::array<std::uint8_t, journal_record_header_size> bytes{};
    if (offset + bytes.size() > size_) return std::optional<JournalRecordHeader>{};
    TRY(read_(offset, bytes));
    const std::uint64_t nonce = nonce_.value_or(nonce_of(bytes));
    const auto header = parse_journal_record_header(bytes, nonce);
    if (!header.ok()) return std::optional<JournalRecordHeader>{};
    nonce_ = nonce;
    return std::optional<JournalRecordHeader>{*header};
  }

  // The first whole record at or after `from`.
  Result<std::optional<std::uint64_t>> find_record(std::uint64_t from) {
    ByteVector block;
    while (from + journal_record_header_size <= size_) {
      block.resize(static_cast<std::size_t>(std::min<std::uint64_t>(block_size, size_ - from)));
      TRY(read_(from, block));
      const auto begin = block.begin();
      for (auto at = begin; at != block.end(); ++at) {
        at = std::search(at, block.end(), record_magic.begin(), record_magic.end(),
                         [](std::uint8_t byte, char c) { return byte == static_cast<std::uint8_t>(c); });
        if (at == block.end()) break;
        const std::uint64_t offset = from + static_cast<std::uint64_t>(at - begin);
        if (TRY(is_whole_record(offset))) return std::optional<std::uint64_t>{offset};
      }
      // The magic may lie across the border of two blocks.
      from += block.size() - std::min(block.size() - 1, record_magic.size() - 1);
    }
    return std::optional<std::uint64_t>{};
  }

  Result<bool> is_whole_record(std::uint64_t offset) {
    const auto header = TRY(header_at(offset));
    return header && offset + journal_record_header_size + header->path_size + header->body_size <= size_;
  }

  const JournalReader& read_;
  const std::uint64_t size_;
  std::optional<std::uint64_t> nonce_;
  std::uint64_t at_ = journal_file_header_size;
  JournalScan scan_;
};

}  // namespace

void write_journal_file_header(const JournalFileHeader& header, ByteVector& out) {
  const std::size_t begin = out.size();
  Writer writer{out};
  writer.text(file_magic);
  writer.u32(format_version);
  writer.u32(0);
  writer.u64(header.nonce);
  writer.u32(header.number);
  writer.u32(crc32c(Bytes{out}.subspan(begin)));
}

void write_journal_record_header(const JournalRecordHeader& header, std::uint64_t nonce, ByteVector& out) {
  const std::size_t begin = out.size();
  Writer writer{out};
  writer.text(record_magic);
  writer.u8(static_cast<std::uint8_t>(header.kind));
  writer.u8(header.input);
  writer.u16(header.path_size);
  writer.u64(header.sequence);
  writer.u64(static_cast<std::uint64_t>(header.arrival.time_since_epoch().count()));
  writer.u32(header.body_size);
  writer.u32(header.checksum);
  writer.u64(nonce);
  writer.u32(crc32c(Bytes{out}.subspan(begin)));
}

Result<JournalRecordHeader> parse_journal_record_header(Bytes bytes, std::uint64_t nonce) {
  if (bytes.size() < journal_record_header_size) return truncated("journal record: header cut short");
  Reader reader{bytes};
  const bool has_magic = as_text(reader.take(record_magic.size())) == record_magic;
  JournalRecordHeader header;
  const std::uint8_t kind = reader.u8();
  header.kind = static_cast<JournalKind>(kind);
  header.input = reader.u8();
  header.path_size = reader.u16();
  header.sequence = reader.u64();
  header.arrival = Utc{Microseconds{reader.i64()}};
  header.body_size = reader.u32();
  header.checksum = reader.u32();
  const bool is_of_file = reader.u64() == nonce;
  const std::uint32_t checksum = reader.u32();
  if (!has_magic || !is_of_file || checksum != crc32c(bytes.first(journal_record_header_size - 4))) {
    return malformed("journal record: header is damaged");
  }
  if (kind < 1 || kind > 3 || header.path_size > max_journal_path || header.body_size > max_journal_body) {
    return malformed("journal record: a field is out of its range");
  }
  return header;
}

Result<JournalScan> scan_journal(const std::string& name, const JournalReader& read, std::uint64_t size) {
  if (size < journal_file_header_size) return JournalScan{{}, 0, size};
  std::array<std::uint8_t, journal_file_header_size> bytes{};
  TRY(read(0, bytes));
  const auto nonce = TRY(parse_file_header(name, bytes));
  JournalScan scan = TRY(Scanner(read, size, nonce).run());
  if (!nonce && !scan.records.empty()) ++scan.damaged;
  return scan;
}

}  // namespace tarn::archive
