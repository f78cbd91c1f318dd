// SPDX-License-Identifier: Apache-2.0
#include "core/drm/contract.h"

#include <gtest/gtest.h>

#include <functional>

#include "core/base/base64.h"
#include "core/drm/content_protection.h"
#include "core/drm/hls_signalling.h"
#include "core/drm/key_provider.h"
#include "core/drm/pssh.h"

namespace tarn::drm {
namespace {

crypto::Block key_of(const Uuid& kid) { return derive(ByteVector{1, 2, 3}, "test", kid); }

Contract hls_contract() {
  Contract made;
  made.content_id = "news-one";
  made.systems = {System::fairplay, System::widevine, System::playready};
  made.preset = KeyPreset::video_audio;
  return made;
}
Contract dash_contract() {
  Contract made = hls_contract();
  made.systems.erase(made.systems.begin());
  made.for_hls = false;
  return made;
}
cpix::Document answer_to(const Contract& contract) {
  return provide_keys(request_of(contract), contract.speke == SpekeVersion::v2_0 ? "2.0" : "", key_of)
      .value();
}

TEST(Contract, IsAnsweredByTheBuiltInProviderInEveryCombination) {
  for (const SpekeVersion speke : {SpekeVersion::v2_0, SpekeVersion::v1_0}) {
    for (const KeyPreset preset : {KeyPreset::shared, KeyPreset::video_audio}) {
      for (const auto& [for_hls, scheme] : {std::pair{true, crypto::Scheme::cbcs},
                                            {true, crypto::Scheme::cenc},
                                            {false, crypto::Scheme::cbcs},
                                            {false, crypto::Scheme::cenc}}) {
        Contract contract = for_hls ? hls_contract() : dash_contract();
        if (scheme == crypto::Scheme::cenc && for_hls) contract.systems.erase(contract.systems.begin());
        contract.speke = speke;
        contract.preset = preset;
        contract.scheme = scheme;
        const auto keys = accept_answer(contract, answer_to(contract));
        ASSERT_TRUE(keys.ok()) << keys.error().message;
        EXPECT_EQ(keys->video.key.key, key_of(keys->video.key.kid));
        EXPECT_EQ(keys->video.key.kid == keys->audio.key.kid, preset == KeyPreset::shared);
        EXPECT_EQ(keys->video.systems.size(), contract.systems.size());
        for (const auto& system : keys->video.systems) EXPECT_EQ(system.hls_media.empty(), !for_hls);
      }
    }
  }
}

TEST(Contract, MakesTheSameRequestAndTheSameIvEachTime) {
  EXPECT_EQ(cpix::write(request_of(hls_contract())), cpix::write(request_of(hls_contract())));
  const auto one = accept_answer(hls_contract(), answer_to(hls_contract()));
  const auto two = accept_answer(dash_contract(), answer_to(dash_contract()));
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(one->video.key, two->video.key) << "HLS_CMAF and DASH of one content id have the same segments";
  Contract with_iv = hls_contract();
  with_iv.constant_iv = crypto::Block{9, 9, 9};
  const auto set = accept_answer(with_iv, answer_to(with_iv));
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->audio.key.constant_iv, *with_iv.constant_iv);
}

// Semantics S8: another period has other key ids, the same one has the same again.
TEST(Contract, OfAPeriodIsItsOwnInEveryCombination) {
  for (const SpekeVersion speke : {SpekeVersion::v2_0, SpekeVersion::v1_0}) {
    for (const bool for_hls : {true, false}) {
      Contract contract = for_hls ? hls_contract() : dash_contract();
      contract.speke = speke;
      if (speke == SpekeVersion::v1_0 && !for_hls) contract.scheme = crypto::Scheme::cenc;
      std::vector<ContentKeys> keys;
      for (const std::uint64_t period : {28'333'333U, 28'333'334U, 28'333'333U}) {
        contract.period = period;
        const cpix::Document request = request_of(contract);
        EXPECT_EQ(request.period_index, std::to_string(period));
        EXPECT_EQ(request.keys[0].kid, key_id(contract.content_id, period, "VIDEO"));
        ASSERT_EQ(request.rules.size(), 2U);
        EXPECT_EQ(request.rules[1].period, request.period_id);
        const auto accepted = accept_answer(contract, answer_to(contract));
        ASSERT_TRUE(accepted.ok()) << accepted.error().message;
        keys.push_back(*accepted);
      }
      EXPECT_NE(keys[0].video.key.kid, keys[1].video.key.kid);
      EXPECT_NE(keys[0].video.key.key, keys[1].video.key.key);
      EXPECT_NE(keys[0].audio.key.constant_iv == keys[1].audio.key.constant_iv,
                contract.scheme == crypto::Scheme::cbcs);
      EXPECT_EQ(keys[0].video.key, keys[2].video.key);
      EXPECT_FALSE(stream_protection(keys[0]).video.key.changes);
      EXPECT_TRUE(stream_protection(keys[0], true).audio.key.changes);
      // The keys of one period are no answer for another.
      const cpix::Document answer = answer_to(contract);
      ++*contract.period;
      EXPECT_FALSE(accept_answer(contract, answer).ok());
    }
  }
}

TEST(Contract, AcceptsKeyIdsOfTheProvidersOwn) {
  cpix::Document answer = answer_to(hls_contract());
  const Uuid theirs = *parse_uuid("ffffffff-0000-4000-8000-000000000001");
  const Uuid ours = answer.keys[0].kid;
  answer.keys[0].kid = theirs;
  for (auto& rule : answer.rules) rule.kid = rule.kid == ours ? theirs : rule.kid;
  for (auto& system : answer.systems) system.kid = system.kid == ours ? theirs : system.kid;
  const auto keys = accept_answer(hls_contract(), answer);
  ASSERT_TRUE(keys.ok()) << keys.error().message;
  EXPECT_EQ(keys->video.key.kid, theirs);
}

struct Spoilt {
  const char* what;
  std::function<void(cpix::Document&)> spoil;
};

// Faults D4: whatever is missing or changed is refused.
TEST(Contract, RefusesAnAnswerThatIsNotTheOneAskedFor) {
  const std::vector<Spoilt> cases{
      {"content id", [](auto& d) { d.content_id = "other"; }},
      {"version", [](auto& d) { d.version = "2.4"; }},
      {"no key", [](auto& d) { d.keys[0].key.reset(); }},
      {"a key less", [](auto& d) { d.keys.pop_back(); }},
      {"a key twice", [](auto& d) { d.keys[1] = d.keys[0]; }},
      {"a third key", [](auto& d) { d.keys.push_back(d.keys[0]); }},
      {"another key id", [](auto& d) { d.keys[0].kid[0] ^= 1U; }},
      {"another scheme", [](auto& d) { d.keys[0].scheme = "cenc"; }},
      {"no scheme", [](auto& d) { d.keys[1].scheme.clear(); }},
      {"no rules", [](auto& d) { d.rules.clear(); }},
      {"a rule twice", [](auto& d) { d.rules[1] = d.rules[0]; }},
      {"a rule of another type", [](auto& d) { d.rules[0].track_type = "SD"; }},
      {"a rule's filter", [](auto& d) { d.rules[0].has_audio_filter = true; }},
      {"a rule's period", [](auto& d) { d.rules[0].period = "x"; }},
      {"the period", [](auto& d) { d.period_index = "1"; }},
      {"a system less", [](auto& d) { d.systems.pop_back(); }},
      {"a system twice", [](auto& d) { d.systems[1] = d.systems[2]; }},
      {"a system of another key", [](auto& d) { d.systems[1].kid[3] ^= 1U; }},
      {"no PSSH", [](auto& d) { d.systems[1].pssh.reset(); }},
      {"an empty PSSH", [](auto& d) { d.systems[1].pssh = ""; }},
      {"a broken PSSH", [](auto& d) { d.systems[1].pssh->pop_back(); }},
      {"another system's PSSH", [](auto& d) { d.systems[1].pssh = d.systems[2].pssh; }},
      {"another PSSH than in ContentProtectionData", [](auto& d) { d.systems[1].pssh->back() ^= 1; }},
      {"no ContentProtectionData", [](auto& d) { d.systems[2].content_protection_data.reset(); }},
      {"ContentProtectionData with more", [](auto& d) { *d.systems[2].content_protection_data += "text"; }},
      {"ContentProtectionData that closes more",
       [](auto& d) { *d.systems[2].content_protection_data += "</r><r>"; }},
      {"ContentProtectionData without namespace",
       [](auto& d) { *d.systems[2].content_protection_data += "<script/>"; }},
      {"ContentProtectionData with DOCTYPE",
       [](auto& d) { d.systems[2].content_protection_data->insert(0, "<!DOCTYPE r>"); }},
      {"no media line", [](auto& d) { d.systems[0].hls_media.reset(); }},
      {"no master line", [](auto& d) { d.systems[0].hls_master = ""; }},
      {"the lines swapped", [](auto& d) { std::swap(d.systems[0].hls_media, d.systems[0].hls_master); }},
      {"two lines", [](auto& d) { *d.systems[0].hls_media += "\n#EXT-X-ENDLIST"; }},
      {"another key format", [](auto& d) { d.systems[0].hls_media = d.systems[1].hls_media; }},
      {"another method", [](auto& d) { d.systems[0].hls_media->replace(18, 10, "NONE"); }},
  };
  for (const Spoilt& each : cases) {
    cpix::Document answer = answer_to(hls_contract());
    each.spoil(answer);
    EXPECT_FALSE(accept_answer(hls_contract(), answer).ok()) << each.what;
  }
  EXPECT_EQ(cases.size(), 33U + 1U);
}

TEST(Contract, RefusesAnotherIvThanTheOneThatIsSet) {
  Contract contract = hls_contract();
  contract.constant_iv = crypto::Block{1};
  cpix::Document answer = answer_to(contract);
  answer.keys[0].explicit_iv = crypto::Block{2};
  EXPECT_FALSE(accept_answer(contract, answer).ok());
  answer.keys[0].explicit_iv.reset();
  EXPECT_FALSE(accept_answer(contract, answer).ok());
}

TEST(Signalling, HasOneLineAndOneElementASystem) {
  const auto keys = accept_answer(hls_contract(), answer_to(hls_contract()));
  ASSERT_TRUE(keys.ok());
  const auto made = signalling(*keys);
  ASSERT_EQ(made.video.systems.size(), 3U);
  EXPECT_EQ(made.video.systems[0].hls_media,
            "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://" + made.video.default_kid +
                "\",KEYFORMAT=\"com.apple.streamingkeydelivery\",KEYFORMATVERSIONS=\"1\"");
  EXPECT_TRUE(made.video.systems[0].dash_scheme.empty());
  EXPECT_EQ(made.video.systems[1].dash_scheme, "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed");
  EXPECT_NE(made.audio.systems[2].dash_content.find("<mspr:pro"), std::string::npos);
  EXPECT_EQ(stream_protection(*keys).video.pssh.size(), 2U);
  const std::string box = base64(stream_protection(*keys).video.pssh[0]);
  EXPECT_NE(made.video.systems[1].hls_session.find(box), std::string::npos);
  EXPECT_NE(made.video.systems[1].dash_content.find(box), std::string::npos);
}

TEST(KeyProvider, RefusesInTheWordsOfSpeke) {
  const auto refusal = [](const char* version, const std::function<void(cpix::Document&)>& spoil) {
    cpix::Document request = request_of(hls_contract());
    spoil(request);
    const auto answer = provide_keys(request, version, key_of);
    return answer.ok() ? std::string{} : answer.error().message;
  };
  EXPECT_EQ(refusal("2.0", [](auto& d) { d.content_id.clear(); }), "Missing CPIX@contentId");
  EXPECT_EQ(refusal("2.0", [](auto& d) { d.version.clear(); }), "Missing CPIX@version");
  EXPECT_EQ(refusal("2.0", [](auto& d) { d.version = "9"; }), "Unsupported CPIX@version");
  EXPECT_EQ(refusal("3.0", [](auto&) {}), "Unsupported SPEKE version");
  EXPECT_EQ(refusal("2.0", [](auto& d) { d.rules.clear(); }), "Missing CPIX encryption contract");
  EXPECT_EQ(refusal("2.0", [](auto& d) { d.rules[0].kid[0] ^= 1U; }), "Malformed encryption contract");
  EXPECT_EQ(refusal("2.0", [](auto& d) { d.keys[1].scheme = "cenc"; }),
            "Non compliant ContentKey@commonEncryptionScheme combination");
  EXPECT_EQ(refusal("2.0", [](auto& d) { d.keys[0].scheme.clear(); }),
            "Missing ContentKey@commonEncryptionScheme for KID " + to_text(key_id("news-one", 0, "VIDEO")));
  EXPECT_EQ(
      refusal("2.0",
              [](auto& d) {
                for (auto& key : d.keys) key.scheme = "cenc";
              }),
      "ContentKey@commonEncryptionScheme non compatible with DRMSystem 94ce86fb-07ff-4f43-adb8-93d2fa968ca2");
}

TEST(ClearKeySignalling, IsInPlaylistsAndPeriods) {
  timeline::Protection protection;
  protection.video = {.scheme = "cbcs", .default_kid = "00010203-0405-0607-0809-0a0b0c0d0e0f"};
  protection.audio = {.scheme = "cenc", .default_kid = "10010203-0405-0607-0809-0a0b0c0d0e0f"};
  add_clearkey(protection, "http://127.0.0.1:8081/clearkey");
  ASSERT_EQ(protection.video.systems.size(), 1U);
  EXPECT_EQ(protection.video.systems.front().hls_media,
            "#EXT-X-KEY:METHOD=SAMPLE-AES,"
            "URI=\"http://127.0.0.1:8081/clearkey?kid=00010203-0405-0607-0809-0a0b0c0d0e0f\","
            "KEYID=0x000102030405060708090a0b0c0d0e0f,KEYFORMAT=\"org.w3.clearkey\",KEYFORMATVERSIONS=\"1\"");
  EXPECT_EQ(protection.video.systems.front().dash_content,
            "<dashif:Laurl xmlns:dashif=\"https://dashif.org/CPS\" licenseType=\"EME-1.0\">"
            "http://127.0.0.1:8081/clearkey</dashif:Laurl>");
  EXPECT_EQ(protection.audio.systems.front().hls_session,
            "#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES-CTR,"
            "URI=\"http://127.0.0.1:8081/clearkey?kid=10010203-0405-0607-0809-0a0b0c0d0e0f\","
            "KEYID=0x100102030405060708090a0b0c0d0e0f,KEYFORMAT=\"org.w3.clearkey\",KEYFORMATVERSIONS=\"1\"");
}

TEST(ClearKeyLicence, IsAJsonWebKeySet) {
  const Uuid kid = *parse_uuid("00010203-0405-0607-0809-0a0b0c0d0e0f");
  EXPECT_EQ(
      clearkey_licence({kid}, [](const Uuid& id) { return id; }),
      "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"AAECAwQFBgcICQoLDA0ODw\",\"k\":\"AAECAwQFBgcICQoLDA0ODw\"}],"
      "\"type\":\"temporary\"}");
}

}  // namespace
}  // namespace tarn::drm
