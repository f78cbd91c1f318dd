// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "server/collect/bucket_target.h"
#include "server/collect/target.h"
#include "tests/server/store_fake.h"

namespace tarn::server {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Fault = StoreFake::Fault;

class AnsweringClient : public BucketClient {
 public:
  Result<BucketAnswer> send(const BucketRequest&) override { return answer; }
  BucketAnswer answer;
};

class BucketTargetTest : public testing::Test {
 protected:
  BucketTargetTest() {
    settings_.credentials["main"] = {"AK", "SK-very-secret", ""};
    settings_.outbound.allowed = {*parse_network("127.0.0.0/8")};  // localhost may be ::1 too
    settings_.now = [] { return Utc{std::chrono::seconds{1'700'000'000}}; };
    settings_.limits.idle = std::chrono::seconds{1};
    task_.id = "t";
    task_.channel = "c";
    task_.endpoint = "e";
    task_.target = {"s3://bucket/a/b", "http://127.0.0.1:" + store_.port(), "", "main", true};
  }
  Status put(const std::string& name, const std::string& content) {
    auto target = open_target(task_, settings_, [this] { return is_unwanted_.load(); });
    if (!target) return target.error();
    return (*target)->put(name, "video/mp4", {Blob::copy_of(as_bytes(content))});
  }
  [[nodiscard]] std::string folder() const { return "/bucket/a/b/" + task_.folder() + "/"; }

  StoreFake store_;
  TargetSettings settings_;
  CollectionTask task_;
  std::atomic<bool> is_unwanted_{false};
};

TEST_F(BucketTargetTest, PutsObjectsUnderTheTasksPrefix) {
  ASSERT_TRUE(put("x.mp4", "content").ok());
  EXPECT_EQ(store_.objects()[folder() + "x.mp4"], "content");
  EXPECT_EQ(store_.types()[folder() + "x.mp4"], "video/mp4");
  auto target = open_target(task_, settings_, [] { return false; });
  const auto there = *(*target)->find("x.mp4");
  ASSERT_TRUE(there.has_value());
  EXPECT_EQ(there->size, 7U);
  EXPECT_EQ(there->md5, md5_hex(as_bytes(std::string{"content"})));
  EXPECT_FALSE((*target)->find("y.mp4")->has_value());
  for (int twice = 0; twice < 2; ++twice) EXPECT_TRUE((*target)->remove("x.mp4").ok());
  EXPECT_EQ(store_.objects().count(folder() + "x.mp4"), 0U);
}

TEST_F(BucketTargetTest, TheBucketMayBeInTheHostsName) {
  task_.target.path_style = false;
  task_.target.endpoint = "http://localhost:" + store_.port();
  for (const char* url : {"s3://bucket", "oss://bucket"}) {
    task_.target.url = url;
    task_.target.region = "eu-1";
    ASSERT_TRUE(put("x.mp4", "content").ok());
    EXPECT_THAT(store_.log().back(), "PUT /" + task_.folder() + "/x.mp4 bucket.localhost:" + store_.port());
  }
}

TEST_F(BucketTargetTest, LargeObjectsGoUpInParts) {
  settings_.part_bytes = 10;
  const std::string large = "0123456789abcdefghijABCDE";
  for (const char* url : {"s3://bucket/a/b", "oss://bucket/a/b"}) {
    task_.target.url = url;
    task_.target.region = "eu-1";
    ASSERT_TRUE(put("x.mp4", large).ok());
    EXPECT_EQ(store_.objects()[folder() + "x.mp4"], large);
  }
  const auto log = store_.log();
  EXPECT_THAT(log[0], HasSubstr("?uploads= "));
  EXPECT_THAT(log[1], HasSubstr("?partNumber=1&uploadId=up%2F1%2B "));
  EXPECT_THAT(log[4], HasSubstr("POST"));
  EXPECT_THAT(log[5], HasSubstr("?uploads "));
}

TEST_F(BucketTargetTest, PartsOfWhatFailedAreTakenBack) {
  settings_.part_bytes = 10;
  store_.set_faults([](int number) { return number == 2 ? Fault::busy : Fault::none; });
  const Status failed = put("x.mp4", "0123456789abcdefghijABCDE");
  ASSERT_FALSE(failed.ok());
  EXPECT_TRUE(may_go_away(failed.error()));
  EXPECT_THAT(store_.log().back(), HasSubstr("DELETE"));
  EXPECT_THAT(store_.objects(), IsEmpty());
}

TEST_F(BucketTargetTest, PartsOfWhatIsCancelledAreTakenBack) {
  settings_.part_bytes = 10;
  settings_.limits.idle = std::chrono::seconds{300};
  store_.set_faults([this](int number) {
    if (number != 2) return Fault::none;
    is_unwanted_ = true;
    return Fault::hang;
  });
  ASSERT_FALSE(put("x.mp4", "0123456789abcdefghijABCDE").ok());
  const auto log = store_.log();
  ASSERT_EQ(log.size(), 4U) << "begun, a part, the one that hung, and";
  EXPECT_THAT(log.back(), HasSubstr("DELETE " + folder() + "x.mp4?uploadId=up%2F1%2B "));
  EXPECT_THAT(store_.objects(), IsEmpty());
}

TEST_F(BucketTargetTest, AStoreThatHangsDoesNotHoldUpAStop) {
  settings_.part_bytes = 10;
  settings_.limits.idle = std::chrono::seconds{300};
  settings_.limits.cleanup = std::chrono::milliseconds{200};
  store_.set_faults([this](int number) {
    is_unwanted_ = number >= 2;
    return number >= 2 ? Fault::hang : Fault::none;
  });
  EXPECT_FALSE(put("x.mp4", "0123456789abcdefghijABCDE").ok());
  EXPECT_THAT(store_.log().back(), HasSubstr("DELETE"));
}

TEST_F(BucketTargetTest, PartsAreCheckedAndSoIsWhatTheyAreJoinedTo) {
  settings_.part_bytes = 10;
  const std::string large = "0123456789abcdefghijABCDE";
  // Requests of one upload: begin, three parts, join.
  store_.set_faults([](int number) { return number == 3 ? Fault::wrong_tag : Fault::none; });
  const Status other = put("x.mp4", large);
  ASSERT_FALSE(other.ok());
  EXPECT_TRUE(may_go_away(other.error()));
  EXPECT_THAT(other.error().message, HasSubstr("the store has other bytes than it was sent"));
  EXPECT_THAT(store_.log().back(), HasSubstr("DELETE"));
  store_.set_faults([](int number) { return number == 9 ? Fault::late_error : Fault::none; });
  const Status unjoined = put("y.mp4", large);
  ASSERT_FALSE(unjoined.ok());
  EXPECT_TRUE(may_go_away(unjoined.error()));
  EXPECT_THAT(unjoined.error().message, HasSubstr("the store could not join the parts"));
  EXPECT_THAT(store_.log().back(), HasSubstr("DELETE"));
  EXPECT_THAT(store_.objects(), IsEmpty());
  store_.set_faults({});
  EXPECT_TRUE(put("x.mp4", large).ok());
  EXPECT_EQ(store_.objects()[folder() + "x.mp4"], large);
}

// The tag of what was joined is no sum of its bytes, nor is that of a store that encrypts with keys of its
// own.
TEST_F(BucketTargetTest, ItIsKnownWhichBytesAreThere) {
  settings_.part_bytes = 10;
  const std::string large = "0123456789abcdefghijABCDE";
  for (const char* url : {"s3://bucket/a/b", "oss://bucket/a/b"}) {
    task_.target.url = url;
    task_.target.region = "eu-1";
    ASSERT_TRUE(put("x.mp4", large).ok());
    auto target = open_target(task_, settings_, [] { return false; });
    const auto joined = *(*target)->find("x.mp4");
    ASSERT_TRUE(joined.has_value()) << url;
    EXPECT_EQ(joined->size, large.size());
    EXPECT_EQ(joined->md5, md5_hex(as_bytes(large))) << url;
  }
  store_.set_faults([](int) { return Fault::wrong_tag; });
  EXPECT_FALSE(put("y.mp4", "content").ok());
  store_.set_faults({});
  auto target = open_target(task_, settings_, [] { return false; });
  EXPECT_EQ((*(*target)->find("y.mp4"))->md5, md5_hex(as_bytes(std::string{"?ontent"})))
      << "of what is there, whatever was meant";
  auto client = std::make_unique<AnsweringClient>();
  client->answer = {200, {{"content-length", "7"}, {"etag", "\"" + std::string(32, 'a') + "\""}}, ""};
  AnsweringClient& store = *client;
  const auto other = make_bucket_target(std::move(client), "bucket", "", 10);
  EXPECT_EQ((*other->find("x"))->md5, std::string(32, 'a'));
  store.answer.headers["x-amz-server-side-encryption"] = "aws:kms";
  EXPECT_EQ((*other->find("x"))->md5, "");
  store.answer.headers["x-amz-meta-md5"] = std::string(32, 'b');
  EXPECT_EQ((*other->find("x"))->md5, std::string(32, 'b'));
  store.answer.headers["x-amz-meta-md5"] = "<script>";
  EXPECT_EQ((*other->find("x"))->md5, "");
}

// Fault rows E1 and E5, one request at a time.
TEST_F(BucketTargetTest, FaultsAreToldApartAndNeverShowASecret) {
  struct Row {
    Fault fault;
    bool may_go_away;
    const char* message;
  };
  const Row rows[] = {
      {Fault::busy, true, "the store answered 503 SlowDown"},
      {Fault::fault, true, "the store answered 500"},
      {Fault::cut, true, "the store cannot be reached or broke off"},
      {Fault::hang, true, "the store cannot be reached or broke off"},
      {Fault::wrong_tag, true, "the store has other bytes than it was sent"},
      {Fault::refused, false, "the store refuses the credentials"},
      {Fault::skewed, false, "the clocks of this server and of the store differ too much"},
      {Fault::no_bucket, false, "the bucket bucket does not exist"},
  };
  for (const Row& row : rows) {
    store_.set_faults([&](int) { return row.fault; });
    const Status failed = put("x.mp4", "content");
    ASSERT_FALSE(failed.ok()) << row.message;
    EXPECT_EQ(may_go_away(failed.error()), row.may_go_away) << row.message;
    EXPECT_THAT(failed.error().message, HasSubstr(row.message));
    EXPECT_EQ(failed.error().message.find("SK"), std::string::npos);
    EXPECT_EQ(failed.error().message.find("AK"), std::string::npos);
  }
}

// As AWS and Alibaba answer.
TEST(BucketErrorTest, SaysWhatAnOperatorHasToChange) {
  struct Row {
    int status;
    const char* code;
    const char* message;
  };
  const Row rows[] = {
      {400, "ExpiredToken", "the session token of the credentials has expired"},
      {403, "SecurityTokenExpired", "the session token of the credentials has expired"},
      {400, "AuthorizationHeaderMalformed", "in another region"},
      {400, "IllegalLocationConstraintException", "in another region"},
      {301, "PermanentRedirect", "in another region"},
      {403, "SignatureDoesNotMatch", "refuses the credentials"},
      {403, "AccessDenied", "refuses the credentials"},
      {403, "RequestTimeTooSkewed", "clocks"},
      {404, "NoSuchBucket", "the bucket clips does not exist"},
      {400, "InvalidRequest", "the store answered 400 InvalidRequest"},
  };
  for (const Row& row : rows) {
    const std::string body = std::string{"<Error><Code>"} + row.code + "</Code></Error>";
    const Error error = bucket_error({row.status, {}, body}, "clips");
    EXPECT_THAT(error.message, HasSubstr(row.message)) << row.code;
    EXPECT_THAT(error.message, HasSubstr(row.code));
    EXPECT_FALSE(may_go_away(error)) << row.code;
  }
}

TEST_F(BucketTargetTest, WhatIsNotWantedAnyMoreEnds) {
  settings_.limits.idle = std::chrono::seconds{300};
  store_.set_faults([this](int) {
    is_unwanted_ = true;
    return Fault::hang;
  });
  EXPECT_FALSE(put("x.mp4", "content").ok());
}

TEST_F(BucketTargetTest, GoesOnlyWhereItMay) {
  settings_.outbound.allowed.clear();
  EXPECT_THAT(put("x.mp4", "content").error().message, HasSubstr("--outbound-allow"));
  EXPECT_THAT(store_.log(), IsEmpty());
}

TEST_F(BucketTargetTest, TargetsAreCheckedBeforeAnythingIsTried) {
  const auto fields = [&](const CollectionTarget& target) {
    FieldErrors errors;
    check_target(target, settings_, errors);
    std::vector<std::string> names;
    for (const auto& error : errors) names.push_back(error.field);
    return names;
  };
  EXPECT_THAT(fields(task_.target), IsEmpty());
  EXPECT_THAT(fields({"s3://bucket", "", "eu-west-1", "main", false}), IsEmpty());
  EXPECT_THAT(fields({"oss://bucket/x", "", "eu-1", "main", false}), IsEmpty());
  EXPECT_THAT(fields({"s3://bucket", "", "", "main", false}), ElementsAre("target.region"));
  EXPECT_THAT(fields({"oss://bucket", "https://x.example", "", "main", false}), ElementsAre("target.region"));
  EXPECT_THAT(fields({"s3://bucket", "", "eu", "other", false}), ElementsAre("target.credentials"));
  EXPECT_THAT(fields({"s3://B", "", "eu", "main", false}), ElementsAre("target.url"));
  EXPECT_THAT(fields({"s3://bucket/../x", "", "eu", "main", false}), ElementsAre("target.url"));
  EXPECT_THAT(fields({"http://bucket", "", "eu", "main", false}), ElementsAre("target.url"));
  EXPECT_THAT(fields({"s3://bucket", "http://10.0.0.1", "eu", "main", true}), ElementsAre("target.endpoint"));
  EXPECT_THAT(fields({"s3://bucket", "https://x.example/y", "eu", "main", false}),
              ElementsAre("target.endpoint"));
  EXPECT_THAT(fields({"s3://bucket", "http://127.0.0.1:9000", "eu", "main", false}),
              ElementsAre("target.pathStyle"));
  EXPECT_THAT(fields({"file:../x", "", "", "", false}), ElementsAre("target.url"));
  EXPECT_THAT(fields({"file:x", "", "eu", "main", false}),
              ElementsAre("target.region", "target.credentials"));
}

TEST(BucketCredentialsFile, IsReadByName) {
  const auto read =
      read_bucket_credentials(R"({"a":{"accessKeyId":"k","secretAccessKey":"s"},"b":{"accessKeyId":"k2",)"
                              R"("secretAccessKey":"s2","sessionToken":"t"}})");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->at("b").session_token, "t");
  for (const char* text : {"", "[]", R"({"a":1})", R"({"a":{"accessKeyId":"k"}})",
                           R"({"a":{"accessKeyId":"k","secretAccessKey":"top\nsecret"}})"}) {
    const auto refused = read_bucket_credentials(text);
    ASSERT_FALSE(refused.ok()) << text;
    EXPECT_EQ(refused.error().message.find("top"), std::string::npos);
  }
}

}  // namespace
}  // namespace tarn::server
