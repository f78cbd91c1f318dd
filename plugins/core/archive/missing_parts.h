// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <vector>

#include "core/timeline/merger.h"

namespace tarn::archive {

// What the newest slots of a stretch lack of its tracks (S4): a restarted merger takes it when it comes after
// all, as the one before would have. Subtitles are not among it (S17).
std::map<timeline::TrackId, std::vector<timeline::MissingPart>> missing_parts(
    const timeline::Timeline& timeline, const timeline::Stretch& stretch);

}  // namespace tarn::archive
