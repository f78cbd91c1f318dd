// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "server/model/access.h"
#include "server/model/network.h"

namespace tarn::server {
namespace {

TEST(Network, ReadsOnlyWhatIsWrittenStrictly) {
  struct Row {
    const char* text;
    bool good;
  };
  const Row rows[] = {
      {"10.0.0.1", true},
      {"10.0.0.0/8", true},
      {"10.0.0.1/32", true},
      {"128.0.0.0/1", true},
      {"255.255.255.255", true},
      {"0.0.0.0", true},
      {"2001:db8::", true},
      {"2001:db8::/32", true},
      {"::1", true},
      {"::1/128", true},
      {"8000::/1", true},
      {"::ffff:10.0.0.0/104", true},
      {"::ffff:10.1.2.3", true},
      {"fe80::/10", true},
      {"0.0.0.0/0", false},
      {"::/0", false},
      {"::ffff:0.0.0.0/96", false},
      {"10.0.0.1/8", false},
      {"2001:db8::1/32", false},
      {"::ffff:10.0.0.1/104", false},
      {"10.0.0.0/33", false},
      {"::/129", false},
      {"10.0.0.0/", false},
      {"10.0.0.0/ 8", false},
      {"10.0.0.0 /8", false},
      {"10.0.0.0/+8", false},
      {"10.0.0.0/-8", false},
      {"10.0.0.0/08", false},
      {"10.0.0.0/8/8", false},
      {"10.0.0.0/8 ", false},
      {" 10.0.0.0", false},
      {"10.1", false},
      {"10", false},
      {"010.0.0.1", false},
      {"0x0a.0.0.1", false},
      {"10.0.0.256", false},
      {"10.0.0.1.", false},
      {"10.0.0.1:80", false},
      {"[::1]", false},
      {"[::1]:80", false},
      {"fe80::1%eth0", false},
      {"fe80::1%eth0/64", false},
      {"1::2::3", false},
      {"12345::", false},
      {"::g", false},
      {"/8", false},
      {"", false},
      {"*", false},
      {"localhost", false},
      {"10.0.0.1,10.0.0.2", false},
      {"1111:2222:3333:4444:5555:6666:7777:8888:9999", false},
      {"1111:2222:3333:4444:5555:6666:123.123.123.123123", false},
  };
  for (const Row& row : rows) EXPECT_EQ(parse_network(row.text).ok(), row.good) << "'" << row.text << "'";
  EXPECT_FALSE(parse_network(std::string_view("10.0.0.1\0", 9)).ok());
  EXPECT_EQ(parse_network("10.1.2.3/8").error().message, "has host bits set; the block is 10.0.0.0/8");
}

TEST(Network, ContainsItsAddressesOnly) {
  struct Row {
    const char* network;
    const char* address;
    bool inside;
  };
  const Row rows[] = {
      {"10.0.0.0/8", "10.0.0.0", true},
      {"10.0.0.0/8", "10.255.255.255", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.0.0.0/8", "9.255.255.255", false},
      {"10.0.0.0/8", "::ffff:10.1.2.3", true},
      {"10.0.0.0/8", "::ffff:a01:203", true},
      {"::ffff:10.0.0.0/104", "10.1.2.3", true},
      {"::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true},
      {"10.0.0.0/8", "::10.1.2.3", false},
      {"10.0.0.0/8", "64:ff9b::10.1.2.3", false},
      {"192.168.1.128/25", "192.168.1.127", false},
      {"192.168.1.128/25", "192.168.1.128", true},
      {"192.168.1.128/25", "192.168.1.255", true},
      {"192.168.1.6/31", "192.168.1.7", true},
      {"192.168.1.6/31", "192.168.1.8", false},
      {"192.0.2.7", "192.0.2.7", true},
      {"192.0.2.7", "192.0.2.6", false},
      {"192.0.2.7/32", "192.0.2.7", true},
      {"128.0.0.0/1", "255.0.0.1", true},
      {"128.0.0.0/1", "127.255.255.255", false},
      {"2001:db8::/32", "2001:db8:ffff::1", true},
      {"2001:db8::/32", "2001:db9::1", false},
      {"2001:db8::8/125", "2001:db8::f", true},
      {"2001:db8::8/125", "2001:db8::10", false},
      {"::1", "::1", true},
      {"::1", "0:0:0:0:0:0:0:1", true},
      {"::1", "::2", false},
      {"::1", "0.0.0.1", false},
      {"8000::/1", "ffff::", true},
      {"8000::/1", "7fff::", false},
      {"::/1", "10.0.0.1", false},
      {"fe80::/10", "febf::1", true},
      {"fe80::/10", "fec0::1", false},
  };
  for (const Row& row : rows) {
    const auto network = parse_network(row.network);
    const auto address = parse_address(row.address);
    ASSERT_TRUE(network.ok() && address) << row.network << " " << row.address;
    EXPECT_EQ(network->contains(*address), row.inside) << row.network << " " << row.address;
  }
}

TEST(Network, AListIsGoodOnlyWhenEveryEntryIs) {
  EXPECT_EQ(parse_networks("10.0.0.0/8, ::1")->size(), 2U);
  EXPECT_EQ(parse_networks("10.0.0.1/8,::1").error().message,
            "'10.0.0.1/8' has host bits set; the block is 10.0.0.0/8");
  EXPECT_FALSE(parse_networks("").ok());
  EXPECT_FALSE(parse_networks("::1,").ok());
}

TEST(ClientAddress, IsTheLastUntrustedHop) {
  const std::vector<Network> trusted = *parse_networks("127.0.0.1,10.0.0.0/8,2001:db8::/32");
  struct Row {
    const char* peer;
    const char* forwarded;
    const char* client;
  };
  const Row rows[] = {
      {"192.0.2.1", "198.51.100.1", "192.0.2.1"},  // an untrusted peer says nothing about others
      {"192.0.2.1", "", "192.0.2.1"},
      {"127.0.0.1", "", "127.0.0.1"},
      {"127.0.0.1", "198.51.100.1", "198.51.100.1"},
      {"::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"},
      {"127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"},
      {"127.0.0.1", "6.6.6.6, 198.51.100.1,10.1.1.1", "198.51.100.1"},
      {"127.0.0.1", "198.51.100.1 , 2001:db8::7\t, 10.1.1.1", "198.51.100.1"},
      {"127.0.0.1", "10.0.0.1, 10.0.0.2", "10.0.0.1"},
      {"127.0.0.1", "198.51.100.1:4711", "198.51.100.1:4711"},  // no address: nothing will match it
      {"127.0.0.1", "198.51.100.1, unknown", "unknown"},
      {"127.0.0.1", "198.51.100.1,,10.0.0.1", ""},
      {"127.0.0.1", "198.51.100.1,", ""},
      {"unix", "198.51.100.1", "unix"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(client_address(row.peer, row.forwarded, trusted), row.client) << row.forwarded;
  EXPECT_EQ(client_address("127.0.0.1", "198.51.100.1", {}), "127.0.0.1");
}

// Every combination of code, whitelist and blacklist, set or not, held or not.
TEST(Access, DenyComesFirstAndEverythingThatIsSetMustHold) {
  using Decision = AccessDecision;
  enum Code { none, wrong, right, previous };
  for (const bool has_code : {false, true}) {
    for (const Code sent : {none, wrong, right, previous}) {
      for (const int white : {0, 1, 2}) {  // not set, names the peer, names others
        for (const int black : {0, 1, 2}) {
          for (const bool require : {false, true}) {
            Endpoint endpoint;
            if (has_code) {
              endpoint.authorization_code = "new-code";
              endpoint.previous_authorization_code = "old-code";
            }
            if (white == 1) endpoint.ip_whitelist = {"10.0.0.0/8", "2001:db8::1"};
            if (white == 2) endpoint.ip_whitelist = {"192.0.2.0/24"};
            if (black == 1) endpoint.ip_blacklist = {"198.51.100.1", "10.1.2.0/24"};
            if (black == 2) endpoint.ip_blacklist = {"198.51.100.1"};
            const std::optional<std::string_view> codes[] = {std::nullopt, "wrong", "new-code", "old-code"};
            const Decision expected = black == 1                           ? Decision::ip_denied
                                      : white == 2                         ? Decision::ip_not_allowed
                                      : has_code && sent == none           ? Decision::code_missing
                                      : has_code && sent == wrong          ? Decision::code_wrong
                                      : require && !has_code && white == 0 ? Decision::not_protected
                                                                           : Decision::allowed;
            for (const char* peer : {"10.1.2.3", "::ffff:10.1.2.3"}) {
              EXPECT_EQ(check_access(endpoint, peer, codes[sent], require), expected)
                  << has_code << sent << white << black << require << peer;
            }
          }
        }
      }
    }
  }
}

TEST(Access, TheCodeMayComeBareOrAsABearerToken) {
  Endpoint endpoint;
  endpoint.authorization_code = "code";
  for (const char* good : {"code", "Bearer code", "bearer code"}) {
    EXPECT_EQ(check_access(endpoint, "::1", good), AccessDecision::allowed) << good;
  }
  for (const char* bad :
       {"Bearer", "Bearer ", "Bearer  code", "Basic code", "code ", "codecode", "cod", "CODE"}) {
    EXPECT_EQ(check_access(endpoint, "::1", bad), AccessDecision::code_wrong) << bad;
  }
  EXPECT_EQ(check_access(endpoint, "::1", ""), AccessDecision::code_missing);
}

TEST(Access, FailsClosedOnWhatItCannotRead) {
  Endpoint white;
  white.ip_whitelist = {"10.0.0.0/8"};
  Endpoint black;
  black.ip_blacklist = {"10.0.0.0/8"};
  for (const char* peer : {"", "unix", "10.0.0.1:80", "10.0.0.1, 10.0.0.2"}) {
    EXPECT_EQ(check_access(white, peer, std::nullopt), AccessDecision::ip_not_allowed) << peer;
    EXPECT_EQ(check_access(black, peer, std::nullopt), AccessDecision::ip_denied) << peer;
  }
  black.ip_blacklist = {"not a rule"};
  EXPECT_EQ(check_access(black, "192.0.2.1", std::nullopt), AccessDecision::ip_denied);
  Endpoint link_local;
  link_local.ip_whitelist = {"fe80::/10"};
  EXPECT_EQ(check_access(link_local, "fe80::1%eth0", std::nullopt), AccessDecision::allowed);
}

TEST(Access, EveryRefusalHasACodeOfItsOwn) {
  EXPECT_EQ(access_reason(AccessDecision::ip_denied), "ip-denied");
  EXPECT_EQ(access_reason(AccessDecision::ip_not_allowed), "ip-not-allowed");
  EXPECT_EQ(access_reason(AccessDecision::code_missing), "code-missing");
  EXPECT_EQ(access_reason(AccessDecision::code_wrong), "code-wrong");
  EXPECT_EQ(access_reason(AccessDecision::not_protected), "access-control-required");
}

TEST(Credentials, OpenAnInputNowAndInTheGracePeriodOnly) {
  const Utc now{std::chrono::seconds{1000}};
  Input input{"ingest1", "user", "word", "old", "older", now + std::chrono::seconds{1}};
  EXPECT_TRUE(check_credentials(&input, "user", "word", now));
  EXPECT_TRUE(check_credentials(&input, "old", "older", now));
  EXPECT_FALSE(check_credentials(&input, "old", "older", now + std::chrono::seconds{1}));
  EXPECT_FALSE(check_credentials(&input, "user", "older", now));
  EXPECT_FALSE(check_credentials(&input, "old", "word", now));
  EXPECT_FALSE(check_credentials(&input, "", "", now));
  EXPECT_FALSE(check_credentials(nullptr, "", "", now));
  input.previous_username = input.previous_password = "";
  EXPECT_FALSE(check_credentials(&input, "", "", now));
}

}  // namespace
}  // namespace tarn::server
