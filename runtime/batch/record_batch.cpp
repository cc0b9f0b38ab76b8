#include "runtime/batch/record_batch.hpp"

#include "runtime/base/failure.hpp"
#include "runtime/batch/batch_builder.hpp"
#include "runtime/batch/typed_batch.hpp"

#include <algorithm>
#include <cassert>

namespace flott {

void detail::member_not_described(const schema& shape) {
  throw failure_exception(user_failure("struct of (" + shape.to_string() + ")",
                                       "a member that its FLOTT_DESCRIBE does not name is used as a column"));
}

std::shared_ptr<column> make_column() { return std::make_shared<column>(); }
namespace {

std::uint64_t weight(const std::vector<column_ptr>& columns, bool timed, std::uint32_t rows, std::uint32_t live) {
  std::uint64_t bytes = timed ? 8ULL * rows : 0;
  for (const column_ptr& c : columns)
    bytes += width_of(c->type) * rows + c->text_bytes;
  return rows == live || rows == 0 ? bytes : bytes * live / rows;
}

}  // namespace

record_batch::record_batch(schema_ptr schema, std::vector<column_ptr> columns, std::uint32_t rows,
                           column_ptr event_times) {
  assert(schema && schema->size() == columns.size());
  auto made = std::make_shared<content>();
  made->shape = std::move(schema);
  made->columns = std::move(columns);
  made->event_times = std::move(event_times);
  made->rows = rows;
  made->bytes = weight(made->columns, made->event_times != nullptr, rows, rows);
  content_ = std::move(made);
}

record_batch::record_batch(std::shared_ptr<content> made) {
  made->bytes = weight(made->columns, made->event_times != nullptr, made->rows,
                       made->selected ? made->selection.count : made->rows);
  content_ = std::move(made);
}

std::shared_ptr<record_batch::content> record_batch::changed() const { return std::make_shared<content>(*content_); }

record_batch record_batch::select(row_selection selection) const {
  auto made = changed();
  made->selected = true;
  made->selection = std::move(selection);
  return record_batch(std::move(made));
}

record_batch record_batch::slice(std::uint32_t first, std::uint32_t count) const {
  assert(first + count <= rows());
  if (first == 0 && count == rows())
    return *this;
  if (has_selection()) {
    row_selection part = content_->selection;
    part.rows += first;
    part.count = count;
    return select(std::move(part));
  }
  auto made = changed();
  for (column_ptr& c : made->columns) {
    auto part = std::make_shared<column>(*c);
    part->values += width_of(c->type) * first;
    part->text_bytes = c->rows == 0 ? 0 : c->text_bytes * count / c->rows;
    part->rows = count;
    c = std::move(part);
  }
  if (made->event_times) {
    auto part = std::make_shared<column>(*made->event_times);
    part->values += 8 * first;
    part->rows = count;
    made->event_times = std::move(part);
  }
  made->rows = count;
  return record_batch(std::move(made));
}

record_batch record_batch::project(schema_ptr schema, std::span<const std::size_t> columns) const {
  auto made = changed();
  made->shape = std::move(schema);
  made->columns.clear();
  for (const std::size_t i : columns)
    made->columns.push_back(content_->columns[i]);
  return record_batch(std::move(made));
}

record_batch record_batch::with_column(schema_ptr schema, column_ptr added) const {
  auto made = changed();
  made->shape = std::move(schema);
  made->columns.push_back(std::move(added));
  return record_batch(std::move(made));
}

record_batch record_batch::with_column_at(schema_ptr schema, std::size_t at, column_ptr added) const {
  auto made = changed();
  made->shape = std::move(schema);
  made->columns[at] = std::move(added);
  return record_batch(std::move(made));
}

record_batch record_batch::with_event_times(column_ptr event_times) const {
  auto made = changed();
  made->event_times = std::move(event_times);
  return record_batch(std::move(made));
}

record_batch compact(const record_batch& batch, const std::shared_ptr<memory_budget>& budget) {
  if (!batch.has_selection())
    return batch;
  batch_builder builder(batch.shape(), budget, std::max<std::uint32_t>(batch.rows(), 1));
  builder.append_rows(batch, batch.selection());
  return builder.finish();
}

}  // namespace flott
