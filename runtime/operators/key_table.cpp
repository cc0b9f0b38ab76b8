#include "runtime/operators/key_table.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <limits>

namespace flott {
namespace {

constexpr std::size_t block_rows = 64;
constexpr std::size_t first_capacity = 1024;            ///< slots
constexpr std::size_t prefetch_entries_from = 4096;     ///< fewer entries are in the nearest cache anyway

struct slot {
  std::uint32_t tag;
  std::uint32_t number1;                                ///< 0: free
};

/// Keys of one fixed width, widened to 64 bits.
struct integer_keys {
  struct key {
    std::uint64_t value;
  };
  using entry = key;
  static std::uint64_t hash(const key& k) noexcept { return hash_integer(k.value); }
  static std::uint64_t hash_again(const entry& e) noexcept { return hash_integer(e.value); }
  static bool equal(const entry& e, const key& k) noexcept { return e.value == k.value; }
};

/// Texts, and several columns packed into one.
struct text_keys {
  struct key {
    text_words words;
    const char* data;
    std::uint32_t size;
  };
  struct entry {
    text_words words;
    const char* data;
    std::uint32_t size;
    std::uint32_t unused;
  };
  static std::uint64_t hash(const key& k) noexcept {
    return k.size <= 16 ? detail::hash_short_text(k.words, k.size) : detail::hash_long_text(k.data, k.size);
  }
  static std::uint64_t hash_again(const entry& e) noexcept {
    return hash({e.words, e.data, e.size});
  }
  static bool equal(const entry& e, const key& k) noexcept {
    if (((e.words.low ^ k.words.low) | (e.words.high ^ k.words.high) | (e.size ^ k.size)) != 0)
      return false;
    return k.size <= 16 || std::memcmp(e.data + 16, k.data + 16, k.size - 16) == 0;
  }
};

/// A block of memory from the budget that grows by moving.
template <class T>
class grown_array {
 public:
  result<void> grow(const std::shared_ptr<memory_budget>& budget, std::size_t used, std::size_t wanted) {
    if (wanted <= capacity_)
      return {};
    const std::size_t capacity = std::max(wanted, 2 * capacity_);
    FLOTT_ASSIGN(auto made, arena::try_make(budget, capacity * sizeof(T)));
    if (used != 0)
      std::memcpy(made->data(), block_->data(), used * sizeof(T));
    block_ = std::move(made);
    capacity_ = capacity;
    return {};
  }
  T* data() noexcept { return block_ ? block_->template as<T>() : nullptr; }
  const T* data() const noexcept { return block_ ? block_->template as<T>() : nullptr; }
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  std::shared_ptr<arena> block_;
  std::size_t capacity_ = 0;
};

/// The characters of keys. Their arenas pass to the batches that show them.
class key_characters {
 public:
  result<const char*> keep(const std::shared_ptr<memory_budget>& budget, const char* data, std::uint32_t size) {
    if (static_cast<std::size_t>(end_ - next_) < size) {
      chunk_bytes_ = std::min<std::size_t>(2 * chunk_bytes_, 1 << 20);
      FLOTT_ASSIGN(auto made, arena::try_make(budget, std::max<std::size_t>(size, chunk_bytes_)));
      next_ = made->chars();
      end_ = next_ + made->capacity();
      bytes_ += made->capacity();
      arenas_.push_back(std::move(made));
    }
    char* kept = next_;
    if (size != 0)
      std::memcpy(kept, data, size);
    next_ += size;
    return static_cast<const char*>(kept);
  }
  void clear() { *this = key_characters(); }
  const arena_list& arenas() const noexcept { return arenas_; }
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  arena_list arenas_;
  char* next_ = nullptr;
  char* end_ = nullptr;
  std::size_t chunk_bytes_ = 8 * 1024;
  std::uint64_t bytes_ = 0;
};

template <class Keys>
class numbering {
 public:
  using key = typename Keys::key;
  using entry = typename Keys::entry;

  explicit numbering(std::shared_ptr<memory_budget> budget) : budget_(std::move(budget)) {}

  /// The numbers of `n` keys, `load(i)` being the i-th. Requires: n <= block_rows.
  template <class Load>
  result<void> find_or_insert(std::size_t n, Load load, std::uint32_t* numbers) {
    FLOTT_TRY(make_room(n));
    key keys[block_rows];
    std::uint64_t hashes[block_rows];
    slot* const slots = slots_.data();
    for (std::size_t i = 0; i < n; ++i) {
      keys[i] = load(i);
      hashes[i] = Keys::hash(keys[i]);
      __builtin_prefetch(slots + (hashes[i] & mask_));
    }
    if (size_ >= prefetch_entries_from)
      for (std::size_t i = 0; i < n; ++i)
        __builtin_prefetch(entries_.data() + slots[hashes[i] & mask_].number1 - 1);
    for (std::size_t i = 0; i < n; ++i) {
      const auto tag = static_cast<std::uint32_t>(hashes[i] >> 32);
      std::size_t at = hashes[i] & mask_;
      while (true) {
        const slot s = slots[at];
        if (s.number1 == 0) {
          FLOTT_TRY(insert(keys[i]));
          slots[at] = {tag, size_};
          numbers[i] = size_ - 1;
          break;
        }
        if (s.tag == tag && Keys::equal(entries_.data()[s.number1 - 1], keys[i])) {
          numbers[i] = s.number1 - 1;
          break;
        }
        at = (at + 1) & mask_;
      }
    }
    return {};
  }

  std::uint32_t size() const noexcept { return size_; }
  const entry& operator[](std::uint32_t number) const noexcept { return entries_.data()[number]; }
  const key_characters& characters() const noexcept { return characters_; }
  std::uint64_t bytes() const noexcept {
    return slot_count() * sizeof(slot) + entries_.capacity() * sizeof(entry) + characters_.bytes();
  }
  void clear() {
    if (size_ != 0)
      std::memset(slots_.data(), 0, slot_count() * sizeof(slot));
    size_ = 0;
    characters_.clear();
  }

 private:
  std::size_t slot_count() const noexcept { return slots_.data() ? mask_ + 1 : 0; }

  result<void> make_room(std::size_t more) {
    const std::size_t wanted = size_ + more;
    if (wanted > std::numeric_limits<std::uint32_t>::max() / 2)
      return resource_failure("table of keys", "more than two billion keys");
    FLOTT_TRY(entries_.grow(budget_, size_, wanted));
    if (4 * wanted <= 3 * slot_count())
      return {};
    std::size_t slots = std::max(first_capacity, slot_count());
    while (4 * wanted > 3 * slots)
      slots *= 2;
    grown_array<slot> bigger;
    FLOTT_TRY(bigger.grow(budget_, 0, slots));
    std::memset(bigger.data(), 0, slots * sizeof(slot));
    mask_ = slots - 1;
    for (std::uint32_t number = 0; number < size_; ++number) {   // by number: never in the order of another table
      const std::uint64_t h = Keys::hash_again(entries_.data()[number]);
      std::size_t at = h & mask_;
      while (bigger.data()[at].number1 != 0)
        at = (at + 1) & mask_;
      bigger.data()[at] = {static_cast<std::uint32_t>(h >> 32), number + 1};
    }
    slots_ = std::move(bigger);
    return {};
  }

  result<void> insert(const key& k) {
    if constexpr (std::is_same_v<Keys, text_keys>) {
      FLOTT_ASSIGN(const char* kept, characters_.keep(budget_, k.data, k.size));
      entries_.data()[size_] = {k.words, kept, k.size, 0};
    } else {
      entries_.data()[size_] = k;
    }
    ++size_;
    return {};
  }

  std::shared_ptr<memory_budget> budget_;
  grown_array<slot> slots_;
  grown_array<entry> entries_;
  key_characters characters_;
  std::size_t mask_ = 0;
  std::uint32_t size_ = 0;
};

std::uint64_t canonical_bits(double value) noexcept {
  if (value == 0.0)
    value = 0.0;
  else if (value != value)
    value = std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<std::uint64_t>(value);
}

/// A fixed-width value as 64 bits, equal where the values are.
std::uint64_t widened(const column& c, std::uint32_t row) noexcept {
  switch (c.type) {
    case field_type::boolean: return c.as<std::uint8_t>()[row];
    case field_type::int32: return static_cast<std::uint64_t>(std::int64_t{c.as<std::int32_t>()[row]});
    case field_type::uint32: return c.as<std::uint32_t>()[row];
    case field_type::float64: return canonical_bits(c.as<double>()[row]);
    default: return c.as<std::uint64_t>()[row];
  }
}

void narrow_into(field_type type, std::byte* values, std::uint32_t row, std::uint64_t value) noexcept {
  std::memcpy(values + width_of(type) * row, &value, width_of(type));   // little-endian: the low bytes
}

}  // namespace

class key_table::impl {
 public:
  impl(std::vector<field_type> types, std::shared_ptr<memory_budget> budget)
      : types_(std::move(types)), budget_(budget), integers_(budget), texts_(std::move(budget)) {
    assert(!types_.empty());
  }

  bool integer() const noexcept { return types_.size() == 1 && types_[0] != field_type::text; }
  bool packed() const noexcept { return types_.size() > 1; }
  std::uint32_t size() const noexcept { return integer() ? integers_.size() : texts_.size(); }
  std::uint64_t bytes() const noexcept { return integers_.bytes() + texts_.bytes(); }
  void clear() { integers_.clear(); texts_.clear(); }

  result<void> find_or_insert(const record_batch& batch, std::span<const std::uint32_t> columns,
                              std::span<std::uint32_t> numbers) {
    for (std::size_t first = 0; first < numbers.size(); first += block_rows) {
      const std::size_t n = std::min(block_rows, numbers.size() - first);
      std::uint32_t* out = numbers.data() + first;
      const auto from = static_cast<std::uint32_t>(first);
      const column& c = *batch.column_at(columns[0]);
      if (packed()) {
        FLOTT_TRY(find_packed(batch, columns, from, n, out));
      } else if (c.type != field_type::text) {
        FLOTT_TRY(integers_.find_or_insert(
            n, [&](std::size_t i) { return integer_keys::key{widened(c, batch.row_at(from + static_cast<std::uint32_t>(i)))}; },
            out));
      } else {
        const text* values = c.as<text>();
        const auto load = [&](const text& t) { return text_keys::key{load_words(t.data(), t.size()), t.data(), t.size()}; };
        if (batch.has_selection()) {
          const std::uint32_t* rows = batch.selection().data() + first;
          FLOTT_TRY(texts_.find_or_insert(n, [&](std::size_t i) { return load(values[rows[i]]); }, out));
        } else {
          FLOTT_TRY(texts_.find_or_insert(n, [&](std::size_t i) { return load(values[first + i]); }, out));
        }
      }
    }
    return {};
  }

  column_ptr key_column(std::size_t part, std::uint32_t first, std::uint32_t rows) const {
    auto made = std::make_shared<column>();
    made->type = types_[part];
    made->rows = rows;
    auto storage = arena::make(budget_, width_of(made->type) * rows);
    const bool is_text = made->type == field_type::text;
    text* strings = storage->as<text>();
    for (std::uint32_t i = 0; i < rows; ++i) {
      if (integer()) {
        narrow_into(made->type, storage->data(), i, integers_[first + i].value);
        continue;
      }
      const auto& e = texts_[first + i];
      const std::string_view whole(e.data, e.size);
      const std::string_view value = packed() ? component(whole, part) : whole;
      if (is_text) {
        new (strings + i) text(value);
        made->text_bytes += value.size();
      } else {
        std::uint64_t bits = 0;
        std::memcpy(&bits, value.data(), sizeof bits);
        narrow_into(made->type, storage->data(), i, bits);
      }
    }
    made->values = storage->data();
    made->storage = std::move(storage);
    if (is_text)
      made->arenas = std::make_shared<const arena_list>(texts_.characters().arenas());
    return made;
  }

 private:
  /// A packed key: 8 bytes for a fixed-width component, size (u32) and characters for a text.
  result<void> find_packed(const record_batch& batch, std::span<const std::uint32_t> columns, std::uint32_t first,
                           std::size_t n, std::uint32_t* numbers) {
    std::uint32_t starts[block_rows + 1];
    scratch_.clear();
    for (std::size_t i = 0; i < n; ++i) {
      starts[i] = static_cast<std::uint32_t>(scratch_.size());
      const std::uint32_t row = batch.row_at(first + static_cast<std::uint32_t>(i));
      for (const std::uint32_t at : columns) {
        const column& c = *batch.column_at(at);
        if (c.type == field_type::text) {
          const text& t = c.as<text>()[row];
          const std::uint32_t size = t.size();
          scratch_.append(reinterpret_cast<const char*>(&size), sizeof size);
          scratch_.append(t.view());
        } else {
          const std::uint64_t bits = widened(c, row);
          scratch_.append(reinterpret_cast<const char*>(&bits), sizeof bits);
        }
      }
    }
    if (scratch_.size() > std::numeric_limits<std::uint32_t>::max())
      return user_failure("table of keys", "a key of several fields is longer than 4 GiB");
    starts[n] = static_cast<std::uint32_t>(scratch_.size());
    scratch_.append(16, '\0');                          // load_words reads so far
    return texts_.find_or_insert(
        n,
        [&](std::size_t i) {
          const char* data = scratch_.data() + starts[i];
          const std::uint32_t size = starts[i + 1] - starts[i];
          return text_keys::key{load_words(data, size), data, size};
        },
        numbers);
  }

  std::string_view component(std::string_view whole, std::size_t part) const {
    std::size_t at = 0;
    for (std::size_t i = 0;; ++i) {
      std::uint32_t size = 8;
      if (types_[i] == field_type::text) {
        std::memcpy(&size, whole.data() + at, sizeof size);
        at += sizeof size;
      }
      if (i == part)
        return whole.substr(at, size);
      at += size;
    }
  }

  std::vector<field_type> types_;
  std::shared_ptr<memory_budget> budget_;
  numbering<integer_keys> integers_;
  numbering<text_keys> texts_;
  std::string scratch_;
};

key_table::key_table(std::vector<field_type> key_types, std::shared_ptr<memory_budget> budget)
    : impl_(std::make_unique<impl>(std::move(key_types), std::move(budget))) {}
key_table::~key_table() = default;

result<void> key_table::find_or_insert(const record_batch& batch, std::span<const std::uint32_t> key_columns,
                                       std::span<std::uint32_t> groups) {
  assert(groups.size() == batch.rows());
  return impl_->find_or_insert(batch, key_columns, groups);
}
std::uint32_t key_table::size() const noexcept { return impl_->size(); }
std::uint64_t key_table::bytes() const noexcept { return impl_->bytes(); }
column_ptr key_table::key_column(std::size_t part, std::uint32_t first, std::uint32_t rows) const {
  return impl_->key_column(part, first, rows);
}
void key_table::clear() { impl_->clear(); }

}  // namespace flott
