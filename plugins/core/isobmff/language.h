// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tarn::isobmff {

// The ISO 639-2/T code for a language as manifests declare it ("en", "pt-BR", "deu", "ger");
// "und" when there is none.
std::string three_letter_code(std::string_view language);

// Three lower-case letters in 15 bits (ISO/IEC 14496-12 8.4.2.3). REQUIRES: three letters a-z
std::uint16_t pack_language(std::string_view code);
// Empty for "und" and for what is not three letters.
std::string unpack_language(std::uint16_t packed);

}  // namespace tarn::isobmff
