#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#if defined(__SSSE3__)
#include <immintrin.h>
#endif

namespace word_count {

/// Characters that are looked at together.
inline constexpr std::size_t step = 16;

/// Writes 16 characters in lower case and returns which of them belong to words (ASCII letters, digits and '_'), a bit
/// each.
inline std::uint16_t lower_step(const char* from, char* to) {
#if defined(__SSSE3__)
  // A character belongs to a word if the entries of its two halves have a bit in common: 1 for digits (0x30-0x39), 2 for
  // the first column of letters (0x41-0x4f, 0x61-0x6f), 4 for the second (0x50-0x5a, 0x5f, 0x70-0x7a). 0x7f is the one
  // character too many.
  const __m128i by_low = _mm_setr_epi8(5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 2, 2, 2, 2, 6);
  const __m128i by_high = _mm_setr_epi8(0, 0, 0, 1, 2, 4, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m128i half = _mm_set1_epi8(0x0f);
  const __m128i c = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  const __m128i upper = _mm_and_si128(_mm_cmpgt_epi8(c, _mm_set1_epi8('A' - 1)),
                                      _mm_cmpgt_epi8(_mm_set1_epi8('Z' + 1), c));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_or_si128(c, _mm_and_si128(upper, _mm_set1_epi8(0x20))));
  const __m128i in_word = _mm_and_si128(_mm_shuffle_epi8(by_low, _mm_and_si128(c, half)),
                                        _mm_shuffle_epi8(by_high, _mm_and_si128(_mm_srli_epi16(c, 4), half)));
  const __m128i outside = _mm_or_si128(_mm_cmpeq_epi8(in_word, _mm_setzero_si128()),
                                       _mm_cmpeq_epi8(c, _mm_set1_epi8(0x7f)));
  return static_cast<std::uint16_t>(~_mm_movemask_epi8(outside));
#else
  unsigned bits = 0;
  for (std::size_t i = 0; i < step; ++i) {
    const char c = from[i];
    const bool upper = c >= 'A' && c <= 'Z';
    to[i] = upper ? static_cast<char>(c - 'A' + 'a') : c;
    const bool in_word = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    bits |= static_cast<unsigned>(in_word) << i;
  }
  return static_cast<std::uint16_t>(bits);
#endif
}

/// Splits lines into words: maximal runs of ASCII letters, digits and '_', in lower case.
///
///     line          The  cat, the dog
///     lowered       the  cat, the dog..      each line to a multiple of 16, at least one character behind its end
///     word bits     111001110011101110       a word begins where a bit differs from the one before, and ends at the next
///
/// Many lines are lowered before their words are cut out, so that the second never waits for the first's stores.
class tokenizer {
 public:
  /// Adds a line. Requires: 16 characters behind its end may be read, as behind every text of a batch.
  void add(std::string_view line) {
    if (line.empty())
      return;
    const std::size_t steps = line.size() / step + 1;
    if (used_ + steps + 4 > bits_.size()) {
      bits_.resize(2 * (used_ + steps + 4));
      lowered_.resize(bits_.size() * step);
    }
    char* to = lowered_.data() + used_ * step;
    std::uint16_t* bits = bits_.data() + used_;
    for (std::size_t i = 0; i < steps; ++i)
      bits[i] = lower_step(line.data() + i * step, to + i * step);
    bits[steps - 1] &= static_cast<std::uint16_t>((1U << line.size() % step) - 1);
    used_ += steps;
  }

  /// Characters of the lines that wait.
  [[nodiscard]] std::size_t pending() const { return used_ * step; }

  /// Calls `found(const char* word, std::uint32_t size)` for each word of the lines that wait, in order; then none wait.
  /// 16 characters may be read at each word.
  template <class Found>
  void for_each_word(Found&& found) {
    std::memset(bits_.data() + used_, 0, 4 * sizeof(std::uint16_t));
    const char* const lowered = lowered_.data();
    std::uint64_t carry = 0;                       // whether the character before is part of a word
    const char* word = nullptr;
    for (std::size_t at = 0; at < used_; at += 4) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, bits_.data() + at, sizeof bits);
      std::uint64_t edges = bits ^ (bits << 1 | carry);
      const char* const from = lowered + at * step;
      if (carry != 0 && edges != 0) {
        found(word, static_cast<std::uint32_t>(from + std::countr_zero(edges) - word));
        edges &= edges - 1;
      } else if (carry != 0) {
        continue;
      }
      carry = bits >> 63;
      while (edges != 0) {
        word = from + std::countr_zero(edges);
        edges &= edges - 1;
        if (edges == 0)
          break;                                   // goes on in the next bits
        found(word, static_cast<std::uint32_t>(from + std::countr_zero(edges) - word));
        edges &= edges - 1;
      }
    }
    used_ = 0;
  }

 private:
  std::vector<char> lowered_ = std::vector<char>(512 * step);
  std::vector<std::uint16_t> bits_ = std::vector<std::uint16_t>(512);
  std::size_t used_ = 0;                           ///< steps
};

}  // namespace word_count
