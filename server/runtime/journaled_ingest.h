// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/archive/archive.h"
#include "core/archive/journal.h"
#include "server/runtime/ingest_line.h"

namespace tarn::server {

// Nothing that is acknowledged is in memory only: what a put brought and did not get into listed slots
// is in the journal when put() returns. What the journal holds is put to a new `line` before anything
// else, so that it goes on where the earlier one stopped, whatever ended that.
//
// Not in the journal: a segment all of which its own put listed, and a media playlist while nothing waits
// for it; both have done their work by then. Multivariant playlists always are, because encoders
// send them once, at their start.
std::unique_ptr<IngestLine> with_journal(std::unique_ptr<IngestLine> line,
                                         std::unique_ptr<archive::Journal> journal,
                                         std::shared_ptr<archive::Archive> archive, IngestEvents events);

// Whether the journal holds media that is to be put again.
bool has_media(const archive::Journal& journal);

}  // namespace tarn::server
