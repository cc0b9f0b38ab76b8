#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace flott {

/// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78, as in RFC 3720). `seed` is the value of the bytes before.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t seed = 0) noexcept;

}  // namespace flott
