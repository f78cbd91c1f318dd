// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "server/http/basic_auth.h"
#include "server/http/byte_range.h"
#include "server/http/negotiation.h"
#include "server/http/request_observer.h"
#include "server/http/route.h"
#include "tests/support/log_file.h"

namespace tarn::server {
namespace {

struct RangeCase {
  const char* field;
  ByteRange::Kind kind;
  std::uint64_t first;
  std::uint64_t length;
};

// What a request leaves in the log.
struct Logged {
  explicit Logged(AccessLogScope scope) : access{log, output, scope} {}
  std::string of(const RequestRecord& record) {
    make_request_observer({"origin"}, metrics, access, {*parse_network("10.0.0.0/8")})(record);
    access.stop();
    return file.text();
  }
  LogFile file;
  LogOutput output{file.descriptor(), [](std::uint64_t) { return std::string{}; }};
  Metrics metrics;
  EventLog log{LogFormat::text, LogLevel::info, [] { return Utc{}; }, [](std::string_view) {}};
  AccessLog access;
};

RequestRecord record_of(const std::string& method, int status) {
  RequestRecord record;
  record.id = "0a1b";
  record.method = method;
  record.path = "/v1/g/c/e/manifest.m3u8";
  record.peer = "10.1.2.3";
  record.forwarded_for = "198.51.100.9, 203.0.113.7";
  record.status = status;
  return record;
}

TEST(RequestLogTest, HasALineForEachRequestWithTheClientsAddress) {
  EXPECT_EQ(Logged{AccessLogScope::all}.of(record_of("GET", 200)),
            "1970-01-01T00:00:00.000Z info request listener=origin id=0a1b peer=203.0.113.7 method=GET "
            "path=/v1/g/c/e/manifest.m3u8 status=200 bytes_in=0 bytes_out=0 duration_us=0\n");
  RequestRecord direct = record_of("GET", 200);
  direct.peer = "192.0.2.1";
  EXPECT_NE(Logged{AccessLogScope::all}.of(direct).find("peer=192.0.2.1 "), std::string::npos)
      << "whoever is no trusted proxy says what he likes";
  RequestRecord forged = record_of("GET", 200);
  forged.forwarded_for = "198.51.100.9, Bearer s3cret";
  EXPECT_NE(Logged{AccessLogScope::all}.of(forged).find("peer=10.1.2.3 "), std::string::npos);
}

TEST(RequestLogTest, HasWhatIsWantedOnly) {
  struct Row {
    const char* method;
    int status;
    bool in_changes;
    bool in_off;
  };
  for (const Row& row :
       {Row{"GET", 200, false, false}, Row{"HEAD", 304, false, false}, Row{"GET", 404, true, false},
        Row{"PUT", 201, true, false}, Row{"GET", 503, true, false}, Row{"GET", 500, true, true}}) {
    EXPECT_EQ(!Logged{AccessLogScope::changes}.of(record_of(row.method, row.status)).empty(), row.in_changes)
        << row.method << row.status;
    EXPECT_EQ(!Logged{AccessLogScope::off}.of(record_of(row.method, row.status)).empty(), row.in_off)
        << row.method << row.status;
    EXPECT_NE(Logged{AccessLogScope::all}.of(record_of(row.method, row.status)), "");
  }
}

TEST(ByteRangeTest, IsOneRangeOrNone) {
  using Kind = ByteRange::Kind;
  const RangeCase cases[] = {
      {"", Kind::whole, 0, 0},
      {"bytes=0-0", Kind::part, 0, 1},
      {"bytes=0-99", Kind::part, 0, 100},
      {"bytes=10-19", Kind::part, 10, 10},
      {"bytes=90-", Kind::part, 90, 10},
      {"bytes=90-1000", Kind::part, 90, 10},
      {"bytes=-10", Kind::part, 90, 10},
      {"bytes=-1000", Kind::part, 0, 100},
      {"bytes=-0", Kind::unsatisfiable, 0, 0},
      {"bytes=100-", Kind::unsatisfiable, 0, 0},
      {"bytes=18446744073709551615-", Kind::unsatisfiable, 0, 0},
      {"bytes=-99999999999999999999999", Kind::whole, 0, 0},
      {"bytes=5-4", Kind::whole, 0, 0},
      {"bytes=0-1,5-6", Kind::whole, 0, 0},
      {"bytes=a-b", Kind::whole, 0, 0},
      {"bytes=-", Kind::whole, 0, 0},
      {"bytes=--5", Kind::whole, 0, 0},
      {"lines=0-1", Kind::whole, 0, 0},
  };
  for (const RangeCase& c : cases) {
    const ByteRange range = parse_range(c.field, 100);
    EXPECT_EQ(range.kind, c.kind) << c.field;
    if (c.kind != Kind::part) continue;
    EXPECT_EQ(range.first, c.first) << c.field;
    EXPECT_EQ(range.length, c.length) << c.field;
  }
  EXPECT_EQ(parse_range("bytes=0-", 0).kind, Kind::unsatisfiable);
}

TEST(ByteRangeTest, SlicesAcrossParts) {
  const std::vector<Blob> parts{Blob::copy_of(as_bytes("abc")), Blob::copy_of(as_bytes("")),
                                Blob::copy_of(as_bytes("defg"))};
  const auto text = [&](std::uint64_t first, std::uint64_t length) {
    std::string out;
    for (const Blob& part : slice(parts, first, length)) out += as_text(part.bytes());
    return out;
  };
  for (std::uint64_t first = 0; first < 7; ++first) {
    for (std::uint64_t length = 0; first + length <= 7; ++length) {
      EXPECT_EQ(text(first, length), std::string{"abcdefg"}.substr(first, length));
    }
  }
}

TEST(NegotiationTest, FindsItsOwnTagInAnyList) {
  EXPECT_TRUE(matches_etag("\"a\"", "\"a\""));
  EXPECT_TRUE(matches_etag("\"x\", W/\"a\"", "\"a\""));
  EXPECT_TRUE(matches_etag("*", "\"a\""));
  EXPECT_FALSE(matches_etag("", "\"a\""));
  EXPECT_FALSE(matches_etag("\"b\"", "\"a\""));
  EXPECT_FALSE(matches_etag("a", "\"a\""));
}

TEST(NegotiationTest, TakesGzipOnlyWhereItIsWelcome) {
  EXPECT_TRUE(accepts_gzip("gzip"));
  EXPECT_TRUE(accepts_gzip("br;q=1.0, GZip;q=0.5"));
  EXPECT_TRUE(accepts_gzip("*"));
  EXPECT_FALSE(accepts_gzip(""));
  EXPECT_FALSE(accepts_gzip("gzip;q=0"));
  EXPECT_FALSE(accepts_gzip("gzip; q=0.000, *"));
  EXPECT_FALSE(accepts_gzip("identity, br"));
}

TEST(BasicAuthTest, TakesStrictBase64Only) {
  const auto good = parse_basic("Basic dXNlcjpwYTpzcw==");
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good->username, "user");
  EXPECT_EQ(good->password, "pa:ss");
  EXPECT_TRUE(parse_basic("bAsIc dXNlcjpwYTpzcw==").has_value());
  for (const char* bad :
       {"", "Basic", "Basic ", "Basic dXNlcg==", "Basic dXNlcjpwYTpzcw", "Basic dXNl!jpwYTpzcw==",
        "Bearer dXNlcjpwYTpzcw==", "Basic dXNlcjpwYTpzcw==, Basic dXNlcjpwYTpzcw==", "Basic AAA6AA=="}) {
    EXPECT_FALSE(parse_basic(bad).has_value()) << bad;
  }
  EXPECT_FALSE(parse_basic("Basic " + std::string(4000, 'A')).has_value());
}

TEST(RouteTest, TellsInputsFromEndpoints) {
  const auto input = parse_ingest_path("/v1/g/2/c/hd/seg-0.ts");
  ASSERT_TRUE(input.has_value());
  EXPECT_EQ(input->input, 1);
  EXPECT_EQ(input->file, "hd/seg-0.ts");
  EXPECT_TRUE(input->file_valid);
  EXPECT_FALSE(parse_playback_path("/v1/g/2/c/seg-0.ts").has_value());
  const auto output = parse_playback_path("/v1/g/c/e/manifest.m3u8");
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->endpoint, "e");
  EXPECT_FALSE(parse_ingest_path("/v1/g/c/e/manifest.m3u8").has_value());
}

TEST(RouteTest, RefusesWhatCouldLeaveItsFolder) {
  for (const char* file : {"../x.ts", ".hidden", "a/../b.ts", "a//b.ts", "a\\b.ts", "a b.ts", ""}) {
    const auto path = parse_ingest_path("/v1/g/1/c/" + std::string{file});
    ASSERT_TRUE(path.has_value()) << file;
    EXPECT_FALSE(path->file_valid) << file;
  }
  EXPECT_FALSE(parse_playback_path("/v1/g/c/e/.x").has_value());
  EXPECT_FALSE(parse_playback_path("/v1/g/c/e/").has_value());
  EXPECT_FALSE(parse_playback_path("/v1/g/c/e/a/b").has_value());
  EXPECT_FALSE(parse_playback_path("/v2/g/c/e/a").has_value());
  EXPECT_FALSE(parse_ingest_path("/v1/g/1/" + std::string(5000, 'a') + "/x").has_value());
}

TEST(RefusalObserverTest, CountsAllAndLogsFew) {
  Metrics metrics;
  const LogFile file;
  LogOutput output{file.descriptor(), [](std::uint64_t) { return std::string{}; }};
  const EventLog log{LogFormat::text, LogLevel::info, [] { return Utc{}; }, [](std::string_view) {}};
  AccessLog access{log, output, AccessLogScope::off};
  const auto refused = make_refusal_observer({"origin", "control"}, metrics, access);
  for (int i = 0; i < 10000; ++i) refused(0, "malformed", "192.0.2.7");
  refused(1, "head-time", "192.0.2.8");
  EXPECT_EQ(metrics.counter("tarn_http_refusals_total", {{"listener", "origin"}, {"reason", "malformed"}}),
            10000U);
  EXPECT_EQ(metrics.counter("tarn_http_refusals_total", {{"listener", "control"}, {"reason", "head-time"}}),
            1U);
  access.stop();
  const std::string out = file.text();
  const auto lines = std::count(out.begin(), out.end(), '\n');
  // A line a second: so slow no machine is.
  EXPECT_GE(lines, 2);
  EXPECT_LE(lines, 20);
  EXPECT_NE(out.substr(0, out.find('\n')).find("peer=192.0.2.7"), std::string::npos);
}

}  // namespace
}  // namespace tarn::server
