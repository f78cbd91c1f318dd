// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/http/http_server.h"
#include "tests/server/raw_client.h"

// A real server whose handler remembers every request that reaches it.
namespace tarn::server {

class RememberingHandler : public Handler {
 public:
  Verdict on_head(const Request& head) override {
    ++heads;
    if (head.path == "/forbidden") return {error_response(403, "not for you"), 0, {}, false};
    return {std::nullopt, head.path == "/little" ? std::size_t{10} : std::size_t{64U << 20U}, "the body",
            head.path == "/ingest", std::chrono::milliseconds{head.path == "/brief" ? 300 : 0}};
  }
  void handle(Request request, Reply reply) override {
    const bool big = request.path == "/big";
    {
      const std::lock_guard lock{mutex};
      requests.push_back(request.method + " " + request.path +
                         (request.body.empty() ? "" : " " + std::to_string(request.body.size())));
      last = request;
      last.body = {};
    }
    Response response = text_response(200, "text/plain", big ? "" : "answer to " + request.path);
    if (big) response.body.assign(3, megabyte());
    if (request.path == "/echo") response.body = {request.body};
    if (request.path != "/later") return reply(std::move(response));
    const std::lock_guard lock{mutex};
    later.emplace_back(std::move(reply), std::move(response));
  }
  // Gives the answers to /later.
  void release() {
    std::vector<std::pair<Reply, Response>> due;
    {
      const std::lock_guard lock{mutex};
      due.swap(later);
    }
    for (auto& [reply, response] : due) reply(std::move(response));
  }
  static Blob megabyte() {
    static const Blob blob = Blob::of(ByteVector(1U << 20U, 'm'));
    return blob;
  }
  [[nodiscard]] std::size_t count() {
    const std::lock_guard lock{mutex};
    return requests.size();
  }

  std::atomic<int> heads{0};
  std::mutex mutex;
  std::vector<std::string> requests;
  std::vector<std::pair<Reply, Response>> later;
  Request last;
};

class FrontTest : public ::testing::Test {
 protected:
  void serve(front::Limits limits = {}, unsigned threads = 2) {
    options_.limits = limits;
    options_.refused = [this](std::size_t, std::string_view reason, const std::string&) {
      const std::lock_guard lock{mutex_};
      ++refusals_[std::string{reason}];
    };
    auto bound = HttpServer::bind({"127.0.0.1:0"}, threads);
    ASSERT_TRUE(bound.ok()) << bound.error().message;
    server_ = std::move(bound).value();
    const Status served = server_->serve(
        {&handler_},
        [this](const RequestRecord& record) {
          const std::lock_guard lock{mutex_};
          records_.push_back(record);
        },
        options_);
    ASSERT_TRUE(served.ok()) << served.error().message;
  }
  void TearDown() override {
    handler_.release();
    server_.reset();
  }
  [[nodiscard]] std::string address() const { return server_->addresses().front(); }
  [[nodiscard]] RawClient connect(int receive_buffer = 0) const {
    return RawClient{address(), receive_buffer};
  }
  int refusals(const std::string& reason) {
    const std::lock_guard lock{mutex_};
    return refusals_[reason];
  }
  static std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

  RememberingHandler handler_;
  ServingOptions options_;
  std::unique_ptr<HttpServer> server_;
  std::mutex mutex_;
  std::map<std::string, int> refusals_;
  std::vector<RequestRecord> records_;
};

}  // namespace tarn::server
