#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace flott {

static_assert(std::endian::native == std::endian::little, "frames are little-endian and written as they lie");

/// Appends numbers and texts to a string.
class byte_writer {
 public:
  explicit byte_writer(std::string& to) : to_(to) {}
  template <class T>
    requires std::is_integral_v<T>
  void number(T value) {
    to_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void raw(std::span<const std::uint8_t> bytes) {
    to_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  /// Its length first, as u16; cut to `most` bytes.
  void text(std::string_view value, std::size_t most = 0xffff) {
    value = value.substr(0, most);
    number(static_cast<std::uint16_t>(value.size()));
    to_.append(value);
  }

 private:
  std::string& to_;
};

/// Reads what a byte_writer wrote, from bytes that may be anything. After a read beyond the end everything is zero
/// and `complete()` is false.
class byte_reader {
 public:
  explicit byte_reader(std::span<const std::byte> from) : left_(from) {}
  template <class T>
    requires std::is_integral_v<T>
  T number() {
    T value{};
    if (const auto bytes = take(sizeof value); bytes.size() == sizeof value)
      std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  void raw(std::span<std::uint8_t> to) {
    if (const auto bytes = take(to.size()); bytes.size() == to.size() && !to.empty())
      std::memcpy(to.data(), bytes.data(), to.size());
  }
  std::string text() {
    const auto bytes = take(number<std::uint16_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  [[nodiscard]] bool ok() const { return ok_; }
  /// Everything could be read, and nothing is left.
  [[nodiscard]] bool complete() const { return ok_ && left_.empty(); }

 private:
  std::span<const std::byte> take(std::size_t size) {
    if (size > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const auto taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }

  std::span<const std::byte> left_;
  bool ok_ = true;
};

}  // namespace flott
