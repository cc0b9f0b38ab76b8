#pragma once

#include "runtime/base/result.hpp"
#include "runtime/batch/record_batch.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flott {

/// What an operator keeps of itself, as fields by name: a later version adds fields and reads what is there.
///
///     0  magic "FLS1"   4  version u16, zero u16   8  number of fields u32, zero u32
///    16  for every field: size of the name u32, zero u32, size of the value u64, name, value, each padded to 8 bytes
class snapshot_writer {
 public:
  /// Requires of all: a name is used once.
  void put_integer(std::string_view name, std::int64_t value);
  void put_unsigned(std::string_view name, std::uint64_t value);
  void put_bytes(std::string_view name, std::string_view value);
  /// Requires: at most max_wire_rows rows; not the batch without a schema.
  void put_batch(std::string_view name, const record_batch& batch);
  /// The batches one by one under "name.0", "name.1", ..., and their number under "name".
  void put_batches(std::string_view name, std::span<const record_batch> batches);

  [[nodiscard]] std::string finish() &&;

 private:
  std::string fields_;
  std::uint32_t count_ = 0;
};

/// Reads what a writer wrote. Bytes come from outside: everything is checked. A missing field or one of another kind
/// is an error that names it.
class snapshot_reader {
 public:
  /// Keeps its own copy of the bytes.
  static result<snapshot_reader> parse(std::string bytes);

  [[nodiscard]] bool has(std::string_view name) const { return fields_.contains(name); }
  [[nodiscard]] result<std::int64_t> integer(std::string_view name) const;
  [[nodiscard]] result<std::uint64_t> unsigned_integer(std::string_view name) const;
  /// Valid as long as the reader.
  [[nodiscard]] result<std::string_view> bytes(std::string_view name) const;
  [[nodiscard]] result<record_batch> batch(std::string_view name, const schema_ptr& expected,
                                           const std::shared_ptr<memory_budget>& budget) const;
  [[nodiscard]] result<std::vector<record_batch>> batches(std::string_view name, const schema_ptr& expected,
                                                          const std::shared_ptr<memory_budget>& budget) const;

 private:
  std::shared_ptr<const std::string> owned_;
  std::map<std::string, std::string_view, std::less<>> fields_;
};

}  // namespace flott
