// SPDX-License-Identifier: Apache-2.0
#include "server/http/hot_answers.h"
#include "server/http/request_observer.h"
#include "tests/server/http_fixture.h"
#include "tests/support/log_file.h"

namespace tarn::server {
namespace {

std::string gunzip(const std::string& bytes) {
  GZlibDecompressor* gz = g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP);
  std::string out(1U << 16U, '\0');
  gsize read = 0;
  gsize written = 0;
  EXPECT_EQ(g_converter_convert(G_CONVERTER(gz), bytes.data(), bytes.size(), out.data(), out.size(),
                                G_CONVERTER_INPUT_AT_END, &read, &written, nullptr),
            G_CONVERTER_FINISHED);
  g_object_unref(gz);
  out.resize(written);
  return out;
}

bool can_connect(const std::string& address) {
  GSocketClient* client = g_socket_client_new();
  GSocketConnection* connection =
      g_socket_client_connect_to_host(client, address.c_str(), 0, nullptr, nullptr);
  g_object_unref(client);
  if (connection == nullptr) return false;
  g_object_unref(connection);
  return true;
}

class PlaybackTest : public HttpTest {
 protected:
  PlaybackTest() {
    manifest_ = "#EXTM3U\n" + std::string(500, '#') + "\n";
    origin_.files["manifest.m3u8"] = {
        manifest_content(manifest_, "application/vnd.apple.mpegurl", 3), {}, {}};
    origin_.files["s.m4s"] = {media_content({Blob::copy_of(as_bytes("abc")), Blob::copy_of(as_bytes("defg"))},
                                            "video/mp4", "id/s.m4s"),
                              {},
                              {}};
    origin_.files["later.m4s"] = {nullptr, Fetched::Absence::not_yet, "not there yet"};
    origin_.files["empty.m3u8"] = {nullptr, Fetched::Absence::no_content, "no content yet"};
    origin_.files["secret.m4s"] = {nullptr, Fetched::Absence::no_key, "no key yet"};
    origin_.files["outside.m3u8"] = {nullptr, Fetched::Absence::outside, "there is nothing then"};
    origin_.files["long.m3u8"] = {nullptr, Fetched::Absence::bad_window, "too long"};
    origin_.files["stale.m3u8"] = {nullptr, Fetched::Absence::stale, "nothing has come since noon"};
    origin_.files["broken.ts"] = {nullptr, Fetched::Absence::failed, "could not be packaged"};
  }
  std::string manifest_;
};

TEST_F(PlaybackTest, ServesAManifest) {
  for (const bool from_thread : {true, false}) {
    origin_.from_thread = from_thread;
    const auto got = ask("GET", "/v1/g/c/open/manifest.m3u8");
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, manifest_);
    EXPECT_EQ(got.headers.at("content-type"), "application/vnd.apple.mpegurl");
    EXPECT_EQ(got.headers.at("cache-control"), "public, max-age=3");
    EXPECT_EQ(got.headers.at("vary"), "Accept-Encoding");
    EXPECT_EQ(got.headers.at("access-control-allow-origin"), "*");
    EXPECT_NE(got.headers.at("access-control-expose-headers").find("X-Tarn-Reason"), std::string::npos);
  }
}

// Each request has a line, those that are answered without a handler too, and none has what a client said
// beside method and path.
TEST_F(PlaybackTest, TheLogHasEveryRequestAndNoSecretOfAny) {
  const LogFile file;
  LogOutput output{file.descriptor(), [](std::uint64_t) { return std::string{}; }};
  const EventLog log{LogFormat::json, LogLevel::debug, [] { return Utc{}; }, [](std::string_view) {}};
  AccessLog access{log, output, AccessLogScope::all};
  Metrics metrics;
  const auto observer = make_request_observer({"origin"}, metrics, access, {*parse_network("127.0.0.0/8")});
  HotAnswers hot{0, observer, true};
  OriginHandler handler{[model = test_model()] { return model; }, origin_, [this] { return now_; },
                        PlaybackSettings{{*parse_network("127.0.0.0/8")}, false, &hot}};
  ServingOptions options;
  options.fast_lanes = {&hot};
  struct ForEver : Reuse {
    [[nodiscard]] bool is_current() const override { return true; }
    void count() const override { ++counted; }
    mutable std::atomic<int> counted{0};
  };
  const auto reuse = std::make_shared<ForEver>();
  origin_.files["manifest.m3u8"].reuse = reuse;
  auto server = std::move(HttpServer::bind({"127.0.0.1:0"}, 2)).value();
  ASSERT_TRUE(server->serve({&handler}, observer, options).ok());
  const HeaderList secrets{
      {"Authorization", "Bearer secret-code"},  {"Cookie", "secret-code"},
      {"Referer", "http://x/?secret-code"},     {"User-Agent", "secret-code"},
      {"X-Request-Id", "secret-code"},          {"X-Forwarded-For", "1.2.3.4, secret-code"},
      {"X-Forwarded-For", "Bearer secret-code"}};
  // Answers that are ready are for those without the first of them.
  const HeaderList others{secrets.begin() + 1, secrets.end()};
  const std::string targets[] = {
      "/v1/g/c/open/manifest.m3u8?authorization=secret-code",
      "/v1/g/c/coded/manifest.m3u8?authorization=secret-code&start=secret-code",
      "/v1/g/c/shared/s.m4s?secret-code",
      "/v1/g/1/c/a.ts?user=secret-code",
      "/nothing?secret-code",
      "/time?secret-code",
  };
  std::size_t asked = 0;
  for (const std::string& target : targets) {
    for (const char* method : {"GET", "GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
      HttpClient client{server->addresses().front()};
      client.send(request_text(method, target, asked % 2 == 0 ? secrets : others));
      EXPECT_GT(client.receive(method == std::string_view{"HEAD"}).status, 0) << method << target;
      ++asked;
    }
  }
  const int ready = reuse->counted;
  for (int i = 0; i < 2; ++i, ++asked) {
    HttpClient client{server->addresses().front()};
    client.send(request_text("GET", "/v1/g/c/open/manifest.m3u8", {{"X-Forwarded-For", "192.0.2.77"}}));
    EXPECT_EQ(client.receive().status, 200);
  }
  EXPECT_GT(reuse->counted, ready) << "no answer behind a proxy was ready";
  server.reset();
  access.stop();
  const std::string text = file.text();
  EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')), asked) << text;
  EXPECT_EQ(text.find("secret-code"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("path":"/v1/g/c/open/manifest.m3u8","status":"200")"), std::string::npos) << text;
  EXPECT_GT(reuse->counted, 0) << "no answer was ready";
  const std::size_t first = text.find("192.0.2.77");
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_NE(text.find("192.0.2.77", first + 1), std::string::npos) << "the address of both requests";
}

TEST_F(PlaybackTest, GivesGzipItsOwnTag) {
  const auto plain = ask("GET", "/v1/g/c/open/manifest.m3u8");
  const auto zipped = ask("GET", "/v1/g/c/open/manifest.m3u8", {{"Accept-Encoding", "gzip, br"}});
  EXPECT_EQ(zipped.headers.at("content-encoding"), "gzip");
  EXPECT_EQ(zipped.headers.at("vary"), "Accept-Encoding");
  EXPECT_NE(zipped.headers.at("etag"), plain.headers.at("etag"));
  EXPECT_FALSE(plain.headers.contains("content-encoding"));
  EXPECT_LT(zipped.body.size(), plain.body.size());
  EXPECT_EQ(gunzip(zipped.body), manifest_);

  const auto tag = zipped.headers.at("etag");
  EXPECT_EQ(
      ask("GET", "/v1/g/c/open/manifest.m3u8", {{"Accept-Encoding", "gzip"}, {"If-None-Match", tag}}).status,
      304);
  EXPECT_EQ(ask("GET", "/v1/g/c/open/manifest.m3u8", {{"If-None-Match", tag}}).status, 200);
}

TEST_F(PlaybackTest, AnswersConditionsAndKeepsTheConnection) {
  HttpClient client{address()};
  client.send(request_text("GET", "/v1/g/c/open/s.m4s"));
  const auto first = client.receive();
  EXPECT_EQ(first.body, "abcdefg");
  EXPECT_EQ(first.headers.at("cache-control"), "public, max-age=86400, immutable");
  client.send(request_text("GET", "/v1/g/c/open/s.m4s", {{"If-None-Match", first.headers.at("etag")}}));
  const auto second = client.receive();
  EXPECT_EQ(second.status, 304);
  EXPECT_EQ(second.headers.at("etag"), first.headers.at("etag"));
  EXPECT_FALSE(second.headers.contains("content-length"));
  client.send(request_text("HEAD", "/v1/g/c/open/s.m4s"));
  const auto third = client.receive(true);
  EXPECT_EQ(third.status, 200);
  EXPECT_EQ(third.headers.at("content-length"), "7");
  client.send(request_text("GET", "/v1/g/c/open/s.m4s"));
  EXPECT_EQ(client.receive().body, "abcdefg");
}

struct RangeCase {
  const char* range;
  int status;
  const char* content_range;
  const char* body;
};

TEST_F(PlaybackTest, ServesSingleRanges) {
  const RangeCase cases[] = {
      {"bytes=0-1", 206, "bytes 0-1/7", "ab"},
      {"bytes=2-3", 206, "bytes 2-3/7", "cd"},
      {"bytes=3-", 206, "bytes 3-6/7", "defg"},
      {"bytes=-2", 206, "bytes 5-6/7", "fg"},
      {"bytes=0-999", 206, "bytes 0-6/7", "abcdefg"},
      {"bytes=7-", 416, "bytes */7", nullptr},
      {"bytes=-99999999", 206, "bytes 0-6/7", "abcdefg"},
      {"bytes=0-1,3-4", 200, nullptr, "abcdefg"},
      {"nonsense", 200, nullptr, "abcdefg"},
  };
  for (const RangeCase& c : cases) {
    const auto got = ask("GET", "/v1/g/c/open/s.m4s", {{"Range", c.range}});
    EXPECT_EQ(got.status, c.status) << c.range;
    if (c.body != nullptr) {
      EXPECT_EQ(got.body, c.body) << c.range;
    }
    EXPECT_EQ(got.headers.contains("content-range") ? got.headers.at("content-range") : "",
              c.content_range == nullptr ? "" : c.content_range)
        << c.range;
  }
  const auto tag = ask("GET", "/v1/g/c/open/s.m4s").headers.at("etag");
  EXPECT_EQ(ask("GET", "/v1/g/c/open/s.m4s", {{"Range", "bytes=0-1"}, {"If-Range", tag}}).status, 206);
  EXPECT_EQ(ask("GET", "/v1/g/c/open/s.m4s", {{"Range", "bytes=0-1"}, {"If-Range", "\"other\""}}).status,
            200);
  EXPECT_EQ(ask("GET", "/v1/g/c/open/manifest.m3u8", {{"Range", "bytes=0-1"}}).status, 200);
}

TEST_F(PlaybackTest, LetsPagesOfOtherOriginsAsk) {
  const auto preflight = ask("OPTIONS", "/v1/g/c/coded/manifest.m3u8",
                             {{"Origin", "https://page.example"},
                              {"Access-Control-Request-Method", "GET"},
                              {"Access-Control-Request-Headers", "authorization,range"}});
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.headers.at("access-control-allow-origin"), "*");
  EXPECT_NE(preflight.headers.at("access-control-allow-headers").find("Authorization, Range"),
            std::string::npos);
  EXPECT_EQ(preflight.headers.at("access-control-allow-methods"), "GET, HEAD, OPTIONS");
}

struct RefusalCase {
  const char* target;
  int status;
  const char* reason;
  const char* cache_control;
};

TEST_F(PlaybackTest, SaysWhyItRefuses) {
  const RefusalCase cases[] = {
      {"/v1/g/c/open/nosuch.ts", 404, "not-found", "no-store"},
      {"/v1/g/c/nosuch/manifest.m3u8", 404, "not-found", "no-store"},
      {"/v1/g/nosuch/open/manifest.m3u8", 404, "not-found", "no-store"},
      {"/v1/nosuch/c/open/manifest.m3u8", 404, "not-found", "no-store"},
      {"/nosuch", 404, "not-found", "no-store"},
      {"/v1/g/c/open/..%2f..%2fetc", 400, nullptr, nullptr},
      {"/v1/g/c/open/later.m4s", 404, "not-yet", "max-age=1"},
      {"/v1/g/c/open/empty.m3u8", 503, "no-content-yet", "no-store"},
      {"/v1/g/c/open/secret.m4s", 404, "no-key", "no-store"},
      {"/v1/g/c/open/broken.ts", 500, "failed", "no-store"},
      {"/v1/g/c/open/manifest.m3u8?start=2024-11-06T00:00:00Z", 400, "time-shift-off", "no-store"},
      {"/v1/g/c/open/manifest.m3u8?offset=5", 400, "time-shift-off", "no-store"},
      {"/v1/g/c/open/manifest.m3u8?end=x", 400, "time-shift-off", "no-store"},
      {"/v1/g/c/open/manifest.m3u8?vodend=", 400, "time-shift-off", "no-store"},
      {"/v1/g/c/shifted/outside.m3u8?offset=5", 404, "outside-window", "no-store"},
      {"/v1/g/c/shifted/long.m3u8?start=1&vodend=2", 400, "time-shift", "no-store"},
      {"/v1/g/c/shifted/manifest.m3u8?start=", 400, "time-shift", "no-store"},
      {"/v1/g/c/shifted/manifest.m3u8?offset=-5", 400, "time-shift", "no-store"},
      {"/v1/g/c/shifted/manifest.m3u8?offset=NaN", 400, "time-shift", "no-store"},
      {"/v1/g/c/shifted/manifest.m3u8?start=1000000000000000000", 400, "time-shift", "no-store"},
      {"/v1/g/c/shifted/manifest.m3u8?start=2&start=3", 400, "time-shift", "no-store"},
      {"/v1/g/c/shifted/manifest.m3u8?start=2&offset=3", 400, "time-shift", "no-store"},
      {"/v1/g/c/shifted/manifest.m3u8?start=3&vodend=2", 400, "time-shift", "no-store"},
      {"/v1/g/c/shifted/manifest.m3u8?end=2", 400, "time-shift", "no-store"},
      {"/v1/g/c/open/stale.m3u8", 404, "stale", "no-store"},
      {"/v1/g/c/denied/manifest.m3u8", 403, nullptr, "no-store"},
      {"/v1/g/c/coded/manifest.m3u8", 401, nullptr, "no-store"},
      {"/v1/g/c/coded/s.m4s", 401, nullptr, "no-store"},
      {"/v1/g/c/coded/nosuch.m4s", 401, nullptr, "no-store"},
  };
  for (const RefusalCase& c : cases) {
    const auto got = ask("GET", c.target);
    EXPECT_EQ(got.status, c.status) << c.target;
    if (c.cache_control == nullptr) continue;  // by the connection layer
    EXPECT_EQ(got.headers.contains("x-request-id"), c.status >= 400) << c.target;
    EXPECT_EQ(got.headers.at("cache-control"), c.cache_control) << c.target;
    EXPECT_EQ(got.headers.at("access-control-allow-origin"), "*") << c.target;
    ASSERT_TRUE(got.headers.contains("x-tarn-reason")) << c.target;
    if (c.reason != nullptr) {
      EXPECT_EQ(got.headers.at("x-tarn-reason"), c.reason) << c.target;
    }
  }
  EXPECT_EQ(ask("GET", "/v1/g/c/open/empty.m3u8").headers.at("retry-after"), "2");
}

TEST_F(PlaybackTest, AsksForTheWindowOfTheUrl) {
  EXPECT_EQ(
      ask("GET", "/v1/g/c/shifted/manifest.m3u8?vodend=2024-11-06T01:00:00%2B01:00&x=1&start=1700000000")
          .status,
      200);
  EXPECT_EQ(ask("GET", "/v1/g/c/shifted/manifest.m3u8").status, 200);
  EXPECT_EQ(origin_.windows,
            (std::vector<std::string>{"start=2023-11-14T22:13:20Z&vodend=2024-11-06T00:00:00Z", ""}));
}

TEST_F(PlaybackTest, IgnoresQueriesItDoesNotKnow) {
  EXPECT_EQ(ask("GET", "/v1/g/c/open/manifest.m3u8?session=1&_=2&starting=3").status, 200);
}

TEST_F(PlaybackTest, KeepsCodedAnswersOutOfSharedCaches) {
  const HeaderList code{{"Authorization", "Bearer secret-code"}};
  const auto kept_private = ask("GET", "/v1/g/c/coded/s.m4s", code);
  EXPECT_EQ(kept_private.status, 200);
  EXPECT_EQ(kept_private.headers.at("cache-control"), "max-age=86400, immutable");
  EXPECT_EQ(ask("GET", "/v1/g/c/shared/s.m4s", code).headers.at("cache-control"),
            "public, max-age=86400, immutable");
  EXPECT_EQ(ask("GET", "/v1/g/c/coded/s.m4s", {{"Authorization", "Bearer secret-cod"}}).status, 401);
}

TEST_F(PlaybackTest, KeepsAnswersForListedAddressesOutOfSharedCaches) {
  EXPECT_EQ(ask("GET", "/v1/g/c/listed/s.m4s").headers.at("cache-control"),
            "private, max-age=86400, immutable");
}

TEST_F(PlaybackTest, TellsTheTime) {
  now_ = Utc{std::chrono::milliseconds{1'700'000'000'250}};
  const auto got = ask("GET", "/time");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "2023-11-14T22:13:20.250Z");
  EXPECT_EQ(got.headers.at("cache-control"), "no-store");
  EXPECT_EQ(got.headers.at("access-control-allow-origin"), "*");
}

TEST_F(PlaybackTest, FinishesWhatIsInFlightWhenItDrains) {
  // The answer is owed until the test lets it go.
  std::mutex held_mutex;
  std::function<void()> held;
  class Slow : public Handler {
   public:
    Slow(std::mutex& mutex, std::function<void()>& held) : mutex_(mutex), held_(held) {}
    Verdict on_head(const Request&) override { return {}; }
    void handle(Request, Reply reply) override {
      const std::lock_guard lock{mutex_};
      held_ = [reply = std::move(reply)] { reply(text_response(200, "text/plain", "late")); };
    }

   private:
    std::mutex& mutex_;
    std::function<void()>& held_;
  } slow{held_mutex, held};
  auto server = std::move(HttpServer::bind({"127.0.0.1:0"}, 1)).value();
  ASSERT_TRUE(server->serve({&slow}, nullptr).ok());
  HttpClient client{server->addresses().front()};
  client.send(request_text("GET", "/x"));
  while (true) {
    const std::lock_guard lock{held_mutex};
    if (held) break;
  }
  std::thread drain{[&] { EXPECT_TRUE(server->drain(std::chrono::seconds{10})); }};
  while (can_connect(server->addresses().front())) std::this_thread::yield();
  {
    const std::lock_guard lock{held_mutex};
    held();
  }
  auto late = client.receive();
  EXPECT_EQ(late.body, "late");
  EXPECT_EQ(late.headers["connection"], "close");
  drain.join();
}

}  // namespace
}  // namespace tarn::server
