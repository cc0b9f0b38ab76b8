#pragma once

#include "runtime/config/option.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace flott {

/// The options of a process or a job: every one has a value, set or default. Immutable once made, cheap to copy
/// compared with what it configures; handed in, never global.
class configuration {
 public:
  /// All defaults.
  configuration() = default;

  /// The file, then `overrides` ("key=value", as after -D; the last of a key wins). An empty path means no file.
  /// Every key must be declared and every value in its type and bounds, and the whole must be consistent
  /// (`check`); otherwise a permanent user failure naming file and line (or "-D"), the key, and the nearest key.
  [[nodiscard]] static result<configuration> load(const std::filesystem::path& file,
                                                  const std::vector<std::string>& overrides = {});
  /// The same from text; `name` stands for the file in messages.
  [[nodiscard]] static result<configuration> parse(std::string_view yaml, std::string_view name,
                                                   const std::vector<std::string>& overrides = {});

  /// This, with a job's own settings over it. Refuses options that belong to the cluster.
  [[nodiscard]] result<configuration> for_job(const std::vector<std::pair<std::string, std::string>>& settings) const;
  /// This, with `key` set to `text` whatever its scope: for command line flags that stand for an option.
  [[nodiscard]] result<configuration> with(std::string_view key, std::string_view text,
                                           std::string_view origin) const;

  template <class T>
  [[nodiscard]] T get(const option<T>& of) const {
    return static_cast<T>(std::get<typename option<T>::stored_type>(value_of(of)));
  }
  /// Whether it was set, be it to its default.
  [[nodiscard]] bool is_set(const option_declaration& of) const { return set_.contains(of.key); }
  [[nodiscard]] const option_value& value_of(const option_declaration& of) const;

  /// What was set, in key order, as text: for REST, for command lines of other nodes, for logs.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> entries() const;
  /// Flink's keys that have no meaning here and were read over, each a sentence.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct setting {
    option_value value;
    std::string origin;   ///< "flott.yaml:12" or "-D"
  };

  result<void> set(std::string_view key, std::string_view text, const std::string& origin, bool by_job);
  result<void> set_all(const std::vector<std::string>& overrides);
  /// Rules between options: heartbeats, and that nothing but loopback is bound without security.
  result<void> check() const;

  std::map<std::string, setting, std::less<>> set_;
  std::vector<std::string> warnings_;
};

/// Every option as a Markdown page; docs/reference/configuration.md is its output.
[[nodiscard]] std::string configuration_reference();

/// 127.0.0.0/8, ::1, "localhost".
[[nodiscard]] bool is_loopback(std::string_view host);

}  // namespace flott
