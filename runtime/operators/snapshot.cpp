#include "runtime/operators/snapshot.hpp"

#include "runtime/batch/wire.hpp"

#include <cstring>

namespace flott {
namespace {

constexpr std::uint32_t magic = 0x31534c46;   // "FLS1"
constexpr std::uint16_t version = 1;
constexpr std::size_t header_bytes = 16;
constexpr std::size_t field_header_bytes = 16;

template <class T>
void append(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T>
T load(std::string_view from, std::size_t at) {
  T value;
  std::memcpy(&value, from.data() + at, sizeof value);
  return value;
}
void pad(std::string& to) { to.resize((to.size() + 7) & ~std::size_t{7}); }

failure malformed(std::string what) {
  return internal_failure("snapshot", "the bytes are no valid snapshot: " + std::move(what));
}
failure wrong_field(std::string_view name, std::string what) {
  return internal_failure("snapshot field '" + std::string(name) + "'", std::move(what));
}

}  // namespace

void snapshot_writer::put_bytes(std::string_view name, std::string_view value) {
  append(fields_, static_cast<std::uint32_t>(name.size()));
  append(fields_, std::uint32_t{0});
  append(fields_, static_cast<std::uint64_t>(value.size()));
  fields_ += name;
  pad(fields_);
  fields_ += value;
  pad(fields_);
  ++count_;
}

void snapshot_writer::put_integer(std::string_view name, std::int64_t value) {
  put_bytes(name, {reinterpret_cast<const char*>(&value), sizeof value});
}
void snapshot_writer::put_unsigned(std::string_view name, std::uint64_t value) {
  put_bytes(name, {reinterpret_cast<const char*>(&value), sizeof value});
}
void snapshot_writer::put_batch(std::string_view name, const record_batch& batch) {
  const auto block = encode(batch, nullptr);
  put_bytes(name, {block->chars(), block->capacity()});
}
void snapshot_writer::put_batches(std::string_view name, std::span<const record_batch> batches) {
  put_unsigned(name, batches.size());
  for (std::size_t i = 0; i < batches.size(); ++i)
    put_batch(std::string(name) + "." + std::to_string(i), batches[i]);
}

std::string snapshot_writer::finish() && {
  std::string bytes;
  bytes.reserve(header_bytes + fields_.size());
  append(bytes, magic);
  append(bytes, version);
  append(bytes, std::uint16_t{0});
  append(bytes, count_);
  append(bytes, std::uint32_t{0});
  bytes += fields_;
  return bytes;
}

result<snapshot_reader> snapshot_reader::parse(std::string bytes) {
  snapshot_reader reader;
  reader.owned_ = std::make_shared<const std::string>(std::move(bytes));
  const std::string_view all = *reader.owned_;
  if (all.size() < header_bytes || load<std::uint32_t>(all, 0) != magic)
    return malformed("wrong magic");
  if (load<std::uint16_t>(all, 4) != version)
    return malformed("version " + std::to_string(load<std::uint16_t>(all, 4)) + " is unknown");
  const auto count = load<std::uint32_t>(all, 8);
  std::size_t at = header_bytes;
  const auto take = [&](std::uint64_t size) -> std::optional<std::string_view> {
    if (size > all.size() - at)
      return std::nullopt;
    const auto taken = all.substr(at, size);
    at += size;
    at = std::min(all.size(), (at + 7) & ~std::size_t{7});
    return taken;
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto header = take(field_header_bytes);
    if (!header)
      return malformed("it ends in the middle");
    const auto name = take(load<std::uint32_t>(*header, 0));
    const auto value = name ? take(load<std::uint64_t>(*header, 8)) : std::nullopt;
    if (!value)
      return malformed("a field reaches beyond its end");
    if (!reader.fields_.emplace(std::string(*name), *value).second)
      return malformed("field '" + std::string(*name) + "' is there twice");
  }
  if (at != all.size())
    return malformed("bytes behind its end");
  return reader;
}

result<std::string_view> snapshot_reader::bytes(std::string_view name) const {
  const auto found = fields_.find(name);
  if (found == fields_.end())
    return wrong_field(name, "is missing");
  return found->second;
}

result<std::uint64_t> snapshot_reader::unsigned_integer(std::string_view name) const {
  FLOTT_ASSIGN(const std::string_view value, bytes(name));
  if (value.size() != sizeof(std::uint64_t))
    return wrong_field(name, "is no number");
  return load<std::uint64_t>(value, 0);
}

result<std::int64_t> snapshot_reader::integer(std::string_view name) const {
  FLOTT_ASSIGN(const std::uint64_t value, unsigned_integer(name));
  return static_cast<std::int64_t>(value);
}

result<record_batch> snapshot_reader::batch(std::string_view name, const schema_ptr& expected,
                                            const std::shared_ptr<memory_budget>& budget) const {
  FLOTT_ASSIGN(const std::string_view value, bytes(name));
  auto decoded = decode(std::as_bytes(std::span(value)), expected, budget);
  if (!decoded.ok())
    return wrong_field(name, decoded.error().message);
  return decoded;
}

result<std::vector<record_batch>> snapshot_reader::batches(std::string_view name, const schema_ptr& expected,
                                                           const std::shared_ptr<memory_budget>& budget) const {
  FLOTT_ASSIGN(const std::uint64_t count, unsigned_integer(name));
  if (count > fields_.size())
    return wrong_field(name, "counts more batches than there are");
  std::vector<record_batch> all;
  for (std::uint64_t i = 0; i < count; ++i) {
    FLOTT_ASSIGN(record_batch one, batch(std::string(name) + "." + std::to_string(i), expected, budget));
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace flott
