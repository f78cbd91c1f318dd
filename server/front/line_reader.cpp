// SPDX-License-Identifier: Apache-2.0
#include "server/front/line_reader.h"

#include <algorithm>

namespace tarn::server::front {

LineReader::Outcome LineReader::take(Bytes& bytes, std::size_t limit) {
  constexpr std::size_t line_end = 2;
  if (finished_) gathered_.clear();
  finished_ = false;
  const std::size_t room = limit + line_end - gathered_.size();
  const std::string_view window = as_text(bytes.first(std::min(room, bytes.size())));
  const std::size_t feed = window.find('\n');
  if (feed == std::string_view::npos) {
    gathered_.append(window);
    bytes = bytes.subspan(window.size());
    return window.size() == room ? Outcome::too_long : Outcome::more;
  }
  bytes = bytes.subspan(feed + 1);
  finished_ = true;
  line_ = window.substr(0, feed);
  if (!gathered_.empty()) {
    gathered_.append(line_);
    line_ = gathered_;
  }
  if (!line_.ends_with('\r')) return Outcome::bare_lf;
  line_.remove_suffix(1);
  return line_.find('\r') == std::string_view::npos ? Outcome::line : Outcome::bare_cr;
}

void LineReader::reset() {
  std::string{}.swap(gathered_);
  line_ = {};
  finished_ = true;
}

}  // namespace tarn::server::front
