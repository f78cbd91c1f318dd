// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without a fuzzing engine: over every kept input named on the command line, and over
// a bounded number of mutations of them. This is the regression form that every `./tarn test` runs.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// of the targets whose mutator knows the structure
extern "C" std::size_t __attribute__((weak))
LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed);

namespace {

using Input = std::vector<std::uint8_t>;

void run(const Input& input) { LLVMFuzzerTestOneInput(input.data(), input.size()); }

Input mutated(Input input, std::mt19937& random) {
  const auto below = [&random](std::size_t limit) {
    return limit == 0 ? 0 : std::uniform_int_distribution<std::size_t>{0, limit - 1}(random);
  };
  for (std::size_t edits = 1 + below(8); edits > 0; --edits) {
    const std::size_t at = below(input.size());
    switch (below(4)) {
      case 0:
        if (!input.empty()) input[at] = static_cast<std::uint8_t>(below(256));
        break;
      case 1:
        if (!input.empty()) input.resize(at);
        break;
      case 2:
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::uint8_t>(below(256)));
        break;
      default:
        if (!input.empty()) input[at] = static_cast<std::uint8_t>(input[at] ^ (1U << below(8)));
        break;
    }
  }
  return input;
}

std::mt19937 of_structures{20'261'201};

/** What a mutator that knows the structure makes of an input. */
Input rebuilt(Input input, std::mt19937& random) {
  const std::size_t size = input.size(), most = size + 1'024;
  input.resize(most);
  input.resize(LLVMFuzzerCustomMutator(input.data(), size, most, static_cast<unsigned>(random())));
  return input;
}

}  // namespace

/** The engine's part in those mutators. */
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most) {
  const Input other = mutated({data, data + size}, of_structures);
  const std::size_t length = std::min(other.size(), most);
  std::copy_n(other.begin(), length, data);
  return length;
}

int main(int count, char** arguments) {
  constexpr int mutations = 2000;
  std::vector<Input> inputs{{}};
  for (int i = 1; i < count; ++i) {
    if (!std::filesystem::is_directory(arguments[i])) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(arguments[i])) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
  }
  for (const Input& input : inputs) run(input);
  std::mt19937 random{20'240'229};
  for (int i = 0; i < mutations; ++i) {
    const auto pick = std::uniform_int_distribution<std::size_t>{0, inputs.size() - 1}(random);
    run(LLVMFuzzerCustomMutator != nullptr && i % 2 == 1 ? rebuilt(inputs[pick], random)
                                                         : mutated(inputs[pick], random));
  }
  std::printf("%zu kept inputs, %d mutations\n", inputs.size(), mutations);
  return 0;
}
