#include "runtime/base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <ctime>
#include <fcntl.h>
#include <mutex>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flott::log {

namespace {

constexpr std::string_view names[] = {"trace", "debug", "info", "warn", "error", "off"};
constexpr std::string_view cut_mark = "...[cut]";

/// What a long text may take of a line, so that the fields behind it still have room.
std::string_view bounded(std::string_view text) {
  if (text.size() <= max_line_bytes / 2)
    return text;
  auto end = max_line_bytes / 2;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;   // not inside a character
  return text.substr(0, end);
}

void append_bounded(std::string& line, std::string_view text) {
  const auto kept = bounded(text);
  line.append(kept).append(kept.size() < text.size() ? cut_mark : "");
}

void append_quoted(std::string& line, std::string_view whole) {
  const auto text = bounded(whole);
  static constexpr char hex[] = "0123456789abcdef";
  line += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"': line += "\\\""; break;
      case '\\': line += "\\\\"; break;
      case '\n': line += "\\n"; break;
      case '\r': line += "\\r"; break;
      case '\t': line += "\\t"; break;
      default:
        if (byte < 0x20 || byte == 0x7f) {
          line += "\\u00";
          line += hex[byte >> 4];
          line += hex[byte & 15];
        } else {
          line += c;
        }
    }
  }
  if (text.size() < whole.size())
    line += cut_mark;
  line += '"';
}

template <class Number>
void append_number(std::string& line, Number value) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  line.append(buffer, end);
}

/// Writes lines to a descriptor; a regular file opened by `configure` is renamed aside when it has grown too large.
class descriptor_sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  descriptor_sink(int fd, std::filesystem::path file, std::uint64_t max_bytes)
      : fd_(fd), file_(std::move(file)), max_bytes_(max_bytes) {}
  ~descriptor_sink() override {
    if (!file_.empty()) ::close(fd_);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string_view rest(message.payload.data(), message.payload.size());
    while (!rest.empty()) {
      const auto put = ::write(fd_, rest.data(), rest.size());
      if (put > 0)
        rest.remove_prefix(static_cast<std::size_t>(put));
      else if (errno != EINTR)
        break;   // nowhere to complain to
    }
    written_ += message.payload.size();
    // Others write to the same file through standard output, so its real size is asked for once in so many bytes.
    if (!file_.empty() && written_ > check_every) {
      written_ = 0;
      struct stat info{};
      if (::fstat(fd_, &info) == 0 && static_cast<std::uint64_t>(info.st_size) > max_bytes_)
        rotate();
    }
  }
  void flush_() override {}

 private:
  static constexpr std::uint64_t check_every = 64 * 1024;

  void rotate() {
    auto old = file_;
    old += ".1";
    if (::rename(file_.c_str(), old.c_str()) != 0)
      return;
    const int fresh = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fresh < 0)
      return;   // goes on in the renamed file
    ::dup2(fresh, STDOUT_FILENO);
    ::dup2(fresh, STDERR_FILENO);
    ::close(std::exchange(fd_, fresh));
  }

  int fd_;
  std::filesystem::path file_;
  std::uint64_t max_bytes_;
  std::uint64_t written_ = 0;
};

/// The process's logger. Never destroyed: threads may log until the very end.
struct process_log {
  process_log() { logger->set_level(spdlog::level::trace); }   // the threshold was checked before

  std::mutex mutex;
  std::shared_ptr<spdlog::logger> logger =
      std::make_shared<spdlog::logger>("flott", std::make_shared<descriptor_sink>(STDERR_FILENO, "", 0));
  format style = format::text;
  std::string node;
};

process_log& instance() {
  static auto* log = new process_log;
  return *log;
}

std::string time_now(format style) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  char buffer[40];
  const auto length = std::strftime(buffer, sizeof buffer, style == format::json ? "%Y-%m-%dT%H:%M:%S"
                                                                                 : "%Y-%m-%d %H:%M:%S", &parts);
  std::string text(buffer, length);
  std::snprintf(buffer, sizeof buffer, ".%03ld", now.tv_nsec / 1'000'000);
  text += buffer;
  if (style == format::json)
    text += 'Z';
  return text;
}

}  // namespace

void field::append_json(std::string& line) const {
  switch (kind_) {
    case kind::text: append_quoted(line, text_); break;
    case kind::integer: append_number(line, integer_); break;
    case kind::natural: append_number(line, natural_); break;
    case kind::boolean: line += natural_ != 0 ? "true" : "false"; break;
    case kind::real:
      if (std::isfinite(real_)) append_number(line, real_);
      else line += "null";
      break;
    case kind::id: {
      line += '"';
      append_text(line);
      line += '"';
      break;
    }
  }
}

void field::append_text(std::string& line) const {
  static constexpr char hex[] = "0123456789abcdef";
  switch (kind_) {
    case kind::text: {
      const bool plain = !text_.empty() && std::ranges::none_of(text_, [](unsigned char c) {
        return c <= 0x20 || c == 0x7f || c == '"' || c == '\\' || c == '=';
      });
      if (plain) append_bounded(line, text_);
      else append_quoted(line, text_);
      break;
    }
    case kind::id:
      for (int i = 0; i < 16; ++i) {
        line += hex[id_[i] >> 4];
        line += hex[id_[i] & 15];
      }
      break;
    default: append_json(line); break;
  }
}

std::string render(level at, std::string_view message, fields values, format style, std::string_view time,
                   std::string_view node) {
  std::string line;
  line.reserve(256);
  const auto name = names[static_cast<std::size_t>(at)];
  if (style == format::json) {
    line.append("{\"time\":\"").append(time).append("\",\"level\":\"").append(name).append("\",\"message\":");
    append_quoted(line, message);
    if (!node.empty()) {
      line += ",\"node\":";
      append_quoted(line, node);
    }
  } else {
    line.append(time).append(" ").append(name).append(name.size() == 4 ? "  " : " ");
    append_bounded(line, message);
    if (!node.empty())
      line.append(" node=").append(node);
  }
  // A field that does not fit is left out whole, so that a JSON line stays a JSON document.
  bool cut = false;
  for (const auto& value : values) {
    const auto before = line.size();
    if (style == format::json) {
      line += ',';
      append_quoted(line, value.name());
      line += ':';
      value.append_json(line);
    } else {
      line.append(" ").append(value.name()).append("=");
      value.append_text(line);
    }
    if (line.size() > max_line_bytes - 32) {
      line.resize(before);
      cut = true;
    }
  }
  if (style == format::json) {
    if (cut) line += ",\"cut\":true";
    line += '}';
  } else if (cut) {
    line.append(" ").append(cut_mark);
  }
  return line;
}

result<void> configure(const log_config& config) {
  int fd = STDERR_FILENO;
  if (!config.file.empty()) {
    fd = ::open(config.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
      return system_failure(config.file.string(), "cannot open the log", errno);
    if (fd <= STDERR_FILENO)
      fd = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
  }
  auto& log = instance();
  auto logger = std::make_shared<spdlog::logger>(
      "flott", std::make_shared<descriptor_sink>(fd, config.file, config.max_file_bytes));
  logger->set_level(spdlog::level::trace);
  {
    std::lock_guard lock(log.mutex);
    log.logger = std::move(logger);
    log.style = config.style;
    log.node = config.node;
  }
  set_level(config.threshold);
  return {};
}

void set_level(level threshold) noexcept { detail::threshold.store(threshold, std::memory_order_relaxed); }

bool parse_level(std::string_view name, level& to) noexcept {
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (names[i] == name) {
      to = static_cast<level>(i);
      return true;
    }
  return false;
}

namespace detail {

std::atomic<level> threshold{level::warn};
thread_local const std::atomic<int>* own_threshold = nullptr;

void write(level at, std::string_view message, fields values) {
  auto& log = instance();
  std::shared_ptr<spdlog::logger> logger;
  format style;
  std::string node;
  {
    std::lock_guard lock(log.mutex);
    logger = log.logger;
    style = log.style;
    node = log.node;
  }
  auto line = render(at, message, values, style, time_now(style), node);
  line += '\n';
  logger->log(static_cast<spdlog::level::level_enum>(std::min<int>(static_cast<int>(at), spdlog::level::critical)),
              spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace detail

}  // namespace flott::log
