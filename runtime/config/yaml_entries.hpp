#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace flott {

/// One scalar of a configuration file under its dotted key.
struct yaml_entry {
  std::string key;
  std::string value;    ///< of a list: its elements joined by ';'
  std::string origin;   ///< "flott.yaml:12"
};

/// The scalars of a YAML document in file order; nested maps and dotted keys are the same. An empty document has none.
/// Errors name the file and line: not text, not YAML, a document that is no map, nesting or size beyond reason.
[[nodiscard]] result<std::vector<yaml_entry>> read_yaml_entries(std::string_view yaml, std::string_view name);

}  // namespace flott
