#pragma once

#include "actors/supervisor.hpp"
#include "actors/supervisor/lane.hpp"

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <random>

namespace flott {

/// What the supervisors of one tree share.
struct supervision_scope {
  std::shared_ptr<supervision_observer> observer;
  std::uint64_t seed = 0;
  std::shared_ptr<supervision::dead_letters> dead_letters;
  std::shared_ptr<actor_board> board;
  when_abandoned if_abandoned = when_abandoned::go_on;
  std::function<void(const supervision_event&)> end_process;
  caf::actor_system* system = nullptr;
  bool one_thread = false;
  std::shared_ptr<flott::lane> lane;
  std::atomic<std::uint64_t> abandoned{0};
};

/// Whom a supervisor leaves that ends out of order (killed, or by an error of its own). It has killed them; whoever starts
/// it again waits for their end, and gives back what they held.
struct orphanage {
  struct orphan {
    caf::strong_actor_ptr life{};                  // null: it has ended, and held something
    std::uint64_t incarnation = 0;
    actor_vitals_ptr vitals{};
    std::shared_ptr<supervision::ledger> ledger{};
    std::shared_ptr<orphanage> below{};            // of a supervisor
    std::string supervisor_class{}, child_class{};
    std::optional<when_abandoned> if_abandoned{};
  };
  std::mutex mutex;
  std::vector<orphan> left;

  [[nodiscard]] std::vector<orphan> take() {
    const std::lock_guard lock{mutex};
    return std::exchange(left, {});
  }
};

/// What one supervisor is given by its host or its parent.
struct supervisor_config {
  supervisor_spec spec;
  std::string path;
  std::string label;                 ///< its class, bounded
  std::shared_ptr<supervision_scope> scope;
  int log_level = -1;
  std::shared_ptr<orphanage> orphans;              // null: the root's
  std::function<void()> on_started;
  std::function<void(const supervisor_end&)> on_end;
};

[[nodiscard]] supervision::child_options to_options(const child_spec& spec);
[[nodiscard]] supervision::child_options to_options(const child_spec& spec, const supervisor_spec& under);
[[nodiscard]] supervision::supervisor_options to_options(const supervisor_spec& spec);
[[nodiscard]] supervisor_actor spawn_supervisor_actor(caf::actor_system& system, supervisor_config config);

}  // namespace flott
