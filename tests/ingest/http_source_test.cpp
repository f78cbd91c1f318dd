// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/object_source.h"
#include "tests/support/tiny_server.h"

namespace tarn::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(HttpSource, AFailureNamesTheUrlWithoutSecrets) {
  TinyServer server{[](const auto&) { return "404 Not Found"; }};
  const auto source = ingest::make_http_source({server.url(), "me", "password"});
  const auto fetched =
      source->fetch(server.url() + "a%20b/m.m3u8?token=hidden", 1000, Microseconds{60'000'000});
  ASSERT_FALSE(fetched.ok());
  EXPECT_EQ(fetched.error().code, ErrorCode::not_found);
  EXPECT_EQ(fetched.error().message, server.url() + "a%20b/m.m3u8: answered 404");
  const auto nobody = source->fetch("http://me:password@127.0.0.1:1/m.m3u8", 1000, Microseconds{60'000'000});
  ASSERT_FALSE(nobody.ok());
  EXPECT_THAT(nobody.error().message, HasSubstr("http://127.0.0.1:1/m.m3u8: "));
  EXPECT_THAT(nobody.error().message, Not(HasSubstr("password")));
}

}  // namespace
}  // namespace tarn::test
