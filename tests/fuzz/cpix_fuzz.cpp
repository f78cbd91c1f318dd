// SPDX-License-Identifier: Apache-2.0
// Anything as a CPIX document: what parses is written and read again the same, and what a contract accepts
// has everything that was asked for.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/drm/contract.h"
#include "core/drm/key_provider.h"
#include "core/drm/pssh.h"

namespace {

using namespace tarn;
using namespace tarn::drm;

void require(bool holds) {
  if (!holds) std::abort();
}

Contract contract() {
  Contract made;
  made.content_id = "news-one";
  made.systems = {System::fairplay, System::widevine, System::playready};
  made.preset = KeyPreset::video_audio;
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  const auto document = cpix::parse(text);
  if (!document.ok()) return 0;
  const std::string written = cpix::write(*document);
  if (const auto again = cpix::parse(written); again.ok()) require(cpix::write(*again) == written);
  const auto key_of = [](const Uuid& kid) { return kid; };
  (void)provide_keys(*document, "2.0", key_of);
  const auto keys = accept_answer(contract(), *document);
  if (!keys.ok()) return 0;
  for (const TrackKeys* track : {&keys->video, &keys->audio}) {
    require(track->systems.size() == 3);
    for (const SystemKeys& system : track->systems) {
      require(system.hls_media.find_first_of("\r\n") == std::string::npos);
      require(system.hls_media.starts_with("#EXT-X-KEY:") &&
              system.hls_master.starts_with("#EXT-X-SESSION-KEY:"));
      require(system.system == System::fairplay || parse_pssh(system.pssh).ok());
    }
  }
  return 0;
}
