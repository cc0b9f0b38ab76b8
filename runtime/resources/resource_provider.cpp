#include "runtime/resources/resource_provider.hpp"

namespace flott {

std::string node_exited::how() const {
  if (crash)
    return "ended by " + crash->to_string();
  if (signal)
    return "ended by " + signal_name(*signal);
  if (exit_code)
    return "exited with code " + std::to_string(*exit_code);
  return "ended";
}

}  // namespace flott
