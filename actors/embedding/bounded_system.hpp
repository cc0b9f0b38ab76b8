#pragma once

#include "runtime/base/result.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <cstddef>
#include <memory>

namespace flott {

/// An actor system that ends in bounded time. CAF's own destructor waits without limit for every actor: also for one that is
/// stuck in a handler, is registered by a name or published on a port, has a message to itself on its way, or is idle while
/// somebody keeps its handle.
///
/// Threads: any, one at a time.
class bounded_system {
 public:
  /// Null: CAF's defaults.
  explicit bounded_system(std::unique_ptr<caf::actor_system_config> config);
  /// As `end`, with a limit of a second.
  ~bounded_system();
  bounded_system(const bounded_system&) = delete;
  bounded_system& operator=(const bounded_system&) = delete;

  /// Requires: it has not ended.
  [[nodiscard]] caf::actor_system& get() const noexcept { return *parts_->system; }
  [[nodiscard]] bool ended() const noexcept { return parts_ == nullptr; }

  /// Takes all names from the registry and ends whom they named, lets go what is published, drops delayed messages, and waits
  /// at most `limit` for actors that still run. Then the system is gone, with everything in it; or, if some are left, it is
  /// ended by a thread of its own as soon as they are gone, so that neither they nor their handles ever meet freed memory.
  ///
  /// CAF's logger, and with it the shell of the system, also waits for each thread of the program that has spawned an actor
  /// or used a scoped_actor, until that ends or calls `let_go`; nobody waits for them here.
  ///
  /// Returns how many actors were left behind. Idempotent. Requires: supervision trees in it have been stopped, since nobody else
  /// knows their actors; not called by an actor of it.
  std::size_t end(std::chrono::milliseconds limit);

  /// This thread has nothing to do with any actor system any more, unless it uses one again.
  static void let_go() noexcept;

 private:
  struct parts {
    std::unique_ptr<caf::actor_system_config> config;
    std::unique_ptr<caf::actor_system> system;       // goes first
  };
  static void sweep(caf::actor_system& system);

  std::shared_ptr<parts> parts_;
};

}  // namespace flott
