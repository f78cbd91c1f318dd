// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <new>

namespace tarn {

// Where a job meets a want of memory: what `work` gives, or else what `otherwise` does. `otherwise` should
// need little memory itself; what it throws goes to the caller.
template <class Work, class Otherwise>
auto unless_out_of_memory(Work work, Otherwise otherwise) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return otherwise();
  }
}

}  // namespace tarn
