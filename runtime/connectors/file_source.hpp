#pragma once

#include "runtime/batch/typed_batch.hpp"
#include "runtime/connectors/split_reader.hpp"
#include "runtime/operators/factory.hpp"

#include <cstdint>
#include <string>

namespace flott {

/// A line of a text file.
struct line {
  text value;                     ///< without LF or CRLF
  text file;                      ///< its path
  std::int64_t offset = 0;        ///< of its first byte in the file
};
FLOTT_DESCRIBE(line, value, file, offset)

/// A record of a text file: consecutive lines, up to a blank one.
struct record {
  text value;                     ///< its lines as they are in the file, without the end of the last one
  text file;
  std::int64_t offset = 0;
};
FLOTT_DESCRIBE(record, value, file, offset)

/// A byte range on its way from the lister to a reader.
struct split_row {
  text file;
  std::uint64_t begin = 0, end = 0, file_size = 0;
};
FLOTT_DESCRIBE(split_row, file, begin, end, file_size)

/// A source, for one subtask: lists the files of a pattern (`list_input_files`) and emits their splits, one a batch, so
/// that readers get them in turn. `split_bytes` 0: option source.file.split-size, but no more than about a 64th of all.
[[nodiscard]] operator_factory make_file_lister(std::string pattern, std::uint64_t split_bytes = 0);

/// Takes splits, and emits the lines or records that begin in them, in batches of `line` or `record`.
[[nodiscard]] operator_factory make_file_reader(text_format format);

}  // namespace flott
