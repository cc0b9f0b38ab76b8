#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

#include <atomic>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

/// Structured logs: one line a fact, named fields at every call site.
///
///     log::info("task deployed", {{"job", id}, {"vertex", name}, {"subtask", 3}});
///
/// The message is a constant sentence without values in it; what varies is a field. A call below the level costs one
/// relaxed load. A line is at most `max_line_bytes` long; what does not fit is cut and marked.
namespace flott::log {

enum class level : std::uint8_t { trace, debug, info, warn, error, off };

inline constexpr std::size_t max_line_bytes = 16 * 1024;

/// One named value. Only refers to what it is made from: lives no longer than the call.
class field {
 public:
  enum class kind : std::uint8_t { text, integer, natural, real, boolean, id };

  field(std::string_view name, std::string_view value) : name_(name), kind_(kind::text), text_(value) {}
  field(std::string_view name, const char* value) : field(name, std::string_view(value)) {}
  field(std::string_view name, const std::string& value) : field(name, std::string_view(value)) {}
  field(std::string_view name, std::same_as<bool> auto value)
      : name_(name), kind_(kind::boolean), natural_(value ? 1 : 0) {}
  template <std::signed_integral T>
  field(std::string_view name, T value) : name_(name), kind_(kind::integer), integer_(value) {}
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  field(std::string_view name, T value) : name_(name), kind_(kind::natural), natural_(value) {}
  template <std::floating_point T>
  field(std::string_view name, T value) : name_(name), kind_(kind::real), real_(static_cast<double>(value)) {}
  template <class Tag>
  field(std::string_view name, const id128<Tag>& value) : name_(name), kind_(kind::id), id_(value.bytes.data()) {}

  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  /// Appends the value as JSON, or as plain text (quoted only where it has blanks or control characters).
  void append_json(std::string& line) const;
  void append_text(std::string& line) const;

 private:
  std::string_view name_;
  kind kind_;
  union {
    std::string_view text_;
    std::int64_t integer_;
    std::uint64_t natural_;
    double real_;
    const std::uint8_t* id_;
  };
};

using fields = std::initializer_list<field>;

enum class format : std::uint8_t { text, json };

/// How this process logs. `node` (role and id) becomes a field of every line.
struct log_config {
  level threshold = level::info;
  format style = format::text;
  std::string node{};
  /// Empty: standard error. Otherwise the file is appended to, and standard output and error are led into it as well,
  /// so that whatever the process prints is found in one place.
  std::filesystem::path file{};
  /// A file that grows beyond this is renamed to `file.1` (replacing the one before) and begun anew.
  std::uint64_t max_file_bytes = 64ULL << 20;
};

/// Sets the process's logging; called by executables, once, early. Without it warnings and errors go to standard
/// error as text, so an embedding service stays quiet. Error: the file cannot be opened.
result<void> configure(const log_config& config);

/// Changes the threshold while running.
void set_level(level threshold) noexcept;
/// "trace" ... "off"; nothing for another name.
[[nodiscard]] bool parse_level(std::string_view name, level& to) noexcept;

namespace detail {
extern std::atomic<level> threshold;
extern thread_local const std::atomic<int>* own_threshold;
void write(level at, std::string_view message, fields values);
}  // namespace detail

/// While one lives, its thread logs by a threshold of its own instead of the process's: that of the actor whose messages
/// it handles. `of` holds a level as a number, or -1 for the process's, may change meanwhile, and may be null.
class scoped_level {
 public:
  explicit scoped_level(const std::atomic<int>* of) noexcept : before_(detail::own_threshold) { detail::own_threshold = of; }
  ~scoped_level() { detail::own_threshold = before_; }
  scoped_level(const scoped_level&) = delete;
  scoped_level& operator=(const scoped_level&) = delete;

 private:
  const std::atomic<int>* before_;
};

[[nodiscard]] inline bool enabled(level at) noexcept {
  if (const auto* own = detail::own_threshold)
    if (const int threshold = own->load(std::memory_order_relaxed); threshold >= 0)
      return static_cast<int>(at) >= threshold;
  return at >= detail::threshold.load(std::memory_order_relaxed);
}

inline void trace(std::string_view message, fields values = {}) {
  if (enabled(level::trace)) detail::write(level::trace, message, values);
}
inline void debug(std::string_view message, fields values = {}) {
  if (enabled(level::debug)) detail::write(level::debug, message, values);
}
inline void info(std::string_view message, fields values = {}) {
  if (enabled(level::info)) detail::write(level::info, message, values);
}
inline void warn(std::string_view message, fields values = {}) {
  if (enabled(level::warn)) detail::write(level::warn, message, values);
}
inline void error(std::string_view message, fields values = {}) {
  if (enabled(level::error)) detail::write(level::error, message, values);
}

/// The line as it would be written, without its time: for tests and for other sinks.
[[nodiscard]] std::string render(level at, std::string_view message, fields values, format style,
                                 std::string_view time, std::string_view node);

}  // namespace flott::log
