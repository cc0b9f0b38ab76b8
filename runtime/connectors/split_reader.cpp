#include "runtime/connectors/split_reader.hpp"

#include "runtime/connectors/newline_scan.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

namespace flott {
namespace {

constexpr std::size_t newline_room = 4096;
constexpr std::size_t chunk_beyond_end = 16 * 1024;   // the rest of a split's last line is rarely longer
/// Asked of the kernel when the reader has to wait, so that it soon has to wait no more.
constexpr std::uint64_t read_ahead = 8ULL << 20;
/// Bytes before a split's begin that tell whether a record can begin right there: "\n\r\n".
constexpr std::uint64_t look_back(text_format format) { return format == text_format::lines ? 1 : 3; }

}  // namespace

struct split_reader::file_handle {
  int fd = -1;
  std::atomic<bool> may_ask_without_waiting{true};   ///< false: this file system does not know how

  explicit file_handle(int descriptor) : fd(descriptor) {}
  file_handle(const file_handle&) = delete;
  file_handle& operator=(const file_handle&) = delete;
  ~file_handle() { ::close(fd); }
};

struct split_reader::pending_read {
  std::shared_ptr<file_handle> file;
  std::shared_ptr<arena> buffer;
  std::size_t at = 0, size = 0;
  std::uint64_t offset = 0;
  std::size_t got = 0;
  int error = 0;
  bool taken = false;
  std::atomic<bool> done{false};

  /// Reads all of it, waiting for the disk.
  void run() {
    while (got < size) {
      const ssize_t n = ::pread(file->fd, buffer->chars() + at + got, size - got, static_cast<off_t>(offset + got));
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        error = errno;
      if (n <= 0)
        break;
      got += static_cast<std::size_t>(n);
    }
    done.store(true, std::memory_order_release);
  }

  /// Reads what is at hand; false if that is nothing.
  bool try_now() {
    if (!file->may_ask_without_waiting.load(std::memory_order_relaxed))
      return false;
    const iovec piece{buffer->chars() + at, size};
    const ssize_t n = ::preadv2(file->fd, &piece, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    if (n > 0) {
      got = static_cast<std::size_t>(n);
      return true;
    }
    if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
      file->may_ask_without_waiting.store(false, std::memory_order_relaxed);
    return false;
  }
};

result<std::unique_ptr<split_reader>> split_reader::open(file_split split, text_format format,
                                                         const split_reader_options& options,
                                                         std::shared_ptr<memory_budget> budget) {
  const int fd = ::open(split.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return system_failure(split.path, "the file cannot be opened", errno);
  auto file = std::make_shared<file_handle>(fd);
  ::posix_fadvise(fd, static_cast<off_t>(split.begin), 0, POSIX_FADV_SEQUENTIAL);
  return std::unique_ptr<split_reader>(
      new split_reader(std::move(split), format, options, std::move(budget), std::move(file)));
}

split_reader::split_reader(file_split split, text_format format, const split_reader_options& options,
                           std::shared_ptr<memory_budget> budget, std::shared_ptr<file_handle> file)
    : split_(std::move(split)), format_(format), options_(options), budget_(std::move(budget)),
      file_(std::move(file)), newlines_(newline_room) {
  if (split_.begin > 0)
    base_ = split_.begin - std::min(split_.begin, look_back(format_));
  // With nothing before it, the buffer begins with a line, and a record may begin as well.
  state_ = base_ == 0 ? state::between : state::cut_line;
  if (base_ == 0 && split_.begin > 0)
    state_ = format_ == text_format::lines ? state::cut_line : state::between;
  if (split_.begin >= split_.end)
    state_ = state::ended;
}

std::size_t split_reader::kept_from() const noexcept {
  switch (state_) {
    case state::cut_line: return size_;
    case state::in_record: return record_start_;
    default: return line_start_;
  }
}

failure split_reader::too_long(std::size_t begin) const {
  return user_failure(split_.path + " at byte " + std::to_string(offset_of(begin)),
                      std::string(format_ == text_format::lines ? "a line" : "a record") +
                          " begins here that is longer than source.max-record-size allows (" +
                          std::to_string(options_.max_record_bytes) + " bytes)");
}

result<void> split_reader::refill() {
  const std::size_t from = kept_from();
  const std::size_t kept = size_ - from;
  if (kept > options_.max_record_bytes)
    return too_long(from);
  const std::uint64_t next = base_ + size_;
  std::uint64_t wanted = next < split_.end ? std::min<std::uint64_t>(options_.chunk_bytes, split_.end - next + 1024)
                                           : std::min(chunk_beyond_end, options_.chunk_bytes);
  wanted = std::max<std::uint64_t>(wanted, kept);        // doubles, so that a long line is not copied over and over
  wanted = std::min(wanted, split_.file_size - next);
  auto buffer = arena::make(budget_, kept + wanted);
  if (kept > 0)
    std::memcpy(buffer->chars(), buffer_->chars() + from, kept);
  base_ += from;
  line_start_ -= std::min(line_start_, from);
  record_start_ -= std::min(record_start_, from);
  record_end_ -= std::min(record_end_, from);
  size_ = scanned_ = kept;
  newline_count_ = next_newline_ = 0;
  buffer_ = std::move(buffer);

  auto read = std::make_shared<pending_read>();
  read->file = file_;
  read->buffer = buffer_;
  read->at = kept;
  read->size = wanted;
  read->offset = next;
  if (read->try_now())
    return take_over(read->got, 0);
  ::posix_fadvise(file_->fd, static_cast<off_t>(next), static_cast<off_t>(read_ahead), POSIX_FADV_WILLNEED);
  pending_ = std::move(read);
  return {};
}

result<void> split_reader::take_over(std::size_t read, int error) {
  if (error != 0)
    return system_failure(split_.path, "the file cannot be read", error);
  if (read == 0)
    return transient_failure(split_.path, "the file has become shorter while it was read: " +
                                              std::to_string(split_.file_size) + " bytes were there, now " +
                                              std::to_string(base_ + size_));
  size_ += read;
  return {};
}

std::function<void()> split_reader::take_blocking_read() {
  if (!pending_ || std::exchange(pending_->taken, true))
    return {};
  return [read = pending_] { read->run(); };
}

bool split_reader::reading() const noexcept {
  return pending_ && pending_->taken && !pending_->done.load(std::memory_order_acquire);
}

void split_reader::emit(std::size_t begin, std::size_t end, const target& to) {
  to.values[rows_] = text(buffer_->chars() + begin, static_cast<std::uint32_t>(end - begin));
  to.offsets[rows_] = static_cast<std::int64_t>(offset_of(begin));
  ++rows_;
  bytes_ += end - begin;
}

/// True when the target is full or the split has ended; false when the newlines at hand are used up.
result<bool> split_reader::consume_lines(const target& to) {
  const char* data = buffer_->chars();
  while (next_newline_ < newline_count_) {
    const std::size_t newline = newlines_[next_newline_];
    if (state_ == state::cut_line) {
      state_ = state::between;
      line_start_ = newline + 1;
      ++next_newline_;
      continue;
    }
    if (offset_of(line_start_) >= split_.end) {
      state_ = state::ended;
      return true;
    }
    if (rows_ == to.room || bytes_ >= to.max_bytes)
      return true;
    if (newline - line_start_ > options_.max_record_bytes)
      return too_long(line_start_);
    const bool carriage_return = newline > line_start_ && data[newline - 1] == '\r';
    emit(line_start_, newline - (carriage_return ? 1 : 0), to);
    line_start_ = newline + 1;
    ++next_newline_;
  }
  return false;
}

/// One line of a file of records has been seen whole. True as for `consume_lines`, the line unused then.
result<bool> split_reader::end_line(std::size_t newline, const target& to) {
  const char* data = buffer_->chars();
  const bool carriage_return = newline > line_start_ && data[newline - 1] == '\r';
  const std::size_t line_end = newline - (carriage_return ? 1 : 0);
  const bool blank = line_end == line_start_;
  switch (state_) {
    case state::cut_line:
      state_ = state::foreign_record;
      break;
    case state::foreign_record:
    case state::between:
      if (offset_of(line_start_) >= split_.end) {
        state_ = state::ended;
        return true;
      }
      if (blank) {
        state_ = state::between;
      } else if (state_ == state::between && offset_of(line_start_) < split_.begin) {
        state_ = state::foreign_record;
      } else if (state_ == state::between) {
        state_ = state::in_record;
        record_start_ = line_start_;
        record_end_ = line_end;
      }
      break;
    case state::in_record:
      if (blank) {
        if (rows_ == to.room || bytes_ >= to.max_bytes)
          return true;
        emit(record_start_, record_end_, to);
        state_ = state::between;
      } else {
        record_end_ = line_end;
      }
      break;
    case state::ended:
      return true;
  }
  if (state_ == state::in_record && record_end_ - record_start_ > options_.max_record_bytes)
    return too_long(record_start_);
  line_start_ = newline + 1;
  return false;
}

result<bool> split_reader::consume_records(const target& to) {
  for (; next_newline_ < newline_count_; ++next_newline_) {
    FLOTT_ASSIGN(const bool stop, end_line(newlines_[next_newline_], to));
    if (stop)
      return true;
  }
  return false;
}

result<split_reader::step> split_reader::next(const target& to) {
  rows_ = 0;
  bytes_ = 0;
  if (pending_) {
    if (!pending_->done.load(std::memory_order_acquire))
      return step::blocked;
    const std::shared_ptr<pending_read> read = std::move(pending_);
    pending_.reset();
    FLOTT_TRY(take_over(read->got, read->error));
  }
  while (state_ != state::ended) {
    if (next_newline_ < newline_count_) {
      FLOTT_ASSIGN(const bool stop, format_ == text_format::lines ? consume_lines(to) : consume_records(to));
      if (stop)
        break;
    } else if (scanned_ < size_) {
      next_newline_ = 0;
      scanned_ = find_newlines(buffer_->chars(), scanned_, size_, newlines_.data(), newlines_.size(), newline_count_);
    } else if (!at_end_of_file()) {
      if (rows_ > 0)
        break;                       // the rows lie in this buffer
      const bool none_left = state_ == state::cut_line ? offset_of(size_) >= split_.end && size_ > 0
                                                       : offset_of(line_start_) >= split_.end;
      if (none_left && state_ != state::in_record) {
        state_ = state::ended;
        break;
      }
      FLOTT_TRY(refill());
      if (pending_)
        return step::blocked;
    } else {
      // The last line needs no newline; where the file ends with one, there is no further line.
      const bool tail = line_start_ < size_ && state_ != state::cut_line && offset_of(line_start_) < split_.end &&
                        offset_of(line_start_) >= split_.begin;
      const bool whole_record = format_ == text_format::records &&
                                (state_ == state::in_record || (tail && state_ == state::between));
      if ((whole_record || (tail && format_ == text_format::lines)) &&
          (rows_ == to.room || bytes_ >= to.max_bytes))
        break;
      if (format_ == text_format::lines && tail) {
        if (size_ - line_start_ > options_.max_record_bytes)
          return too_long(line_start_);
        emit(line_start_, size_, to);
      } else if (whole_record) {
        const std::size_t begin = state_ == state::in_record ? record_start_ : line_start_;
        const std::size_t end = line_start_ < size_ ? size_ : record_end_;
        if (end - begin > options_.max_record_bytes)
          return too_long(begin);
        emit(begin, end, to);
      }
      state_ = state::ended;
    }
  }
  return rows_ > 0 ? step::rows : step::ended;
}

file_split split_reader::rest() const {
  file_split left = split_;
  if (state_ == state::ended)
    left.begin = left.end;
  else if (state_ != state::cut_line)
    left.begin = std::max(left.begin, offset_of(kept_from()));
  return left;
}

}  // namespace flott
