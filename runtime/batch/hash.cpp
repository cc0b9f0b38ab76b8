#include "runtime/batch/hash.hpp"

#include "runtime/batch/record_batch.hpp"

#include <bit>
#include <cassert>
#include <limits>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace flott {
namespace {

template <class T, class Hash>
void hash_column(const record_batch& batch, const column& c, std::span<std::uint64_t> hashes, bool first, Hash hash) {
  const T* values = c.as<T>();
  std::uint64_t* out = hashes.data();
  if (first)
    batch.for_each_row([&](std::uint32_t row) { *out++ = hash(values[row]); });
  else
    batch.for_each_row([&](std::uint32_t row) { *out = combine_hashes(*out, hash(values[row])); ++out; });
}

}  // namespace

std::uint64_t hash_float(double value) noexcept {
  if (value == 0.0)
    value = 0.0;
  else if (value != value)
    value = std::numeric_limits<double>::quiet_NaN();
  return hash_integer(std::bit_cast<std::uint64_t>(value));
}

std::uint64_t detail::hash_long_text(const char* data, std::size_t size) noexcept {
  return XXH3_64bits(data, size);
}

std::uint64_t hash_text(std::string_view s) noexcept {
  if (s.size() > 16)
    return detail::hash_long_text(s.data(), s.size());
  char padded[16] = {};
  if (!s.empty())
    std::memcpy(padded, s.data(), s.size());
  return detail::hash_short_text(load_words(padded, static_cast<std::uint32_t>(s.size())),
                                 static_cast<std::uint32_t>(s.size()));
}

void hash_rows(const record_batch& batch, std::span<const std::uint32_t> key_columns,
               std::span<std::uint64_t> hashes) {
  assert(hashes.size() == batch.rows());
  bool first = true;
  const auto of_integer = [](auto value) { return hash_integer(static_cast<std::uint64_t>(static_cast<std::int64_t>(value))); };
  for (const std::uint32_t i : key_columns) {
    const column& c = *batch.column_at(i);
    switch (c.type) {
      case field_type::boolean: hash_column<std::uint8_t>(batch, c, hashes, first, of_integer); break;
      case field_type::int32: hash_column<std::int32_t>(batch, c, hashes, first, of_integer); break;
      case field_type::uint32: hash_column<std::uint32_t>(batch, c, hashes, first, of_integer); break;
      case field_type::int64:
      case field_type::uint64: hash_column<std::uint64_t>(batch, c, hashes, first, hash_integer); break;
      case field_type::float64: hash_column<double>(batch, c, hashes, first, hash_float); break;
      case field_type::text: hash_column<text>(batch, c, hashes, first, hash_batch_text); break;
    }
    first = false;
  }
}

}  // namespace flott
