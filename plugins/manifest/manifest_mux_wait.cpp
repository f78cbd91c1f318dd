// SPDX-License-Identifier: Apache-2.0
// Of ManifestMux: who waits for whom, and what is said of it.
#include <chrono>
#include <utility>

#include "gstkit/pads.h"
#include "manifest/manifest_mux.h"

GST_DEBUG_CATEGORY_EXTERN(manifestsink_debug);
#define GST_CAT_DEFAULT manifestsink_debug

namespace tarn::manifest {

// The pad that this one is far ahead of.
ManifestMux::Input* ManifestMux::awaited_by(const Input& input) {
  const auto awaited = begun_ ? builder_->waits_for(input.track) : std::nullopt;
  if (begun_ && !awaited) return nullptr;
  if (!begun_ && input.held.empty()) return nullptr;
  if (!begun_) {
    const Held& last = input.held.back();
    const std::int64_t length = last.start + last.duration - input.held.front().start;
    if (length <= builder_->most_held(timescale_of(input))) return nullptr;
  }
  for (Input& other : inputs_) {
    if (begun_ ? other.track == *awaited : &other != &input && !other.is_complete() && !other.ended)
      return &other;
  }
  return nullptr;
}

void ManifestMux::note_due(const std::optional<gstkit::LiveClock::Reading>& reading) {
  if (!reading || !builder_) return;
  reading_ = reading;
  for (const Input& input : inputs_) {
    if (!input.offset || input.ended || input.left_out) continue;
    if (begun_ && builder_->has_begun_anew(input.track)) continue;  // its times are other ones
    const gstkit::LiveClock::Reading media{reading->now + *input.offset, reading->allowance};
    if (const auto time = media.due(builder_->foremost())) builder_->set_due(*time, media.allowance);
    return;
  }
}

// Until the pad is no longer far ahead of another. What is awaited of live streams falls due meanwhile.
// Nothing: it is gone.
ManifestMux::Input* ManifestMux::wait_for_others(GstPad* pad, std::unique_lock<std::mutex>& lock) {
  using namespace std::chrono_literals;
  Input* input = nullptr;
  const auto may_go_on = [&] {
    input = find(pad);
    return stopped_ || input == nullptr || input->flushing || !failure_ || awaited_by(*input) == nullptr;
  };
  constexpr auto turn = 200ms;
  constexpr auto patience = 10s;
  for (auto waited = 0ms; !changed_.wait_for(lock, turn, may_go_on); waited += turn) {
    const Input* const awaited = awaited_by(*input);
    const auto other = awaited == nullptr ? Ref<GstPad>{} : Ref<GstPad>::share(awaited->pad);
    const bool is_long = other && waited >= patience && !std::exchange(input->told_waiting, true);
    lock.unlock();
    if (is_long) gstkit::tell_waiting(element_, pad, other.get());
    const auto reading = read_clock();
    lock.lock();
    note_due(reading);
  }
  return input;
}

std::vector<ManifestMux::News> ManifestMux::take_news() {
  std::vector<News> news;
  const auto add = [&](const Input& input, News::Kind kind, std::uint64_t number = 0) {
    news.push_back({.kind = kind, .pad = Ref<GstPad>::share(input.pad), .number = number});
  };
  for (Input& input : inputs_) {
    if (input.has_long_chunks && !std::exchange(input.told_long, true)) add(input, News::Kind::long_chunks);
    if (input.left_out && !input.ended && !std::exchange(input.told_left_out, true))
      add(input, News::Kind::left_out);
    if (!begun_ || input.track == 0) continue;
    const bool is_missing = builder_->is_missing(input.track);
    if (std::exchange(input.told_missing, is_missing) != is_missing)
      add(input, is_missing ? News::Kind::missing : News::Kind::there_again);
    const std::uint64_t dropped = builder_->dropped(input.track);
    if (std::exchange(input.dropped, dropped) != dropped) add(input, News::Kind::dropped, dropped);
    if (!input.ts) continue;
    if (const auto pid = input.ts->take_left_out()) add(input, News::Kind::left_out_track, *pid);
  }
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const std::size_t given_up = servers_[i]->take_given_up();
    if (given_up > 0) news.push_back({.kind = News::Kind::given_up, .number = given_up, .server = i + 1});
  }
  return news;
}

void ManifestMux::tell(const std::vector<News>& news) const {
  const auto warn = [&](const std::string& what) {
    GST_ELEMENT_WARNING(element_, STREAM, MUX, ("%s", what.c_str()), (nullptr));
  };
  for (const News& one : news) {
    const std::string name = one.pad ? GST_PAD_NAME(one.pad.get()) : "";
    switch (one.kind) {
      case News::Kind::missing:
      case News::Kind::there_again:
        gstkit::tell_missing(element_, one.pad.get(), one.kind == News::Kind::missing);
        break;
      case News::Kind::left_out:
        warn(name + " has brought nothing before the first segment was due: it is left out");
        break;
      case News::Kind::left_out_track:
        warn(name + ": PID " + std::to_string(one.number) +
             " came after the first segment: it is in the segments, but the playlists do not know of it");
        break;
      case News::Kind::long_chunks:
        warn("chunks of " + name +
             " are longer than segments, of which some will have none: a smaller chunk-duration of "
             "cmafpackager "
             "helps");
        break;
      case News::Kind::given_up:
        warn("server " + std::to_string(one.server) + ": " + std::to_string(one.number) +
             " segments are given up: the server is too slow");
        break;
      case News::Kind::dropped:
        GST_WARNING_OBJECT(
            element_, "%s: a chunk came after its segment, and was dropped (%" G_GUINT64_FORMAT " so far)",
            name.c_str(), one.number);
        break;
    }
  }
}

}  // namespace tarn::manifest
