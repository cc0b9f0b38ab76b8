#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace flott::cli {

/// One line of text that cannot drive a terminal, of text that others wrote: control characters (C0, C1, DEL), what changes
/// the direction of writing, line separators and bytes that are no UTF-8 become one blank each.
[[nodiscard]] std::string printable(std::string_view text);

/// How many characters a UTF-8 text has.
[[nodiscard]] std::size_t characters(std::string_view text);

/// At most `most` characters of it, the last a "…" where some are left out: at the end, or at the beginning.
[[nodiscard]] std::string cut_end(std::string_view text, std::size_t most);
[[nodiscard]] std::string cut_begin(std::string_view text, std::size_t most);

}  // namespace flott::cli
