#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace flott {

/// 128 bits, written as 32 lower-case hex digits everywhere (REST, logs, messages). `Tag` keeps kinds apart.
template <class Tag>
struct id128 {
  std::array<std::uint8_t, 16> bytes{};

  /// The 32 lower-case hex digits.
  [[nodiscard]] std::string hex() const {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text(32, '0');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      text[2 * i] = digits[bytes[i] >> 4];
      text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return text;
  }

  /// Accepts exactly 32 hex digits in either case; anything else is nullopt.
  [[nodiscard]] static std::optional<id128> parse(std::string_view text) {
    if (text.size() != 32)
      return std::nullopt;
    id128 id;
    for (std::size_t i = 0; i < 32; ++i) {
      const char c = text[i];
      int digit = 0;
      if (c >= '0' && c <= '9') digit = c - '0';
      else if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
      else if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
      else return std::nullopt;
      id.bytes[i / 2] = static_cast<std::uint8_t>(id.bytes[i / 2] << 4 | digit);
    }
    return id;
  }

  /// The id made of two words, for random generation and structural hashes.
  [[nodiscard]] static id128 from_words(std::uint64_t high, std::uint64_t low) {
    id128 id;
    for (int i = 0; i < 8; ++i) {
      id.bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
      id.bytes[static_cast<std::size_t>(i + 8)] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
    }
    return id;
  }

  [[nodiscard]] bool empty() const { return *this == id128{}; }
  auto operator<=>(const id128&) const = default;
};

using job_id = id128<struct job_id_tag>;
using vertex_id = id128<struct vertex_id_tag>;
using operator_id = id128<struct operator_id_tag>;
using allocation_id = id128<struct allocation_id_tag>;
/// One life of one process or actor; a restarted one has another.
using incarnation_id = id128<struct incarnation_id_tag>;

}  // namespace flott

template <class Tag>
struct std::hash<flott::id128<Tag>> {
  std::size_t operator()(const flott::id128<Tag>& id) const noexcept {
    std::size_t h = 0;
    std::memcpy(&h, id.bytes.data(), sizeof h);
    return h;
  }
};
