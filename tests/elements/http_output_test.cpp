// SPDX-License-Identifier: Apache-2.0
#include "manifest/http_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "manifest/redirection.h"
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
      // Who is told may ask: no lock is held.
      (void)output_->refusal();
      EXPECT_TRUE(!what.is_refused || output_->is_refused());
      const std::lock_guard lock{mutex_};
      troubles_.push_back((what.is_refused ? "refused: " : "") + what.what);
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

std::string is_for(const std::string& name, const std::string& status, const TinyServer::Request& request) {
  return request.line.find("/" + name) != std::string::npos ? status : "201 Created";
}

TEST_F(HttpOutputTest, ARefusalIsFinalAndTheNextFileIsTried) {
  open([](const auto& request) { return is_for("a.m4s", "409 Conflict", request); });
  output_->put({file("a.m4s")});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_THAT(output_->refusal(), Optional(HasSubstr("a.m4s: answered 409")));
  EXPECT_FALSE(output_->is_refused()) << "one file";
  output_->put({file("b.m4s")});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_THAT(server_->lines(), ElementsAre("PUT /a.m4s", "PUT /b.m4s"));
  EXPECT_EQ(output_->refusal(), std::nullopt);
}

TEST_F(HttpOutputTest, ASegmentThatIsRefusedForGoodIsAGapInItsPlaylists) {
  open([](const auto& request) { return is_for("b.m4s", "413 Content Too Large", request); });
  const std::string text =
      "#EXTM3U\n#EXT-X-VERSION:7\n#EXTINF:2,\na.m4s\n#EXTINF:2,\nb.m4s\n#EXTINF:2,\nbb.m4s\n";
  const auto sent_text = [&] { return server_->requests().back().body; };
  output_->put({file("a.m4s"), file("v.m3u8", text)});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_EQ(sent_text(), text);
  output_->put({file("b.m4s"), file("v.m3u8", text)});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_EQ(
      sent_text(),
      "#EXTM3U\n#EXT-X-VERSION:8\n#EXTINF:2,\na.m4s\n#EXTINF:2,\n#EXT-X-GAP\nb.m4s\n#EXTINF:2,\nbb.m4s\n");
  EXPECT_THAT(troubles(), ElementsAre(HasSubstr("b.m4s: answered 413")));
  EXPECT_FALSE(output_->is_refused());
}

TEST_F(HttpOutputTest, CredentialsThatAreRefusedAreSaidOnceAtTheFirst) {
  std::atomic<bool> knows = false;
  open([&](const auto&) { return knows ? "201 Created" : "401 Unauthorized"; });
  output_->put({file("a.m4s"), file("b.m4s"), file("v.m3u8")});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_THAT(troubles(), ElementsAre(HasSubstr("refused: refuses the credentials: a.m4s: answered 401")));
  knows = true;
  output_->put({file("c.m4s")});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_FALSE(output_->is_refused());
  knows = false;
  output_->put({file("d.m4s"), file("e.m4s")});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_THAT(troubles(), ElementsAre(HasSubstr("a.m4s"), HasSubstr("d.m4s"))) << "once each time";
}

TEST_F(HttpOutputTest, WhoRefusesAHeaderOrThreeFilesBeforeItHasTakenAnyTakesNothing) {
  open([](const auto&) { return "404 Not Found"; });
  output_->put({file("v-i1.mp4")});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_THAT(troubles(), ElementsAre(HasSubstr("refused: refuses what it is sent: v-i1.mp4: answered 404")));
  troubles_.clear();
  open([](const auto&) { return "404 Not Found"; });
  output_->put({file("a.ts"), file("b.ts"), file("c.ts"), file("d.ts")});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_THAT(troubles(), ElementsAre("a.ts: answered 404", "b.ts: answered 404", HasSubstr("refused: ")));
}

TEST_F(HttpOutputTest, ARedirectionIsFollowedWithTheFileAndWithoutCredentials) {
  for (const std::string status :
       {"301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"}) {
    TinyServer elsewhere{[](const auto&) { return "201 Created"; }};
    open([&](const auto&) { return status + "\r\nLocation: " + elsewhere.url() + "b%20c/a.m4s?x=1"; });
    FileAction deletion = file("a.m4s");
    deletion.is_deletion = true;
    output_->put({file("a.m4s", "text"), deletion});
    EXPECT_EQ(drain(), HttpOutput::Drained::all);
    EXPECT_THAT(elsewhere.lines(), ElementsAre("PUT /b%20c/a.m4s?x=1", "DELETE /b%20c/a.m4s?x=1")) << status;
    EXPECT_EQ(elsewhere.requests()[0].body, "text");
    EXPECT_THAT(elsewhere.requests()[0].head, HasSubstr("video/mp4"));
    EXPECT_THAT(elsewhere.requests()[0].head, Not(HasSubstr("Authorization")));
    EXPECT_THAT(troubles(), IsEmpty());
  }
}

TEST_F(HttpOutputTest, ARedirectionOnTheSameHostHasCredentials) {
  open([](const auto& request) {
    return is_for("a.m4s", "307 Temporary Redirect\r\nLocation: /b/c", request);
  });
  output_->put({file("a.m4s")});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_THAT(server_->lines(), ElementsAre("PUT /a.m4s", "PUT /b/c"));
  EXPECT_THAT(server_->requests()[1].head, HasSubstr("Authorization: Basic"));
}

TEST_F(HttpOutputTest, RedirectionsEnd) {
  open([](const auto&) { return "302 Found\r\nLocation: /again?token=hidden"; });
  output_->put({file("a.m4s")});
  EXPECT_EQ(drain(), HttpOutput::Drained::all);
  EXPECT_EQ(server_->lines().size(), 6U);
  EXPECT_THAT(troubles(),
              ElementsAre(HasSubstr("sent on to " + server_->url() + "again: sent on too often")));
  EXPECT_THAT(troubles(), Not(Contains(HasSubstr("hidden"))));
  for (const std::string answer :
       {"302 Found", "302 Found\r\nLocation: ftp://a/b", "303 See Other\r\nLocation: /b"}) {
    open([&](const auto&) { return answer; });
    output_->put({file("a.m4s")});
    EXPECT_EQ(drain(), HttpOutput::Drained::all);
    EXPECT_EQ(server_->lines().size(), 1U) << answer;
    EXPECT_TRUE(output_->refusal());
  }
}

TEST(Redirection, IsNotLedFromEncryptedToClear) {
  EXPECT_EQ(*manifest::redirected("http://a/b/c", "https://d:1/e%2Ff#g"), "https://d:1/e%2Ff");
  EXPECT_EQ(*manifest::redirected("https://a/b/c", "//u:p@d/e"), "https://d/e");
  EXPECT_FALSE(manifest::redirected("https://a/b/c", "http://a/b/c").ok());
  EXPECT_FALSE(manifest::redirected("https://a/b/c", nullptr).ok());
}

TEST(Redirection, CredentialsAreForTheSameHost) {
  EXPECT_TRUE(manifest::may_have_credentials("http://a:1/", "http://A:1/x"));
  EXPECT_TRUE(manifest::may_have_credentials("http://a/", "https://a/x"));
  EXPECT_FALSE(manifest::may_have_credentials("http://a:1/", "http://a:2/"));
  EXPECT_FALSE(manifest::may_have_credentials("https://a/", "https://b/"));
  EXPECT_FALSE(manifest::may_have_credentials("https://a/", "http://a/"));
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

TEST_F(HttpOutputTest, OfAPlaylistOnlyTheNewestVersionWaits) {
  open([](const auto&) { return ""; });
  output_->put({file("first.m4s")});
  server_->wait_for_requests(1);
  // 100 versions would be 1 GiB, and a reason to give segments up.
  for (int i = 0; i < 100; ++i)
    output_->put(
        {file("a" + std::to_string(i) + ".m4s"), file("v.m3u8", std::string(std::size_t{10} << 20U, 'x'))});
  EXPECT_EQ(output_->take_given_up(), 0U);
}

TEST_F(HttpOutputTest, BehindAServerThatIsTooSlowTheOldestSegmentsAreGivenUp) {
  open([](const auto&) { return ""; });
  FileAction big = file("a.m4s", std::string(std::size_t{50} << 20U, 'x'));
  output_->put({file("first.m4s")});
  server_->wait_for_requests(1);
  output_->put({big, big, file("v.m3u8")});
  EXPECT_EQ(output_->take_given_up(), 0U);
  output_->put({big});
  EXPECT_EQ(output_->take_given_up(), 1U);
  EXPECT_EQ(output_->take_given_up(), 0U);
  EXPECT_THAT(troubles(), IsEmpty());
  EXPECT_THAT(output_->refusal(), Optional(std::string{"no answer yet"}));
}

}  // namespace
}  // namespace tarn::test
