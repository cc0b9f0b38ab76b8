#pragma once

#include "runtime/base/result.hpp"
#include "runtime/batch/text.hpp"
#include "runtime/connectors/input_files.hpp"
#include "runtime/memory/arena.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace flott {

/// What a text file is cut into: its lines, or the records that blank lines separate.
///
/// LF and CRLF end a line; neither belongs to it; the last line needs none. A blank line has no characters. A record is
/// a run of lines that are not blank, without the end of its last one.
enum class text_format : std::uint8_t { lines, records };

struct split_reader_options {
  std::uint64_t max_record_bytes = 64ULL << 20;
  std::size_t chunk_bytes = 256 * 1024;            ///< read at once: two of them fit into a core's L2 cache
};

/// Reads one split: all lines or records that begin in it, the last one beyond its end if need be.
///
///     split           |            begin ...                    ... end        |
///     file   ...tail of a line\n  first line\n   ...   last line that begins here, read to its newline\n ...
///
/// Values point into the chunks that were read: nothing is copied but the piece that a chunk's end cuts off. Reads what
/// is in the page cache at once; what is not, it asks its caller to have read on a thread that may block.
class split_reader {
 public:
  enum class step : std::uint8_t {
    rows,      ///< rows were written
    blocked,   ///< call `take_blocking_read()`, run it, then go on
    ended,     ///< the split is worked off
  };

  /// Where rows go: `room` values and the offsets in the file at which they begin.
  struct target {
    text* values = nullptr;
    std::int64_t* offsets = nullptr;
    std::uint32_t room = 0;
    std::uint64_t max_bytes = 0;      ///< of characters; the row that reaches it is the last
  };

  /// Error: the file cannot be opened.
  static result<std::unique_ptr<split_reader>> open(file_split split, text_format format,
                                                    const split_reader_options& options,
                                                    std::shared_ptr<memory_budget> budget);

  /// Writes the next rows; all lie in one arena, `storage()`. Errors name the file, and the offset of what is too long.
  result<step> next(const target& to);
  [[nodiscard]] std::uint32_t rows() const noexcept { return rows_; }            ///< of the last `next`
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }          ///< characters in them
  [[nodiscard]] const std::shared_ptr<arena>& storage() const noexcept { return buffer_; }

  /// After `blocked`: the read, to be run once on any thread, also after this reader is gone. Empty when it was taken.
  [[nodiscard]] std::function<void()> take_blocking_read();
  /// Whether a read that was taken is still under way.
  [[nodiscard]] bool reading() const noexcept;

  /// What is left: a reader of it gives what this one has not given.
  [[nodiscard]] file_split rest() const;
  [[nodiscard]] const file_split& split() const noexcept { return split_; }

 private:
  enum class state : std::uint8_t { cut_line, foreign_record, between, in_record, ended };
  struct file_handle;
  struct pending_read;

  split_reader(file_split split, text_format format, const split_reader_options& options,
               std::shared_ptr<memory_budget> budget, std::shared_ptr<file_handle> file);

  [[nodiscard]] std::uint64_t offset_of(std::size_t at) const noexcept { return base_ + at; }
  [[nodiscard]] bool at_end_of_file() const noexcept { return base_ + size_ >= split_.file_size; }
  [[nodiscard]] std::size_t kept_from() const noexcept;
  result<void> refill();
  result<void> take_over(std::size_t read, int error);
  result<bool> consume_lines(const target& to);
  result<bool> consume_records(const target& to);
  result<bool> end_line(std::size_t newline, const target& to);
  void emit(std::size_t begin, std::size_t end, const target& to);
  [[nodiscard]] failure too_long(std::size_t begin) const;

  file_split split_;
  text_format format_;
  split_reader_options options_;
  std::shared_ptr<memory_budget> budget_;
  std::shared_ptr<file_handle> file_;
  std::shared_ptr<pending_read> pending_;

  std::shared_ptr<arena> buffer_;
  std::uint64_t base_ = 0;          ///< offset in the file of the buffer's first byte
  std::size_t size_ = 0;            ///< bytes in the buffer
  std::size_t scanned_ = 0;         ///< up to here newlines were looked for
  std::vector<std::uint32_t> newlines_;
  std::size_t newline_count_ = 0, next_newline_ = 0;

  state state_ = state::between;
  std::size_t line_start_ = 0;
  std::size_t record_start_ = 0, record_end_ = 0;    ///< in_record only
  std::uint32_t rows_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace flott
