// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/collect/bucket_client.h"
#include "server/collect/target.h"

namespace tarn::server {

// The text of the first <name>…</name> of a store's XML answer, at most 1024 characters and without markup;
// "" when there is none.
std::string xml_text(std::string_view document, std::string_view name);

// What an answer that is no success means. Never has more of it than the store's code.
Error bucket_error(const BucketAnswer& answer, const std::string& bucket);

// Objects "<prefix><name>" of a bucket. Large ones go up in parts (`part_bytes` of them) and appear when the
// last one has; what failed half way is taken back.
std::unique_ptr<Target> make_bucket_target(std::unique_ptr<BucketClient> client, std::string bucket,
                                           std::string prefix, std::size_t part_bytes);

}  // namespace tarn::server
