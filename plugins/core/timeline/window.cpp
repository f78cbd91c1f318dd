// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/window.h"

#include <algorithm>

#include "core/timeline/output_span.h"

namespace tarn::timeline {
namespace {

// The cuts of which everything is kept, and their bounds in UTC, which never go back (semantics S13).
class KeptCuts {
 public:
  KeptCuts(const Timeline& timeline, const Presentation& presentation)
      : timeline_(timeline), cuts_(presentation.cuts) {
    first_ = search(0, [&](const Cut& cut) {
      return timeline_.find(cut.first_slot) == nullptr || timeline_.stretch(cut.stretch) == nullptr;
    });
  }

  [[nodiscard]] bool empty() const { return first_ == cuts_.size(); }
  [[nodiscard]] std::size_t size() const { return cuts_.size(); }
  // REQUIRES: !empty()
  [[nodiscard]] Utc begin() const { return start_of(timeline_, cuts_[first_]); }
  [[nodiscard]] Utc edge() const { return end(cuts_.back()); }

  // The first one that ends after `time`; size() when there is none.
  [[nodiscard]] std::size_t first_after(Utc time) const {
    return search(first_, [&](const Cut& cut) { return end(cut) <= time; });
  }
  // The first one that begins at or after `time`.
  [[nodiscard]] std::size_t first_from(Utc time) const {
    return search(first_, [&](const Cut& cut) { return start_of(timeline_, cut) < time; });
  }
  [[nodiscard]] std::size_t first() const { return first_; }
  [[nodiscard]] Utc start(std::size_t index) const { return start_of(timeline_, cuts_[index]); }

  // What of it is not older than `oldest`: the channel may keep more, for other endpoints.
  [[nodiscard]] std::string range(Utc oldest) const {
    if (empty()) return "nothing is available yet";
    if (oldest > edge()) return "nothing is available any more";
    return "available: " + format_utc(std::max(begin(), oldest)) + " to " + format_utc(edge());
  }

 private:
  [[nodiscard]] Utc end(const Cut& cut) const {
    return end_of(timeline_, *timeline_.stretch(cut.stretch), cut);
  }

  template <class Before>
  [[nodiscard]] std::size_t search(std::size_t from, Before before) const {
    const auto at =
        std::partition_point(cuts_.begin() + static_cast<std::ptrdiff_t>(from), cuts_.end(), before);
    return static_cast<std::size_t>(at - cuts_.begin());
  }

  const Timeline& timeline_;
  const CutList& cuts_;
  std::size_t first_ = 0;
};

class Resolver {
 public:
  Resolver(const KeptCuts& cuts, const Timeline& timeline, const WindowQuery& query,
           const WindowLimits& limits, Utc now)
      : cuts_(cuts), timeline_(timeline), query_(query), limits_(limits), now_(now) {
    window_.query = format_window_query(query);
  }

  Result<Window> run() {
    if (cuts_.empty()) return not_found(cuts_.range(oldest()));
    if (query_.offset && !query_.vod_end) return slide();
    return query_.vod_end ? vod() : event();
  }

 private:
  [[nodiscard]] Utc oldest() const { return now_ - limits_.shift; }
  static Error invalid(std::string message) { return {ErrorCode::invalid, std::move(message)}; }
  [[nodiscard]] Error absent(const std::string& what) const {
    return not_found(what + "; " + cuts_.range(oldest()));
  }

  [[nodiscard]] Status check_length(Microseconds length) const {
    if (length <= limits_.longest) return {};
    return invalid("longer than the " + format_duration(limits_.longest) + " that one manifest may list");
  }
  [[nodiscard]] Status check_begin(Utc start) const {
    if (start < oldest()) return absent(name_of_begin() + " is before what this endpoint keeps");
    if (start > cuts_.edge()) return absent(name_of_begin() + " is after the live edge");
    return {};
  }
  [[nodiscard]] std::string name_of_begin() const { return query_.start ? "start" : "offset"; }
  [[nodiscard]] Utc begin() const { return query_.start ? *query_.start : cuts_.edge() - *query_.offset; }

  // The live manifest as it was `offset` ago, measured at the live edge, so that it is a function of the
  // timeline: it moves when that does.
  Result<Window> slide() {
    const Utc edge = cuts_.edge() - *query_.offset;
    TRY(check_begin(edge));
    window_.behind = *query_.offset;
    window_.end = cuts_.first_after(edge);
    if (query_.end && edge >= *query_.end) {
      // The segment that `end` lies in may not have been there yet.
      const std::size_t last = cuts_.first_from(*query_.end);
      window_.complete = window_.end >= last;
      window_.end = std::min(window_.end, last);
    }
    if (window_.end <= cuts_.first()) return absent("nothing was available then");
    if (timeline_.ended && window_.end == cuts_.size()) window_.complete = true;
    return window_;
  }

  Result<Window> event() {
    TRY(check_begin(*query_.start));
    window_.kind = Window::Kind::event;
    window_.first = cuts_.first_after(*query_.start);
    window_.end = cuts_.size();
    window_.complete = timeline_.ended.has_value();
    if (query_.end) {
      TRY(check_length(*query_.end - *query_.start));
      window_.end = cuts_.first_from(*query_.end);
      window_.complete = window_.complete || cuts_.edge() >= *query_.end;
    }
    return not_empty();
  }

  Result<Window> vod() {
    const Utc start = begin();
    TRY(check_begin(start));
    if (*query_.vod_end <= start) return invalid("vodend is not after what offset begins at");
    if (*query_.vod_end > cuts_.edge()) return absent("vodend is after the live edge");
    TRY(check_length(*query_.vod_end - start));
    window_.kind = Window::Kind::vod;
    window_.first = cuts_.first_after(start);
    window_.end = cuts_.first_from(*query_.vod_end);
    window_.complete = true;
    // `offset` counts from an edge that moves on: what playlists are asked for is this window.
    window_.query = format_window_query({start, {}, query_.vod_end, {}});
    return not_empty();
  }

  Result<Window> not_empty() {
    if (*window_.first >= window_.end) return absent("there is no segment in this window");
    TRY(check_length(last_start() - cuts_.start(*window_.first)));
    return window_;
  }
  [[nodiscard]] Utc last_start() const { return cuts_.start(window_.end - 1); }

  const KeptCuts& cuts_;
  const Timeline& timeline_;
  const WindowQuery& query_;
  const WindowLimits& limits_;
  Utc now_;
  Window window_;
};

}  // namespace

Result<Window> resolve_window(const Timeline& timeline, const Presentation& presentation,
                              const WindowQuery& query, const WindowLimits& limits, Utc now) {
  if (query.empty()) return Window{};
  const KeptCuts cuts{timeline, presentation};
  return Resolver{cuts, timeline, query, limits, now}.run();
}

}  // namespace tarn::timeline
