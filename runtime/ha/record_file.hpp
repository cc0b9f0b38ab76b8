#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace flott {

/// CRC32C (Castagnoli), as iSCSI and ext4 use it: of "123456789" it is 0xe3069283.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes);

/// Puts the header of our files in front of `content`: an 8-byte magic, version, length, CRC32C of the content; numbers
/// are 32 bits, little-endian.
[[nodiscard]] std::string seal_record(std::string_view magic, std::string_view content);

/// The content behind the header, a view into `file`. Errors name `where` and say what does not fit: too short, other
/// magic, a version that is newer than this program, other length, other checksum.
result<std::string_view> open_record(std::string_view magic, std::string_view file, const std::string& where);

}  // namespace flott
