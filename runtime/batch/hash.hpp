#pragma once

#include "runtime/batch/text.hpp"

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace flott {

class record_batch;

/// Hashes of keys: 64 bits, the same in every process and version, since they decide where a key's state lives.
/// All of their bits are good, the low as the high ones.

/// For all integers (sign-extended) and booleans. Two rounds of multiply and xor-shift, after Degski.
[[nodiscard]] constexpr std::uint64_t hash_integer(std::uint64_t x) noexcept {
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ULL;
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ULL;
  return x ^ (x >> 32);
}

[[nodiscard]] constexpr std::uint64_t combine_hashes(std::uint64_t first, std::uint64_t second) noexcept {
  return hash_integer(first * 0x9e3779b97f4a7c15ULL + second);
}

/// Equal numbers hash equally: -0.0 as 0.0, every NaN alike.
[[nodiscard]] std::uint64_t hash_float(double value) noexcept;

/// The first 16 characters of a text as two words, zeros behind its end.
struct text_words {
  std::uint64_t low = 0, high = 0;
};

namespace detail {
[[nodiscard]] inline std::uint64_t multiply_fold(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using wide = unsigned __int128;
  const wide product = static_cast<wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// Of a text of at most 16 characters: no branch depends on its length.
[[nodiscard]] inline std::uint64_t hash_short_text(text_words w, std::uint32_t size) noexcept {
  const std::uint64_t a = w.low ^ 0x9e3779b97f4a7c15ULL;
  const std::uint64_t b = w.high ^ 0xc2b2ae3d27d4eb4fULL ^ (size * 0xa0761d6478bd642fULL);
  return multiply_fold(multiply_fold(a, b) ^ 0xe7037ed1a0b428dbULL,
                       (w.low + (w.high << 23 | w.high >> 41)) ^ 0x8ebc6af09c88c6e3ULL);
}
/// Of a longer one: XXH3.
[[nodiscard]] std::uint64_t hash_long_text(const char* data, std::size_t size) noexcept;

inline constexpr std::uint64_t low_masks[17] = {
    0x0, 0xff, 0xffff, 0xffffff, 0xffffffff, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff, ~0ULL,
    ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL};
inline constexpr std::uint64_t high_masks[17] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xffff, 0xffffff, 0xffffffff, 0xffffffffff, 0xffffffffffff,
    0xffffffffffffff, ~0ULL};
}  // namespace detail

/// Requires: 16 readable bytes at `data`, whatever the size (every text in a batch has them, see arena::padding;
/// an empty text may be null).
/// What lies behind the text may be written by another thread meanwhile; it is masked off, whatever it is, so
/// ThreadSanitizer is not to look.
#if defined(__SANITIZE_THREAD__)
__attribute__((no_sanitize("thread"), noinline))
#endif
[[nodiscard]] inline text_words load_words(const char* data, std::uint32_t size) noexcept {
  if (size == 0)
    return {};
  text_words w;
  std::memcpy(&w.low, data, 8);
  std::memcpy(&w.high, data + 8, 8);
  const std::uint32_t n = size < 16 ? size : 16;
  w.low &= detail::low_masks[n];
  w.high &= detail::high_masks[n];
  return w;
}

/// Of a text in a batch.
[[nodiscard]] inline std::uint64_t hash_batch_text(const text& t) noexcept {
  return t.size() <= 16 ? detail::hash_short_text(load_words(t.data(), t.size()), t.size())
                        : detail::hash_long_text(t.data(), t.size());
}

/// Of any string; equals `hash_batch_text` of the same characters.
[[nodiscard]] std::uint64_t hash_text(std::string_view s) noexcept;

/// One hash for each live row: of its value in the key column, or of all key columns combined.
/// Requires: hashes.size() == batch.rows(), at least one column.
void hash_rows(const record_batch& batch, std::span<const std::uint32_t> key_columns,
               std::span<std::uint64_t> hashes);

}  // namespace flott
