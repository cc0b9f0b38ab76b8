#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flott {

/// The numbers are those of the wire format.
enum class field_type : std::uint8_t { boolean = 1, int32, int64, uint32, uint64, float64, text };

[[nodiscard]] std::string_view to_string(field_type type);

/// Bytes of one value in a column's array.
[[nodiscard]] constexpr std::size_t width_of(field_type type) noexcept {
  switch (type) {
    case field_type::boolean: return 1;
    case field_type::int32:
    case field_type::uint32: return 4;
    case field_type::text: return 16;
    default: return 8;
  }
}

struct field {
  std::string name;
  field_type type = field_type::int64;
  bool operator==(const field&) const = default;
};

/// Names and types of a batch's columns, in order. Immutable and shared.
class schema {
 public:
  explicit schema(std::vector<field> fields);

  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
  [[nodiscard]] const field& operator[](std::size_t i) const { return fields_[i]; }
  [[nodiscard]] const std::vector<field>& fields() const noexcept { return fields_; }
  [[nodiscard]] std::optional<std::size_t> index_of(std::string_view name) const noexcept;
  /// A hash of names and types, the same in every process.
  [[nodiscard]] std::uint64_t fingerprint() const noexcept { return fingerprint_; }
  [[nodiscard]] std::size_t row_width() const noexcept { return row_width_; }
  /// "word text, count int64", for messages.
  [[nodiscard]] std::string to_string() const;

  bool operator==(const schema& other) const { return fields_ == other.fields_; }

 private:
  std::vector<field> fields_;
  std::uint64_t fingerprint_ = 0;
  std::size_t row_width_ = 0;
};

using schema_ptr = std::shared_ptr<const schema>;

[[nodiscard]] schema_ptr make_schema(std::vector<field> fields);

}  // namespace flott
