#include "apps/cli/free_ports.hpp"

#include "runtime/base/socket.hpp"

#include <unistd.h>

namespace flott::cli {

free_ports::~free_ports() {
  for (const int fd : held_)
    ::close(fd);
}

result<std::uint16_t> free_ports::take(const std::string& host, port_range range) {
  std::string cause;
  for (unsigned port = range.low; port <= range.high; ++port) {
    auto fd = listen_tcp(host, static_cast<std::uint16_t>(port));
    if (fd.ok()) {
      held_.push_back(*fd);
      return local_port(*fd);
    }
    cause = fd.error().to_string();
  }
  return transient_failure(host + ":" + to_text(range),
                           range.low == range.high ? "the port is taken" : "all ports of the range are taken", cause);
}

}  // namespace flott::cli
