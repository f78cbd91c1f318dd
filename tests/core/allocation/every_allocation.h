// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <new>

#include "tests/core/allocation/failing_allocator.h"

// Row C12 of the fault matrix: a parser whose n-th allocation fails, for every n.
namespace tarn::test {

constexpr std::size_t most_allocations = 2000;

enum class Run {
  right,    // the whole result
  refused,  // an Error
  wrong,
};

// `parse` gives what became of a parse of one and the same input. It is run with the n-th allocation failing,
// until there are no more, and each time once without: a run that failed ends in std::bad_alloc or an Error,
// keeps nothing and harms nothing. The number of allocations that were made to fail.
template <class Parse>
std::size_t fail_every_allocation(Parse parse) {
  EXPECT_EQ(parse(), Run::right);  // what is made once for the process is made here
  for (std::size_t n = 1; n <= most_allocations; ++n) {
    const std::size_t before = outstanding_allocations();
    bool has_thrown = false;
    Run run = Run::wrong;
    fail_allocation(n);
    try {
      run = parse();
    } catch (const std::bad_alloc&) {
      has_thrown = true;
    }
    const bool failed = has_failed();
    fail_allocation(0);
    const std::size_t after = outstanding_allocations();
    EXPECT_EQ(after, before) << "leaked by a failure of allocation " << n;
    EXPECT_EQ(parse(), Run::right) << "after a failure of allocation " << n;
    if (!failed) {
      EXPECT_EQ(run, Run::right);
      return n - 1;
    }
    EXPECT_TRUE(has_thrown || run == Run::refused) << "a failure of allocation " << n << " went unnoticed";
    if (::testing::Test::HasFailure()) return n;
  }
  return most_allocations;
}

}  // namespace tarn::test
