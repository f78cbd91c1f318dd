// SPDX-License-Identifier: Apache-2.0
#include "manifest/http_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "tests/support/tiny_server.h"

namespace tarn::test {
namespace {

using manifest::FileAction;
using manifest::HttpOutput;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;
using namespace std::chrono_literals;

FileAction file(const std::string& name, const std::string& content = "x") {
  FileAction action;
  action.name = name;
  action.content_type = "video/mp4";
  action.parts.push_back(Blob::copy_of(as_bytes(content)));
  return action;
}

class HttpOutputTest : public ::testing::Test {
 protected:
  void open(TinyServer::Answer answer) {
    server_ = std::make_unique<TinyServer>(std::move(answer));
    open_at(server_->url());
  }
  void open_at(const std::string& url) {
    output_ = std::make_unique<HttpOutput>(HttpOutput::Target{url, "me", "secret"}, [this](const auto& what) {
      (void)output_->refusal();  // who is told may ask: no lock is held
      const std::lock_guard lock{mutex_};
      troubles_.push_back(what);
    });
  }
  // Not a matter of speed: what it waits for comes.
  HttpOutput::Drained drain() { return output_->drain(std::chrono::steady_clock::now() + 100s); }
  std::vector<std::string> troubles() {
    const std::lock_guard lock{mutex_};
    return troubles_;
  }

  std::mutex mutex_;
  std::vector<std::string> troubles_;
  std::unique_ptr<TinyServer> server_;
  std::unique_ptr<HttpOutput> output_;  // goes first: its thread tells troubles
};

TEST_F(HttpOutputTest, PutsFilesInOrderWithWhatIsInThem) {
  open([](const auto&) { return "201 Created"; });
  FileAction deletion;
  deletion.name = "a.m4s";
  deletion.is_deletion = true;
  output_->put({file("a.m4s", "first"), file("b.m4s", "second"), deletion});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_THAT(server_->lines(), ElementsAre("PUT /a.m4s", "PUT /b.m4s", "DELETE /a.m4s"));
  EXPECT_EQ(server_->requests()[1].body, "second");
  EXPECT_THAT(server_->requests()[0].head, HasSubstr("Authorization: Basic bWU6c2VjcmV0"));
  EXPECT_THAT(troubles(), IsEmpty());
  EXPECT_EQ(output_->refusal(), std::nullopt);
}

TEST_F(HttpOutputTest, AServerThatCannotNowIsAskedAgainAndNothingIsLeftOut) {
  int failures = 2;
  open([&](const auto&) { return failures-- > 0 ? "503 Service Unavailable" : "201 Created"; });
  output_->put({file("a.m4s"), file("b.m4s")});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_THAT(server_->lines(), ElementsAre("PUT /a.m4s", "PUT /a.m4s", "PUT /a.m4s", "PUT /b.m4s"));
  EXPECT_THAT(troubles(), ElementsAre(HasSubstr("a.m4s: answered 503"))) << "said once";
  EXPECT_THAT(troubles(), Not(Contains(HasSubstr("secret"))));
}

TEST_F(HttpOutputTest, ARefusalIsFinalAndTheNextFileIsTried) {
  open([](const auto& request) {
    return request.line.find("/a.m4s") != std::string::npos ? "403 Forbidden" : "201 Created";
  });
  output_->put({file("a.m4s")});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_THAT(output_->refusal(), Optional(HasSubstr("a.m4s: answered 403")));
  output_->put({file("b.m4s")});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_THAT(server_->lines(), ElementsAre("PUT /a.m4s", "PUT /b.m4s"));
  EXPECT_EQ(output_->refusal(), std::nullopt);
}

// Who redirects could have the files and the credentials sent anywhere.
TEST_F(HttpOutputTest, ARedirectionIsNotFollowed) {
  TinyServer elsewhere{[](const auto&) { return "201 Created"; }};
  open([&](const auto&) { return "302 Found\r\nLocation: " + elsewhere.url(); });
  output_->put({file("a.m4s")});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_THAT(server_->lines(), ElementsAre("PUT /a.m4s"));
  EXPECT_THAT(elsewhere.lines(), IsEmpty());
  EXPECT_THAT(troubles(), ElementsAre(HasSubstr("answered 302")));
}

TEST_F(HttpOutputTest, APlaylistOfWhichANewerOneWaitsIsLeftOut) {
  std::promise<void> both_wait;
  open([waited = both_wait.get_future().share()](const auto& request) {
    if (request.line.find("/a.m4s") != std::string::npos) waited.wait();
    return "201 Created";
  });
  output_->put({file("a.m4s")});
  output_->put({file("v.m3u8", "old"), file("v.m3u8", "new")});
  both_wait.set_value();
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_THAT(server_->lines(), ElementsAre("PUT /a.m4s", "PUT /v.m3u8"));
  EXPECT_EQ(server_->requests()[1].body, "new");
}

TEST_F(HttpOutputTest, AStopBreaksOffWhatAServerDoesNotAnswer) {
  open([](const auto&) { return ""; });
  output_->put({file("a.m4s")});
  server_->wait_for_requests(1);
  auto waiting = std::async(std::launch::async, [&] { return drain(); });
  output_->stop();
  EXPECT_EQ(waiting.get(), HttpOutput::Drained::stopped);
  // The request alone would take 10 s.
  const auto before = std::chrono::steady_clock::now();
  output_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  EXPECT_THAT(troubles(), IsEmpty());
}

TEST_F(HttpOutputTest, BehindAServerThatIsTooSlowTheOldestSegmentsAreGivenUp) {
  open([](const auto&) { return ""; });
  FileAction big = file("a.m4s", std::string(std::size_t{50} << 20U, 'x'));
  output_->put({file("first.m4s")});
  server_->wait_for_requests(1);
  output_->put({big, big, file("v.m3u8")});
  EXPECT_THAT(troubles(), IsEmpty());
  output_->put({big});
  EXPECT_THAT(troubles(), ElementsAre(HasSubstr("1 segments are given up")));
  EXPECT_THAT(output_->refusal(), Optional(std::string{"no answer yet"}));
}

}  // namespace
}  // namespace tarn::test
