#include "runtime/batch/schema.hpp"

#include "runtime/batch/hash.hpp"
#include "runtime/batch/text.hpp"

#include <ostream>

namespace flott {

std::string_view to_string(field_type type) {
  switch (type) {
    case field_type::boolean: return "boolean";
    case field_type::int32: return "int32";
    case field_type::int64: return "int64";
    case field_type::uint32: return "uint32";
    case field_type::uint64: return "uint64";
    case field_type::float64: return "float64";
    case field_type::text: return "text";
  }
  return "unknown";
}

schema::schema(std::vector<field> fields) : fields_(std::move(fields)) {
  fingerprint_ = hash_integer(fields_.size());
  for (const field& f : fields_) {
    fingerprint_ = combine_hashes(fingerprint_, hash_text(f.name));
    fingerprint_ = combine_hashes(fingerprint_, static_cast<std::uint64_t>(f.type));
    row_width_ += width_of(f.type);
  }
}

std::optional<std::size_t> schema::index_of(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < fields_.size(); ++i)
    if (fields_[i].name == name)
      return i;
  return std::nullopt;
}

std::string schema::to_string() const {
  std::string text;
  for (const field& f : fields_) {
    if (!text.empty())
      text += ", ";
    text += f.name;
    text += ' ';
    text += flott::to_string(f.type);
  }
  return text;
}

schema_ptr make_schema(std::vector<field> fields) { return std::make_shared<const schema>(std::move(fields)); }

std::ostream& operator<<(std::ostream& out, const text& value) { return out << value.view(); }

}  // namespace flott
