#pragma once

#include "backend.hpp"

#include <flott/actors.hpp>

#include <memory>
#include <random>
#include <vector>

/// What there is to break.
struct victims {
  std::shared_ptr<flaky_backend> backend;
  flott::child_ref_ptr workers_supervisor, cache, front;
  std::vector<flott::child_ref_ptr> workers;
};

/// Breaks something at random every 50 to 250 ms: a worker crashes, is killed or hangs, the backend hangs up on all, refuses
/// or stalls, cache or front or all workers go.
caf::behavior chaos(caf::event_based_actor* self, victims all, std::shared_ptr<std::mt19937_64> random);
