// SPDX-License-Identifier: Apache-2.0
#include "ingest/header_shelf.h"

#include <algorithm>
#include <utility>

namespace tarn::ingest {
namespace {

constexpr std::size_t most_names = 256;
constexpr std::size_t most_versions = 8;  // of one name

}  // namespace

bool HeaderShelf::put(const std::string& path, std::uint64_t digest, std::uint64_t number, Header header) {
  if (!headers_.contains(path) && headers_.size() >= most_names) {
    headers_.erase(std::min_element(headers_.begin(), headers_.end(), [](const auto& a, const auto& b) {
      return a.second.back().number < b.second.back().number;
    }));
  }
  std::deque<Version>& versions = headers_[path];
  if (!versions.empty() && versions.back().digest == digest) return false;
  versions.push_back({number, digest, std::move(header)});
  if (versions.size() > most_versions) versions.pop_front();
  return true;
}

HeaderShelf::Header HeaderShelf::find(const ObjectName& name, std::uint64_t number) const {
  for (const std::string& path : name.paths()) {
    const auto at = headers_.find(path);
    if (at == headers_.end()) continue;
    const auto after = std::find_if(at->second.begin(), at->second.end(),
                                    [number](const Version& version) { return version.number > number; });
    return after == at->second.begin() ? after->header : std::prev(after)->header;
  }
  return nullptr;
}

}  // namespace tarn::ingest
