// SPDX-License-Identifier: Apache-2.0
#include "tests/core/allocation/failing_allocator.h"

#include <cstdlib>
#include <new>

namespace {

std::size_t countdown = 0;
bool failed = false;
std::size_t outstanding = 0;

void* allocate(std::size_t size, std::size_t alignment) {
  if (countdown != 0 && --countdown == 0) {
    failed = true;
    throw std::bad_alloc{};
  }
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (memory == nullptr) throw std::bad_alloc{};
  ++outstanding;
  return memory;
}

void release(void* memory) {
  if (memory == nullptr) return;
  --outstanding;
  std::free(memory);
}

}  // namespace

namespace tarn::test {

void fail_allocation(std::size_t n) {
  countdown = n;
  failed = false;
}
bool has_failed() { return failed; }
std::size_t outstanding_allocations() { return outstanding; }

}  // namespace tarn::test

// The nothrow forms of the library call these.
void* operator new(std::size_t size) { return allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new[](std::size_t size) { return allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t /*size*/) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { release(memory); }
void operator delete[](void* memory, std::align_val_t /*alignment*/) noexcept { release(memory); }
void operator delete(void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  release(memory);
}
