#include "actors/wire/system_config.hpp"

#include "actors/wire/messages.hpp"

#include <caf/io/all.hpp>

namespace flott {

node_system_config::node_system_config(bool network, std::size_t threads) {
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", threads);
  set("scheduler.max-throughput", std::size_t{50});
  if (network) {
    load<caf::io::middleman>();
    set("middleman.workers", std::size_t{0});
    set("middleman.heartbeat-interval", caf::timespan{std::chrono::seconds{1}});
    set("middleman.connection-timeout", caf::timespan{std::chrono::seconds{5}});
  }
  flott::add_message_types(*this);
}

}  // namespace flott
