// SPDX-License-Identifier: Apache-2.0
#include "ingest/pull_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tarn::ingest {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

Monotonic at(Microseconds time) { return Monotonic{time}; }

// The other side: what it has at the moment.
class Server {
 public:
  std::map<std::string, std::string> files;

  void media(const std::string& name, std::uint64_t first, std::size_t count, bool ends = false,
             const std::string& prefix = "s") {
    std::string text =
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:" + std::to_string(first) + "\n";
    for (std::uint64_t i = first; i < first + count; ++i) {
      const std::string segment = prefix + std::to_string(i) + ".ts";
      text += "#EXTINF:4,\n" + segment + "\n";
      files["http://h/x/" + segment] = "media";
    }
    files["http://h/x/" + name] = text + (ends ? "#EXT-X-ENDLIST\n" : "");
  }
};

std::string resolve(const std::string& base, const std::string& uri) {
  if (uri.find("://") != std::string::npos) return uri;
  return base.substr(0, base.rfind('/') + 1) + uri;
}

class Follower {
 public:
  explicit Follower(Server& server, const std::string& entry = "m.m3u8")
      : server_(server), plan_(entry, "http://h/x/" + entry, resolve) {}

  // Takes steps until there is something to wait for; what was fetched, failures in brackets.
  std::vector<std::string> run(Microseconds now) {
    std::vector<std::string> log;
    for (int i = 0; i < 200; ++i) {
      const PullPlan::Step step = plan_.next(at(now));
      if (step.what != PullPlan::Step::What::fetch) {
        over = step.what == PullPlan::Step::What::over;
        waits_until = over ? Microseconds{} : step.until.time_since_epoch();
        return log;
      }
      const auto file = server_.files.find(step.location);
      if (file == server_.files.end()) {
        log.push_back("(" + step.name + ")");
        plan_.failed(true, at(now));
        continue;
      }
      log.push_back(step.name);
      std::string why;
      if (!plan_.taken(as_bytes(file->second), at(now), why)) log.back() += ": " + why;
    }
    ADD_FAILURE() << "it never waits";
    return log;
  }

  bool over = false;
  Microseconds waits_until{};
  PullPlan& plan() { return plan_; }

 private:
  Server& server_;
  PullPlan plan_;
};

TEST(PullPlan, ReadsAFinishedStreamFromItsBeginning) {
  Server server;
  server.media("m.m3u8", 7, 5, true);
  Follower follower{server};
  EXPECT_THAT(follower.run(0s), ElementsAre("m.m3u8", "s7.ts", "s8.ts", "s9.ts", "s10.ts", "s11.ts"));
  EXPECT_TRUE(follower.over);
  EXPECT_EQ(follower.plan().single_playlist(), "m.m3u8");
}

TEST(PullPlan, FollowsALiveOneFromItsLastThreeSegments) {
  Server server;
  server.media("m.m3u8", 10, 6);
  Follower follower{server};
  EXPECT_THAT(follower.run(1s), ElementsAre("m.m3u8", "s13.ts", "s14.ts", "s15.ts"));
  EXPECT_EQ(follower.waits_until, 5s) << "a target duration";
  EXPECT_THAT(follower.run(5s), ElementsAre("m.m3u8"));
  EXPECT_EQ(follower.waits_until, 7s) << "half of it, for nothing was new";
  server.media("m.m3u8", 12, 6);
  EXPECT_THAT(follower.run(7s), ElementsAre("m.m3u8", "s16.ts", "s17.ts"));
  server.media("m.m3u8", 13, 6, true);
  EXPECT_THAT(follower.run(11s), ElementsAre("m.m3u8", "s18.ts"));
  EXPECT_TRUE(follower.over);
}

TEST(PullPlan, KeepsPlaylistsInStep) {
  Server server;
  server.files["http://h/x/m.m3u8"] =
      "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"n\",URI=\"a.m3u8\"\n"
      "#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nv.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"a\"\nw."
      "m3u8\n";
  server.media("v.m3u8", 0, 2, false, "v");
  server.media("w.m3u8", 0, 2, false, "w");
  server.media("a.m3u8", 0, 2, false, "a");
  Follower follower{server};
  EXPECT_THAT(follower.run(0s), ElementsAre("m.m3u8", "v.m3u8", "w.m3u8", "a.m3u8", "v0.ts", "w0.ts", "a0.ts",
                                            "v1.ts", "w1.ts", "a1.ts"));
  EXPECT_FALSE(follower.plan().single_playlist());
}

TEST(PullPlan, ASegmentThatStaysAwayIsPassedOver) {
  Server server;
  server.media("m.m3u8", 0, 3);
  server.files.erase("http://h/x/s1.ts");
  Follower follower{server};
  EXPECT_THAT(follower.run(0s), ElementsAre("m.m3u8", "s0.ts", "(s1.ts)"));
  EXPECT_EQ(follower.waits_until, 1s);
  EXPECT_THAT(follower.run(1s), ElementsAre("(s1.ts)"));
  EXPECT_THAT(follower.run(2s), ElementsAre("(s1.ts)", "s2.ts"));
  EXPECT_EQ(follower.plan().passed_over(), 1U);
}

TEST(PullPlan, AServerThatIsAwayIsAskedAgainWithPauses) {
  Server server;
  Follower follower{server};
  EXPECT_THAT(follower.run(0s), ElementsAre("(m.m3u8)"));
  EXPECT_EQ(follower.waits_until, 250ms);
  for (int i = 0; i < 10; ++i) (void)follower.run(follower.waits_until);
  const Microseconds now = follower.waits_until;
  (void)follower.run(now);
  EXPECT_EQ(follower.waits_until - now, 4s);
  server.media("m.m3u8", 0, 1);
  EXPECT_THAT(follower.run(follower.waits_until), ElementsAre("m.m3u8", "s0.ts"));
  server.files.clear();
  EXPECT_THAT(follower.run(follower.waits_until), ElementsAre("(m.m3u8)"));
  server.media("m.m3u8", 1, 2);
  EXPECT_THAT(follower.run(follower.waits_until), ElementsAre("m.m3u8", "s1.ts", "s2.ts"));
}

TEST(PullPlan, WhatIsNoPlaylistIsAskedForAgain) {
  Server server;
  server.files["http://h/x/m.m3u8"] = "<html>";
  Follower follower{server};
  EXPECT_THAT(follower.run(0s), ElementsAre(testing::StartsWith("m.m3u8: ")));
  EXPECT_FALSE(follower.over);
  EXPECT_EQ(follower.waits_until, 250ms);
}

TEST(PullPlan, TheOtherSideMayBeginAnew) {
  Server server;
  server.media("m.m3u8", 100, 5);
  Follower follower{server};
  EXPECT_THAT(follower.run(0s), ElementsAre("m.m3u8", "s102.ts", "s103.ts", "s104.ts"));
  server.media("m.m3u8", 98, 5);  // an older version, as a cache may give
  EXPECT_THAT(follower.run(4s), ElementsAre("m.m3u8"));
  server.media("m.m3u8", 0, 2);
  EXPECT_THAT(follower.run(8s), ElementsAre("m.m3u8", "s0.ts", "s1.ts"));
  server.media("m.m3u8", 0, 3, false, "other");
  EXPECT_THAT(follower.run(12s), ElementsAre("m.m3u8", "other0.ts", "other1.ts", "other2.ts"));
}

TEST(PullPlan, HeadersComeBeforeTheSegmentsThatNeedThem) {
  Server server;
  server.files["http://h/x/m.m3u8"] =
      "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"i1.mp4\"\n#EXTINF:4,\na.m4s\n#EXTINF:4,\nb.m4s\n"
      "#EXT-X-MAP:URI=\"i2.mp4\"\n#EXTINF:4,\nc.m4s\n#EXT-X-GAP\n#EXTINF:4,\nd.m4s\n#EXT-X-ENDLIST\n";
  for (const char* name : {"i1.mp4", "i2.mp4", "a.m4s", "b.m4s", "c.m4s"}) {
    server.files[std::string{"http://h/x/"} + name] = "x";
  }
  Follower follower{server};
  EXPECT_THAT(follower.run(0s), ElementsAre("m.m3u8", "i1.mp4", "a.m4s", "b.m4s", "i2.mp4", "c.m4s"));
  EXPECT_TRUE(follower.over);
}

TEST(PullPlan, RenamedPlaylistsAreFoundAgain) {
  Server server;
  server.files["http://h/x/m.m3u8"] = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n";
  server.media("v.m3u8", 0, 1);
  Follower follower{server};
  EXPECT_THAT(follower.run(0s), ElementsAre("m.m3u8", "v.m3u8", "s0.ts"));
  server.files.erase("http://h/x/v.m3u8");
  server.files["http://h/x/m.m3u8"] = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nw.m3u8\n";
  server.media("w.m3u8", 0, 1, false, "w");
  std::vector<std::string> all;
  for (int i = 0; i < 3; ++i) {
    for (const std::string& name : follower.run(follower.waits_until)) all.push_back(name);
  }
  EXPECT_THAT(all, ElementsAre("(v.m3u8)", "(v.m3u8)", "(v.m3u8)", "m.m3u8", "w.m3u8", "w0.ts"));
}

}  // namespace
}  // namespace tarn::ingest
