#include "runtime/batch/batch_builder.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace flott {
namespace {

template <class T>
void gather(std::byte* to, const column& from, std::span<const std::uint32_t> rows) {
  T* out = reinterpret_cast<T*>(to);
  const T* in = from.as<T>();
  for (const std::uint32_t row : rows)
    *out++ = in[row];
}

void gather_fixed(std::size_t width, std::byte* to, const column& from, std::span<const std::uint32_t> rows) {
  switch (width) {
    case 1: return gather<std::uint8_t>(to, from, rows);
    case 4: return gather<std::uint32_t>(to, from, rows);
    default: return gather<std::uint64_t>(to, from, rows);
  }
}

/// Where less than a quarter of the arenas is text of this batch, a copy of the texts is cheaper to keep.
bool mostly_dead_arenas(const record_batch& batch) {
  std::uint64_t capacity = 0, live = 0;
  const arena_list* last = nullptr;
  for (std::size_t i = 0; i < batch.columns(); ++i) {
    const column& c = *batch.column_at(i);
    if (c.type != field_type::text)
      continue;
    live += c.text_bytes;
    if (c.arenas.get() == last)
      continue;
    last = c.arenas.get();
    for (const arena_ptr& a : *last)
      capacity += a->capacity();
  }
  if (batch.has_selection())
    live = live * batch.rows() / std::max<std::uint32_t>(batch.physical_rows(), 1);
  return 4 * live < capacity && capacity > 4096;
}

}  // namespace

void text_adopter::announce(const arena_ptr& a) {
  for (const candidate& c : candidates_)
    if (c.block == a)
      return;
  candidates_.push_back({a});
}

void text_adopter::announce(const record_batch& batch) {
  const arena_list* last = nullptr;
  for (std::size_t i = 0; i < batch.columns(); ++i) {
    const column& c = *batch.column_at(i);
    if (c.type != field_type::text || c.arenas.get() == last)
      continue;
    last = c.arenas.get();
    for (const arena_ptr& a : *last)
      announce(a);
  }
}

void text_adopter::forget() noexcept {
  candidates_.clear();
  hot_begin_ = 0;
  hot_size_ = 0;
}

void text_adopter::use(const arena_ptr& a) {
  if (std::find(used_.begin(), used_.end(), a) != used_.end())
    return;
  used_.push_back(a);
  referenced_bytes_ += a->capacity();
}

text text_adopter::adopt_slowly(const text& t) {
  if (t.empty())
    return text();
  const auto heat = [this](const arena& block) {
    hot_begin_ = reinterpret_cast<std::uintptr_t>(block.data());
    hot_size_ = block.capacity();
  };
  if (const auto& own = own_.current(); own && own->contains(t.data())) {
    if (own_used_ != own)
      use_own();                                 // the batch before has taken it as well
    heat(*own);
    return t;
  }
  for (candidate& c : candidates_) {
    if (!c.block->contains(t.data()))
      continue;
    if (!c.used) {
      c.used = true;
      use(c.block);
    }
    heat(*c.block);
    return t;
  }
  for (const arena_ptr& a : used_)               // an own arena that was full before this one
    if (a->contains(t.data()))
      return t;
  return copy(t.view());
}

text text_adopter::copy(std::string_view s) {
  if (s.empty())
    return text();
  char* room = allocate(s.size());
  std::memcpy(room, s.data(), s.size());
  return text(room, static_cast<std::uint32_t>(s.size()));
}

void text_adopter::use_own() {
  own_used_ = own_.current();
  used_.push_back(own_used_);
}

std::shared_ptr<const arena_list> text_adopter::take() {
  auto taken = std::make_shared<const arena_list>(std::move(used_));
  used_.clear();
  own_used_.reset();
  for (candidate& c : candidates_)
    c.used = false;
  hot_begin_ = 0;
  hot_size_ = 0;
  referenced_bytes_ = 0;
  return taken;
}

std::uint32_t suitable_rows(const schema& shape) noexcept {
  const std::size_t width = std::max<std::size_t>(shape.row_width(), 1);
  return static_cast<std::uint32_t>(
      std::clamp<std::size_t>(target_batch_bytes / width / 2, 64, target_batch_rows));
}

batch_builder::batch_builder(schema_ptr schema, std::shared_ptr<memory_budget> budget, std::uint32_t capacity,
                             bool event_times)
    : shape_(std::move(schema)),
      budget_(budget),
      capacity_(capacity != 0 ? capacity : suitable_rows(*shape_)),
      timed_(event_times),
      arrays_(shape_->size() + 1),
      texts_(std::move(budget)) {}

void batch_builder::allocate(std::size_t i) {
  const std::size_t width = i < shape_->size() ? width_of((*shape_)[i].type) : sizeof(event_time);
  arrays_[i] = arena::make(budget_, width * capacity_);
}

void batch_builder::set_text(std::size_t column, std::string_view value) {
  text_bytes_ += value.size();
  values<text>(column)[rows_] = texts_.copy(value);
}

void batch_builder::gather_texts(std::size_t i, const column& from, std::span<const std::uint32_t> rows, bool copy) {
  text* out = values<text>(i) + rows_;
  const text* in = from.as<text>();
  std::size_t bytes = 0;
  if (copy) {
    for (const std::uint32_t row : rows) {
      bytes += in[row].size();
      *out++ = texts_.copy(in[row].view());
    }
  } else {
    for (const arena_ptr& a : *from.arenas)
      texts_.use(a);
    for (const std::uint32_t row : rows) {
      bytes += in[row].size();
      *out++ = in[row];
    }
  }
  text_bytes_ += bytes;
}

void batch_builder::append_rows(const record_batch& batch, std::span<const std::uint32_t> physical_rows) {
  assert(rows_ + physical_rows.size() <= capacity_);
  const bool copy = mostly_dead_arenas(batch);
  for (std::size_t i = 0; i < shape_->size(); ++i) {
    const column& from = *batch.column_at(i);
    if (from.type == field_type::text)
      gather_texts(i, from, physical_rows, copy);
    else
      gather_fixed(width_of(from.type), array(i) + width_of(from.type) * rows_, from, physical_rows);
  }
  if (batch.event_times() && (timed_ || rows_ == 0)) {
    timed_ = true;
    gather_fixed(8, array(shape_->size()) + 8 * static_cast<std::size_t>(rows_), *batch.event_times(),
                 physical_rows);
  }
  rows_ += static_cast<std::uint32_t>(physical_rows.size());
}

void batch_builder::append_copies(std::span<const record_batch> batches, std::span<const row_reference> refs) {
  assert(rows_ + refs.size() <= capacity_);
  std::vector<const std::byte*> sources(batches.size());
  for (std::size_t i = 0; i < shape_->size(); ++i) {
    const std::size_t width = width_of((*shape_)[i].type);
    for (std::size_t b = 0; b < batches.size(); ++b)
      sources[b] = batches[b].column_at(i)->values;
    std::byte* out = array(i) + width * rows_;
    for (const row_reference& ref : refs) {
      const std::byte* from = sources[ref.batch] + width * ref.row;
      if (width == sizeof(text)) {
        const text& value = *reinterpret_cast<const text*>(from);
        text_bytes_ += value.size();
        new (out) text(texts_.copy(value.view()));
      } else {
        std::memcpy(out, from, width);
      }
      out += width;
    }
  }
  rows_ += static_cast<std::uint32_t>(refs.size());
}

record_batch batch_builder::finish() {
  std::vector<column_ptr> columns;
  columns.reserve(shape_->size());
  std::shared_ptr<const arena_list> arenas;
  // Few rows move into arrays of their own size, so that a small batch does not hold (and charge) big ones.
  const bool small = rows_ < capacity_ / 4;
  const auto take = [&](std::size_t i, field_type type) {
    auto made = std::make_shared<column>();
    made->type = type;
    made->rows = rows_;
    const std::size_t bytes = width_of(type) * rows_;
    array(i);
    std::shared_ptr<arena> storage;
    if (small) {
      storage = arena::make(budget_, bytes);
      std::memcpy(storage->data(), arrays_[i]->data(), bytes);
    } else {
      storage = std::move(arrays_[i]);
      arrays_[i].reset();
    }
    made->values = storage->data();
    made->storage = std::move(storage);
    return made;
  };
  for (std::size_t i = 0; i < shape_->size(); ++i) {
    auto made = take(i, (*shape_)[i].type);
    if (made->type == field_type::text) {
      if (!arenas)
        arenas = texts_.take();
      made->arenas = arenas;
      const text* values = made->as<text>();
      for (std::uint32_t row = 0; row < rows_; ++row)
        made->text_bytes += values[row].size();
    }
    columns.push_back(std::move(made));
  }
  column_ptr times = timed_ ? take(shape_->size(), field_type::int64) : nullptr;
  record_batch batch(shape_, std::move(columns), rows_, std::move(times));
  rows_ = 0;
  text_bytes_ = 0;
  return batch;
}

void batch_builder::clear() {
  rows_ = 0;
  text_bytes_ = 0;
  (void)texts_.take();
}

}  // namespace flott
