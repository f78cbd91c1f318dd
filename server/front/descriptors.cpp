// SPDX-License-Identifier: Apache-2.0
#include "server/front/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace tarn::server::front {

DescriptorPlan plan_descriptors(std::size_t limit, std::size_t in_use) {
  constexpr std::size_t least_connections = 8;
  // One channel that is pushed and played has a catalogue, a journal, volumes and two pipelines open.
  const std::size_t files = std::clamp<std::size_t>(limit / 8, 24, 1024);
  const std::size_t left = limit > in_use + files ? limit - in_use - files : 0;
  DescriptorPlan plan;
  plan.connections = std::max(left, least_connections);
  plan.kept = std::clamp<std::size_t>(plan.connections / 4, 2, 256);
  return plan;
}

std::size_t raise_descriptor_limit() {
  constexpr rlim_t enough = 1U << 20U;
  constexpr std::size_t usual = 1024;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return usual;
  rlimit raised = limit;
  raised.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, enough));
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return static_cast<std::size_t>(std::min(limit.rlim_cur, enough));
}

std::size_t descriptors_in_use() {
  std::error_code error;
  std::size_t count = 0;
  for (std::filesystem::directory_iterator at{"/proc/self/fd", error}, end; !error && at != end;
       at.increment(error)) {
    ++count;
  }
  return count;
}

void SpareDescriptor::take() {
  if (descriptor_ < 0) descriptor_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool SpareDescriptor::give() {
  if (descriptor_ < 0) return false;
  ::close(descriptor_);
  descriptor_ = -1;
  return true;
}

}  // namespace tarn::server::front
