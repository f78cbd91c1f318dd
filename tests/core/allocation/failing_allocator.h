// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

// operator new and delete of a whole executable, replaced: counted, and failing when told to. One thread.
namespace tarn::test {

// The n-th allocation from now on (1: the next) throws std::bad_alloc, once; 0: none.
void fail_allocation(std::size_t n);
// Whether that has happened.
bool has_failed();
// Allocations that are not freed.
std::size_t outstanding_allocations();

}  // namespace tarn::test
