// SPDX-License-Identifier: Apache-2.0
// Playlists that real encoders and packagers wrote: they must parse, and what they become must be stable.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "core/hls/playlist.h"
#include "support/shared_files.h"

namespace tarn::hls {
namespace {

namespace fs = std::filesystem;

struct Sample {
  std::string origin;
  std::string text;
};

// Playlist bodies of a recorded push session: lines that begin with "      | ".
std::vector<Sample> bodies_of(const fs::path& transcript) {
  static const std::string prefix = "      | ";
  std::vector<Sample> samples;
  std::ifstream file{transcript, std::ios::binary};
  std::string body;
  std::size_t number = 0;
  const auto take = [&] {
    if (body.rfind("#EXTM3U", 0) == 0) {
      samples.push_back({transcript.filename().string() + ":" + std::to_string(number), body});
    }
    body.clear();
  };
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.rfind(prefix, 0) == 0) {
      body += line.substr(prefix.size()) + "\n";
    } else {
      take();
    }
  }
  take();
  return samples;
}

void expect_stable(const Sample& sample) {
  SCOPED_TRACE(sample.origin + "\n" + sample.text);
  const auto kind = classify(sample.text);
  ASSERT_TRUE(kind.ok()) << kind.error().message;
  if (*kind == PlaylistKind::media) {
    const auto first = parse_media(sample.text);
    ASSERT_TRUE(first.ok()) << first.error().message;
    const auto second = parse_media(write(*first));
    ASSERT_TRUE(second.ok()) << second.error().message;
    EXPECT_EQ(*second, *first);
    const auto uris = std::count_if(first->segments.begin(), first->segments.end(), [&](const auto& segment) {
      return sample.text.find("\n" + segment.uri) != std::string::npos;
    });
    EXPECT_EQ(static_cast<std::size_t>(uris), first->segments.size());
  } else {
    const auto first = parse_multivariant(sample.text);
    ASSERT_TRUE(first.ok()) << first.error().message;
    EXPECT_FALSE(first->variants.empty());
    const auto second = parse_multivariant(write(*first));
    ASSERT_TRUE(second.ok()) << second.error().message;
    EXPECT_EQ(*second, *first);
  }
}

TEST(RealPlaylists, OfRecordedPushSessionsParse) {
  const auto shared = test::shared_files();
  if (!shared) GTEST_SKIP() << "no shared files";
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator{*shared / "transcripts"}) {
    if (entry.path().extension() != ".txt") continue;
    for (const auto& sample : bodies_of(entry.path())) {
      expect_stable(sample);
      ++count;
    }
  }
  EXPECT_GE(count, 200U);
}

TEST(RealPlaylists, OfTestVectorsParse) {
  const auto shared = test::shared_files();
  if (!shared) GTEST_SKIP() << "no shared files";
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator{*shared / "vectors"}) {
    if (entry.path().extension() != ".m3u8") continue;
    std::ifstream file{entry.path(), std::ios::binary};
    std::ostringstream text;
    text << file.rdbuf();
    expect_stable({entry.path().string(), text.str()});
    ++count;
  }
  EXPECT_GE(count, 27U);
}

}  // namespace
}  // namespace tarn::hls
