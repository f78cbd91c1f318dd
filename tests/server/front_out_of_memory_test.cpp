// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "tests/server/front_fixture.h"

// Row C12 of the fault matrix for what runs on a serving thread: each allocation of it fails once. The client
// may lose its connection, and nobody else anything.
namespace {

std::atomic<int> countdown{0};
std::atomic<int> failures{0};
thread_local bool is_serving_thread = false;

void* allocate(std::size_t size, std::size_t alignment) {
  if (is_serving_thread && countdown > 0 && --countdown == 0) {
    ++failures;
    throw std::bad_alloc{};
  }
  const std::size_t rounded = (std::max<std::size_t>(size, 1) + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc{};
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new[](std::size_t size) { return allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}

namespace tarn::server {
namespace {

class MarkingHandler : public RememberingHandler {
 public:
  Verdict on_head(const Request& head) override {
    is_serving_thread = true;
    return RememberingHandler::on_head(head);
  }
};

class OutOfMemoryTest : public FrontTest {
 protected:
  void start() {
    auto bound = HttpServer::bind({"127.0.0.1:0"}, 1);
    ASSERT_TRUE(bound.ok());
    server_ = std::move(bound).value();
    ASSERT_TRUE(server_->serve({&marking_}, {}, options_).ok());
    EXPECT_EQ(status_of(get("/first")), 200);
  }
  // 0: the connection ended without an answer.
  int status_of(const std::string& request) {
    RawClient client{address()};
    client.send(request);
    const int status = client.receive().status;
    EXPECT_NE(client.end(), RawClient::End::timeout) << "left without an answer";
    return status;
  }
  // Fails the first, second… allocation that the request leads to; how many there are.
  int fail_each(const std::string& request) {
    for (int n = 1; n < 2000; ++n) {
      const int before = failures;
      SCOPED_TRACE(n);
      countdown = n;
      const int status = status_of(request);
      countdown = 0;
      EXPECT_TRUE(status == 0 || status == 200 || status == 503) << status << " at allocation " << n;
      EXPECT_EQ(status_of(get("/after")), 200) << "after a failure of allocation " << n;
      if (failures == before) return n - 1;
    }
    return 2000;
  }

  MarkingHandler marking_;
};

TEST_F(OutOfMemoryTest, OfAServingThreadCostsOneConnection) {
  start();
  const std::string body(300'000, 'b');
  EXPECT_GE(fail_each(get("/small")), 10);
  EXPECT_GE(fail_each(get("/big")), 10);
  EXPECT_GE(fail_each("PUT /ingest HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" + body), 10);
  EXPECT_GE(fail_each("PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n493e0\r\n" + body +
                      "\r\n0\r\n\r\n"),
            10);
  EXPECT_GE(failures, 60);
}

}  // namespace
}  // namespace tarn::server
