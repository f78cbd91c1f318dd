// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/archive/direct_writer.h"
#include "core/archive/file.h"
#include "core/archive/journal_record.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/time.h"

namespace tarn::archive {

// An object as an encoder sent it.
struct JournalObject {
  std::uint8_t input = 0;
  bool is_playlist = false;
  std::string path;
  Utc arrival;
  Blob body;
};

// An object that is in the journal; its body stays on disk.
struct JournalEntry {
  std::uint64_t sequence = 0;
  std::uint8_t input = 0;
  bool is_playlist = false;
  std::string path;
  Utc arrival;
  std::uint32_t file = 0;
  std::uint64_t offset = 0;  // of the path in the file
  std::uint32_t size = 0;    // of the body
  std::uint32_t checksum = 0;
};

struct JournalLimits {
  std::uint64_t file_bytes = 32ULL << 20U;  // a larger file is not continued
  std::uint64_t bytes = 2ULL << 30U;        // of all files
  std::size_t playlists = 256;              // kept for each input
};

// What has been acknowledged and is not in listed slots yet (docs/formats/journal.md): an append-only
// log in numbered files. One caller at a time. A file nothing of which is needed is written anew from its
// beginning: its blocks are there already, so that a sync has only the data to wait for.
//
// Release rule: the objects of an input are released from the oldest on, up to the first of which some
// media is not listed. Of each playlist the latest released version stays, because it may name what is
// not; it is copied to the current file before the file it lies in is deleted.
class Journal {
 public:
  static constexpr std::size_t inputs = 2;

  // Opens or creates the journal in `directory`. Files of an earlier run are not appended to.
  static Result<std::unique_ptr<Journal>> open(const std::string& directory, JournalLimits limits = {});

  // What is not released, and the latest playlists, in the order in which it came.
  [[nodiscard]] const std::vector<JournalEntry>& entries() const { return entries_; }
  // malformed: the record is damaged; the others are not touched by that.
  [[nodiscard]] Result<Blob> read(const JournalEntry& entry) const;

  // Durable when it returns ok, all of them. no_space: nothing was taken, may be tried again. Any other
  // error is final: no file is synced a second time, and every later call answers it.
  Status append(std::span<const JournalObject> objects);
  // Objects of `input` with a lower sequence are not needed any more. What cannot be deleted for
  // want of space is kept for the next time.
  Status release(std::uint8_t input, std::uint64_t before);

  // Of the next object that is appended.
  [[nodiscard]] std::uint64_t next_sequence() const { return next_sequence_; }
  [[nodiscard]] std::uint64_t bytes() const;
  // Places found unreadable when it was opened.
  [[nodiscard]] std::uint64_t damaged() const { return damaged_; }

 private:
  struct Segment {  // a file
    File file;
    DirectWriter writer;  // of files that are appended to
    std::uint64_t nonce = 0;
    std::uint64_t end = 0;
    bool is_dirty = false;  // a mark was written that is not synced
    bool is_spare = false;  // nothing in it is needed
  };

  Journal(std::string directory, JournalLimits limits) : directory_(std::move(directory)), limits_(limits) {}
  [[nodiscard]] std::string path_of(std::uint32_t number) const;
  Status load();
  Status load_file(std::uint32_t number);
  void settle_loaded();
  void drop_released(std::uint8_t input);
  Status ensure_current();
  Result<std::uint32_t> begin_file();
  Status append_records(std::span<const JournalObject> objects, std::span<const std::uint64_t> sequences);
  Status write_mark(std::uint8_t input);
  Status sync_marks();
  Status drop_unneeded();
  Result<bool> carry_over(std::uint32_t file);
  [[nodiscard]] bool is_sticky(const JournalEntry& entry) const;
  Error fail(const Error& cause);

  const std::string directory_;
  const JournalLimits limits_;
  std::map<std::uint32_t, Segment> files_;
  std::uint32_t current_ = 0;  // 0: none, the next append begins one
  std::uint32_t last_number_ = 0;
  std::vector<JournalEntry> entries_;  // ascending by sequence
  std::array<std::uint64_t, inputs> released_{};
  std::uint64_t next_sequence_ = 1;
  std::uint64_t damaged_ = 0;
  Status health_;
};

}  // namespace tarn::archive
