// SPDX-License-Identifier: Apache-2.0
#include "core/drm/cpix.h"

#include <gtest/gtest.h>

#include "core/drm/contract.h"
#include "core/drm/key_provider.h"
#include "support/command.h"
#include "support/shared_files.h"

namespace tarn::drm {
namespace {

Contract contract(SpekeVersion speke, bool for_hls) {
  Contract made;
  made.content_id = "news-one";
  made.systems = {System::fairplay, System::widevine, System::playready};
  made.preset = KeyPreset::video_audio;
  made.speke = speke;
  made.for_hls = for_hls;
  if (!for_hls) {
    made.systems.erase(made.systems.begin());
    made.scheme = crypto::Scheme::cenc;
  }
  return made;
}

crypto::Block key_of(const Uuid& kid) { return derive(ByteVector{1, 2, 3}, "test", kid); }

TEST(CpixRequest, IsValidByTheSchemaOfDashIf) {
  const auto shared = test::shared_files();
  if (!shared || !test::has_command("xmllint")) GTEST_SKIP() << "no schemas or no xmllint";
  const test::TemporaryDirectory directory;
  for (const SpekeVersion speke : {SpekeVersion::v2_0, SpekeVersion::v1_0}) {
    for (const bool for_hls : {true, false}) {
      const auto request = request_of(contract(speke, for_hls));
      auto answer = provide_keys(request, speke == SpekeVersion::v2_0 ? "2.0" : "", key_of);
      ASSERT_TRUE(answer.ok()) << answer.error().message;
      for (const cpix::Document& document : {request, *answer}) {
        const auto file = directory.path() / "document.xml";
        test::write_file(file, cpix::write(document));
        const auto lint = test::run("xmllint --nonet --noout --schema " +
                                    (*shared / "schemas/cpix/cpix-2.3-master.xsd").string() + " " +
                                    file.string() + " 2>&1");
        EXPECT_EQ(lint.exit_status, 0) << lint.output << cpix::write(document);
      }
    }
  }
}

TEST(CpixDocument, ComesBackFromItsText) {
  for (const SpekeVersion speke : {SpekeVersion::v2_0, SpekeVersion::v1_0}) {
    const auto answer =
        provide_keys(request_of(contract(speke, true)), speke == SpekeVersion::v2_0 ? "2.0" : "", key_of);
    ASSERT_TRUE(answer.ok());
    const std::string text = cpix::write(*answer);
    const auto parsed = cpix::parse(text);
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    EXPECT_EQ(cpix::write(*parsed), text);
    ASSERT_EQ(parsed->keys.size(), 2U);
    EXPECT_EQ(parsed->keys[0].key, answer->keys[0].key);
    for (std::size_t size = 0; size < text.size(); size += 3) {
      EXPECT_FALSE(cpix::parse(text.substr(0, size)).ok() && size + 1 < text.size() - 1);
    }
  }
}

TEST(CpixDocument, IsRefusedWhenItIsDangerousOrDamaged) {
  const std::string begin = "<cpix:CPIX xmlns:cpix=\"urn:dashif:org:cpix\" contentId=\"a\" version=\"2.3\">";
  const std::string end = "</cpix:CPIX>";
  const std::string key = "<cpix:ContentKey kid=\"00010203-0405-0607-0809-0a0b0c0d0e0f\"";
  const auto secret = [](const std::string& value) {
    return "<cpix:Data><s:Secret xmlns:s=\"urn:ietf:params:xml:ns:keyprov:pskc\"><s:PlainValue>" + value +
           "</s:PlainValue></s:Secret></cpix:Data>";
  };
  const auto keys = [&](const std::string& inside) {
    return begin + "<cpix:ContentKeyList>" + inside + "</cpix:ContentKeyList>" + end;
  };
  EXPECT_TRUE(cpix::parse(keys(key + ">" + secret("AAECAwQFBgcICQoLDA0ODw==") + "</cpix:ContentKey>")).ok());
  const std::string wrong[] = {
      "",
      "x",
      "{}",
      "<a/>",
      "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>" + begin + "&e;" + end,
      "<!DOCTYPE a>" + begin + end,
      begin + "&unknown;" + end,
      std::string("\xFE\xFF\0<", 4),
      std::string(300'000, ' ') + begin + end,
      keys("<cpix:ContentKey/>"),
      keys("<cpix:ContentKey kid=\"x\"/>"),
      keys(key + " explicitIV=\"AAAA\"/>"),
      keys(key + ">" + secret("AAECAwQFBgcICQoLDA0O") + "</cpix:ContentKey>"),      // 15 bytes
      keys(key + ">" + secret("AAECAwQFBgcICQoLDA0ODxA=") + "</cpix:ContentKey>"),  // 17 bytes
      keys(key + ">" + secret("not base64") + "</cpix:ContentKey>"),
      keys(key + ">" + secret("") + "</cpix:ContentKey>"),
  };
  for (const std::string& text : wrong) EXPECT_FALSE(cpix::parse(text).ok()) << text.substr(0, 300);
  std::string many;
  for (int i = 0; i < 65; ++i) many += key + "/>";
  EXPECT_FALSE(cpix::parse(keys(many)).ok());
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "<a>";
  EXPECT_FALSE(cpix::parse(begin + deep).ok());
}

TEST(CpixDocument, MayBeInAnyOrderAndHaveMoreThanWeKnow) {
  const auto parsed = cpix::parse(
      "<c:CPIX xmlns:c=\"urn:dashif:org:cpix\" contentId=\"a\" version=\"2.3\"><c:UpdateHistoryItemList/>"
      "<c:ContentKeyUsageRuleList><c:ContentKeyUsageRule kid=\"00010203-0405-0607-0809-0a0b0c0d0e0f\" "
      "intendedTrackType=\"ALL\"><c:AudioFilter/><c:VideoFilter/></c:ContentKeyUsageRule></"
      "c:ContentKeyUsageRuleList>"
      "<c:DRMSystemList><c:DRMSystem kid=\"00010203-0405-0607-0809-0a0b0c0d0e0f\" "
      "systemId=\"edef8ba9-79d6-4ace-a3c8-27dcd51d21ed\"><c:HLSSignalingData playlist=\"multiVariant\">YQ==</"
      "c:HLSSignalingData><c:PSSH> YWI= </c:PSSH></c:DRMSystem></c:DRMSystemList></c:CPIX>");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->systems.at(0).pssh, "ab");
  EXPECT_EQ(parsed->systems.at(0).hls_master, "a");
  EXPECT_TRUE(parsed->rules.at(0).has_audio_filter && parsed->rules.at(0).has_video_filter);
}

}  // namespace
}  // namespace tarn::drm
