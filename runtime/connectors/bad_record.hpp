#pragma once

#include "runtime/base/failure.hpp"
#include "runtime/connectors/file_source.hpp"

#include <string>
#include <string_view>

namespace flott {

/// What a job throws for a line or record it cannot read: permanent, the user's, naming file and line number (counted
/// from the file's start). `position` is the character of the value that is to blame.
///
///     throw flott::bad_record(line, "the size is no number: " + flott::quoted(size));
[[nodiscard]] failure_exception bad_record(const line& from, std::string message, std::size_t position = 0);
[[nodiscard]] failure_exception bad_record(const record& from, std::string message, std::size_t position = 0);

/// Input for a message: in single quotes, cut to a readable length, what is not printable ASCII as \xNN.
[[nodiscard]] std::string quoted(std::string_view input);

}  // namespace flott
