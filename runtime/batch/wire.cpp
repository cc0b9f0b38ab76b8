#include "runtime/batch/wire.hpp"

#include <bit>
#include <cassert>
#include <cstring>

static_assert(std::endian::native == std::endian::little, "columns go to the wire as they lie in memory");

namespace flott {
namespace {

constexpr std::uint32_t magic = 0x31424c46;   // "FLB1"
constexpr std::uint16_t flag_event_times = 1;

struct wire_header {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint16_t flags;
  std::uint32_t rows;
  std::uint32_t columns;
  std::uint64_t fingerprint;
};
static_assert(sizeof(wire_header) == 24);

struct section_header {
  std::uint8_t type;
  std::uint8_t zero[7];
  std::uint64_t bytes;
};
static_assert(sizeof(section_header) == 16);

constexpr std::size_t padded(std::size_t n) { return (n + 7) & ~std::size_t{7}; }

std::uint64_t live_text_bytes(const record_batch& batch, const column& c) {
  std::uint64_t bytes = 0;
  const text* values = c.as<text>();
  batch.for_each_row([&](std::uint32_t row) { bytes += values[row].size(); });
  return bytes;
}

std::size_t section_bytes(const record_batch& batch, const column& c) {
  if (c.type == field_type::text)
    return padded(std::size_t{4} * batch.rows()) + live_text_bytes(batch, c);
  return width_of(c.type) * batch.rows();
}

template <class T>
void write_values(const record_batch& batch, const column& c, std::byte* to) {
  const T* values = c.as<T>();
  if (!batch.has_selection()) {
    std::memcpy(to, values, sizeof(T) * batch.rows());
    return;
  }
  T* out = reinterpret_cast<T*>(to);
  for (const std::uint32_t row : batch.selection())
    *out++ = values[row];
}

/// Short texts are copied 16 bytes at a time, over-reading into the arena's padding (see arena::padding) and
/// over-writing what the next text writes again; `end` bounds that.
void write_texts(const record_batch& batch, const column& c, std::byte* to, const std::byte* end) {
  auto* sizes = reinterpret_cast<std::uint32_t*>(to);
  const std::size_t size_bytes = std::size_t{4} * batch.rows();
  std::memset(to + size_bytes, 0, padded(size_bytes) - size_bytes);
  std::byte* out = to + padded(size_bytes);
  const text* values = c.as<text>();
  batch.for_each_row([&](std::uint32_t row) {
    const text& t = values[row];
    *sizes++ = t.size();
    if (t.empty())
      return;
    if (t.size() <= 16 && end - out >= 16)
      std::memcpy(out, t.data(), 16);
    else
      std::memcpy(out, t.data(), t.size());
    out += t.size();
  });
}

void write_section(const record_batch& batch, const column& c, std::byte* to, const std::byte* end) {
  switch (width_of(c.type)) {
    case 1: return write_values<std::uint8_t>(batch, c, to);
    case 4: return write_values<std::uint32_t>(batch, c, to);
    case 8: return write_values<std::uint64_t>(batch, c, to);
    default: return write_texts(batch, c, to, end);
  }
}

failure malformed(std::string what) {
  return internal_failure("batch from the wire", "the bytes are no valid batch: " + std::move(what));
}

/// Walks over bytes of which nothing is known.
class decoder {
 public:
  decoder(arena_ptr owner, std::span<const std::byte> bytes, const schema_ptr& expected,
          const std::shared_ptr<memory_budget>& budget)
      : owner_(std::move(owner)), bytes_(bytes), expected_(expected), budget_(budget) {}

  result<record_batch> run() {
    wire_header header;
    if (!take(header))
      return malformed("shorter than its header");
    if (header.magic != magic)
      return malformed("wrong magic");
    if (header.version != wire_version)
      return malformed("version " + std::to_string(header.version) + " is unknown");
    if ((header.flags & ~flag_event_times) != 0)
      return malformed("unknown flags");
    if (header.rows > max_wire_rows)
      return malformed("too many rows");
    if (header.columns != expected_->size() || header.fingerprint != expected_->fingerprint())
      return malformed("its schema is not the expected (" + expected_->to_string() + ")");
    rows_ = header.rows;
    const bool timed = (header.flags & flag_event_times) != 0;
    const std::size_t sections = expected_->size() + (timed ? 1 : 0);
    std::vector<section_header> headers(sections);
    for (section_header& s : headers)
      if (!take(s))
        return malformed("shorter than its column headers");
    std::vector<column_ptr> columns;
    for (std::size_t i = 0; i < sections; ++i) {
      const field_type type = i < expected_->size() ? (*expected_)[i].type : field_type::int64;
      if (headers[i].type != static_cast<std::uint8_t>(type))
        return malformed("column " + std::to_string(i) + " is of another type");
      FLOTT_ASSIGN(column_ptr made, read_section(type, headers[i].bytes));
      columns.push_back(std::move(made));
    }
    if (at_ != bytes_.size())
      return malformed("bytes behind its end");
    column_ptr times;
    if (timed) {
      times = std::move(columns.back());
      columns.pop_back();
    }
    return record_batch(expected_, std::move(columns), rows_, std::move(times));
  }

 private:
  template <class T>
  bool take(T& to) {
    if (bytes_.size() - at_ < sizeof(T))
      return false;
    std::memcpy(&to, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return true;
  }

  result<column_ptr> read_section(field_type type, std::uint64_t size) {
    if (size > bytes_.size() - at_ || padded(size) > bytes_.size() - at_)
      return malformed("a column reaches beyond its end");
    const auto section = bytes_.subspan(at_, size);
    at_ += padded(size);
    return type == field_type::text ? read_texts(section) : read_values(type, section);
  }

  result<column_ptr> read_values(field_type type, std::span<const std::byte> section) {
    const std::size_t width = width_of(type);
    if (section.size() != width * rows_)
      return malformed("a column has not as many values as rows");
    if (type == field_type::boolean)
      for (const std::byte b : section)
        if (b > std::byte{1})
          return malformed("a boolean is neither 0 nor 1");
    auto made = std::make_shared<column>();
    made->type = type;
    made->rows = rows_;
    if (reinterpret_cast<std::uintptr_t>(section.data()) % width == 0) {
      made->values = section.data();
      made->storage = owner_;
    } else {
      auto storage = arena::make(budget_, section.size());
      std::memcpy(storage->data(), section.data(), section.size());
      made->values = storage->data();
      made->storage = std::move(storage);
    }
    return column_ptr(std::move(made));
  }

  result<column_ptr> read_texts(std::span<const std::byte> section) {
    const std::size_t size_bytes = padded(std::size_t{4} * rows_);
    if (section.size() < size_bytes)
      return malformed("a text column is shorter than its sizes");
    const std::uint64_t characters = section.size() - size_bytes;
    std::uint64_t sum = 0;
    for (std::uint32_t row = 0; row < rows_; ++row)
      sum += size_at(section, row);
    if (sum != characters)
      return malformed("the sizes of texts do not sum up to their characters");
    auto storage = arena::make(budget_, sizeof(text) * rows_);
    text* values = storage->as<text>();
    const char* next = reinterpret_cast<const char*>(section.data()) + size_bytes;
    for (std::uint32_t row = 0; row < rows_; ++row) {
      const std::uint32_t size = size_at(section, row);
      new (values + row) text(text::in_arena(next, size));
      next += size;
    }
    auto made = std::make_shared<column>();
    made->type = field_type::text;
    made->rows = rows_;
    made->values = storage->data();
    made->storage = std::move(storage);
    made->text_bytes = characters;
    if (!arenas_)
      arenas_ = std::make_shared<const arena_list>(arena_list{owner_});
    made->arenas = arenas_;
    return column_ptr(std::move(made));
  }

  static std::uint32_t size_at(std::span<const std::byte> section, std::uint32_t row) {
    std::uint32_t size = 0;
    std::memcpy(&size, section.data() + std::size_t{4} * row, 4);
    return size;
  }

  arena_ptr owner_;
  std::span<const std::byte> bytes_;
  const schema_ptr& expected_;
  const std::shared_ptr<memory_budget>& budget_;
  std::shared_ptr<const arena_list> arenas_;
  std::size_t at_ = 0;
  std::uint32_t rows_ = 0;
};

}  // namespace

std::size_t encoded_size(const record_batch& batch) {
  const std::size_t sections = batch.columns() + (batch.event_times() ? 1 : 0);
  std::size_t bytes = sizeof(wire_header) + sections * sizeof(section_header);
  for (std::size_t i = 0; i < batch.columns(); ++i)
    bytes += padded(section_bytes(batch, *batch.column_at(i)));
  if (batch.event_times())
    bytes += section_bytes(batch, *batch.event_times());
  return bytes;
}

std::shared_ptr<arena> encode(const record_batch& batch, const std::shared_ptr<memory_budget>& budget,
                              std::size_t reserve) {
  assert(reserve % 8 == 0 && batch.rows() <= max_wire_rows);
  std::vector<const column*> sections;
  for (std::size_t i = 0; i < batch.columns(); ++i)
    sections.push_back(batch.column_at(i).get());
  if (batch.event_times())
    sections.push_back(batch.event_times().get());
  std::vector<section_header> headers(sections.size());
  std::size_t size = reserve + sizeof(wire_header) + headers.size() * sizeof(section_header);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    headers[i] = {static_cast<std::uint8_t>(sections[i]->type), {}, section_bytes(batch, *sections[i])};
    size += padded(headers[i].bytes);
  }
  auto block = arena::make(budget, size);
  std::byte* out = block->data() + reserve;
  const wire_header header{magic, wire_version,
                           batch.event_times() ? flag_event_times : std::uint16_t{0},
                           batch.rows(), static_cast<std::uint32_t>(batch.columns()),
                           batch.shape()->fingerprint()};
  std::memcpy(out, &header, sizeof header);
  out += sizeof header;
  if (!headers.empty())
    std::memcpy(out, headers.data(), headers.size() * sizeof(section_header));
  out += headers.size() * sizeof(section_header);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const std::size_t bytes = headers[i].bytes;
    write_section(batch, *sections[i], out, block->data() + size);
    std::memset(out + bytes, 0, padded(bytes) - bytes);
    out += padded(bytes);
  }
  return block;
}

result<record_batch> decode(arena_ptr owner, std::span<const std::byte> bytes, const schema_ptr& expected,
                            const std::shared_ptr<memory_budget>& budget) {
  return decoder(std::move(owner), bytes, expected, budget).run();
}

result<record_batch> decode(std::span<const std::byte> bytes, const schema_ptr& expected,
                            const std::shared_ptr<memory_budget>& budget) {
  auto owner = arena::make(budget, bytes.size());
  if (!bytes.empty())
    std::memcpy(owner->data(), bytes.data(), bytes.size());
  const std::span<const std::byte> copied(owner->data(), bytes.size());
  return decode(std::move(owner), copied, expected, budget);
}

}  // namespace flott
