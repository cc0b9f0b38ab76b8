#pragma once

#include "runtime/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace flott {

/// Small TCP helpers shared by the RPC connector and the data plane. Descriptors are close-on-exec.

/// Connects within `deadline`; tries every address of the name. The descriptor is blocking. Errors name the peer.
result<int> dial_tcp(const std::string& host, std::uint16_t port, std::chrono::steady_clock::time_point deadline);

/// Whether it is certain that nobody listens on `host:port`: the connection is refused. A peer that is only slow, stopped
/// or cut off does not refuse. Blocks until `deadline` at the longest.
bool nobody_listens(const std::string& host, std::uint16_t port, std::chrono::steady_clock::time_point deadline);

/// Listens on `host:port` (0: any free port) with SO_REUSEADDR. Errors name the address.
result<int> listen_tcp(const std::string& host, std::uint16_t port);

/// "host:port" of the other end, numeric; "unknown" on error.
std::string peer_of(int fd);

/// The port that `fd` is bound to; 0 on error.
std::uint16_t local_port(int fd);

/// No Nagle delay; a vanished peer is noticed within about 10 s (keepalive), and one that takes nothing of what was sent to
/// it, although it may live, after `patience` (TCP_USER_TIMEOUT).
void tune_tcp(int fd, std::chrono::milliseconds patience = std::chrono::seconds{5});

}  // namespace flott
