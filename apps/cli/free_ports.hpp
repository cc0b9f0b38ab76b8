#pragma once

#include "runtime/base/result.hpp"
#include "runtime/config/values.hpp"

#include <string>
#include <vector>

namespace flott::cli {

/// Finds ports for a process that is about to be started. Those found stay bound here, so that none is given twice,
/// until this ends.
class free_ports {
 public:
  free_ports() = default;
  free_ports(const free_ports&) = delete;
  free_ports& operator=(const free_ports&) = delete;
  ~free_ports();

  /// The first free port of the range on `host`; of 0 any. The failure says that all are taken.
  [[nodiscard]] result<std::uint16_t> take(const std::string& host, port_range range);

 private:
  std::vector<int> held_;
};

}  // namespace flott::cli
