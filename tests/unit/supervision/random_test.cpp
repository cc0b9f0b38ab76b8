#include "tests/unit/supervision/world.hpp"

#include <random>

using namespace flott::supervision;
using namespace flott::supervision::test;

namespace {

class random_life {
 public:
  explicit random_life(unsigned seed) : random_(seed), flags_(flags()), world_(flags_, specs(), 0.25) {}

  void run() {
    world_.boot();
    check();
    for (int step = 0; step < 120 && !world_.end; ++step) {
      act();
      check();
    }
    world_.fails.clear();
    if (!world_.end)
      world_.stop();
    for (int i = 0; i < 200 && !world_.end; ++i) {
      release_one();
      world_.advance(6s);
    }
    REQUIRE(world_.end);
    CHECK(world_.lives() == 0);
    CHECK(world_.machine().active() == 0);
    for (const auto request : requests_)
      CHECK(world_.answered(request));
  }

 private:
  unsigned pick(unsigned n) { return std::uniform_int_distribution<unsigned>{0, n - 1}(random_); }
  bool pool() const { return flags_.strategy == strategy::pool; }
  std::string any_id() {
    if (!pool())
      return "c" + std::to_string(pick(8));
    const auto children = world_.machine().children(world_.now);
    return children.empty() ? "1" : children[pick(static_cast<unsigned>(children.size()))].second.path;
  }

  supervisor_options flags() {
    auto options = with(static_cast<strategy>(pick(4)), pick(2) == 0 ? 3 : 50, 5s);
    if (options.strategy != strategy::pool)
      options.auto_shutdown = static_cast<auto_shutdown>(pick(6) < 4 ? 0 : pick(3));
    options.stopping = static_cast<stop_order>(pick(2));
    return options;
  }
  child_options spec(const std::string& id) {
    auto options = child(id, static_cast<restart_policy>(pick(3)));
    if (pick(3) == 0)
      options.shutdown = shutdown_limit::at_once();
    if (pick(6) == 0)
      options.shutdown = shutdown_limit::infinite();
    if (options.restart != restart_policy::temporary && pick(3) == 0)
      options.restart_backoff = backoff{100ms, 2s, 2, 0.2, 5s};
    if (options.restart != restart_policy::temporary && pick(6) == 0)
      options.retry_first_start = true;
    options.significant = options.restart != restart_policy::permanent && flags_.auto_shutdown != auto_shutdown::never &&
                          pick(3) == 0;
    return options;
  }
  std::vector<child_options> specs() {
    std::vector<child_options> all;
    for (unsigned i = 0, n = pool() ? 1 : pick(6); i < n; ++i)
      all.push_back(spec("c" + std::to_string(i)));
    return all;
  }

  void toggle(std::set<std::string>& set) {
    const auto id = any_id();
    if (!set.erase(id))
      set.insert(id);
  }
  bool lives(const std::string& id) {
    const auto state = world_.machine().find(id) ? world_.view(id).state : child_state::stopped;
    return state == child_state::running || state == child_state::starting || state == child_state::stopping;
  }
  /// One child that is waited for without limit ends after all.
  void release_one() {
    if (world_.end)
      return;
    for (const auto& [key, node] : world_.machine().children(world_.now))
      if (lives(node.path))
        return world_.exits(node.path, exit_reason::shutdown());
  }
  /// Other flags and specs while everything runs; an error must leave it as it was.
  void change() {
    auto flags = flags_;
    flags.intensity.restarts = pick(2) == 0 ? 3 : 50;
    if (!pool() && pick(4) == 0)
      flags.strategy = static_cast<strategy>(pick(3));
    auto all = specs();
    if (pick(4) == 0)
      all.push_back(spec(all.empty() ? "c0" : all.front().id));       // twice, or one too many for a pool
    const auto before = world_.machine().counts();
    if (world_.machine().change(flags, std::move(all)).ok())
      flags_ = flags;
    else
      CHECK(world_.machine().counts() == before);
  }

  void act() {
    const auto id = any_id();
    switch (pick(17)) {
      case 0: requests_.push_back(pool() ? world_.add_to_pool() : world_.add(spec(id))); break;
      case 1:
        requests_.push_back(pool() ? world_.terminate(world_.machine().find(id).value_or(1)) : world_.terminate(id));
        break;
      case 2: requests_.push_back(world_.restart(id)); break;
      case 3: requests_.push_back(world_.remove(id)); break;
      case 4: toggle(world_.fails); break;
      case 5: toggle(world_.declines); break;
      case 6: toggle(world_.slow_to_start); break;
      case 7: toggle(world_.ignores_asking); break;
      case 8: toggle(world_.immortal); break;
      case 9:
      case 10: world_.advance(milliseconds{pick(3000)}); break;
      case 11: world_.tick(); break;
      case 12: if (pick(30) == 0) world_.stop(); break;
      case 13:
        if (world_.machine().find(id) && world_.view(id).state == child_state::starting)
          world_.ready(id);
        break;
      case 14: change(); break;
      default:
        if (lives(id))
          world_.exits(id, pick(3) == 0 ? exit_reason::normal() : exit_reason::abnormal("boom"));
    }
  }

  /// What holds after every event.
  void check() {
    auto& machine = world_.machine();
    const auto children = machine.children(world_.now);
    std::size_t alive = 0, stopping = 0;
    for (auto& [key, node] : children) {
      alive += node.state == child_state::running || node.state == child_state::starting ||
               node.state == child_state::stopping;
      stopping += node.state == child_state::stopping;
      CHECK(machine.find(node.path) == key);
      CHECK((node.state != child_state::restarting || machine.state() != child_state::stopping));
    }
    CHECK(machine.size() == children.size());
    CHECK(machine.active() == alive);
    CHECK(machine.counts().active == alive);
    CHECK(machine.counts().workers == children.size());
    CHECK(world_.lives() == alive);
    if (machine.state() == child_state::stopping)
      CHECK(stopping > 0);                         // somebody is being waited for, or it would have ended
  }

  std::mt19937 random_;
  supervisor_options flags_;
  world world_;
  std::vector<request_token> requests_;
};

}  // namespace

TEST_CASE("SupervisorHierarchySpec, random lives: in thousands of random lives the invariants hold after every event") {
  for (unsigned seed = 1; seed <= 1000; ++seed) {
    INFO("seed " << seed);
    random_life{seed}.run();
  }
}
