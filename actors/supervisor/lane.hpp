#pragma once

/// One thread for all supervisors of a tree.

#include <caf/all.hpp>

#include <memory>
#include <utility>

namespace flott {

/// Runs actors apart from the actor system's threads: as long as those are all stuck in handlers, supervisors still keep
/// their deadlines and still answer who blocks. It ends by itself with the last who holds it, in its own thread if need be.
class lane {
 public:
  explicit lane(caf::actor_system& system);
  ~lane();
  lane(const lane&) = delete;
  lane& operator=(const lane&) = delete;

  /// Where its actors are scheduled.
  [[nodiscard]] caf::execution_unit* entry() noexcept;

 private:
  struct core;
  std::shared_ptr<core> core_;
};

/// `Base` on a lane; without one, on the actor system's threads as ever.
template <class Base>
class on_lane : public Base {
 public:
  on_lane(caf::actor_config& config, std::shared_ptr<lane> where) : Base(config), lane_(std::move(where)) {}

  void enqueue(caf::mailbox_element_ptr x, caf::execution_unit* host) override {
    Base::enqueue(std::move(x), lane_ ? lane_->entry() : host);
  }

 private:
  const std::shared_ptr<lane> lane_;
};

/// As `system.spawn`, on a lane.
template <class Behaviour, class... Arguments>
auto spawn_on(caf::actor_system& system, std::shared_ptr<lane> where, Behaviour behaviour, Arguments&&... arguments) {
  using impl = caf::infer_impl_from_fun_t<Behaviour>;
  caf::actor_config config;
  if (where)
    config.host = where->entry();
  caf::detail::init_fun_factory<impl, Behaviour> make;
  config.init_fun = make(std::move(behaviour), std::forward<Arguments>(arguments)...);
  return system.spawn_class<on_lane<impl>, caf::no_spawn_options>(config, std::move(where));
}

}  // namespace flott
