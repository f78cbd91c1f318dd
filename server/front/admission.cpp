// SPDX-License-Identifier: Apache-2.0
#include "server/front/admission.h"

namespace tarn::server::front {

bool Admission::counts(const std::string& address) const {
  return settings_.per_address > 0 && !(settings_.exempt && settings_.exempt(address));
}

Admission::Verdict Admission::enter_within(const std::string& address, std::size_t total) {
  const bool counted = counts(address);
  const std::lock_guard lock{mutex_};
  if (settings_.total > 0 && open_ >= total) return Verdict::full;
  if (counted) {
    std::size_t& connections = by_address_[address];
    if (connections >= settings_.per_address) return Verdict::address_full;
    ++connections;
  }
  ++open_;
  const bool is_kept = settings_.total > 0 && open_ > settings_.total - settings_.kept;
  return is_kept ? Verdict::ingest_only : Verdict::admitted;
}

void Admission::leave(const std::string& address) {
  const bool counted = counts(address);
  const std::lock_guard lock{mutex_};
  --open_;
  const auto at = counted ? by_address_.find(address) : by_address_.end();
  if (at != by_address_.end() && --at->second == 0) by_address_.erase(at);
}

std::size_t Admission::open() const {
  const std::lock_guard lock{mutex_};
  return open_;
}

}  // namespace tarn::server::front
