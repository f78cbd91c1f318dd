// SPDX-License-Identifier: Apache-2.0
#include "server/model/outbound.h"

#include <gtest/gtest.h>

namespace tarn::server {
namespace {

OutboundPolicy policy(const char* allowed) {
  OutboundPolicy made;
  if (*allowed != '\0') made.allowed = parse_networks(allowed).value();
  return made;
}

bool may_configure(const OutboundPolicy& outbound, const char* url) {
  const auto parsed = parse_outbound_url(url);
  return parsed.ok() && outbound.check(*parsed).ok();
}

TEST(Outbound, PublicAddressesArePublicAndOthersAreNot) {
  for (const char* text :
       {"8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"}) {
    EXPECT_TRUE(is_public(*parse_address(text))) << text;
  }
  for (const char* text : {"0.0.0.0",
                           "10.255.0.1",
                           "100.64.0.1",
                           "127.0.0.1",
                           "127.255.255.254",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.1",
                           "192.168.0.1",
                           "198.18.0.1",
                           "203.0.113.9",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:10.0.0.1",
                           "64:ff9b::a00:1",
                           "fc00::1",
                           "fe80::1",
                           "ff02::1",
                           "2001:db8::1",
                           "2002:a00:1::"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_FALSE(is_public(*address)) << text;
  }
}

TEST(Outbound, UrlsAreTakenApart) {
  const auto url = parse_outbound_url("https://Key.Example.com:8443/speke?tenant=1");
  ASSERT_TRUE(url.ok()) << url.error().message;
  EXPECT_TRUE(url->is_https);
  EXPECT_EQ(url->host, "key.example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/speke?tenant=1");
  EXPECT_EQ(parse_outbound_url("http://[2606:4700::1111]:8080")->host, "2606:4700::1111");
  EXPECT_EQ(parse_outbound_url("https://a.example?x")->target, "/?x");
  for (const char* wrong : {"",
                            "x",
                            "https://",
                            "https:///",
                            "https://a:0/",
                            "https://a:65536/",
                            "https://a:/",
                            "https://a:8o/",
                            "https://[::1",
                            "https://[::1]x/",
                            "https://[10.0.0.1]/",
                            "https://a b/",
                            "https://a/#f",
                            "https://a\\b/",
                            "https://u@a/",
                            "https://a:22/",
                            "https://127.1/",
                            "https://1/",
                            "https://0x7f.1/",
                            "https://256.1.1.1/",
                            "https://1.2.3.4./",
                            "ftp://a/",
                            "HTTPS://a/",
                            "https://a%2fb/"}) {
    EXPECT_FALSE(parse_outbound_url(wrong).ok()) << wrong;
  }
}

TEST(Outbound, HttpAndPrivateNetworksNeedToBeNamed) {
  EXPECT_TRUE(may_configure(policy(""), "https://key.example.com/"));
  EXPECT_FALSE(may_configure(policy(""), "http://key.example.com/"));
  EXPECT_FALSE(may_configure(policy(""), "https://10.0.0.1/"));
  EXPECT_FALSE(may_configure(policy(""), "https://localhost/"));
  EXPECT_TRUE(may_configure(policy("10.0.0.0/24"), "http://10.0.0.1/"));
  EXPECT_FALSE(may_configure(policy("10.0.0.0/24"), "https://10.0.1.1/"));
  EXPECT_FALSE(may_configure(policy("10.0.0.0/24"), "http://8.8.8.8/"));
  EXPECT_TRUE(may_configure(policy("127.0.0.1/32"), "http://localhost:9000/"));
  // A name is looked at again when it has been resolved.
  EXPECT_TRUE(policy("").permits(*parse_address("8.8.8.8"), true));
  EXPECT_FALSE(policy("").permits(*parse_address("8.8.8.8"), false));
  EXPECT_FALSE(policy("").permits(*parse_address("::ffff:127.0.0.1"), true));
}

}  // namespace
}  // namespace tarn::server
