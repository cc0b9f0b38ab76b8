#include "messages/job.pb.h"
#include "runtime/connectors/file_committer.hpp"
#include "runtime/connectors/row_format.hpp"
#include "runtime/connectors/sinks.hpp"
#include "runtime/operators/base_operator.hpp"
#include "runtime/operators/snapshot.hpp"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flott {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t write_bytes = 256 * 1024;

/// A file being written aside. Removed with the object unless it was kept.
class aside_file {
 public:
  aside_file() = default;
  aside_file(const aside_file&) = delete;
  aside_file& operator=(const aside_file&) = delete;
  ~aside_file() {
    if (fd_ >= 0)
      ::close(fd_);
    if (!path_.empty() && !kept_) {
      ::unlink(path_.c_str());
      leave_aside_folder(directory_, job_);
    }
  }

  /// A new file whose name begins with `name`.
  result<void> create(const std::string& directory, const job_id& job, const std::string& name) {
    directory_ = directory;
    job_ = job;
    for (int number = 0; number < 10'000; ++number) {
      FLOTT_ASSIGN(const std::string aside, make_aside_folder(directory, job));
      std::string path = (fs::path(aside) / (name + "-" + std::to_string(number))).string();
      fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (fd_ >= 0) {
        path_ = std::move(path);
        return {};
      }
      // ENOENT: a sink that gave up has just taken the folder away.
      if (errno != EEXIST && errno != ENOENT)
        return system_failure(path, "the file cannot be made", errno);
    }
    return internal_failure(directory, "no name is free for a temporary file");
  }

  result<void> append(std::string_view content) {
    while (!content.empty()) {
      const ssize_t n = ::write(fd_, content.data(), content.size());
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return system_failure(path_, "the file cannot be written", errno);
      content.remove_prefix(static_cast<std::size_t>(n));
      size_ += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  /// Appends the first `size` bytes of another file.
  result<void> append_file(const std::string& from, std::uint64_t size) {
    const int source = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
    if (source < 0)
      return system_failure(from, "what was written before the snapshot cannot be read", errno);
    std::string buffer(write_bytes, '\0');
    result<void> outcome;
    for (std::uint64_t at = 0; at < size && outcome.ok();) {
      const ssize_t n = ::pread(source, buffer.data(), std::min<std::uint64_t>(buffer.size(), size - at),
                                static_cast<off_t>(at));
      if (n <= 0) {
        outcome = transient_failure(from, "is shorter than the snapshot says");
        break;
      }
      outcome = append({buffer.data(), static_cast<std::size_t>(n)});
      at += static_cast<std::uint64_t>(n);
    }
    ::close(source);
    return outcome;
  }

  result<void> make_durable() {
    if (::fsync(fd_) != 0)
      return system_failure(path_, "the file cannot be made durable", errno);
    return {};
  }

  /// Removes what earlier tries left under this name: those whose process died, or they would have done it themselves.
  /// `stem` is the name without the numbers of try and file, `own` those of this try: "epoch-attempt".
  void remove_earlier(const std::string& stem, std::pair<std::uint64_t, std::uint64_t> own) const {
    std::error_code error;
    for (fs::directory_iterator it(aside_folder(directory_, job_), error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename().string();
      std::uint64_t epoch = 0, attempt = 0;
      if (name.starts_with(stem) &&
          std::sscanf(name.c_str() + stem.size(), "%" SCNu64 "-%" SCNu64 "-", &epoch, &attempt) == 2 &&
          std::pair(epoch, attempt) < own)
        ::unlink(it->path().c_str());
    }
  }

  void keep() { kept_ = true; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  result<void> empty() {
    if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) < 0)
      return system_failure(path_, "the file cannot be written", errno);
    size_ = 0;
    return {};
  }

 private:
  std::string directory_, path_;
  job_id job_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  bool kept_ = false;
};

class csv_sink final : public base_operator {
 public:
  csv_sink(schema_ptr shape, std::string directory, std::string name, bool one_file)
      : shape_(std::move(shape)), directory_(std::move(directory)), name_(std::move(name)), one_file_(one_file) {}

  result<void> open(operator_context& context, output& out) override {
    FLOTT_TRY(base_operator::open(context, out));
    if (name_.empty() || fs::path(name_).filename() != name_ || name_ == "." || name_ == "..")
      return user_failure(directory_, "cannot take the results: '" + name_ + "' is no name of a file");
    if (one_file_ && context.parallelism() != 1)
      return user_failure(name_, "is one file, and its sink has " + std::to_string(context.parallelism()) +
                                     " subtasks; give it parallelism 1, or write parts");
    if (auto absolute = directory_.empty() ? std::string() : output_folder(directory_); !absolute.empty())
      directory_ = std::move(absolute);
    else
      return user_failure(directory_, "is no path of a folder");
    FLOTT_TRY(check_output_directory(directory_, context.job()));
    FLOTT_TRY(file_.create(directory_, context.job(),
                           stem() + std::to_string(context.job_epoch()) + "-" + std::to_string(context.attempt())));
    append_csv_header(buffer_, *shape_);
    return {};
  }

  result<void> process(std::size_t, record_batch batch) override {
    if (!std::exchange(alone_, true))
      file_.remove_earlier(stem(), {context().job_epoch(), context().attempt()});
    result<void> outcome;
    batch.for_each_row([&](std::uint32_t row) {
      append_csv_row(buffer_, batch, row);
      if (buffer_.size() >= write_bytes && outcome.ok())
        outcome = flush();
    });
    return outcome;
  }
  result<void> process_watermark(watermark) override { return {}; }

  result<void> snapshot(snapshot_writer& to) override {
    FLOTT_TRY(flush());
    FLOTT_TRY(file_.make_durable());
    file_.keep();
    to.put_bytes("file", file_.path());
    to.put_unsigned("size", file_.size());
    return {};
  }

  result<void> restore(snapshot_reader& from) override {
    FLOTT_ASSIGN(const std::string_view path, from.bytes("file"));
    FLOTT_ASSIGN(const std::uint64_t size, from.unsigned_integer("size"));
    alone_ = true;                       // an earlier try's file may be part of the snapshot
    buffer_.clear();
    FLOTT_TRY(file_.empty());
    return file_.append_file(std::string(path), size);
  }

  result<std::vector<msg::Committable>> prepare_commit() override {
    FLOTT_TRY(flush());
    FLOTT_TRY(file_.make_durable());
    mark_published(file_.path(), context().job());
    file_.keep();
    const fs::path place(directory_);
    const std::string final_path =
        one_file_ ? (place / name_).string()
                  : (place / name_ / ("part-" + std::to_string(context().subtask()) + ".csv")).string();
    return std::vector<msg::Committable>{
        to_committable({context().job(), directory_, file_.path(), final_path}, context().operator_name())};
  }

 private:
  [[nodiscard]] std::string stem() const { return name_ + "-" + std::to_string(context().subtask()) + "-"; }

  result<void> flush() {
    FLOTT_TRY(file_.append(buffer_));
    buffer_.clear();
    return {};
  }

  schema_ptr shape_;
  std::string directory_, name_;
  bool one_file_;
  std::string buffer_;
  aside_file file_;
  bool alone_ = false;                   ///< nothing of earlier tries is left, or it is needed
};

}  // namespace

std::string output_folder(const std::string& directory) {
  std::error_code error;
  std::string absolute = fs::absolute(directory, error).lexically_normal().string();
  if (absolute.size() > 1 && absolute.back() == '/')
    absolute.pop_back();
  return error ? std::string() : absolute;
}

operator_factory make_csv_sink(schema_ptr shape, std::string directory, std::string name, bool one_file) {
  return [=]() -> result<std::unique_ptr<stream_operator>> {
    return {std::make_unique<csv_sink>(shape, directory, name, one_file)};
  };
}

}  // namespace flott
