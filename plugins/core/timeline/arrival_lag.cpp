// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/arrival_lag.h"

#include <algorithm>

namespace tarn::timeline {
namespace {

constexpr std::size_t enough = 2;  // one late segment says nothing

}  // namespace

void ArrivalLag::add(Microseconds media, Microseconds behind, Microseconds segment, Microseconds margin) {
  if (segment * 4 > segment_ * 5 || segment * 5 < segment_ * 4) {
    reset();
    segment_ = segment;
  }
  const std::int64_t number = media / segment_;
  if (open_ && number != number_) {
    if (first_ < kept && open_->least <= margin) {
      first_lead_ = std::max(first_lead_, -open_->least);
      ++first_;
    }
    spans_.push_back(*open_);
    open_.reset();
    if (spans_.size() > kept) spans_.pop_front();
  }
  number_ = number;
  if (!open_) open_ = Span{behind, behind};
  open_->greatest = std::max(open_->greatest, behind);
  open_->least = std::min(open_->least, behind);
}

bool ArrivalLag::is_above(Microseconds limit) const {
  return spans_.size() >= enough && std::all_of(spans_.end() - enough, spans_.end(),
                                                [&](const Span& span) { return span.greatest > limit; });
}

bool ArrivalLag::is_below(Microseconds limit) const {
  return spans_.size() >= enough && std::all_of(spans_.end() - enough, spans_.end(),
                                                [&](const Span& span) { return span.greatest < limit; });
}

std::optional<Microseconds> ArrivalLag::lead() const {
  return first_ < kept ? std::nullopt : std::optional{first_lead_};
}

std::optional<Microseconds> ArrivalLag::recent_lead() const {
  if (spans_.size() < enough) return std::nullopt;
  const auto latest = std::max_element(spans_.end() - enough, spans_.end(),
                                       [](const Span& a, const Span& b) { return a.least < b.least; });
  return -latest->least;
}

}  // namespace tarn::timeline
