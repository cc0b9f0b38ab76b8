#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iosfwd>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace flott {

/// A string in a column: pointer, length and its first four characters, which settle most comparisons without a
/// look at the rest. Owns nothing: in a user's function it is valid during the call, in a batch as long as the batch.
class text {
 public:
  constexpr text() noexcept = default;
  text(const char* data, std::uint32_t size) noexcept : data_(data), meta_(joined(size, load_prefix(data, size))) {}
  /// The same without a branch on the size. Requires: four readable bytes at `data`, as everywhere in an arena.
  [[nodiscard]] static text in_arena(const char* data, std::uint32_t size) noexcept {
    text made;
    std::uint32_t first;
    std::memcpy(&first, data, sizeof first);
    made.data_ = data;
    made.meta_ = joined(size, first & static_cast<std::uint32_t>((std::uint64_t{1} << (size < 4 ? 8 * size : 32)) - 1));
    return made;
  }
  text(std::string_view s) : text(s.data(), checked(s.size())) {}          // NOLINT: implicit by design
  text(const std::string& s) : text(std::string_view(s)) {}                // NOLINT: implicit by design
  text(const char* s) : text(std::string_view(s)) {}                       // NOLINT: implicit by design

  [[nodiscard]] const char* data() const noexcept { return data_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(meta_); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] const char* begin() const noexcept { return data_; }
  [[nodiscard]] const char* end() const noexcept { return data_ + size(); }
  [[nodiscard]] char operator[](std::size_t i) const noexcept { return data_[i]; }
  [[nodiscard]] std::string_view view() const noexcept { return {data_, size()}; }
  operator std::string_view() const noexcept { return view(); }            // NOLINT: implicit by design
  [[nodiscard]] std::string str() const { return std::string(view()); }

  friend bool operator==(const text& a, const text& b) noexcept {
    return a.meta_ == b.meta_ && (a.size() <= 4 || std::memcmp(a.data_ + 4, b.data_ + 4, a.size() - 4) == 0);
  }
  friend std::strong_ordering operator<=>(const text& a, const text& b) noexcept { return a.view() <=> b.view(); }
  template <class S>
    requires(std::is_convertible_v<const S&, std::string_view> && !std::is_same_v<S, text>)
  friend bool operator==(const text& a, const S& b) noexcept { return a.view() == std::string_view(b); }
  template <class S>
    requires(std::is_convertible_v<const S&, std::string_view> && !std::is_same_v<S, text>)
  friend std::strong_ordering operator<=>(const text& a, const S& b) noexcept {
    return a.view() <=> std::string_view(b);
  }

 private:
  static std::uint32_t checked(std::size_t size) {
    if (size > std::numeric_limits<std::uint32_t>::max())
      throw std::length_error("a text is limited to 4 GiB");
    return static_cast<std::uint32_t>(size);
  }
  static std::uint32_t load_prefix(const char* data, std::uint32_t size) noexcept {
    std::uint32_t prefix = 0;
    if (size >= 4)
      std::memcpy(&prefix, data, 4);
    else if (size > 0)                   // three overlapping loads instead of a loop; little-endian
      prefix = static_cast<unsigned char>(data[0]) |
               static_cast<std::uint32_t>(static_cast<unsigned char>(data[size >> 1])) << (8 * (size >> 1)) |
               static_cast<std::uint32_t>(static_cast<unsigned char>(data[size - 1])) << (8 * (size - 1));
    return prefix;
  }

  static constexpr std::uint64_t joined(std::uint32_t size, std::uint32_t prefix) noexcept {
    return size | std::uint64_t{prefix} << 32;
  }

  const char* data_ = nullptr;
  /// Size in the lower half; in the upper one the first four characters, zeros behind a shorter text. One word, so
  /// that a text just made is copied by forwarding one store, which two halves would block.
  std::uint64_t meta_ = 0;
};

static_assert(sizeof(text) == 16 && std::is_trivially_copyable_v<text>);

std::ostream& operator<<(std::ostream& out, const text& value);

}  // namespace flott

template <>
struct std::hash<flott::text> {
  std::size_t operator()(const flott::text& value) const noexcept {
    return std::hash<std::string_view>{}(value.view());
  }
};
