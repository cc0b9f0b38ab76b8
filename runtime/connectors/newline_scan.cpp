#include "runtime/connectors/newline_scan.hpp"

#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace flott {
namespace {

constexpr std::size_t block = 64;

/// Whole blocks, then the rest byte by byte. `Mask` gives a bit for each newline of 64 bytes.
template <class Mask>
[[gnu::always_inline]] inline std::size_t scan(const char* data, std::size_t from, std::size_t size,
                                               std::uint32_t* positions, std::size_t room, std::size_t& count,
                                               Mask mask) {
  std::size_t at = from, found = 0;
  for (; size - at >= block && room - found >= block; at += block)
    for (std::uint64_t bits = mask(data + at); bits != 0; bits &= bits - 1)
      positions[found++] = static_cast<std::uint32_t>(at + static_cast<std::size_t>(std::countr_zero(bits)));
  if (size - at < block)
    for (; at < size && found < room; ++at)
      if (data[at] == '\n')
        positions[found++] = static_cast<std::uint32_t>(at);
  count = found;
  return at;
}

#if defined(__x86_64__)

std::size_t scan_sse2(const char* data, std::size_t from, std::size_t size, std::uint32_t* positions,
                      std::size_t room, std::size_t& count) {
  const __m128i newline = _mm_set1_epi8('\n');
  return scan(data, from, size, positions, room, count, [newline](const char* p) {
    std::uint64_t bits = 0;
    for (int i = 0; i < 4; ++i) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * i));
      bits |= static_cast<std::uint64_t>(static_cast<std::uint16_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, newline))))
              << (16 * i);
    }
    return bits;
  });
}

/// A lambda would not inherit the target, so the loop is written out.
[[gnu::target("avx2,bmi")]] std::size_t scan_avx2(const char* data, std::size_t from, std::size_t size,
                                                  std::uint32_t* positions, std::size_t room, std::size_t& count) {
  const __m256i newline = _mm256_set1_epi8('\n');
  std::size_t at = from, found = 0;
  for (; size - at >= block && room - found >= block; at += block) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + at));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + at + 32));
    const auto low_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, newline)));
    const auto high_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, newline)));
    for (std::uint64_t bits = low_bits | static_cast<std::uint64_t>(high_bits) << 32; bits != 0; bits &= bits - 1)
      positions[found++] = static_cast<std::uint32_t>(at + static_cast<std::size_t>(__builtin_ctzll(bits)));
  }
  std::size_t rest = 0;
  const std::size_t reached = scan_sse2(data, at, size, positions + found, room - found, rest);
  count = found + rest;
  return reached;
}

#endif

}  // namespace

std::size_t find_newlines(const char* data, std::size_t from, std::size_t size, std::uint32_t* positions,
                          std::size_t room, std::size_t& count) {
#if defined(__x86_64__)
  static const bool wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
  return wide ? scan_avx2(data, from, size, positions, room, count)
              : scan_sse2(data, from, size, positions, room, count);
#else
  std::size_t found = 0, at = from;
  while (at < size && found < room) {
    const void* hit = std::memchr(data + at, '\n', size - at);
    if (hit == nullptr) {
      at = size;
      break;
    }
    const auto position = static_cast<std::size_t>(static_cast<const char*>(hit) - data);
    positions[found++] = static_cast<std::uint32_t>(position);
    at = position + 1;
  }
  count = found;
  return at;
#endif
}

}  // namespace flott
