#pragma once

#include "runtime/batch/record_batch.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace flott {

/// A batch as bytes, for other processes and for snapshots. Little-endian.
///
///     0  magic "FLB1"   4  version u16, flags u16 (1: event times)
///     8  rows u32      12  columns u32
///    16  schema fingerprint u64
///    24  for every column (event times last, as an int64 column): type u8, 7 zero bytes, section bytes u64
///        the sections in the same order, each padded to 8 bytes:
///          fixed width: the values
///          text: `rows` sizes u32, padded to 8 bytes, then the characters one after another
///
/// Only live rows are written, and only their characters.
inline constexpr std::uint16_t wire_version = 1;
/// No batch has more rows; a longer one is split before it is sent.
inline constexpr std::uint32_t max_wire_rows = 1U << 20;

/// Exactly what `encode` will write.
[[nodiscard]] std::size_t encoded_size(const record_batch& batch);

/// Writes the batch into one arena charged to `budget`, `reserve` bytes behind its beginning, so that a frame's header
/// can stand before it. The arena's capacity is reserve + encoded_size. Requires: `reserve` a multiple of 8,
/// batch.rows() <= max_wire_rows, not the batch without a schema.
[[nodiscard]] std::shared_ptr<arena> encode(const record_batch& batch, const std::shared_ptr<memory_budget>& budget,
                                            std::size_t reserve = 0);

/// The batch in `bytes`, which lie in `owner`; columns and texts share it where alignment allows (8 bytes).
///
/// Trusts nothing: every length is checked, booleans are 0 or 1, and all bytes are accounted for. Error: permanent,
/// internal; says what is wrong, a schema other than `expected` included. Allocations are charged to `budget` and at
/// most about five times `bytes`.
result<record_batch> decode(arena_ptr owner, std::span<const std::byte> bytes, const schema_ptr& expected,
                            const std::shared_ptr<memory_budget>& budget);
/// The same from bytes that somebody else keeps: copies them first.
result<record_batch> decode(std::span<const std::byte> bytes, const schema_ptr& expected,
                            const std::shared_ptr<memory_budget>& budget);

}  // namespace flott
