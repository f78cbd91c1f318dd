// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/language.h"

#include <algorithm>

namespace tarn::isobmff {
namespace {

// ISO 639: two-letter code and three-letter terminology code, six characters with the space.
constexpr std::string_view two_letter_codes =
    "aaaar ababk aeave afafr akaka amamh anarg arara asasm avava ayaym azaze babak bebel bgbul bhbih "
    "bibis bmbam bnben bobod brbre bsbos cacat ceche chcha cocos crcre csces cuchu cvchv cycym dadan "
    "dedeu dvdiv dzdzo eeewe elell eneng eoepo esspa etest eueus fafas ffful fifin fjfij fofao frfra "
    "fyfry gagle gdgla glglg gngrn guguj gvglv hahau heheb hihin hohmo hrhrv hthat huhun hyhye hzher "
    "iaina idind ieile igibo iiiii ikipk ioido isisl itita iuiku jajpn jvjav kakat kgkon kikik kjkua "
    "kkkaz klkal kmkhm knkan kokor krkau kskas kukur kvkom kwcor kykir lalat lbltz lglug lilim lnlin "
    "lolao ltlit lulub lvlav mgmlg mhmah mimri mkmkd mlmal mnmon mrmar msmsa mtmlt mymya nanau nbnob "
    "ndnde nenep ngndo nlnld nnnno nonor nrnbl nvnav nynya ococi ojoji omorm orori ososs papan pipli "
    "plpol pspus ptpor quque rmroh rnrun roron rurus rwkin sasan scsrd sdsnd sesme sgsag sisin skslk "
    "slslv smsmo snsna sosom sqsqi srsrp ssssw stsot susun svswe swswa tatam tetel tgtgk ththa titir "
    "tktuk tltgl tntsn toton trtur tstso tttat twtwi tytah uguig ukukr ururd uzuzb veven vivie vovol "
    "wawln wowol xhxho yiyid yoyor zazha zhzho zuzul ";

// ISO 639-2 bibliographic code and terminology code, seven characters with the space.
constexpr std::string_view bibliographic_codes =
    "albsqi armhye baqeus burmya chizho czeces dutnld frefra geokat gerdeu greell iceisl macmkd maomri "
    "maymsa perfas rumron sloslk tibbod welcym ";

bool is_letters(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

// The terminology code beside `code`, or nothing.
std::string_view look_up(std::string_view table, std::string_view code) {
  const std::size_t entry = code.size() + 4;
  for (std::size_t at = 0; at < table.size(); at += entry) {
    if (table.substr(at, code.size()) == code) return table.substr(at + code.size(), 3);
  }
  return {};
}

}  // namespace

std::string three_letter_code(std::string_view language) {
  std::string code{language.substr(0, language.find('-'))};
  for (char& c : code) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (code.size() == 2) code = look_up(two_letter_codes, code);
  if (code.size() != 3 || !is_letters(code)) return "und";
  const std::string_view terminology = look_up(bibliographic_codes, code);
  return terminology.empty() ? code : std::string{terminology};
}

std::uint16_t pack_language(std::string_view code) {
  unsigned packed = 0;
  for (const char c : code.substr(0, 3)) packed = packed << 5U | static_cast<unsigned>(c - 0x60);
  return static_cast<std::uint16_t>(packed);
}

std::string unpack_language(std::uint16_t packed) {
  std::string code;
  for (const unsigned shift : {10U, 5U, 0U}) {
    const unsigned letter = (unsigned{packed} >> shift & 31U) + 0x60U;
    code.push_back(static_cast<char>(letter));
  }
  return is_letters(code) && code != "und" ? code : std::string{};
}

}  // namespace tarn::isobmff
