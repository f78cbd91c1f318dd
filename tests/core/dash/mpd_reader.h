// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "support/shared_files.h"

// Judges of an MPD that share nothing with its writer.
namespace tarn::dash {

struct Ran {
  int status = -1;
  std::string output;
};

// `command` with `input` on its standard input.
inline Ran run(const std::string& command, const std::string& input) {
  static int count = 0;
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() /
      ("tarn-mpd-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
  std::ofstream{file, std::ios::binary} << input;
  Ran ran;
  FILE* pipe = ::popen((command + " < " + file.string() + " 2>&1").c_str(), "r");
  std::array<char, 4096> part{};
  for (std::size_t n = 0; (n = std::fread(part.data(), 1, part.size(), pipe)) > 0;)
    ran.output.append(part.data(), n);
  ran.status = ::pclose(pipe);
  std::filesystem::remove(file);
  return ran;
}

inline bool has(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

inline void expect_valid(const std::string& mpd) {
  const auto shared = test::shared_files();
  if (!shared || !has("xmllint")) GTEST_SKIP() << "no schema or no xmllint";
  const auto schema = (*shared / "schemas/dash/DASH-MPD.xsd").string();
  const Ran ran = run("xmllint --nonet --noout --schema " + schema + " -", mpd);
  EXPECT_EQ(ran.status, 0) << ran.output << mpd;
}

struct Listed {
  std::string period;
  std::string representation;
  std::string url;
  std::int64_t start = 0;
  std::int64_t end = 0;
};
struct Read {
  std::map<std::string, std::string> mpd;
  std::vector<std::pair<std::string, std::int64_t>> periods;
  std::vector<Listed> inits;
  std::vector<Listed> segments;

  [[nodiscard]] std::vector<Listed> of(const std::string& representation) const {
    std::vector<Listed> found;
    for (const auto& segment : segments) {
      if (segment.representation == representation) found.push_back(segment);
    }
    return found;
  }
};

// As an independent reader understands it; its own checks must hold.
inline Read read(const std::string& mpd) {
  const Ran ran = run("python3 " TARN_TEST_DIRECTORY "/list_segments.py", mpd);
  EXPECT_EQ(ran.status, 0) << ran.output << mpd;
  Read result;
  std::istringstream lines{ran.output};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string kind;
    Listed listed;
    words >> kind;
    if (kind == "mpd") {
      std::string name;
      words >> name;
      std::getline(words >> std::ws, result.mpd[name]);
    } else if (kind == "period") {
      words >> listed.period >> listed.start;
      result.periods.emplace_back(listed.period, listed.start);
    } else {
      words >> listed.period >> listed.representation >> listed.url >> listed.start >> listed.end;
      (kind == "init" ? result.inits : result.segments).push_back(listed);
    }
  }
  return result;
}

}  // namespace tarn::dash
