// SPDX-License-Identifier: Apache-2.0
// What an earlier run has left is found again.
#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "core/archive/journal.h"
#include "core/base/text.h"

namespace tarn::archive {
namespace {

constexpr std::string_view extension = ".journal";

// The number in "<number>.journal"; 0 for other files.
std::uint32_t file_number(std::string_view name) {
  if (!name.ends_with(extension)) return 0;
  const auto number = parse_u64(name.substr(0, name.size() - extension.size()));
  return number && *number <= 0xFFFF'FFFFU ? static_cast<std::uint32_t>(*number) : 0;
}

}  // namespace

std::string Journal::path_of(std::uint32_t number) const {
  return directory_ + "/" + std::to_string(number) + std::string{extension};
}

Result<std::unique_ptr<Journal>> Journal::open(const std::string& directory, JournalLimits limits) {
  TRY(make_directories(directory));
  std::unique_ptr<Journal> journal{new Journal{directory, limits}};
  TRY(journal->load());
  return journal;
}

Status Journal::load() {
  std::set<std::uint32_t> numbers;
  std::error_code failed;
  auto entry = std::filesystem::directory_iterator{directory_, failed};
  for (; !failed && entry != std::filesystem::directory_iterator{}; entry.increment(failed)) {
    if (const std::uint32_t number = file_number(entry->path().filename().string())) numbers.insert(number);
  }
  if (failed) return Error{ErrorCode::io, directory_ + ": " + failed.message()};
  for (const std::uint32_t number : numbers) TRY(load_file(number));
  settle_loaded();
  return {};
}

Status Journal::load_file(std::uint32_t number) {
  Segment segment;
  segment.file = TRY(File::open(path_of(number), O_RDWR));
  segment.end = TRY(segment.file.size());
  last_number_ = number;
  const auto read = [&](std::uint64_t offset, std::span<std::uint8_t> into) {
    return segment.file.read_at(offset, into.data(), into.size());
  };
  const JournalScan scan = TRY(scan_journal(segment.file.path(), read, segment.end));
  damaged_ += scan.damaged;
  for (const JournalRecordFound& found : scan.records) {
    const JournalRecordHeader& header = found.header;
    if (header.input >= inputs) continue;
    if (header.kind == JournalKind::mark) {
      released_[header.input] = std::max(released_[header.input], header.sequence);
      next_sequence_ = std::max(next_sequence_, header.sequence);
      continue;
    }
    next_sequence_ = std::max(next_sequence_, header.sequence + 1);
    entries_.push_back({header.sequence, header.input, header.kind == JournalKind::playlist, found.path,
                        header.arrival, number, found.offset, header.body_size, header.checksum});
  }
  files_.emplace(number, std::move(segment));
  return {};
}

// A playlist that was carried over is there twice; the later copy counts.
void Journal::settle_loaded() {
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
  const auto same = [](const auto& a, const auto& b) { return a.sequence == b.sequence; };
  entries_.erase(entries_.begin(), std::unique(entries_.rbegin(), entries_.rend(), same).base());
  for (std::uint8_t input = 0; input < inputs; ++input) drop_released(input);
}

}  // namespace tarn::archive
