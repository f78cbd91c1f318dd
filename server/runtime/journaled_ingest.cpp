// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/journaled_ingest.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "core/hls/playlist.h"
#include "core/isobmff/movie_header.h"
#include "server/runtime/input_history.h"

namespace tarn::server {
namespace {

using archive::JournalEntry;
using archive::JournalObject;

constexpr std::size_t inputs = archive::Journal::inputs;
constexpr std::size_t most_playlists = 256;  // remembered of an input

// What is sent once and holds from then on: multivariant playlists and headers of fragmented MP4.
enum class Kind { segment, media_playlist, lasting };

Kind kind_of(const UploadedObject& object) {
  if (!is_playlist_name(object.name)) {
    return isobmff::is_movie_header(object.body.bytes()) ? Kind::lasting : Kind::segment;
  }
  const auto kind = hls::classify(as_text(object.body.bytes()));
  const bool is_multivariant = kind.ok() && *kind == hls::PlaylistKind::multivariant;
  return is_multivariant ? Kind::lasting : Kind::media_playlist;
}

bool same_bytes(const Blob& a, const Blob& b) {
  return std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin(), b.bytes().end());
}

JournalObject to_journal(const UploadedObject& object, bool is_playlist) {
  return {static_cast<std::uint8_t>(object.input), is_playlist, object.name, object.arrival, object.body};
}

class JournaledIngest : public IngestLine {
 public:
  JournaledIngest(std::unique_ptr<IngestLine> line, std::unique_ptr<archive::Journal> journal,
                  std::shared_ptr<archive::Archive> archive, IngestEvents events)
      : line_(std::move(line)),
        journal_(std::move(journal)),
        archive_(std::move(archive)),
        events_(std::move(events)) {
    replay();
    release_listed();
  }

  UploadAnswer put(const UploadedObject& object) override {
    if (auto why = failure()) return {UploadAnswer::Outcome::refused, std::move(why)};
    Input& input = inputs_[static_cast<std::size_t>(object.input)];
    UploadAnswer answer = line_->put(object);
    const std::uint64_t number = input.puts++;
    if (answer.outcome != UploadAnswer::Outcome::refused) {
      if (Status kept = keep(input, object, number); !kept) {
        // What the line holds in memory and the journal does not is forgotten with the line.
        failure_ = kept.error();
        if (failure_->code != ErrorCode::no_space) archive_->mark_failed(*failure_);
        return {UploadAnswer::Outcome::refused, failure_};
      }
    }
    release_listed();
    return answer;
  }

  bool settle() override {
    release_listed();
    const bool is_kept =
        std::any_of(inputs_.begin(), inputs_.end(), [](const Input& input) { return !input.kept.empty(); });
    return failure() || (!is_kept && checkpoints_.empty());
  }

  UploadAnswer replay(const UploadedObject& object) override { return line_->replay(object); }
  [[nodiscard]] std::uint64_t pending_object(int input) const override {
    return line_->pending_object(input);
  }
  [[nodiscard]] std::optional<Error> failure() const override {
    return failure_ ? failure_ : line_->failure();
  }
  void set_target_duration(std::uint32_t seconds) override { line_->set_target_duration(seconds); }
  [[nodiscard]] std::string active_input() const override { return line_->active_input(); }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> input_statistics(int input) const override {
    return line_->input_statistics(input);
  }

 private:
  struct Playlist {
    UploadedObject object;
    bool is_kept = false;  // in the journal
  };
  struct Input {
    std::uint64_t puts = 0;
    std::deque<std::pair<std::uint64_t, std::uint64_t>> kept;  // number of the put, sequence in the journal
    std::map<std::string, Playlist> playlists;                 // the latest of each name
  };
  // What may be released once the chunks that were appended before it are listed.
  struct Checkpoint {
    std::uint64_t serial = 0;
    std::array<std::uint64_t, inputs> before{};
  };

  // ---- what comes in

  Status keep(Input& input, const UploadedObject& object, std::uint64_t number) {
    const Kind kind = kind_of(object);
    const archive::Backlog backlog = archive_->backlog();
    const bool is_unlisted = backlog.oldest != backlog.next;
    const std::uint64_t oldest = line_->pending_object(object.input);
    std::vector<JournalObject> objects;
    if (kind == Kind::segment) {
      if (oldest > number && !is_unlisted) return {};
      input.kept.emplace_back(number, journal_->next_sequence());
      objects.push_back(to_journal(object, false));
      add_playlists(input, objects);
    } else {
      const bool is_new = remember(input, object);
      const bool is_waited_for = oldest < input.puts || is_unlisted;
      if (!is_new || (kind == Kind::media_playlist && !is_waited_for)) return {};
      add_playlists(input, objects);
    }
    if (objects.empty()) return {};
    return journal_->append(objects);
  }

  // The latest versions that are not in the journal: one of them may name what waits.
  static void add_playlists(Input& input, std::vector<JournalObject>& objects) {
    for (auto& [name, playlist] : input.playlists) {
      if (std::exchange(playlist.is_kept, true)) continue;
      objects.push_back(to_journal(playlist.object, true));
    }
  }

  // False: the same as before.
  static bool remember(Input& input, const UploadedObject& object) {
    const auto known = input.playlists.find(object.name);
    if (known != input.playlists.end()) {
      if (same_bytes(known->second.object.body, object.body)) return !known->second.is_kept;
      input.playlists.erase(known);
    }
    while (input.playlists.size() >= most_playlists) {
      input.playlists.erase(std::min_element(
          input.playlists.begin(), input.playlists.end(),
          [](const auto& a, const auto& b) { return a.second.object.arrival < b.second.object.arrival; }));
    }
    input.playlists.emplace(object.name, Playlist{object, false});
    return true;
  }

  // ---- what need not be kept any more

  void release_listed() {
    const archive::Backlog backlog = archive_->backlog();
    Checkpoint checkpoint{backlog.next, {}};
    for (std::size_t i = 0; i < inputs; ++i) {
      Input& input = inputs_[i];
      const std::uint64_t oldest = line_->pending_object(static_cast<int>(i));
      while (!input.kept.empty() && input.kept.front().first < oldest) input.kept.pop_front();
      checkpoint.before[i] = input.kept.empty() ? journal_->next_sequence() : input.kept.front().second;
    }
    // A line that fails drops what it holds; asked last, so that what was dropped is not taken for listed.
    if (failure()) return;
    if (checkpoints_.empty() || checkpoints_.back().before != checkpoint.before) {
      checkpoints_.push_back(checkpoint);
    }
    while (!checkpoints_.empty() && checkpoints_.front().serial <= backlog.oldest) {
      release(checkpoints_.front());
      checkpoints_.pop_front();
    }
  }

  void release(const Checkpoint& checkpoint) {
    for (std::size_t i = 0; i < inputs && !failure_; ++i) {
      Status released = journal_->release(static_cast<std::uint8_t>(i), checkpoint.before[i]);
      if (released) continue;
      failure_ = released.error();
      archive_->mark_failed(*failure_);
    }
  }

  // ---- what an earlier line left

  // Segments first: a playlist begins with the first of its segments that is there.
  void replay() {
    std::vector<UploadedObject> playlists;
    std::vector<const JournalEntry*> segments;
    for (const JournalEntry& entry : journal_->entries()) {
      if (!entry.is_playlist) {
        segments.push_back(&entry);
      } else if (auto object = read(entry)) {
        playlists.push_back(std::move(*object));
      }
    }
    const auto first_media =
        std::stable_partition(playlists.begin(), playlists.end(),
                              [](const UploadedObject& object) { return kind_of(object) == Kind::lasting; });
    for (auto at = playlists.begin(); at != first_media; ++at) replay_playlist(*at);
    std::uint64_t bytes = 0;
    for (const JournalEntry* entry : segments) {
      const auto object = read(*entry);
      if (!object || line_->failure()) continue;
      Input& input = inputs_[entry->input];
      input.kept.emplace_back(input.puts++, entry->sequence);
      bytes += object->body.size();
      report_refusal(*object, line_->replay(*object));
    }
    if (!segments.empty()) {
      for (auto at = first_media; at != playlists.end(); ++at) replay_playlist(*at);
      events_({"journal-replayed",
               {{"segments", std::to_string(segments.size())}, {"bytes", std::to_string(bytes)}}});
    }
    if (journal_->damaged() > 0) report_damage(std::to_string(journal_->damaged()) + " unreadable places");
  }

  void replay_playlist(const UploadedObject& object) {
    if (line_->failure()) return;
    Input& input = inputs_[static_cast<std::size_t>(object.input)];
    ++input.puts;
    report_refusal(object, line_->replay(object));
    input.playlists.insert_or_assign(object.name, Playlist{object, true});
  }

  std::optional<UploadedObject> read(const JournalEntry& entry) {
    auto body = journal_->read(entry);
    if (!body) {
      report_damage(body.error().message);
      return std::nullopt;
    }
    return UploadedObject{entry.input, entry.path, "", std::move(body).value(), entry.arrival};
  }

  void report_damage(const std::string& what) { events_({"journal-damaged", {{"text", what}}}); }
  void report_refusal(const UploadedObject& object, const UploadAnswer& answer) {
    if (answer.outcome != UploadAnswer::Outcome::refused) return;
    events_({"warning",
             {{"text", object.name + ": refused when it was put again: " +
                           (answer.error ? answer.error->message : "no reason")}}});
  }

  std::unique_ptr<IngestLine> line_;
  std::unique_ptr<archive::Journal> journal_;
  std::shared_ptr<archive::Archive> archive_;
  IngestEvents events_;
  std::array<Input, inputs> inputs_;
  std::deque<Checkpoint> checkpoints_;
  std::optional<Error> failure_;
};

}  // namespace

std::unique_ptr<IngestLine> with_journal(std::unique_ptr<IngestLine> line,
                                         std::unique_ptr<archive::Journal> journal,
                                         std::shared_ptr<archive::Archive> archive, IngestEvents events) {
  return std::make_unique<JournaledIngest>(std::move(line), std::move(journal), std::move(archive),
                                           std::move(events));
}

bool has_media(const archive::Journal& journal) {
  return std::any_of(journal.entries().begin(), journal.entries().end(),
                     [](const JournalEntry& entry) { return !entry.is_playlist; });
}

}  // namespace tarn::server
