// SPDX-License-Identifier: Apache-2.0
// Hot answers through the real server: they are what the handlers would answer, byte for byte, and only while
// it is so.
#include <cstdlib>
#include <random>

#include "tests/server/http_fixture.h"
#include "tests/server/raw_client.h"
#include "tests/support/seed.h"

namespace tarn::server {
namespace {

class FakeReuse : public Reuse {
 public:
  [[nodiscard]] bool is_current() const override { return current; }
  void count() const override { ++counted; }
  std::atomic<bool> current{true};
  mutable std::atomic<int> counted{0};
};

class HotTest : public ::testing::Test {
 protected:
  HotTest()
      : hot_(0,
             [this](const RequestRecord& record) {
               const std::lock_guard lock{mutex_};
               records_.push_back(record);
             }),
        handler_([this] { return model(); }, origin_, [] { return Utc{std::chrono::seconds{500}}; },
                 PlaybackSettings{{}, false, &hot_}) {
    const std::string manifest = "#EXTM3U\n" + std::string(1500, '#') + "\n";
    add("manifest.m3u8", manifest_content(manifest, "application/vnd.apple.mpegurl", 3), true);
    add("big.m4s",
        media_content({random_megabyte(1), random_megabyte(2), random_megabyte(3)}, "video/mp4", "id/big"),
        true);
    add("miss.m4s", media_content({Blob::copy_of(as_bytes("abcdefghij"))}, "video/mp4", "id/miss"), false);
    add("bigmiss.m4s",
        media_content({random_megabyte(4), random_megabyte(5), random_megabyte(6)}, "video/mp4",
                      "id/bigmiss"),
        false);
  }
  void SetUp() override {
    auto bound = HttpServer::bind({"127.0.0.1:0"}, 2);
    ASSERT_TRUE(bound.ok());
    server_ = std::move(bound).value();
    ServingOptions options;
    options.fast_lanes = {&hot_};
    const auto observe = [this](const RequestRecord& record) {
      const std::lock_guard lock{mutex_};
      records_.push_back(record);
    };
    ASSERT_TRUE(server_->serve({&handler_}, observe, options).ok());
  }
  void TearDown() override { server_.reset(); }

  static Blob random_megabyte(unsigned seed) {
    std::mt19937 random{seed};
    ByteVector bytes(1U << 20U);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return Blob::of(std::move(bytes));
  }
  void add(const std::string& name, std::shared_ptr<const Content> content, bool reusable) {
    origin_.files[name] = {std::move(content), {}, {}, reusable ? reuse_ : nullptr};
  }
  std::shared_ptr<const Model> model() {
    const std::lock_guard lock{mutex_};
    return model_;
  }
  int fetches() {
    const std::lock_guard lock{origin_.mutex};
    return origin_.fetches;
  }
  // The answer without the value of Date.
  RawAnswer ask(const std::string& request) {
    RawClient client{server_->addresses().front()};
    client.send(request);
    RawAnswer answer = client.receive(request.starts_with("HEAD"));
    const auto date = answer.head.find("Date: ");
    if (date != std::string::npos) answer.head.erase(date + 6, answer.head.find("\r\n", date) - date - 6);
    return answer;
  }
  static std::string line(const std::string& method, const std::string& file,
                          const std::string& fields = {}) {
    return method + " /v1/g/c/" + file + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  }

  FakeOrigin origin_;
  std::shared_ptr<FakeReuse> reuse_ = std::make_shared<FakeReuse>();
  std::mutex mutex_;
  std::shared_ptr<const Model> model_ = test_model();
  std::vector<RequestRecord> records_;
  HotAnswers hot_;
  OriginHandler handler_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HotTest, GivesTheVeryBytesOfTheHandlers) {
  const std::string etag = origin_.files["manifest.m3u8"].content->etag;
  const std::string zipped = origin_.files["manifest.m3u8"].content->gzip_etag;
  const std::string requests[] = {
      line("GET", "open/manifest.m3u8"),
      line("HEAD", "open/manifest.m3u8"),
      line("GET", "open/manifest.m3u8", "Accept-Encoding: gzip\r\n"),
      line("HEAD", "open/manifest.m3u8", "Accept-Encoding: br, gzip;q=0.5\r\n"),
      line("GET", "open/manifest.m3u8", "If-None-Match: " + etag + "\r\n"),
      line("GET", "open/manifest.m3u8", "Accept-Encoding: gzip\r\nIf-None-Match: " + zipped + "\r\n"),
      line("GET", "open/manifest.m3u8", "Connection: keep-alive\r\nUser-Agent: x\r\nOrigin: http://a\r\n"),
      line("GET", "open/manifest.m3u8?_=1700000000&session=a%20b"),
      line("GET", "open/big.m4s?"),
      line("GET", "open/big.m4s"),
      line("HEAD", "open/big.m4s"),
      line("GET", "open/big.m4s", "If-None-Match: " + origin_.files["big.m4s"].content->etag + "\r\n"),
  };
  for (const std::string& request : requests) {
    reuse_->current = false;
    const RawAnswer slow = ask(request);
    reuse_->current = true;
    const int before = fetches();
    const RawAnswer hot = ask(request);
    EXPECT_EQ(fetches(), before) << request;
    EXPECT_NE(hot.status, 0) << request;
    EXPECT_EQ(hot.head, slow.head) << request;
    EXPECT_EQ(hot.body, slow.body) << request;
  }
  const std::lock_guard lock{mutex_};
  ASSERT_EQ(records_.size(), 2 * std::size(requests));
  for (std::size_t i = 0; i < records_.size(); i += 2) {
    EXPECT_EQ(records_[i].status, records_[i + 1].status) << i;
    EXPECT_EQ(records_[i].bytes_out, records_[i + 1].bytes_out) << i;
    EXPECT_EQ(records_[i].path, records_[i + 1].path) << i;
    EXPECT_EQ(records_[i].method, records_[i + 1].method) << i;
    EXPECT_EQ(records_[i].peer, records_[i + 1].peer) << i;
    EXPECT_NE(records_[i].id, records_[i + 1].id) << i;
  }
  EXPECT_EQ(reuse_->counted, static_cast<int>(std::size(requests)));
}

TEST_F(HotTest, LeavesEverythingElseToTheHandlers) {
  (void)ask(line("GET", "open/manifest.m3u8"));
  (void)ask(line("GET", "shifted/manifest.m3u8"));
  const std::string requests[] = {
      line("GET", "shifted/manifest.m3u8?offset=30"),
      line("GET", "shifted/manifest.m3u8?x=1&%6fffset=30"),
      line("GET", "open/%6danifest.m3u8"),
      line("GET", "open/manifest.m3u8", "Range: bytes=0-1\r\n"),
      line("GET", "open/manifest.m3u8", "If-None-Match: \"other\"\r\n"),
      line("GET", "open/manifest.m3u8", "If-None-Match: *\r\n"),
      line("GET", "open/manifest.m3u8", "If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT\r\n"),
      line("GET", "open/manifest.m3u8", "if-match: \"x\"\r\n"),
      line("GET", "open/manifest.m3u8", "Authorization: Bearer x\r\n"),
      line("GET", "open/manifest.m3u8", "Upgrade: h2c\r\n"),
      line("GET", "open/manifest.m3u8", "Connection: close\r\n"),
      line("GET", "open/manifest.m3u8", "Content-Length: 0\r\n"),
      line("GET", "open/manifest.m3u8", "Accept-Encoding: gzip\r\nAccept-Encoding: br\r\n"),
  };
  for (const std::string& request : requests) {
    const int before = fetches();
    EXPECT_NE(ask(request).status, 0) << request;
    EXPECT_EQ(fetches(), before + 1) << request;
  }
}

// F7: players that never ask for the same URL twice.
TEST_F(HotTest, QueriesThatMeanNothingAreNoneAndAreNotLogged) {
  (void)ask(line("GET", "open/manifest.m3u8?first=1"));
  const int before = fetches();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(ask(line("GET", "open/manifest.m3u8?token=secret&_=" + std::to_string(i))).status, 200) << i;
  }
  EXPECT_EQ(fetches(), before);
  EXPECT_EQ(ask(line("GET", "open/manifest.m3u8?offset=30")).status, 400);
  const std::lock_guard lock{mutex_};
  for (const RequestRecord& record : records_) EXPECT_EQ(record.path, "/v1/g/c/open/manifest.m3u8");
}

TEST_F(HotTest, HoldsNothingThatNotEverybodyMayHave) {
  for (const char* endpoint : {"coded", "listed", "shared"}) {
    for (int i = 0; i < 2; ++i) {
      const int before = fetches();
      const auto answer =
          ask(line("GET", std::string{endpoint} + "/manifest.m3u8", "Authorization: secret-code\r\n"));
      EXPECT_EQ(answer.status, 200) << endpoint;
      EXPECT_EQ(fetches(), before + 1) << endpoint;
    }
    if (std::string{endpoint} != "listed") {
      EXPECT_EQ(ask(line("GET", std::string{endpoint} + "/manifest.m3u8")).status, 401) << endpoint;
    }
  }
}

TEST_F(HotTest, AnswersOnlyWhileItHolds) {
  (void)ask(line("GET", "open/manifest.m3u8"));
  const auto is_hot = [this] {
    const int before = fetches();
    EXPECT_NE(ask(line("GET", "open/manifest.m3u8")).status, 0);
    return fetches() == before;
  };
  EXPECT_TRUE(is_hot());
  reuse_->current = false;
  EXPECT_FALSE(is_hot());
  reuse_->current = true;
  {
    // The same rules, but another state of them: nobody can tell without looking.
    const std::lock_guard lock{mutex_};
    model_ = std::make_shared<Model>(*model_);
  }
  EXPECT_FALSE(is_hot());
  EXPECT_TRUE(is_hot());
  {
    auto changed = std::make_shared<Model>(*model());
    changed->endpoints["g/c/open"].authorization_code = "now-secret";
    const std::lock_guard lock{mutex_};
    model_ = changed;
  }
  EXPECT_EQ(ask(line("GET", "open/manifest.m3u8")).status, 401);
  {
    auto changed = std::make_shared<Model>(*model());
    changed->endpoints.erase("g/c/open");
    const std::lock_guard lock{mutex_};
    model_ = changed;
  }
  EXPECT_EQ(ask(line("GET", "open/manifest.m3u8")).status, 404);
}

TEST_F(HotTest, ContentThatIsGoneIsNotKept) {
  (void)ask(line("GET", "open/big.m4s"));
  const std::weak_ptr<const Content> content = origin_.files["big.m4s"].content;
  add("big.m4s", media_content({Blob::copy_of(as_bytes("another"))}, "video/mp4", "id/big"), true);
  EXPECT_TRUE(eventually([&] { return content.expired(); }));
  EXPECT_EQ(ask(line("GET", "open/big.m4s")).body, "another");
}

struct Kind {
  std::string request;
  int status;
  std::string body;  // of the answer
  bool head_only = false;
};

// What clients send is pipelined at random, in pieces of any size; every answer must come, in order, whole.
TEST_F(HotTest, PipelinedMixesAreAnsweredInOrder) {
  const auto joined = [this](const std::string& name) {
    std::string all;
    for (const Blob& part : origin_.files[name].content->parts) all += as_text(part.bytes());
    return all;
  };
  const std::string upload(30000, 'z');
  const std::string put =
      "PUT /v1/g/1/c/a.ts HTTP/1.1\r\nHost: a\r\nAuthorization: " + basic("user1:password1") + "\r\n";
  const std::string etag = origin_.files["manifest.m3u8"].content->etag;
  const std::vector<Kind> kinds{
      {line("GET", "open/manifest.m3u8"), 200, joined("manifest.m3u8")},
      {line("GET", "open/manifest.m3u8", "If-None-Match: " + etag + "\r\n"), 304, ""},
      {line("HEAD", "open/manifest.m3u8"), 200, "", true},
      {line("GET", "open/miss.m4s"), 200, "abcdefghij"},
      {line("HEAD", "open/miss.m4s"), 200, "", true},
      {line("GET", "open/miss.m4s", "Range: bytes=2-4\r\n"), 206, "cde"},
      {line("GET", "open/none.m4s"), 404, "no such file\n"},
      {put + "Content-Length: 30000\r\n\r\n" + upload, 201, ""},
      {put + "Transfer-Encoding: chunked\r\n\r\n7530\r\n" + upload + "\r\n0\r\n\r\n", 201, ""},
      {line("GET", "open/big.m4s"), 200, joined("big.m4s")},
      {line("GET", "open/bigmiss.m4s"), 200, joined("bigmiss.m4s")},
  };
  const bool is_long = std::getenv("TARN_LONG") != nullptr;
  const unsigned seed = test::seed_of_run();
  std::cout << "seed " << seed << " (TARN_SEED repeats it)\n";
  std::mt19937 random{seed};
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  const std::size_t pieces[] = {7, 100, 1500, 20000, 100000};
  for (int mix = 0; mix < (is_long ? 600 : 66); ++mix) {
    origin_.from_thread = below(2) == 0;
    std::vector<const Kind*> sequence;
    std::string sent;
    const std::size_t length = 1 + below(30);
    for (std::size_t i = 0; i < length; ++i) {
      // large ones seldom, or there is nothing but them
      const std::size_t choice = below(8) == 0 ? below(kinds.size()) : below(7);
      sequence.push_back(&kinds[choice]);
      sent += kinds[choice].request;
    }
    // Small pieces of large uploads would only take long.
    const std::size_t piece = sent.size() > 20000 ? pieces[2 + below(3)] : pieces[below(5)];
    RawClient client{server_->addresses().front()};
    std::thread writer{[&] { client.send(sent, piece); }};
    bool right = true;
    for (const Kind* kind : sequence) {
      const RawAnswer answer = client.receive(kind->head_only);
      right = right && answer.status == kind->status && answer.body == kind->body;
      if (!right) {
        ADD_FAILURE() << "mix " << mix << " piece " << piece << ": " << answer.status << " for\n"
                      << kind->request.substr(0, 200);
        break;
      }
    }
    writer.join();
    if (!right) break;
  }
}

}  // namespace
}  // namespace tarn::server
