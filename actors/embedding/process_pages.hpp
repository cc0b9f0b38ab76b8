#pragma once

#include "actors/supervisor.hpp"
#include "metrics/registry.hpp"
#include "runtime/http/server.hpp"

#include <functional>

namespace flott {

/// What a process serves of itself over HTTP, on whatever server it has:
///
///     GET /metrics              Prometheus' text format
///     GET /livez, /readyz       {} or 503
///     GET /flott/v1/tree        the live supervision tree (see supervision::to_json)
///     PUT /flott/v1/log_level   {"path": "/service/pool", "level": "debug"}; level null: the process's again. Only asked
///                               from this machine, and not by another site's page.
struct process_pages {
  caf::actor_system* system = nullptr;
  child_ref_ptr root;                                ///< the tree's root supervisor
  const metrics_registry* metrics = nullptr;
  std::function<bool()> ready;

  /// Whether it is one of these pages; then it is answered, now or soon. Never blocks. Requires: all of the above live until
  /// the server has stopped.
  [[nodiscard]] bool answer(const http::request& asked, const http::responder& answer) const;
};

}  // namespace flott
