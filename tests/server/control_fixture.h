// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/control/collection_board.h"
#include "server/control/control.h"
#include "server/model/json.h"
#include "server/model/store.h"

// A control API on a store of its own, with a clock that stands still until a test moves it.
namespace tarn::server {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tarn-control-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

class StatusFake : public StatusSource {
 public:
  std::string channel_status(const Channel& channel) override {
    return R"({"channel":")" + channel.name + "\"}";
  }
  std::string endpoint_status(const Endpoint& endpoint) override {
    return R"({"endpoint":")" + endpoint.name + "\"}";
  }
  bool has_content(const Channel&) override { return content; }
  bool content = false;
};

// Keeps tasks and never runs them.
class BoardFake : public CollectionBoard {
 public:
  void check_target(const CollectionTarget& target, FieldErrors& errors) const override {
    if (target.url == "ftp:x") errors.push_back({"target.url", "null", "must be one that is known"});
  }
  Status submit(CollectionTask task) override {
    kept.push_back(std::move(task));
    return {};
  }
  [[nodiscard]] std::vector<CollectionTask> tasks() const override { return kept; }
  [[nodiscard]] std::optional<CollectionTask> find(const std::string& id) const override {
    for (const CollectionTask& task : kept) {
      if (task.id == id) return task;
    }
    return std::nullopt;
  }
  Status cancel(const std::string& id) override {
    for (CollectionTask& task : kept) {
      if (task.id != id) continue;
      if (task.state == CollectionTask::State::succeeded) return Error{ErrorCode::conflict, "over"};
      task.state = CollectionTask::State::cancelled;
      return {};
    }
    return not_found("there is no such task");
  }
  std::vector<CollectionTask> kept;
};

// A JSON answer with easy questions: text("inputs.0.password"), number("totalCount").
class JsonAnswer {
 public:
  explicit JsonAnswer(const std::string& text) : root_(parse_scanned_json(text)) {}
  [[nodiscard]] JsonNode* at(const std::string& path) const {
    JsonNode* node = root_.get();
    std::string rest = path;
    while (node != nullptr && !rest.empty()) {
      const auto dot = rest.find('.');
      const std::string step = rest.substr(0, dot);
      rest = dot == std::string::npos ? "" : rest.substr(dot + 1);
      if (JSON_NODE_HOLDS_ARRAY(node)) {
        const auto index = static_cast<unsigned>(std::atoi(step.c_str()));
        JsonArray* const array = json_node_get_array(node);
        node = index < json_array_get_length(array) ? json_array_get_element(array, index) : nullptr;
      } else {
        node = json_member(node, step);
      }
    }
    return node;
  }
  // The node as JSON text, "missing" when there is none.
  [[nodiscard]] std::string print(const std::string& path) const {
    JsonNode* const node = at(path);
    return node != nullptr ? print_json(node) : "missing";
  }
  [[nodiscard]] std::string text(const std::string& path) const {
    JsonNode* const node = at(path);
    const bool is_text = node != nullptr && json_node_get_value_type(node) == G_TYPE_STRING;
    return is_text ? json_node_get_string(node) : "missing";
  }

 private:
  JsonPtr root_;
};

class ControlTest : public testing::Test {
 protected:
  static constexpr const char* token = "0123456789abcdef0123456789abcdef";

  void SetUp() override { open(); }

  void open() {
    control_.reset();
    store_.reset();
    auto opened = Store::open(directory_.path(), directory_.file("secrets.key"));
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(opened).value();
    control_ = std::make_unique<Control>(
        ControlSettings{token, "https://{label}.in.example.com", "https://{label}.origin.example.com"},
        *store_, status_, [this] { return now_; }, &board_);
  }

  ApiResponse call(const std::string& method, const std::string& target, const std::string& body = {},
                   std::map<std::string, std::string> headers = {}) {
    ApiRequest request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    if (const auto question = target.find('?'); question != std::string::npos) {
      std::string query = target.substr(question + 1);
      while (!query.empty()) {
        const std::string pair = query.substr(0, query.find('&'));
        query = pair.size() == query.size() ? "" : query.substr(pair.size() + 1);
        request.query[pair.substr(0, pair.find('='))] = pair.substr(pair.find('=') + 1);
      }
    }
    request.headers = std::move(headers);
    request.headers.emplace("authorization", std::string("Bearer ") + token);
    if (!body.empty()) request.headers.emplace("content-type", "application/json");
    request.body = body;
    return control_->handle(request);
  }

  ApiResponse expect(int status, const std::string& method, const std::string& target,
                     const std::string& body = {}, std::map<std::string, std::string> headers = {}) {
    ApiResponse response = call(method, target, body, std::move(headers));
    EXPECT_EQ(response.status, status) << method << " " << target << " " << body << "\n" << response.body;
    return response;
  }

  void make_channel() {
    expect(201, "POST", "/channel-groups", R"({"name":"g"})");
    expect(201, "POST", "/channel-groups/g/channels", R"({"name":"c"})");
  }

  static constexpr const char* channel_path = "/channel-groups/g/channels/c";
  static constexpr const char* endpoints_path = "/channel-groups/g/channels/c/endpoints";

  TemporaryDirectory directory_;
  StatusFake status_;
  BoardFake board_;
  Utc now_ = Utc{std::chrono::seconds{1'769'860'800}};  // 2026-01-31T12:00:00Z
  std::unique_ptr<Store> store_;
  std::unique_ptr<Control> control_;
};

}  // namespace tarn::server
