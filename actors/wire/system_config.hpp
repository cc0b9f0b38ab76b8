#pragma once

#include <caf/all.hpp>

#include <cstddef>

namespace flott {

/// CAF's settings for a Flott process. Everything is set here, in code; no file and no argument of CAF is read.
///
/// The `sharing` scheduler wakes many idle actors evenly, a bounded throughput keeps one busy actor from starving
/// the others, and CAF's own connection timeout stays loose: liveness is judged by our heartbeats.
class node_system_config : public caf::actor_system_config {
 public:
  explicit node_system_config(bool network, std::size_t threads = 2);
};

}  // namespace flott
