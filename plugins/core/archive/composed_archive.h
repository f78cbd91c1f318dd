// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/archive/archive.h"
#include "core/archive/catalogue.h"
#include "core/archive/chunk_cache.h"
#include "core/archive/chunk_store.h"
#include "core/archive/endpoint_draft.h"
#include "core/archive/file.h"

namespace tarn::archive {

constexpr std::uint64_t default_cache_bytes = 64ULL << 20U;

// An Archive made of any chunk store and any catalogue. Two locks: write_mutex_ is held for a whole
// write with its syncs, state_mutex_ only to take or replace what readers see.
class ComposedArchive final : public Archive {
 public:
  // `name` is what errors call it. `directory_lock` keeps other processes out while the archive lives.
  ComposedArchive(std::string name, std::unique_ptr<ChunkStore> store, std::unique_ptr<Catalogue> catalogue,
                  std::uint64_t cache_bytes, std::shared_ptr<const File> directory_lock = {});
  // Once, before all else. malformed: the catalogue contradicts itself, another one is needed.
  Status load();
  // Says in repairs() what was done to make it loadable.
  void note_repair(std::string what) { repairs_.push_back(std::move(what)); }

  [[nodiscard]] std::shared_ptr<const timeline::Timeline> timeline() const override;
  [[nodiscard]] Result<std::vector<Blob>> read_parts(const timeline::Chunk& chunk) override;
  [[nodiscard]] Result<Blob> init(timeline::TrackId track, std::uint32_t config) const override;
  std::uint64_t add_listener(std::function<void()> listener) override;
  void remove_listener(std::uint64_t handle) override;
  [[nodiscard]] Statistics statistics() const override;
  [[nodiscard]] Status health() const override;
  void mark_failed(const Error& cause) override;
  [[nodiscard]] std::vector<std::string> repairs() const override { return repairs_; }
  [[nodiscard]] Backlog backlog() const override;
  void set_cache_limit(std::uint64_t bytes) override { cache_.set_limit(bytes); }

  timeline::Resume resume() override;
  Status begin_stretch(const timeline::Stretch& stretch, const std::vector<Blob>& inits) override;
  Status append(NewChunk chunk) override;
  Status repair(NewChunk chunk) override;
  Status list_slot(const timeline::SlotListed& slot, Utc now) override;
  Status close_tail(bool ended, Utc now) override;

  Status set_presentation(const std::string& endpoint, std::uint32_t segment_duration,
                          std::uint32_t channel_segment_duration, Utc now,
                          std::uint32_t key_period = 0) override;
  Status remove_presentation(const std::string& endpoint) override;
  Status trim(Utc oldest) override;

 private:
  // A stretch that chunks are appended to: the newest published one and those begun since.
  struct OpenStretch {
    std::shared_ptr<const timeline::Stretch> stretch;
    Blob record;
    std::vector<Blob> inits;             // as stretch->tracks
    std::vector<InitSection> new_inits;  // not in the catalogue before this stretch
  };
  using Drafts = std::map<std::string, EndpointDraft>;
  // A next state of everything, taken over when the catalogue has it.
  struct Draft {
    std::shared_ptr<timeline::Timeline> timeline;
    Drafts endpoints;
    Change change;
  };

  // Every write goes through here: alone, refused after a failure; listeners hear of it afterwards.
  template <class Write>
  Status write(Write do_write) {
    bool is_published = false;
    {
      const std::lock_guard lock{write_mutex_};
      TRY(health());
      is_published = TRY(do_write());
    }
    if (is_published) notify();
    return {};
  }
  void notify();

  // Called with write_mutex_ held; true: something was published.
  Result<bool> do_append(NewChunk chunk);
  Result<bool> do_repair(NewChunk chunk);
  Result<bool> do_begin_stretch(const timeline::Stretch& stretch, const std::vector<Blob>& inits);
  Result<bool> do_list_slot(const timeline::SlotListed& slot, Utc now);
  Result<bool> do_close_tail(bool ended, Utc now);
  Result<bool> do_set_presentation(const std::string& endpoint, std::uint32_t segment_duration,
                                   std::uint32_t channel_segment_duration, Utc now, std::uint32_t key_period);
  Result<bool> do_remove_presentation(const std::string& endpoint);
  Result<bool> do_trim(Utc oldest);

  // Puts the chunk into a volume. REQUIRES: `track` is one of the stretch's
  Result<timeline::Chunk> store(NewChunk chunk, const OpenStretch& open, const timeline::Track& track);
  [[nodiscard]] Status check_order(std::uint64_t slot) const;
  Status list(const timeline::SlotListed& listed, Draft& draft, Utc now);
  void begin_stretch_in(Draft& draft, const OpenStretch& open) const;
  void begin_anchor_in(Draft& draft, const timeline::Slot& slot) const;
  void number_init(timeline::Track& track, const Blob& init, OpenStretch& open);
  [[nodiscard]] OpenStretch* stretch_of_slot(std::uint64_t slot);
  Result<std::uint64_t> next_serial();
  [[nodiscard]] Draft draft() const;
  Status commit(Draft& draft);
  void publish(Draft& draft);
  static void move_on(Footing& footing, const timeline::Timeline& timeline, const timeline::SlotView& slot);
  Status drop_volumes_before(std::uint64_t slot);
  [[nodiscard]] static std::uint64_t first_ending_at_or_after(const timeline::Timeline& timeline, Utc time);
  void note_volume(std::uint32_t volume, std::uint64_t slot);
  Error fail(const Error& cause);
  Status mend_contents(Contents& contents);
  Status adopt(Contents contents);
  Status adopt_slots(const timeline::Timeline& timeline);
  Status adopt_stretch(const timeline::Timeline& timeline);
  Status adopt_endpoints(const Contents& contents);

  const std::string name_;
  const std::shared_ptr<const File> directory_lock_;
  std::vector<std::string> repairs_;  // not changed once it is loaded
  const std::unique_ptr<ChunkStore> store_;
  const std::unique_ptr<Catalogue> catalogue_;
  ChunkCache cache_;

  mutable std::mutex write_mutex_;
  std::uint64_t serial_ = 1;        // the next one
  std::uint64_t serial_limit_ = 1;  // reserved in the catalogue up to here
  Footing footing_;
  std::uint64_t number_floor_ = 0;
  std::uint32_t last_stretch_ = 0;  // begun, listed or not
  std::map<std::uint32_t, OpenStretch> open_stretches_;
  std::map<std::uint64_t, std::map<timeline::TrackId, timeline::Chunk>> unlisted_;  // by slot
  std::vector<timeline::SlotListed> waiting_;  // could not be listed for want of space; contiguous
  std::map<std::string, EndpointState> endpoints_;
  std::map<std::string, StoredEndpoint> removed_endpoints_;
  std::map<timeline::TrackId, std::uint32_t> last_config_;
  std::unordered_map<std::uint32_t, std::uint64_t> last_slot_of_volume_;
  std::set<std::pair<std::uint64_t, std::uint32_t>> volumes_by_last_slot_;  // the same

  mutable std::mutex state_mutex_;
  std::shared_ptr<const timeline::Timeline> timeline_;
  std::map<std::pair<timeline::TrackId, std::uint32_t>, Blob> inits_;
  Status health_;
  std::uint64_t chunks_ = 0;

  // Recursive: a listener may remove itself.
  std::recursive_mutex listener_mutex_;
  std::map<std::uint64_t, std::function<void()>> listeners_;
  std::uint64_t last_listener_ = 0;
};

}  // namespace tarn::archive
