// SPDX-License-Identifier: Apache-2.0
// Recorded uploads of real encoders, replayed: playlists as they were, segments by their names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ingest/push_session.h"
#include "support/shared_files.h"

namespace tarn::ingest {
namespace {

struct Upload {
  int milliseconds = 0;
  std::string input;  // "/v1/g/1/c/"
  std::string path;
  std::string body;  // of playlists
  std::string digest;
};

// Requests that were answered 2xx. Lines look like
//   #9 t=4.594 conn=2 PUT /v1/g/1/c/manifest-hd-1.ts HTTP/1.1
//         -> body=80464B in 4 reads, first=4.594 last=4.594  status=201 head=474011110042f025 sha1=d0abcf8500
//         | #EXTM3U
std::vector<Upload> uploads_in(const std::filesystem::path& transcript) {
  std::vector<Upload> uploads;
  std::ifstream file{transcript};
  Upload current;
  bool accepted = false;
  const auto finish = [&] {
    if (accepted) uploads.push_back(current);
    current = {};
    accepted = false;
  };
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("#", 0) == 0 && line.find(" PUT ") != std::string::npos) {
      finish();
      const std::size_t begin = line.find(" PUT ") + 5;
      const std::string path = line.substr(begin, line.find(' ', begin) - begin);
      std::size_t base = 0;
      for (int i = 0; i < 5; ++i) base = path.find('/', base) + 1;
      current.input = path.substr(0, base);
      current.path = path.substr(base);
      current.milliseconds = static_cast<int>(std::stod(line.substr(line.find("t=") + 2)) * 1000);
    } else if (line.find("-> body=") != std::string::npos) {
      accepted = line.find("status=20") != std::string::npos;
      const std::size_t sha1 = line.find("sha1=");
      if (sha1 != std::string::npos) current.digest = line.substr(sha1 + 5);
    } else if (line.rfind("      | ", 0) == 0) {
      current.body += line.substr(8) + '\n';
    }
  }
  finish();
  return uploads;
}

struct Replayed {
  std::vector<std::string> segments;  // in the order in which they came out
  std::size_t gaps = 0;
  std::size_t discontinuities = 0;
  std::size_t uploaded = 0;
  std::size_t refused = 0;
  bool ended = true;
};

std::map<std::string, Replayed> replay(const std::filesystem::path& transcript) {
  std::map<std::string, PushSession> sessions;
  std::map<std::string, Replayed> results;
  Monotonic now{};
  const auto drain = [&](const std::string& input) {
    PushSession& session = sessions[input];
    if (!session.structure()) return;
    for (std::size_t i = 0; i < session.structure()->playlists.size(); ++i) {
      while (const auto segment = session.next(i, now)) {
        results[input].gaps += segment->gap ? 1 : 0;
        results[input].discontinuities += segment->discontinuity ? 1 : 0;
        if (!segment->gap) results[input].segments.push_back(segment->object.path);
      }
    }
  };
  for (const Upload& upload : uploads_in(transcript)) {
    now = Monotonic{std::chrono::milliseconds{upload.milliseconds}};
    PushSession& session = sessions[upload.input];
    ObjectAnswer answer;
    if (upload.path.ends_with(".m3u8")) {
      answer = session.put_playlist(upload.path, upload.body, now);
    } else {
      ++results[upload.input].uploaded;
      answer = session.put_segment({.path = upload.path,
                                    .digest = std::hash<std::string>{}(upload.digest) | 1U,
                                    .size = 1000,
                                    .media = std::make_shared<codecs::MediaSegment>(),
                                    .arrival = now},
                                   now);
    }
    EXPECT_NE(answer.outcome, ObjectAnswer::Outcome::refused) << upload.path << ": " << answer.message;
    drain(upload.input);
  }
  for (auto& [input, session] : sessions) {
    session.settle(now);
    drain(input);
    for (std::size_t i = 0; session.structure() && i < session.structure()->playlists.size(); ++i) {
      results[input].ended = results[input].ended && session.ended(i);
    }
  }
  return results;
}

class Transcript : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto shared = test::shared_files();
    if (!shared) GTEST_SKIP() << "no recorded sessions";
    path_ = *shared / "transcripts" / (std::string{GetParam()} + ".txt");
    ASSERT_TRUE(std::filesystem::exists(path_));
  }
  std::filesystem::path path_;
};

TEST_P(Transcript, EverySegmentComesOutOnceInOrder) {
  const auto results = replay(path_);
  ASSERT_FALSE(results.empty());
  for (const auto& [input, result] : results) {
    EXPECT_GT(result.uploaded, 2U);
    EXPECT_EQ(result.segments.size(), result.uploaded) << input;
    EXPECT_EQ(result.gaps, 0U);
    EXPECT_EQ(result.discontinuities, 0U);
    EXPECT_EQ(std::set<std::string>(result.segments.begin(), result.segments.end()).size(),
              result.segments.size());
  }
}
INSTANTIATE_TEST_SUITE_P(Encoders, Transcript,
                         testing::Values("ff-ts-basic", "ff-ts-abr-delete", "ff-ts-hdrauth", "ff-ts-urlauth",
                                         "ff-ts-urlauth-persistent", "ff-run1", "ff-tee-redundant",
                                         "shaka-ts-noauth", "shaka-ts-auth-delete"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(RefusedUploads, AreGaps) {
  const auto shared = test::shared_files();
  if (!shared) GTEST_SKIP() << "no recorded sessions";
  const auto results = replay(*shared / "transcripts" / "ff-503-persist.txt");
  ASSERT_EQ(results.size(), 1U);
  const Replayed& result = results.begin()->second;
  EXPECT_EQ(result.segments.size(), result.uploaded);
  EXPECT_GT(result.gaps, 0U) << "ffmpeg lists what was refused";
  EXPECT_EQ(result.discontinuities, 0U);
}

}  // namespace
}  // namespace tarn::ingest
