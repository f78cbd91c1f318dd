// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "server/http/control_handler.h"
#include "tests/server/http_fixture.h"

namespace tarn::server {
namespace {

namespace fs = std::filesystem;

class NoStatus : public StatusSource {
 public:
  std::string channel_status(const Channel&) override { return "{}"; }
  std::string endpoint_status(const Endpoint&) override { return "{}"; }
  bool has_content(const Channel&) override { return false; }
};

class ControlHandlerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("tarn-http-control-" + std::to_string(::getpid()));
    fs::remove_all(directory_);
    fs::create_directories(directory_ / "console/assets");
    std::ofstream{directory_ / "console/index.html"} << "<!doctype html>";
    std::ofstream{directory_ / "console/app.js"} << "x";
    std::ofstream{directory_ / "console/assets/p-1a2b.js"} << "y";
    std::ofstream{directory_ / "console/assets/p-1a2b.js.gz"} << "packed";
    std::ofstream{directory_ / "secret.txt"} << "z";
    fs::create_symlink(directory_ / "secret.txt", directory_ / "console/link.txt");
    store_ = Store::open(directory_ / "data", directory_ / "key").value();
    control_ =
        std::make_unique<Control>(ControlSettings{"the-token", "http://127.0.0.1:1", "http://127.0.0.1:1"},
                                  *store_, status_, [] { return Utc{std::chrono::seconds{1'700'000'000}}; });
    metrics_.describe("tarn_x_total", Metrics::Kind::counter, "X.");
    ++metrics_.counter("tarn_x_total", {});
    handler_ = std::make_unique<ControlHandler>(
        ControlHandler::Parts{*control_, workers_, metrics_,
                              ConsoleFiles{ConsoleFiles::in_directory(directory_ / "console"),
                                           "https://{label}.example.com:8443/base"},
                              "the-token", [this] { return ready_.load(); }});
    server_ = std::move(HttpServer::bind({"127.0.0.1:0"}, 1)).value();
    ASSERT_TRUE(server_->serve({handler_.get()}, nullptr).ok());
  }
  void TearDown() override {
    server_.reset();
    workers_.stop();
    fs::remove_all(directory_);
  }
  HttpAnswer ask(const std::string& method, const std::string& target, const HeaderList& headers = {},
                 const std::string& body = {}) {
    HttpClient client{server_->addresses().front()};
    client.send(request_text(method, target, headers, body));
    return client.receive(method == "HEAD");
  }

  fs::path directory_;
  NoStatus status_;
  WorkerPool workers_{2};
  Metrics metrics_;
  std::atomic<bool> ready_{true};
  std::unique_ptr<Store> store_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<ControlHandler> handler_;
  std::unique_ptr<HttpServer> server_;
};

const HeaderList token{{"Authorization", "Bearer the-token"}, {"Content-Type", "application/json"}};

TEST_F(ControlHandlerTest, CarriesTheApi) {
  const auto made = ask("POST", "/api/v1/channel-groups", token, "{\"name\":\"g\"}");
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.headers.at("cache-control"), "no-store");
  EXPECT_EQ(made.headers.at("x-content-type-options"), "nosniff");
  EXPECT_TRUE(made.headers.contains("x-request-id"));
  const auto read = ask("GET", "/api/v1/channel-groups/g", token);
  EXPECT_EQ(read.status, 200);
  EXPECT_TRUE(read.headers.contains("etag"));
  const auto head = ask("HEAD", "/api/v1/channel-groups/g", token);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(read.body.size()));
  EXPECT_EQ(ask("GET", "/api/v1/channel-groups?pageSize=0", token).status, 400);
}

TEST_F(ControlHandlerTest, LetsNobodyInWithoutTheToken) {
  for (const HeaderList& headers : {HeaderList{}, HeaderList{{"Authorization", "Bearer the-toke"}},
                                    HeaderList{{"Authorization", "Basic dGhlLXRva2Vu"}}}) {
    const auto refused = ask("GET", "/api/v1/channel-groups", headers);
    EXPECT_EQ(refused.status, 401);
    EXPECT_TRUE(refused.headers.contains("x-request-id"));
  }
}

TEST_F(ControlHandlerTest, RefusesLargeBodies) {
  const auto too_large = ask("POST", "/api/v1/channel-groups", token, std::string(70'000, 'x'));
  EXPECT_EQ(too_large.status, 413);
  EXPECT_EQ(too_large.headers.at("content-type"), "application/problem+json");
  EXPECT_NE(too_large.body.find("\"detail\":\"the request body is larger than 65536 bytes\""),
            std::string::npos);
}

TEST_F(ControlHandlerTest, TellsHealthReadinessAndMetrics) {
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  EXPECT_EQ(ask("GET", "/readyz").status, 200);
  ready_ = false;
  EXPECT_EQ(ask("GET", "/readyz").status, 503);
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  const auto metrics = ask("GET", "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_EQ(metrics.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(metrics.body.find("# TYPE tarn_x_total counter"), std::string::npos);
  EXPECT_EQ(ask("POST", "/metrics", {}, "x").status, 405);
  EXPECT_EQ(ask("GET", "/nothing").status, 404);
}

TEST_F(ControlHandlerTest, GivesMetricsToStrangersOnlyWithTheToken) {
  const auto asked_by = [&](const std::string& peer, const std::string& authorization,
                            const std::string& proxy_field = "") {
    Request request;
    request.method = "GET";
    request.path = "/metrics";
    request.peer = peer;
    if (!authorization.empty()) request.headers["authorization"] = authorization;
    if (!proxy_field.empty()) request.headers[proxy_field] = "127.0.0.1";
    int status = 0;
    handler_->handle(std::move(request), [&](const Response& r) { status = r.status; });
    return status;
  };
  EXPECT_EQ(asked_by("127.0.0.1", ""), 200);
  EXPECT_EQ(asked_by("::1", ""), 200);
  EXPECT_EQ(asked_by("192.0.2.7", ""), 401);
  EXPECT_EQ(asked_by("192.0.2.7", "Bearer wrong"), 401);
  EXPECT_EQ(asked_by("192.0.2.7", "Bearer the-token"), 200);
  // through a proxy on this machine
  EXPECT_EQ(asked_by("127.0.0.1", "", "x-forwarded-for"), 401);
  EXPECT_EQ(asked_by("::1", "", "forwarded"), 401);
  EXPECT_EQ(asked_by("127.0.0.1", "Bearer the-token", "x-forwarded-for"), 200);
}

// G7: even with the token.
TEST_F(ControlHandlerTest, NoOtherPageChangesAnything) {
  const auto status = [&](const HeaderList& more, const std::string& method = "POST") {
    HeaderList headers = token;
    headers.insert(headers.end(), more.begin(), more.end());
    static int number = 0;
    return ask(method, "/api/v1/channel-groups", headers, R"({"name":"g)" + std::to_string(++number) + "\"}")
        .status;
  };
  EXPECT_EQ(status({{"Sec-Fetch-Site", "cross-site"}}), 403);
  EXPECT_EQ(status({{"Sec-Fetch-Site", "same-site"}, {"Origin", "http://localhost"}}), 403);
  EXPECT_EQ(status({{"Sec-Fetch-Site", "same-origin"}, {"Origin", "https://outside.example"}}), 201)
      << "a proxy has changed Host";
  EXPECT_EQ(status({{"Sec-Fetch-Site", "none"}}), 201);
  EXPECT_EQ(status({{"Origin", "http://evil.example"}}), 403);
  EXPECT_EQ(status({{"Origin", "null"}}), 403);
  EXPECT_EQ(status({{"Origin", "http://"}}), 403);
  EXPECT_EQ(status({{"Origin", "http://localhost"}}), 201) << "as the Host of these requests";
  EXPECT_EQ(status({{"Origin", "https://outside.example"}, {"X-Forwarded-Host", "outside.example"}}), 201);
  EXPECT_EQ(ask("GET", "/api/v1/channel-groups", {token[0], {"Origin", "http://evil.example"}}).status, 200)
      << "without CORS its page cannot read it";
}

TEST_F(ControlHandlerTest, ServesTheConsoleAndNothingElse) {
  const auto page = ask("GET", "/console/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.at("content-type"), "text/html; charset=utf-8");
  const std::string policy = page.headers.at("content-security-policy");
  EXPECT_EQ(policy.find("default-src 'self';"), 0U);
  EXPECT_NE(policy.find("connect-src 'self' https://*.example.com:8443;"), std::string::npos);
  EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(page.headers.at("cache-control"), "no-cache");
  EXPECT_EQ(ask("GET", "/console/app.js").headers.at("content-type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(ask("GET", "/").headers.at("location"), "/console/");
  for (const char* path : {"/console/nothing.js", "/console/../secret.txt", "/console/%2e%2e/secret.txt",
                           "/console/..%2fsecret.txt", "/console/link.txt", "/console/assets",
                           "/console//app.js", "/console/.hidden", "/console/%00"}) {
    const auto refused = ask("GET", path);
    EXPECT_GE(refused.status, 400) << path;
    EXPECT_EQ(refused.body.find('z'), std::string::npos) << path;
  }
}

// What the server has in itself is answered as the files of a folder are.
TEST_F(ControlHandlerTest, TheConsoleInTheServerIsTheOneInItsFolder) {
  const std::string description = directory_ / "bundle.xml";
  const std::string made = directory_ / "bundle";
  std::ofstream{description} << "<gresources><gresource prefix='/tarn/console'><file>index.html</file>"
                                "<file>app.js</file><file>assets/p-1a2b.js</file>"
                                "<file>assets/p-1a2b.js.gz</file></gresource></gresources>";
  const std::string command = "glib-compile-resources --sourcedir=" + (directory_ / "console").string() +
                              " --target=" + made + " " + description;
  gint status = 1;
  ASSERT_TRUE(g_spawn_command_line_sync(command.c_str(), nullptr, nullptr, &status, nullptr));
  ASSERT_EQ(status, 0);
  std::ifstream file{made, std::ios::binary};
  const std::string bundle{std::istreambuf_iterator<char>{file}, {}};
  const std::string base = "https://example.com";
  const ConsoleFiles in_server{ConsoleFiles::in_bundle(as_bytes(bundle)), base};
  const ConsoleFiles in_folder{ConsoleFiles::in_directory(directory_ / "console"), base};
  const ConsoleFiles nowhere{ConsoleFiles::in_bundle({}), base};
  for (const char* path : {"", "index.html", "app.js", "assets/p-1a2b.js", "assets/p-1a2b.js.gz", "assets",
                           "assets/", "nothing.js", "../bundle.xml", "/app.js", "assets/../app.js"}) {
    Request request;
    request.method = "GET";
    request.path = std::string("/console/") + path;
    request.headers = {{"accept-encoding", "gzip"}};
    const Response one = in_server.response(request);
    const Response other = in_folder.response(request);
    EXPECT_EQ(one.status, other.status) << path;
    EXPECT_EQ(one.headers, other.headers) << path;
    ASSERT_EQ(one.body.size(), other.body.size()) << path;
    for (std::size_t i = 0; i < one.body.size(); ++i) {
      EXPECT_EQ(as_text(one.body[i].bytes()), as_text(other.body[i].bytes())) << path;
    }
    EXPECT_EQ(nowhere.response(request).status, 404) << path;
  }
}

TEST_F(ControlHandlerTest, ServesTheConsolesAssetsForEverAndPackedToThoseWhoTakeIt) {
  const auto plain = ask("GET", "/console/assets/p-1a2b.js");
  EXPECT_EQ(plain.body, "y");
  EXPECT_EQ(plain.headers.at("cache-control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(plain.headers.at("vary"), "Accept-Encoding");
  const auto packed = ask("GET", "/console/assets/p-1a2b.js", {{"Accept-Encoding", "br, gzip;q=0.5"}});
  EXPECT_EQ(packed.body, "packed");
  EXPECT_EQ(packed.headers.at("content-encoding"), "gzip");
  EXPECT_EQ(packed.headers.at("content-type"), "text/javascript; charset=utf-8");
  for (const char* coding : {"br", "gzip;q=0", "gzip;q=0.0, br", "x-gzipped"}) {
    EXPECT_EQ(ask("GET", "/console/assets/p-1a2b.js", {{"Accept-Encoding", coding}}).body, "y") << coding;
  }
}

}  // namespace
}  // namespace tarn::server
