#include "actors/supervisor/lane.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace flott {
namespace {

constexpr std::size_t messages_a_turn = 50;

/// Hands to whoever is given what is to run.
class forwarding_unit final : public caf::execution_unit {
 public:
  forwarding_unit(caf::actor_system& system, std::function<void(caf::resumable*)> to)
      : caf::execution_unit(&system), to_(std::move(to)) {}
  void exec_later(caf::resumable* next) override { to_(next); }

 private:
  std::function<void(caf::resumable*)> to_;
};

}  // namespace

struct lane::core {
  /// Those on the lane come in by `entry`; whomever they wake goes to the actor system's threads, by `inside`.
  explicit core(caf::actor_system& of)
      : system(of),
        entry(of, [this](caf::resumable* next) { push(next); }),
        inside(of, [&of](caf::resumable* next) { of.scheduler().enqueue(next); }) {}

  void push(caf::resumable* next) {
    const std::lock_guard lock{mutex};
    queue.push_back(next);
    wake.notify_one();
  }

  caf::resumable* pop() {
    std::unique_lock lock{mutex};
    wake.wait(lock, [this] { return !queue.empty() || ending; });
    if (queue.empty())
      return nullptr;
    auto* next = queue.front();
    queue.pop_front();
    return next;
  }

  void run() {
    while (auto* next = pop()) {
      system.inc_detached_threads();                 // it does not go before this turn is over
      if (next->resume(&inside, messages_a_turn) == caf::resumable::resume_later)
        push(next);
      else
        intrusive_ptr_release(next);
      caf::logger::set_current_actor_system(nullptr);   // who spawns holds the system's logger, for which its end would wait
      system.dec_detached_threads();
    }
  }

  void end() {
    const std::lock_guard lock{mutex};
    ending = true;
    wake.notify_one();
  }

  caf::actor_system& system;
  forwarding_unit entry, inside;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<caf::resumable*> queue;
  bool ending = false;
  std::thread thread;
};

lane::lane(caf::actor_system& system) : core_(std::make_shared<core>(system)) {
  core_->thread = std::thread{[core = core_] { core->run(); }};
}

lane::~lane() {
  core_->end();
  if (core_->thread.get_id() == std::this_thread::get_id())
    core_->thread.detach();                          // the last supervisor let go of it; it ends after this turn
  else
    core_->thread.join();
}

caf::execution_unit* lane::entry() noexcept { return &core_->entry; }

}  // namespace flott
