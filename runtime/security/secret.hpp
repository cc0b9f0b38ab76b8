#pragma once

#include "runtime/base/env.hpp"

namespace flott {

/// The cluster's secret: 32 random bytes that every node holds. In a file of 64 hex digits with mode 0600.
inline constexpr std::size_t secret_bytes = 32;

/// The raw bytes. Errors (user, permanent): missing, readable or writable by others, not a regular file, not 64 hex
/// digits; each names the file and what to do.
[[nodiscard]] result<std::string> read_secret(const std::filesystem::path& file);

/// Makes a new secret and its file. Error: the file is there already.
[[nodiscard]] result<std::string> create_secret(const std::filesystem::path& file, env& environment);

/// `read_secret` if the file is there, else `create_secret`.
[[nodiscard]] result<std::string> read_or_create_secret(const std::filesystem::path& file, env& environment);

}  // namespace flott
