#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flott::cli {

/// One option of a command. `names` is "long" or "long,s"; an empty `value` makes it a flag, otherwise it stands
/// for the value in the help text. A repeated option that may be given once only is an error.
struct option_spec {
  std::string names;
  std::string value;
  std::string prose;
  bool repeated = false;
};

/// What a command takes.
struct command_spec {
  std::string name;                      ///< "run", "cluster start"
  std::string arguments;                 ///< as shown in the usage line: "MODULE [--parameter value]..."
  std::string prose;                     ///< a sentence or several
  std::vector<option_spec> options;
  std::size_t least_operands = 0, most_operands = 0;
  /// Everything after the first operand belongs to it and is not looked at.
  bool hands_on_rest = false;
};

/// A command line that kept to its spec.
class parsed_command {
 public:
  std::vector<std::string> operands;
  std::vector<std::string> rest;         ///< what is handed on
  bool wants_help = false;               ///< nothing else was checked then

  [[nodiscard]] bool has(std::string_view option) const { return values_.contains(option); }
  [[nodiscard]] std::string text(std::string_view option, std::string otherwise = {}) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view option) const;
  /// A natural number within the bounds; `otherwise` where the option is missing. The failure names the option.
  [[nodiscard]] result<std::uint32_t> number(std::string_view option, std::uint32_t otherwise, std::uint32_t least,
                                             std::uint32_t most) const;

  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

/// Options may stand before and after operands ("--" ends them), unless the command hands on its rest. Long options are
/// never guessed from a prefix. Failures (user) say what is wrong with which argument.
[[nodiscard]] result<parsed_command> parse(const command_spec& spec, const std::vector<std::string>& arguments);

/// Usage, prose and options, for --help.
[[nodiscard]] std::string help(const command_spec& spec);

/// "key=value" in pairs, in order. The failure names the one that has no key or no '='.
[[nodiscard]] result<std::vector<std::pair<std::string, std::string>>> key_values(const std::vector<std::string>& texts);

}  // namespace flott::cli
