// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>
#include <sys/stat.h>

#include "control_fixture.h"
#include "server/model/secrets.h"

namespace tarn::server {
namespace {

class StoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Store>> open() {
    return Store::open(directory_.path(), directory_.file("secrets.key"));
  }
  static Group group(const std::string& name) {
    Group group{};
    group.name = name;
    group.label = "label" + name;
    group.created = group.updated = Utc{std::chrono::seconds{1000}};
    return group;
  }
  static Channel channel(const std::string& parent, const std::string& name) {
    Channel channel{};
    channel.id = "id-" + name;
    channel.group = parent;
    channel.name = name;
    channel.segment_duration = 4;
    channel.inputs[0] = {"ingest1", "user-1",       "hunter2-secret",
                         "user-0",  "older-secret", Utc{Microseconds{123456789}}};
    channel.inputs[1] = {"ingest2", "user-2", "backup-secret", "", "", Utc{}};
    return channel;
  }
  static Endpoint endpoint(const std::string& name) {
    Endpoint endpoint{};
    endpoint.id = "id-" + name;
    endpoint.group = "g";
    endpoint.channel = "c";
    endpoint.name = name;
    endpoint.description = "größer";
    endpoint.protocol = timeline::Protocol::dash;
    endpoint.manifest_name = "index";
    endpoint.authorization_code = "code-secret";
    endpoint.previous_authorization_code = "previous-secret";
    endpoint.ip_whitelist = {"10.0.0.0/8", "::1"};
    endpoint.ip_blacklist = {"10.0.0.1"};
    endpoint.segment_duration = 7;
    endpoint.stream_order = timeline::StreamOrder::bitrate_descending;
    endpoint.min_video_bitrate = 0;
    endpoint.max_video_bitrate = 5'000'000'000;
    endpoint.manifest_window = 90;
    return endpoint;
  }
  static void fill(Store& store) {
    ASSERT_TRUE(store.put(group("g"), true).ok());
    ASSERT_TRUE(store.put(channel("g", "c"), true).ok());
    ASSERT_TRUE(store.put(endpoint("e"), true).ok());
  }
  std::string all_bytes() const {
    std::string bytes;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      bytes += read_file(entry.path().string());
    }
    return bytes;
  }
  void execute(const std::string& sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(directory_.file("control.db").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }

  TemporaryDirectory directory_;
};

TEST_F(StoreTest, EverythingIsThereAfterReopening) {
  std::uint64_t version = 0;
  {
    auto store = open();
    ASSERT_TRUE(store.ok()) << store.error().message;
    fill(**store);
    version = (*store)->model()->version;
  }
  const auto store = open();
  ASSERT_TRUE(store.ok()) << store.error().message;
  const auto model = (*store)->model();
  EXPECT_EQ(model->version, version);
  ASSERT_NE(model->group("g"), nullptr);
  EXPECT_EQ(model->group("g")->label, "labelg");
  EXPECT_EQ(model->group("g")->created, Utc{std::chrono::seconds{1000}});
  EXPECT_EQ(model->group("g")->revision, 1U);
  const Channel* const c = model->channel("g", "c");
  ASSERT_NE(c, nullptr);
  const Channel was = channel("g", "c");
  EXPECT_EQ(c->id, was.id);
  EXPECT_EQ(c->segment_duration, 4U);
  EXPECT_EQ(c->inputs[0].id, "ingest1");
  EXPECT_EQ(c->inputs[0].username, "user-1");
  EXPECT_EQ(c->inputs[0].password, "hunter2-secret");
  EXPECT_EQ(c->inputs[0].previous_password, "older-secret");
  EXPECT_EQ(c->inputs[0].previous_until, was.inputs[0].previous_until);
  EXPECT_EQ(c->inputs[1].password, "backup-secret");
  const Endpoint* const e = model->endpoint("g", "c", "e");
  ASSERT_NE(e, nullptr);
  const Endpoint made = endpoint("e");
  EXPECT_EQ(e->id, made.id);
  EXPECT_EQ(e->description, made.description);
  EXPECT_EQ(e->protocol, made.protocol);
  EXPECT_EQ(e->manifest_name, made.manifest_name);
  EXPECT_EQ(e->authorization_code, made.authorization_code);
  EXPECT_EQ(e->previous_authorization_code, made.previous_authorization_code);
  EXPECT_EQ(e->ip_whitelist, made.ip_whitelist);
  EXPECT_EQ(e->ip_blacklist, made.ip_blacklist);
  EXPECT_EQ(e->segment_duration, made.segment_duration);
  EXPECT_EQ(e->segments, std::nullopt);
  EXPECT_EQ(e->stream_order, made.stream_order);
  EXPECT_EQ(e->min_video_bitrate, made.min_video_bitrate);
  EXPECT_EQ(e->max_video_bitrate, made.max_video_bitrate);
  EXPECT_EQ(e->manifest_window, made.manifest_window);
  EXPECT_EQ(e->revision, 3U);
}

TEST_F(StoreTest, AcknowledgedChangesDoNotNeedAnOrderlyEnd) {
  auto store = open();
  ASSERT_TRUE(store.ok());
  fill(**store);
  // What a killed process leaves: the files as they are now, write-ahead log and all.
  TemporaryDirectory copy;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    std::filesystem::copy(entry.path(), copy.file(entry.path().filename().string()));
  }
  const auto reopened = Store::open(copy.path(), copy.file("secrets.key"));
  ASSERT_TRUE(reopened.ok()) << reopened.error().message;
  EXPECT_NE((*reopened)->model()->endpoint("g", "c", "e"), nullptr);
}

TEST_F(StoreTest, TheFilesHoldNoSecretInTheClear) {
  {
    auto store = open();
    ASSERT_TRUE(store.ok());
    fill(**store);
    EXPECT_EQ(all_bytes().find("-secret"), std::string::npos);
    EXPECT_NE(all_bytes().find("\"manifestName\":\"index\""), std::string::npos);
  }
  EXPECT_EQ(all_bytes().find("-secret"), std::string::npos);
  for (const char* name : {"control.db", "secrets.key", "control.lock"}) {
    struct stat status {};
    ASSERT_EQ(stat(directory_.file(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << name;
  }
}

TEST_F(StoreTest, PresenceAndParentsAreChecked) {
  auto opened = open();
  ASSERT_TRUE(opened.ok());
  Store& store = **opened;
  fill(store);
  EXPECT_EQ(store.put(group("g"), true).error().code, ErrorCode::conflict);
  EXPECT_EQ(store.put(group("h"), false).error().code, ErrorCode::not_found);
  EXPECT_EQ(store.put(channel("h", "c"), true).error().code, ErrorCode::not_found);
  EXPECT_EQ(store.put(channel("g", "c"), true).error().code, ErrorCode::conflict);
  EXPECT_EQ(store.remove_group("g").error().code, ErrorCode::conflict);
  EXPECT_EQ(store.remove_channel("g", "c").error().code, ErrorCode::conflict);
  EXPECT_EQ(store.remove_endpoint("g", "c", "x").error().code, ErrorCode::not_found);
  EXPECT_EQ(store.model()->version, 3U);
  EXPECT_TRUE(store.remove_endpoint("g", "c", "e").ok());
  EXPECT_TRUE(store.remove_channel("g", "c").ok());
  EXPECT_TRUE(store.remove_group("g").ok());
  EXPECT_EQ(store.model()->version, 6U);
  EXPECT_TRUE(store.check_writable().ok());
}

TEST_F(StoreTest, ManyChangesAreMadeTogetherOrNotAtAll) {
  auto opened = open();
  ASSERT_TRUE(opened.ok());
  Store& store = **opened;
  EXPECT_EQ(store.put_all({group("g")}, {channel("g", "c"), channel("nowhere", "d")}, {}).error().code,
            ErrorCode::not_found);
  EXPECT_TRUE(store.model()->groups.empty());
  EXPECT_TRUE(store.put_all({group("g")}, {channel("g", "c")}, {endpoint("e")}).ok());
  EXPECT_EQ(store.model()->version, 1U);
}

TEST_F(StoreTest, ListenersSeeEachChangeAndOldSnapshotsStayAsTheyWere) {
  auto opened = open();
  ASSERT_TRUE(opened.ok());
  Store& store = **opened;
  std::vector<std::uint64_t> versions;
  store.add_listener([&](const std::shared_ptr<const Model>& model) { versions.push_back(model->version); });
  const auto before = store.model();
  fill(store);
  EXPECT_FALSE(store.put(group("g"), true).ok());
  EXPECT_EQ(versions, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_TRUE(before->groups.empty());
}

TEST_F(StoreTest, ADirectoryBelongsToOneServerAtATime) {
  const auto store = open();
  ASSERT_TRUE(store.ok());
  const auto second = open();
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("in use by another server"), std::string::npos);
}

// What the first one published under its names stays in caches for a day and longer.
TEST_F(StoreTest, AnEndpointThatIsMadeAgainHasAnotherEdition) {
  const auto edition = [](const Store& store) { return store.model()->endpoint("g", "c", "e")->edition; };
  {
    auto store = open().value();
    fill(*store);
    EXPECT_EQ(edition(*store), 1U);
    ASSERT_TRUE(store->put(endpoint("e"), false).ok());
    EXPECT_EQ(edition(*store), 1U) << "a change is not a new endpoint";
    ASSERT_TRUE(store->remove_endpoint("g", "c", "e").ok());
    ASSERT_TRUE(store->put_all({}, {}, {endpoint("e"), endpoint("f")}).ok());
    EXPECT_EQ(edition(*store), 2U);
    EXPECT_EQ(store->model()->endpoint("g", "c", "f")->edition, 1U);
    ASSERT_TRUE(store->remove_endpoint("g", "c", "e").ok());
    ASSERT_TRUE(store->remove_endpoint("g", "c", "f").ok());
    ASSERT_TRUE(store->remove_channel("g", "c").ok());
  }
  auto store = open().value();
  Channel again = channel("g", "c");
  again.id = "id-of-another";
  ASSERT_TRUE(store->put(again, true).ok());
  ASSERT_TRUE(store->put(endpoint("e"), true).ok());
  EXPECT_EQ(edition(*store), 3U);
  EXPECT_EQ(effective(*store->model()->endpoint("g", "c", "e"), again).edition, 3U);
  store.reset();
  EXPECT_EQ(edition(**open()), 3U);
}

TEST_F(StoreTest, AChannelThatIsResetHasOtherContentAndOtherUrlsAndNothingElseChanges) {
  {
    auto store = open().value();
    fill(*store);
    Channel before = *store->model()->channel("g", "c");
    before.is_stopped = true;
    ASSERT_TRUE(store->put(before, false).ok());
    ASSERT_TRUE(store->reset_channel(*store->model()->channel("g", "c")).ok());
    ASSERT_TRUE(store->reset_channel(*store->model()->channel("g", "c")).ok());
  }
  const auto store = open().value();
  const Channel& channel = *store->model()->channel("g", "c");
  EXPECT_TRUE(channel.is_stopped);
  EXPECT_EQ(channel.content, 3U);
  EXPECT_EQ(archive_name(channel), channel.id + "-3");
  EXPECT_FALSE(channel.inputs[0].password.empty());
  EXPECT_EQ(store->model()->endpoint("g", "c", "e")->edition, 3U);
}

TEST_F(StoreTest, ADatabaseOfTheFirstVersionIsBroughtUpToDate) {
  { fill(**open()); }
  execute(
      "DROP TABLE retired_endpoints; ALTER TABLE endpoints DROP COLUMN edition; ALTER TABLE channels DROP "
      "COLUMN "
      "stopped; ALTER TABLE channels DROP COLUMN content; PRAGMA user_version=1");
  auto store = open().value();
  EXPECT_EQ(store->model()->endpoint("g", "c", "e")->edition, 1U);
  ASSERT_TRUE(store->remove_endpoint("g", "c", "e").ok());
  ASSERT_TRUE(store->put(endpoint("e"), true).ok());
  EXPECT_EQ(store->model()->endpoint("g", "c", "e")->edition, 2U);
}

TEST_F(StoreTest, ADatabaseFromBeforeCollectionTasksGetsThem) {
  ASSERT_TRUE(open().ok());
  execute(
      "DROP TABLE collection_tasks; ALTER TABLE channels DROP COLUMN stopped; ALTER TABLE channels DROP "
      "COLUMN "
      "content; PRAGMA user_version=3");
  auto store = std::move(open()).value();
  CollectionTask task;
  task.id = "t";
  EXPECT_TRUE(store->put_task(task).ok());
  EXPECT_EQ(store->tasks()->size(), 1U);
}

TEST_F(StoreTest, ADatabaseOfANewerTarnIsRefused) {
  ASSERT_TRUE(open().ok());
  execute("PRAGMA user_version=" + std::to_string(6));
  const auto store = open();
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::unsupported);
  EXPECT_NE(store.error().message.find("newer Tarn"), std::string::npos);
}

TEST_F(StoreTest, TheWrongKeyIsRefusedAndAMissingOneIsNotReplaced) {
  ASSERT_TRUE(open().ok());
  const std::string key = directory_.file("secrets.key");
  const std::string content = read_file(key);
  std::filesystem::remove(key);
  auto store = open();
  ASSERT_FALSE(store.ok());
  EXPECT_NE(store.error().message.find("is missing"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(key));
  ASSERT_TRUE(create_secret_file(key, std::string(32, 'k')).ok());
  store = open();
  ASSERT_FALSE(store.ok());
  EXPECT_NE(store.error().message.find("does not belong"), std::string::npos);
  write_file(key, std::string(31, 'k'));
  EXPECT_NE(open().error().message.find("32 bytes"), std::string::npos);
  write_file(key, content);
  EXPECT_TRUE(open().ok());
  ASSERT_EQ(chmod(key.c_str(), 0644), 0);
  EXPECT_NE(open().error().message.find("open to everybody"), std::string::npos);
}

TEST_F(StoreTest, ADamagedRowIsNamed) {
  {
    auto store = open();
    ASSERT_TRUE(store.ok());
    fill(**store);
  }
  execute("UPDATE channels SET settings = '{\"name\":\"c\",\"segments\":1000}'");
  EXPECT_NE(open().error().message.find("channel g/c: segments must be"), std::string::npos)
      << open().error().message;
  execute("UPDATE channels SET settings = '{\"name\":\"c\"}', secrets = x'00'");
  EXPECT_NE(open().error().message.find("channel g/c: a sealed secret"), std::string::npos)
      << open().error().message;
}

TEST_F(StoreTest, AFileThatIsNoDatabaseIsSaidToBeNone) {
  write_file(directory_.file("control.db"), std::string(4096, 'x'));
  const auto store = open();
  ASSERT_FALSE(store.ok());
  EXPECT_NE(store.error().message.find("control.db"), std::string::npos);
}

TEST(SecretBox, OpensOnlyWhatItSealedForTheSamePlace) {
  const SecretBox box(ByteVector(32, 1));
  const ByteVector sealed = box.seal("text", "place");
  EXPECT_EQ(*box.open(sealed, "place"), "text");
  EXPECT_EQ(*box.open(box.seal("", ""), ""), "");
  EXPECT_NE(sealed, box.seal("text", "place"));
  EXPECT_FALSE(box.open(sealed, "elsewhere").ok());
  EXPECT_FALSE(SecretBox(ByteVector(32, 2)).open(sealed, "place").ok());
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    ByteVector changed = sealed;
    changed[i] ^= 1U;
    EXPECT_FALSE(box.open(changed, "place").ok()) << i;
    EXPECT_FALSE(box.open(Bytes(sealed).first(i), "place").ok()) << i;
  }
}

TEST(Secrets, LabelsAreDnsLabelsAndComparisonIsExact) {
  for (int i = 0; i < 200; ++i) {
    const std::string label = random_label(12);
    ASSERT_EQ(label.size(), 12U);
    EXPECT_TRUE(label.front() >= 'a' && label.front() <= 'z') << label;
    EXPECT_EQ(label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789"), std::string::npos) << label;
  }
  EXPECT_TRUE(equal_secrets("a", "a"));
  EXPECT_FALSE(equal_secrets("a", "b"));
  EXPECT_FALSE(equal_secrets("a", "aa"));
  EXPECT_FALSE(equal_secrets("a", ""));
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace tarn::server
