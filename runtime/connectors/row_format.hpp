#pragma once

#include "runtime/batch/record_batch.hpp"

#include <cstdint>
#include <string>

namespace flott {

/// The schema's names as a line of CSV (RFC 4180 quoting, ended by LF).
void append_csv_header(std::string& to, const schema& shape);
/// One physical row as a line of CSV: characters as they are, quoted only where they must be; numbers in the shortest
/// form that reads back the same.
void append_csv_row(std::string& to, const record_batch& batch, std::uint32_t row);

/// One physical row as a JSON object on one line. Bytes that are no UTF-8 become U+FFFD; numbers that are not finite
/// become null; 64-bit numbers are written out in full.
void append_json_row(std::string& to, const record_batch& batch, std::uint32_t row);
/// A JSON string with its quotes.
void append_json_string(std::string& to, std::string_view value);

}  // namespace flott
