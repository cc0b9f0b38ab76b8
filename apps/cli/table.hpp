#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace flott::cli {

/// Rows of text under a header, columns padded to their widest cell (counted in characters, not bytes); columns that
/// hold only numbers are set to the right. At most `most_rows` rows, then a line that says how many are left out.
[[nodiscard]] std::string table(const std::vector<std::string>& header,
                                const std::vector<std::vector<std::string>>& rows,
                                std::size_t most_rows = static_cast<std::size_t>(-1));

/// Collected results, JSON objects, as one table a sink. Columns come in `columns`' order where that is given, else in
/// the order of the objects' members. Text that is no JSON object is shown as it is.
[[nodiscard]] std::string result_tables(const std::vector<std::string>& rows, const std::vector<std::string>& columns,
                                        std::size_t most_rows = static_cast<std::size_t>(-1));

/// "1.2 s", "340 ms", "2 min 5 s", for people.
[[nodiscard]] std::string duration_text(long long milliseconds);

}  // namespace flott::cli
