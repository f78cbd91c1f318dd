// SPDX-License-Identifier: Apache-2.0
#include "core/archive/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <set>
#include <utility>

#include "core/archive/crc32c.h"

namespace tarn::archive {
namespace {

std::uint64_t fresh_nonce() {
  std::random_device device;
  return std::uint64_t{device()} << 32U | device();
}

std::uint32_t checksum_of(std::string_view path, Bytes body) { return crc32c(body, crc32c(as_bytes(path))); }

}  // namespace

// A playlist stays while no later one of its name is released.
void Journal::drop_released(std::uint8_t input) {
  std::set<std::string> seen;
  const auto needed = [&](const JournalEntry& entry) {
    if (entry.input != input || entry.sequence >= released_[input]) return true;
    return entry.is_playlist && seen.size() < limits_.playlists && seen.insert(entry.path).second;
  };
  const auto kept = std::remove_if(entries_.rbegin(), entries_.rend(),
                                   [&](const JournalEntry& entry) { return !needed(entry); });
  entries_.erase(entries_.begin(), kept.base());
}

Result<Blob> Journal::read(const JournalEntry& entry) const {
  const auto at = files_.find(entry.file);
  if (at == files_.end()) return not_found(directory_ + ": the record's file is gone");
  const std::size_t size = entry.path.size() + entry.size;
  const auto buffer = std::make_shared_for_overwrite<std::uint8_t[]>(size);
  TRY(at->second.file.read_at(entry.offset, buffer.get(), size));
  const Bytes bytes{buffer.get(), size};
  if (crc32c(bytes) != entry.checksum) {
    return malformed(at->second.file.path() + ": record " + std::to_string(entry.sequence) + " (" +
                     entry.path + "): checksum does not match");
  }
  return Blob{buffer, bytes.subspan(entry.path.size())};
}

Status Journal::append(std::span<const JournalObject> objects) {
  TRY(health_);
  std::uint64_t size = 0;
  for (const JournalObject& object : objects) {
    if (object.input >= inputs || object.path.size() > max_journal_path ||
        object.body.size() > max_journal_body) {
      return Error{ErrorCode::limit, object.path + ": too large for the journal"};
    }
    size += journal_record_header_size + object.path.size() + object.body.size();
  }
  if (bytes() + size > limits_.bytes) {
    return Error{ErrorCode::no_space,
                 directory_ + ": the journal is full, what it holds cannot be published"};
  }
  std::vector<std::uint64_t> sequences;
  for (std::size_t i = 0; i < objects.size(); ++i) sequences.push_back(next_sequence_++);
  return append_records(objects, sequences);
}

Status Journal::append_records(std::span<const JournalObject> objects,
                               std::span<const std::uint64_t> sequences) {
  TRY(ensure_current());
  Segment& segment = files_.at(current_);
  std::vector<Blob> parts;
  std::vector<JournalEntry> added;
  std::uint64_t end = segment.end;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const JournalObject& object = objects[i];
    const JournalRecordHeader header{object.is_playlist ? JournalKind::playlist : JournalKind::segment,
                                     object.input,
                                     static_cast<std::uint16_t>(object.path.size()),
                                     sequences[i],
                                     object.arrival,
                                     static_cast<std::uint32_t>(object.body.size()),
                                     checksum_of(object.path, object.body.bytes())};
    ByteVector front;
    write_journal_record_header(header, segment.nonce, front);
    Writer{front}.text(object.path);
    added.push_back({header.sequence, object.input, object.is_playlist, object.path, object.arrival, current_,
                     end + journal_record_header_size, header.body_size, header.checksum});
    end += front.size() + object.body.size();
    parts.push_back(Blob::of(std::move(front)));
    if (!object.body.empty()) parts.push_back(object.body);
  }
  if (Status written = segment.writer.write_at(segment.file, segment.end, parts); !written) {
    // What has been written of it stays behind the end of a file that is not continued.
    current_ = 0;
    if (written.error().code == ErrorCode::no_space) return std::move(written).error();
    return fail(written.error());
  }
  if (Status synced = segment.file.sync_data(); !synced) return fail(synced.error());
  segment.is_dirty = false;
  segment.end = end;
  for (JournalEntry& entry : added) {
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), entry.sequence,
                                     [](const auto& e, std::uint64_t s) { return e.sequence < s; });
    if (at != entries_.end() && at->sequence == entry.sequence) {
      *at = std::move(entry);
    } else {
      entries_.insert(at, std::move(entry));
    }
  }
  return {};
}

Status Journal::ensure_current() {
  if (current_ != 0 && files_.at(current_).end < limits_.file_bytes) return {};
  // What is written over must be known to be released after a power loss, too.
  TRY(sync_marks());
  current_ = 0;
  const std::uint32_t number = TRY(begin_file());
  Segment& segment = files_.at(number);
  if (!segment.writer.is_direct()) segment.writer = DirectWriter::of(segment.file);
  segment.nonce = fresh_nonce();
  segment.end = 0;
  segment.is_spare = false;
  ByteVector header;
  write_journal_file_header({segment.nonce, number}, header);
  const Blob part{nullptr, Bytes{header}};
  if (Status written = segment.file.write_at(0, {&part, 1}); !written) {
    segment.is_spare = true;
    if (written.error().code == ErrorCode::no_space) return std::move(written).error();
    return fail(written.error());
  }
  segment.end = header.size();
  current_ = number;
  return {};
}

// A spare file, or a new one.
Result<std::uint32_t> Journal::begin_file() {
  for (const auto& [number, segment] : files_) {
    if (segment.is_spare) return number;
  }
  if (last_number_ == 0xFFFF'FFFFU) return Error{ErrorCode::limit, directory_ + ": file numbers used up"};
  auto file = File::open(path_of(last_number_ + 1), O_RDWR | O_CREAT | O_EXCL, 0600);
  if (!file.ok()) {
    if (file.error().code == ErrorCode::no_space) return std::move(file).error();
    return fail(file.error());
  }
  if (Status synced = sync_directory(directory_); !synced) return fail(synced.error());
  Segment segment;
  segment.file = std::move(file).value();
  files_.emplace(++last_number_, std::move(segment));
  return last_number_;
}

Status Journal::release(std::uint8_t input, std::uint64_t before) {
  TRY(health_);
  if (input >= inputs || before <= released_[input]) return {};
  released_[input] = before;
  drop_released(input);
  TRY(write_mark(input));
  return drop_unneeded();
}

// Not synced: without it an object is replayed once more after a crash, and found to be listed.
Status Journal::write_mark(std::uint8_t input) {
  if (current_ == 0) return {};
  Segment& segment = files_.at(current_);
  ByteVector bytes;
  write_journal_record_header({JournalKind::mark, input, 0, released_[input], Utc{}, 0, crc32c({})},
                              segment.nonce, bytes);
  const Blob part{nullptr, Bytes{bytes}};
  if (Status written = segment.file.write_at(segment.end, {&part, 1}); !written) {
    current_ = 0;
    if (written.error().code == ErrorCode::no_space) return {};
    return fail(written.error());
  }
  segment.end += bytes.size();
  segment.is_dirty = true;
  return {};
}

Status Journal::sync_marks() {
  for (auto& [number, segment] : files_) {
    if (!segment.is_dirty) continue;
    if (Status synced = segment.file.sync_data(); !synced) return fail(synced.error());
    segment.is_dirty = false;
  }
  return {};
}

bool Journal::is_sticky(const JournalEntry& entry) const {
  return entry.is_playlist && entry.sequence < released_[entry.input];
}

// One file is kept as a spare.
Status Journal::drop_unneeded() {
  if (current_ == 0) return {};
  bool has_spare = false;
  for (auto at = files_.begin(); at != files_.end();) {
    const std::uint32_t number = at->first;
    Segment& segment = at->second;
    const bool is_needed = std::any_of(entries_.begin(), entries_.end(), [&](const JournalEntry& entry) {
      return entry.file == number && !is_sticky(entry);
    });
    if (number == current_ || is_needed || !TRY(carry_over(number))) {
      ++at;
      continue;
    }
    if (!std::exchange(has_spare, true)) {
      segment.is_spare = true;
      segment.end = 0;
      ++at;
      continue;
    }
    TRY(sync_marks());
    if (::unlink(segment.file.path().c_str()) != 0 && errno != ENOENT) {
      return fail(system_error("unlink", segment.file.path()));
    }
    at = files_.erase(at);
  }
  return {};
}

// Copies the playlists of `file` that stay to the current one. False: there is no room for them.
Result<bool> Journal::carry_over(std::uint32_t file) {
  std::vector<JournalObject> objects;
  std::vector<std::uint64_t> sequences;
  for (const JournalEntry& entry : entries_) {
    if (entry.file != file) continue;
    auto body = read(entry);
    if (!body.ok()) {
      ++damaged_;
      continue;
    }
    objects.push_back({entry.input, true, entry.path, entry.arrival, std::move(body).value()});
    sequences.push_back(entry.sequence);
  }
  if (!objects.empty()) {
    if (Status copied = append_records(objects, sequences); !copied) {
      if (copied.error().code == ErrorCode::no_space) return false;
      return std::move(copied).error();
    }
  }
  std::erase_if(entries_, [&](const JournalEntry& entry) { return entry.file == file; });
  return true;
}

std::uint64_t Journal::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [number, segment] : files_) sum += segment.end;
  return sum;
}

Error Journal::fail(const Error& cause) {
  Error error{ErrorCode::io, "the journal has failed and takes nothing more: " + cause.message};
  health_ = error;
  return error;
}

}  // namespace tarn::archive
