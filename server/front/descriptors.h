// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace tarn::server::front {

// How the process's descriptors are shared out.
struct DescriptorPlan {
  std::size_t connections = 0;
  std::size_t kept = 0;  // of connections, for encoders
};

// `limit`: all of them; `in_use`: before the first connection. Some are left for the files that ingest opens.
DescriptorPlan plan_descriptors(std::size_t limit, std::size_t in_use);

// Raises RLIMIT_NOFILE as far as the process may, and says what it is.
std::size_t raise_descriptor_limit();
std::size_t descriptors_in_use();

// A descriptor that does nothing but be there: when there are none left, giving it up lets a connection be
// accepted and told so, instead of waiting in the kernel for ever.
class SpareDescriptor {
 public:
  SpareDescriptor() { take(); }
  ~SpareDescriptor() { give(); }
  SpareDescriptor(const SpareDescriptor&) = delete;
  SpareDescriptor& operator=(const SpareDescriptor&) = delete;

  void take();
  // False: it was not there.
  bool give();

 private:
  int descriptor_ = -1;
};

}  // namespace tarn::server::front
