// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "control_fixture.h"
#include "core/base/text.h"
#include "core/drm/contract.h"
#include "server/keys/backoff.h"
#include "server/keys/key_service.h"

namespace tarn::server {
namespace {

constexpr char own_url[] = "http://127.0.0.1:8081/speke";

Endpoint endpoint(const std::string& id, const std::string& url) {
  Endpoint made;
  made.id = id;
  made.group = "g";
  made.channel = "c";
  made.name = id;
  made.protocol = timeline::Protocol::hls_cmaf;
  made.drm_systems = {drm::System::fairplay, drm::System::widevine};
  made.drm_provider_url = url;
  return made;
}

class KeyServiceTest : public ::testing::Test {
 protected:
  KeyServiceTest()
      : log_(
            LogFormat::text, LogLevel::debug, [] { return Utc{}; },
            [this](std::string_view line) {
              const std::lock_guard lock{mutex_};
              logged_ += line;
            }) {
    store_ = std::move(Store::open(directory_.file("data"), directory_.file("key"))).value();
    provider_.emplace(BuiltinProvider::open(*store_).value());
  }

  std::unique_ptr<KeyService> service(const Model& model, const BuiltinProvider* provider) {
    auto made = std::make_unique<KeyService>(
        KeyService::Parts{
            *store_, log_, metrics_, [] { return Utc{}; }, {}, provider, {own_url}, "http://l/", {}, {}},
        model);
    made->set_listener([this] {
      const std::lock_guard lock{mutex_};
      ++news_;
      changed_.notify_all();
    });
    return made;
  }
  static Model model_of(const std::vector<Endpoint>& endpoints) {
    Model model;
    for (const Endpoint& each : endpoints) model.endpoints.emplace("g/c/" + each.name, each);
    return model;
  }
  KeyStatus wait_for(const KeyService& keys, const Endpoint& of,
                     const std::function<bool(const KeyStatus&)>& is_there) {
    std::unique_lock lock{mutex_};
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (std::chrono::steady_clock::now() < deadline) {
      const KeyStatus status = keys.keys(of);
      if (is_there(status)) return status;
      changed_.wait_for(lock, std::chrono::milliseconds{20});
    }
    ADD_FAILURE() << "it did not come to that";
    return {};
  }

  TemporaryDirectory directory_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string logged_;
  int news_ = 0;
  EventLog log_;
  Metrics metrics_;
  std::unique_ptr<Store> store_;
  std::optional<BuiltinProvider> provider_;
};

TEST_F(KeyServiceTest, GetsKeysOfTheBuiltInProviderAndKeepsThem) {
  const Endpoint one = endpoint("one", own_url);
  crypto::TrackKey key;
  {
    const auto keys = service(model_of({one}), &*provider_);
    const auto status = wait_for(*keys, one, [](const auto& s) { return s.keys != nullptr; });
    key = status.keys->video.key;
    EXPECT_EQ(status.requests, 1U);
  }
  // Without any provider: what was kept is there before the constructor returns.
  const auto again = service(model_of({one}), nullptr);
  const auto status = again->keys(one);
  ASSERT_NE(status.keys, nullptr);
  EXPECT_EQ(status.keys->video.key, key);
  EXPECT_EQ(status.requests, 0U);
  EXPECT_EQ(logged_.find(hex(key.key)), std::string::npos);
}

TEST_F(KeyServiceTest, HasNoKeysForOtherSettingsThanTheOnesTheyAreOf) {
  const Endpoint one = endpoint("one", own_url);
  const auto keys = service(model_of({one}), &*provider_);
  const auto first = wait_for(*keys, one, [](const auto& s) { return s.keys != nullptr; });
  Endpoint changed = one;
  changed.drm_content_id = "another";
  EXPECT_EQ(keys->keys(changed).keys, nullptr);
  keys->follow(model_of({changed}));
  const auto second = wait_for(*keys, changed, [](const auto& s) { return s.keys != nullptr; });
  EXPECT_NE(first.keys->video.key.key, second.keys->video.key.key);
  EXPECT_EQ(keys->keys(one).keys, nullptr);
  // The provider alone is not what keys depend on.
  Endpoint moved = changed;
  moved.drm_provider_url = "https://elsewhere.example/";
  keys->follow(model_of({moved}));
  EXPECT_EQ(keys->keys(moved).keys, second.keys);
}

TEST_F(KeyServiceTest, ForgetsKeysOfEndpointsThatAreGone) {
  const Endpoint one = endpoint("one", own_url);
  {
    const auto keys = service(model_of({one}), &*provider_);
    wait_for(*keys, one, [](const auto& s) { return s.keys != nullptr; });
    const Endpoint two = endpoint("two", own_url);
    keys->follow(model_of({two}));
    wait_for(*keys, two, [](const auto& s) { return s.keys != nullptr; });
    EXPECT_EQ(keys->keys(one).keys, nullptr);
  }
  EXPECT_EQ(service(model_of({one}), nullptr)->keys(one).keys, nullptr);
}

TEST_F(KeyServiceTest, TellsWhyThereIsNoKeyAndAsksAgain) {
  const Endpoint one = endpoint("one", "http://127.0.0.1:9001/keys");  // no network is named
  const auto keys = service(model_of({one}), &*provider_);
  const auto status = wait_for(*keys, one, [](const auto& s) { return !s.last_error.empty(); });
  EXPECT_EQ(status.keys, nullptr);
  EXPECT_NE(status.last_error.find("--outbound-allow"), std::string::npos);
  wait_for(*keys, one, [](const auto& s) { return s.requests >= 2; });
  Endpoint corrected = one;
  corrected.drm_provider_url = own_url;
  keys->follow(model_of({corrected}));
  EXPECT_TRUE(wait_for(*keys, corrected, [](const auto& s) { return s.keys != nullptr; }).last_error.empty());
}

TEST_F(KeyServiceTest, KeptSecretsAreSealed) {
  ASSERT_TRUE(store_->keep_secret("a/1", "plain text of a secret").ok());
  ASSERT_TRUE(store_->keep_secret("a/2", "x").ok());
  EXPECT_EQ(store_->kept_secret("a/1").value(), "plain text of a secret");
  ASSERT_TRUE(store_->forget_secrets("a/", "a/2").ok());
  EXPECT_EQ(store_->kept_secret("a/1").error().code, ErrorCode::not_found);
  EXPECT_TRUE(store_->kept_secret("a/2").ok());
  for (const char* file : {"data/control.db", "data/control.db-wal"}) {
    EXPECT_EQ(read_file(directory_.file(file)).find("plain text of a secret"), std::string::npos);
  }
}

TEST_F(KeyServiceTest, TheBuiltInProviderHasTheSameKeysAfterARestart) {
  const std::string request = drm::cpix::write(drm::request_of(contract_of(endpoint("one", own_url))));
  const auto before = provider_->speke(request, "2.0");
  ASSERT_TRUE(before.ok());
  EXPECT_EQ(BuiltinProvider::open(*store_).value().speke(request, "2.0").value(), *before);
  EXPECT_EQ(provider_->speke("<a/>", "2.0").error().message, "Malformed encryption contract");
  for (const char* wrong : {"", "x", "{}", R"({"kids":7})", R"({"kids":[7]})", R"({"kids":["AAA"]})"}) {
    EXPECT_FALSE(provider_->clearkey(wrong).ok()) << wrong;
  }
}

TEST(Backoff, GrowsToHalfAMinuteAndIsSpread) {
  EXPECT_EQ(backoff(1, 0), std::chrono::seconds{1});
  EXPECT_EQ(backoff(2, 0), std::chrono::seconds{2});
  EXPECT_EQ(backoff(5, 0), std::chrono::seconds{16});
  EXPECT_EQ(backoff(6, 0), std::chrono::seconds{30});
  EXPECT_EQ(backoff(1'000'000, 0), std::chrono::seconds{30});
  EXPECT_EQ(backoff(6, UINT32_MAX), std::chrono::milliseconds{22'500});
}

TEST(KeyServerCredentialsTest, BelongToUrlsThatBeginWithTheirs) {
  const auto all = read_key_server_credentials(
      R"({"https://a.example/speke": {"username": "u", "password": "p"},
          "https://a.example/speke/two/": {"username": "v", "password": "q"}})");
  ASSERT_TRUE(all.ok()) << all.error().message;
  const auto user = [&](const char* url) {
    const auto* found = credentials_for(*all, url);
    return found == nullptr ? std::string{} : found->username;
  };
  EXPECT_EQ(user("https://a.example/speke"), "u");
  EXPECT_EQ(user("https://a.example/speke?x=1"), "u");
  EXPECT_EQ(user("https://a.example/speke/two/three"), "v");
  for (const char* other :
       {"https://a.example/spekes", "http://a.example/speke", "https://a.example.evil/speke"})
    EXPECT_EQ(user(other), "") << other;
}

TEST(KeyServerCredentialsTest, ThatCannotBeReadAreNamedWithoutTheirValues) {
  for (const char* bad : {"[]", R"({"ftp://a/": {"username": "secret", "password": "p"}})",
                          R"({"https://a/": "secret"})", R"({"https://a/": {"username": "secret:x"}})",
                          R"({"https://u:secret@a/": {"username": "u", "password": "p"}})"}) {
    const auto read = read_key_server_credentials(bad);
    ASSERT_FALSE(read.ok()) << bad;
    EXPECT_EQ(read.error().message.find("--key-server-credentials"), 0U);
    EXPECT_EQ(read.error().message.find("secret"), std::string::npos) << read.error().message;
  }
}

}  // namespace
}  // namespace tarn::server
