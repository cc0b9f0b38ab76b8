#pragma once

#include <caf/all.hpp>
#include <caf/io/all.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace flott {

class env;

struct connector_config {
  env* environment = nullptr;
  std::string secret;                               ///< of the cluster, raw bytes
  int listener = -1;                                ///< the bound socket that publishing uses; stays the caller's
  std::chrono::milliseconds dial_timeout{1000};     ///< of connect and handshake, each
  std::chrono::milliseconds handshake_timeout{2000};///< that a caller has to prove itself
};

/// CAF's middleman with our sockets: bounded dialing, TCP_USER_TIMEOUT and keepalive on both sides, and the
/// cluster's secret proven by both ends before CAF sees a byte. Runs detached, since dialing blocks.
///
/// Publish by `request(connector, t, caf::publish_atom::value, port, whom, signatures, host, reuse)`, as often as the
/// published actor changes: it is always `listener` that is served, whatever port is named. Connect by
/// `request(connector, t, caf::connect_atom::value, host, port)`. End it with exit_reason::kill before the system ends.
caf::io::middleman_actor spawn_connector(caf::actor_system& system, connector_config config);

}  // namespace flott
