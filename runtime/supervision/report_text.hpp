#pragma once

#include <string>

namespace flott::supervision {

/// What a child said, as reports carry it: one line, of at most 2,000 bytes. Of more, beginning and end are kept, since the
/// first cause stands at the end of what comes from deep in a tree.
[[nodiscard]] std::string report_text(std::string text);

}  // namespace flott::supervision
