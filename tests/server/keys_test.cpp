// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "control_fixture.h"
#include "core/base/text.h"
#include "core/drm/contract.h"
#include "server/keys/backoff.h"
#include "server/keys/key_service.h"
#include "server/keys/rotation.h"

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
    auto made = std::make_unique<KeyService>(KeyService::Parts{*store_,
                                                               log_,
                                                               metrics_,
                                                               [this] { return now_.load(); },
                                                               {},
                                                               provider,
                                                               {own_url},
                                                               "http://l/",
                                                               {},
                                                               {}},
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

  std::string logged() {
    const std::lock_guard lock{mutex_};
    return logged_;
  }

  TemporaryDirectory directory_;
  std::atomic<Utc> now_{Utc{}};
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

// ---- keys that change

constexpr Utc minute_100{std::chrono::seconds{6000}};
constexpr auto seconds = [](double count) { return Microseconds{static_cast<std::int64_t>(count * 1e6)}; };

TEST(KeyRotation, AsksOnePeriodAheadAndNeverForWhatHasBegun) {
  const Utc start = minute_100;
  EXPECT_EQ(due_key_period(60, {}, start, Utc::min(), {}), 100U) << "what is there needs a key";
  EXPECT_EQ(due_key_period(60, 100, start, Utc::min(), {}), 101U);
  EXPECT_EQ(due_key_period(60, 101, start + seconds(57.9), Utc::min(), {}), std::nullopt);
  EXPECT_EQ(due_key_period(60, 101, start + seconds(58), Utc::min(), {}), 102U) << "an answer takes its time";
  EXPECT_EQ(due_key_period(60, 101, start + seconds(58), Utc::min(), seconds(7)), std::nullopt);
  EXPECT_EQ(due_key_period(60, 101, start + seconds(65), Utc::min(), seconds(7)), 102U);
  // Late: the period has begun with the last keys, and goes on with them.
  EXPECT_EQ(due_key_period(60, 97, start + seconds(1), Utc::min(), seconds(7)), 101U);
  // Content that is ahead of the clock has taken its periods.
  EXPECT_EQ(due_key_period(60, 100, start, start + seconds(130), {}), 103U);
  EXPECT_TRUE(is_in_time(60, 101, first_open_moment(start + seconds(58), Utc::min())));
  EXPECT_FALSE(is_in_time(60, 101, first_open_moment(start + seconds(58.5), Utc::min())));
  EXPECT_FALSE(is_in_time(60, 101, first_open_moment(start, start + seconds(59))));
}

class KeyRotationTest : public KeyServiceTest {
 protected:
  KeyRotationTest() {
    one_.rotation_period = 60;
    now_ = minute_100 + seconds(10);
  }
  std::unique_ptr<KeyService> rotating(const BuiltinProvider* provider) {
    auto made = service(model_of({one_}), provider);
    made->set_content_source([this](const Endpoint&) {
      const std::lock_guard lock{mutex_};
      return content_;
    });
    return made;
  }
  // The keys that hold for what begins `at` seconds into the hundredth minute.
  static crypto::Block key(const KeyStatus& status, double at) {
    return status.encryption.at(minute_100 + seconds(at))->video.key.key;
  }
  KeyStatus wait_for_period(const KeyService& keys, std::uint64_t period) {
    return wait_for(keys, one_, [&](const KeyStatus& status) {
      return status.encryption && status.encryption.entries().back().from >= period;
    });
  }
  void set_content(Utc oldest, Utc edge) {
    const std::lock_guard lock{mutex_};
    content_ = KeyedContent{oldest, edge};
  }
  void move_to(KeyService& keys, double at) {
    now_ = minute_100 + seconds(at);
    keys.tick();
  }

  Endpoint one_ = endpoint("one", own_url);
  std::optional<KeyedContent> content_;  // under mutex_
};

TEST_F(KeyRotationTest, HasTheNextPeriodsKeysBeforeItBegins) {
  const auto keys = rotating(&*provider_);
  const KeyStatus first = wait_for_period(*keys, 101);
  EXPECT_EQ(first.requests, 2U);
  EXPECT_NE(key(first, 0), key(first, 60));
  EXPECT_EQ(key(first, 0), key(first, -1000)) << "what was there before there were keys";
  EXPECT_EQ(first.keys->video.key.key, key(first, 0));
  EXPECT_EQ(first.next->video.key.key, key(first, 60));
  EXPECT_EQ(first.previous, nullptr);
  EXPECT_TRUE(first.encryption.at(minute_100)->video.key.changes);
  move_to(*keys, 90);
  const KeyStatus second = wait_for_period(*keys, 102);
  EXPECT_EQ(second.requests, 3U);
  EXPECT_EQ(key(second, 0), key(first, 0));
  EXPECT_EQ(key(second, 119), key(first, 60));
  EXPECT_EQ(second.previous, first.keys);
  EXPECT_EQ(second.keys, first.next);
  // The very objects, so that pipelines are not built anew.
  EXPECT_EQ(second.encryption.entries()[1], first.encryption.entries()[1]);
}

TEST_F(KeyRotationTest, HasTheSameKeysAfterARestartWithoutAKeyServer) {
  KeyStatus before;
  {
    const auto keys = rotating(&*provider_);
    wait_for_period(*keys, 101);
    move_to(*keys, 90);
    before = wait_for_period(*keys, 102);
  }
  const auto again = service(model_of({one_}), nullptr);
  const KeyStatus after = again->keys(one_);
  ASSERT_EQ(after.encryption.entries().size(), 3U);
  EXPECT_EQ(after.requests, 0U);
  for (const double at : {0.0, 60.0, 120.0}) EXPECT_EQ(key(after, at), key(before, at));
  EXPECT_EQ(logged().find(hex(key(before, 60))), std::string::npos);
  // Of another length all are others.
  Endpoint longer = one_;
  longer.rotation_period = 120;
  EXPECT_FALSE(again->keys(longer).encryption);
}

// Another node with the same provider, which has begun at another time.
TEST_F(KeyRotationTest, OfOnePeriodAreTheSameWhoeverAsks) {
  Endpoint two = endpoint("two", own_url);
  two.rotation_period = 60;
  one_.drm_content_id = two.drm_content_id = "programme";
  KeyStatus first;
  {
    const auto keys = rotating(&*provider_);
    first = wait_for_period(*keys, 101);
  }
  now_ = minute_100 + seconds(65);
  one_ = two;
  const auto keys = rotating(&*provider_);
  EXPECT_EQ(key(wait_for_period(*keys, 102), 60), key(first, 60));
}

// Faults D2.
TEST_F(KeyRotationTest, TheLastKeysGoOnWhileTheKeyServerIsAway) {
  KeyStatus before;
  {
    const auto keys = rotating(&*provider_);
    before = wait_for_period(*keys, 101);
  }
  const auto away = rotating(nullptr);
  move_to(*away, 130);  // 102 has begun without keys of its own
  wait_for(*away, one_, [](const KeyStatus& status) { return !status.last_error.empty(); });
  KeyStatus status = away->keys(one_);
  EXPECT_EQ(key(status, 130), key(before, 60));
  EXPECT_EQ(status.keys->video.key.key, key(before, 60));
  EXPECT_EQ(status.next, nullptr);
  EXPECT_NE(logged().find("keys-go-on"), std::string::npos);
}

TEST_F(KeyRotationTest, WhatWasPublishedKeepsItsKeysWhenNewOnesComeLate) {
  KeyStatus before;
  {
    const auto keys = rotating(&*provider_);
    before = wait_for_period(*keys, 101);
  }
  now_ = minute_100 + seconds(130);
  const auto back = rotating(&*provider_);
  const KeyStatus after = wait_for_period(*back, 103);
  ASSERT_EQ(after.encryption.entries().size(), 3U);
  EXPECT_EQ(key(after, 130), key(before, 60)) << "102 goes on with the keys of 101";
  EXPECT_NE(key(after, 180), key(after, 130));
}

TEST_F(KeyRotationTest, ContentThatIsAheadOfTheClockKeepsItsKeys) {
  set_content(minute_100, minute_100 + seconds(150));
  const auto keys = rotating(&*provider_);
  const KeyStatus status = wait_for_period(*keys, 103);
  ASSERT_EQ(status.encryption.entries().size(), 2U);
  EXPECT_EQ(key(status, 0), key(status, 179));
  EXPECT_NE(key(status, 180), key(status, 179));
}

TEST_F(KeyRotationTest, KeysAreForgottenOnceNothingOfTheirsIsKept) {
  {
    const auto keys = rotating(&*provider_);
    wait_for_period(*keys, 101);
    set_content(minute_100 + seconds(61), minute_100 + seconds(88));
    move_to(*keys, 90);
    const KeyStatus status = wait_for_period(*keys, 102);
    ASSERT_EQ(status.encryption.entries().size(), 2U);
    EXPECT_EQ(status.encryption.entries().front().from, 101U);
    // Something of 101 is still there.
    set_content(minute_100 + seconds(119), minute_100 + seconds(148));
    move_to(*keys, 150);
    EXPECT_EQ(wait_for_period(*keys, 103).encryption.entries().front().from, 101U);
  }
  EXPECT_EQ(service(model_of({one_}), nullptr)->keys(one_).encryption.entries().front().from, 101U);
  EXPECT_EQ(store_->secret_names("keys/one/").value().size(), 3U);
}

TEST_F(KeyRotationTest, KeysOfOtherSettingsAreForgotten) {
  const auto keys = rotating(&*provider_);
  wait_for_period(*keys, 101);
  one_.rotation_period = 0;
  keys->follow(model_of({one_}));
  wait_for(*keys, one_, [](const KeyStatus& status) { return status.keys != nullptr; });
  ASSERT_EQ(store_->secret_names("keys/one/").value().size(), 1U);
  one_.rotation_period = 3600;
  keys->follow(model_of({one_}));
  wait_for_period(*keys, 2);
  const auto names = store_->secret_names("keys/one/").value();
  ASSERT_EQ(names.size(), 2U);
  for (const std::string& name : names)
    EXPECT_NE(name.find("/0000000000000000000"), std::string::npos) << name;
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
