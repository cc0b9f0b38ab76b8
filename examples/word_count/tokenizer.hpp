#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSSE3__)
#include <immintrin.h>
#endif

namespace word_count {

/// What a character becomes in a word: itself in lower case, or 0 if it is part of none (words are maximal runs of ASCII
/// letters, digits and '_').
inline constexpr std::array<char, 256> letter_of = [] {
  std::array<char, 256> table{};
  for (int c = 0; c < 128; ++c) {
    const auto ch = static_cast<char>(c);
    if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_')
      table[static_cast<std::size_t>(c)] = ch;
    else if (ch >= 'A' && ch <= 'Z')
      table[static_cast<std::size_t>(c)] = static_cast<char>(ch - 'A' + 'a');
  }
  return table;
}();

/// Characters that `lower_block` handles at once.
inline constexpr std::size_t block = 64;

/// Room that the tokenizer needs for a line of `size` characters.
constexpr std::size_t room_for(std::size_t size) { return (size + block) / block * block; }

/// Writes 64 characters in lower case and returns which of them belong to words, a bit each.
inline std::uint64_t lower_block(const char* from, char* to) {
  std::uint64_t bits = 0;
#if defined(__SSSE3__)
  // A character belongs to a word if the bit that its high half selects is set in the entry of its low half: 1 for
  // digits (0x30-0x39), 2 for the first column of letters (0x41-0x4f), 4 for the second (0x50-0x5a, 0x5f).
  const __m128i by_low = _mm_setr_epi8(5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 2, 2, 2, 2, 6);
  const __m128i by_high = _mm_setr_epi8(0, 0, 0, 1, 2, 4, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m128i low_half = _mm_set1_epi8(0x0f);
  for (std::size_t i = 0; i < block; i += 16) {
    const __m128i c = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    const __m128i upper = _mm_and_si128(_mm_cmpgt_epi8(c, _mm_set1_epi8('A' - 1)),
                                        _mm_cmpgt_epi8(_mm_set1_epi8('Z' + 1), c));
    const __m128i lower = _mm_or_si128(c, _mm_and_si128(upper, _mm_set1_epi8(0x20)));
    const __m128i high = _mm_and_si128(_mm_srli_epi16(c, 4), low_half);
    const __m128i in_word = _mm_and_si128(_mm_shuffle_epi8(by_low, _mm_and_si128(c, low_half)),
                                          _mm_shuffle_epi8(by_high, high));
    // 0x7f is DEL: the table of the second column has '_' for 0x5f, and lower case has none there.
    const __m128i none = _mm_or_si128(_mm_cmpeq_epi8(in_word, _mm_setzero_si128()),
                                      _mm_cmpeq_epi8(c, _mm_set1_epi8(0x7f)));
    const auto outside = static_cast<std::uint16_t>(_mm_movemask_epi8(none));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), lower);
    bits |= static_cast<std::uint64_t>(static_cast<std::uint16_t>(~outside)) << i;
  }
#else
  for (std::size_t i = 0; i < block; ++i) {
    const char c = letter_of[static_cast<unsigned char>(from[i])];
    to[i] = c;
    bits |= static_cast<std::uint64_t>(c != 0) << i;
  }
#endif
  return bits;
}

/// Calls `found(const char* word, std::uint32_t size)` for each word of `line`, in lower case, in order. The words lie in
/// `room`, which has `room_for(line.size())` characters.
template <class Found>
void for_each_word(std::string_view line, char* room, Found&& found) {
  bool in_word = false;
  char* word = nullptr;
  for (std::size_t at = 0; at <= line.size(); at += block) {
    const std::size_t left = line.size() - at;
    std::uint64_t bits = 0;
    if (left >= block) {
      bits = lower_block(line.data() + at, room + at);
    } else {                                       // behind the line's end stand zeros, so its last word ends, too
      alignas(16) char rest[block] = {};
      if (left != 0)
        std::memcpy(rest, line.data() + at, left);
      bits = lower_block(rest, room + at);
    }
    // Bits where a run of ones begins, and where one has ended.
    std::uint64_t edges = bits ^ (bits << 1 | (in_word ? 1 : 0));
    if (in_word && edges != 0) {
      found(word, static_cast<std::uint32_t>(room + at + std::countr_zero(edges) - word));
      edges &= edges - 1;
      in_word = false;
    }
    while (edges != 0) {
      word = room + at + std::countr_zero(edges);
      edges &= edges - 1;
      if (edges == 0) {
        in_word = true;
        break;
      }
      found(word, static_cast<std::uint32_t>(room + at + std::countr_zero(edges) - word));
      edges &= edges - 1;
    }
  }
}

}  // namespace word_count
