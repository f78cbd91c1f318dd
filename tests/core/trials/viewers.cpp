// SPDX-License-Identifier: Apache-2.0
#include "viewers.h"

#include <algorithm>
#include <cmath>
#include <regex>

#include "core/dash/render.h"
#include "core/hls/playlist.h"
#include "core/hls/render.h"

namespace tarn::trials {
namespace {

constexpr std::size_t segments_before_playing = 3;

std::string attribute(const std::string& element, const std::string& name) {
  std::smatch found;
  return std::regex_search(element, found, std::regex{" " + name + "=\"([^\"]*)\""}) ? found[1].str() : "";
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), with);
  return text;
}

}  // namespace

std::int64_t Seen::lost() const {
  if (samples.empty()) return 0;
  const auto [low, high] = std::minmax_element(samples.begin(), samples.end());
  std::vector<std::int64_t> once = samples;
  std::sort(once.begin(), once.end());
  once.erase(std::unique(once.begin(), once.end()), once.end());
  return *high - *low + 1 - static_cast<std::int64_t>(once.size());
}

std::int64_t Seen::repeated() const {
  std::int64_t count = 0;
  for (std::size_t i = 1; i < samples.size(); ++i) count += samples[i] <= samples[i - 1] ? 1 : 0;
  return count;
}

std::map<std::uint64_t, Listed> Viewer::hls_segments() {
  std::map<std::uint64_t, Listed> segments;
  const auto text = hls::render_media(*channel_.timeline(), settings_, rendition_);
  const auto playlist = hls::parse_media(text.ok() ? *text : "");
  if (!playlist.ok()) return segments;
  if (playlist->media_sequence < media_sequence_) seen_.broken.emplace_back("media sequence went back");
  if (playlist->discontinuity_sequence < discontinuity_sequence_) {
    seen_.broken.emplace_back("discontinuity sequence went back");
  }
  media_sequence_ = playlist->media_sequence;
  discontinuity_sequence_ = playlist->discontinuity_sequence;
  std::uint64_t number = playlist->media_sequence;
  for (const auto& segment : playlist->segments) {
    segments[number++] = {segment.uri, static_cast<double>(segment.duration.count()) / 1000, segment.gap,
                          segment.discontinuity};
  }
  return segments;
}

// Of the Representation whose id is the rendition's, by presentation time in µs; a Period but the first is a
// discontinuity.
std::map<std::uint64_t, Listed> Viewer::dash_segments() const {
  std::map<std::uint64_t, Listed> segments;
  const auto text = dash::render_mpd(*channel_.timeline(), settings_, "");
  if (!text.ok()) return segments;
  static const std::regex element{"<(Period|Representation|SegmentTemplate|S) [^>]*>"};
  bool is_it = false;
  bool first_of_period = false;
  std::string media;
  double scale = 1;
  double period_start = 0;
  double offset = 0;  // @presentationTimeOffset
  std::uint64_t at = 0;
  for (std::sregex_iterator next{text->begin(), text->end(), element}, end; next != end; ++next) {
    const std::string tag = next->str();
    const std::string name = (*next)[1];
    if (name == "Period") {
      first_of_period = !segments.empty();
      period_start = std::stod(attribute(tag, "start").substr(std::string{"PT"}.size()));
    }
    if (name == "Representation") is_it = attribute(tag, "id") == rendition_;
    if (name == "SegmentTemplate") {
      media = replaced(attribute(tag, "media"), "$RepresentationID$", rendition_);
      scale = std::stod(attribute(tag, "timescale"));
      const auto shifted = attribute(tag, "presentationTimeOffset");
      offset = shifted.empty() ? 0 : std::stod(shifted);
      at = 0;
    }
    if (name != "S" || !is_it) continue;
    if (const auto time = attribute(tag, "t"); !time.empty()) at = std::stoull(time);
    const std::uint64_t duration = std::stoull(attribute(tag, "d"));
    const auto repeat = attribute(tag, "r");
    for (std::uint64_t i = 0; i <= (repeat.empty() ? 0 : std::stoull(repeat)); ++i, at += duration) {
      const double time = period_start + (static_cast<double>(at) - offset) / scale;
      segments[static_cast<std::uint64_t>(std::llround(time * 1e6))] = {
          replaced(media, "$Time$", std::to_string(at)), static_cast<double>(duration) * 1000 / scale, false,
          std::exchange(first_of_period, false)};
    }
  }
  return segments;
}

void Viewer::look(double now_ms) {
  const auto segments = settings_.protocol == Protocol::dash ? dash_segments() : hls_segments();
  for (const auto& [position, segment] : segments) {
    const auto known = known_.find(position);
    if (known == known_.end()) {
      take(position, segment, now_ms);
    } else if (known->second.uri != segment.uri || known->second.gap != segment.gap) {
      seen_.broken.push_back(known->second.uri + " became " + segment.uri + (segment.gap ? " (gap)" : ""));
    }
  }
}

void Viewer::take(std::uint64_t position, const Listed& segment, double now_ms) {
  if (!known_.empty() && position < known_.rbegin()->first)
    seen_.broken.push_back(segment.uri + " came late");
  const bool is_first = known_.empty();
  known_[position] = segment;
  seen_.gaps += segment.gap ? 1 : 0;
  seen_.discontinuities += segment.discontinuity && !is_first ? 1 : 0;
  if (!segment.gap) {
    const auto samples = channel_.fetch(settings_.endpoint, segment.uri);
    if (!samples) seen_.broken.push_back(segment.uri + " is listed and not there");
    for (const auto& sample : samples.value_or(std::vector<timeline::Sample>{})) {
      if (sample.key != key_) continue;
      fetched_[segment.uri].push_back(sample.number);
      seen_.samples.push_back(sample.number);
    }
  }
  if (changed_ms_) seen_.oldest_ms = std::max(seen_.oldest_ms, now_ms - *changed_ms_);
  changed_ms_ = now_ms;
  play(segment, now_ms);
}

void Viewer::play(const Listed& segment, double now_ms) {
  if (!plays_until_) {
    first_.push_back(segment);
    if (first_.size() < segments_before_playing) return;
    plays_until_ = now_ms;
    for (const Listed& buffered : first_) *plays_until_ += buffered.duration_ms;
    return;
  }
  if (now_ms > *plays_until_) {
    seen_.stall_ms += now_ms - *plays_until_;
    plays_until_ = now_ms;
  }
  *plays_until_ += segment.duration_ms;
}

void Viewer::look_back() {
  for (const auto& [uri, samples] : fetched_) {
    std::vector<std::int64_t> now;
    for (const auto& sample :
         channel_.fetch(settings_.endpoint, uri).value_or(std::vector<timeline::Sample>{})) {
      if (sample.key == key_) now.push_back(sample.number);
    }
    if (now != samples) seen_.broken.push_back(uri + " has other samples than before");
  }
}

}  // namespace tarn::trials
