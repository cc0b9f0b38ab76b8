#pragma once

#include "actors/exit_reason.hpp"
#include "actors/supervisor.hpp"
#include "testing/virtual_system.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace flott::supervision::test {

using namespace std::chrono_literals;
using flott::testing::virtual_system;

/// What happened, in order; also who lives, so that two lives of one child at a time are noticed.
struct journal {
  std::mutex mutex;
  std::vector<std::string> entries;
  std::multiset<std::string> alive;

  void began(const std::string& who) {
    const std::lock_guard lock{mutex};
    entries.push_back("+" + who);
    alive.insert(who);
  }
  void note(const std::string& what) {
    const std::lock_guard lock{mutex};
    entries.push_back(what);
  }
  void ended(const std::string& who) {
    const std::lock_guard lock{mutex};
    entries.push_back("-" + who);
    alive.erase(alive.find(who));
  }
  /// What was noted since the last call.
  std::string take() {
    const std::lock_guard lock{mutex};
    std::string line;
    for (auto& entry : std::exchange(entries, {}))
      line += (line.empty() ? "" : " ") + entry;
    return line;
  }
};
using journal_ptr = std::shared_ptr<journal>;

/// Answers an int with the next one; ends as a string says: "throw", "error", "quit".
inline caf::behavior worker(caf::event_based_actor* self, std::string who, journal_ptr notes) {
  keep_exception_text(self);
  notes->began(who);
  self->attach_functor([=](const caf::error&) { notes->ended(who); });
  return {
    [](int x) { return x + 1; },
    [self](const std::string& how) {
      if (how == "throw")
        throw std::runtime_error("the worker's own words");
      if (how == "error")
        self->quit(to_error(user_failure("line 7", "no such column")));
      else
        self->quit();
    },
  };
}

struct recorder final : supervision_observer {
  void on_event(const supervision_event& event) override {
    const std::lock_guard lock{mutex};
    events.push_back(event);
  }
  std::size_t count(report_kind kind) {
    const std::lock_guard lock{mutex};
    return static_cast<std::size_t>(std::count_if(events.begin(), events.end(), [&](auto& e) { return e.kind == kind; }));
  }
  std::mutex mutex;
  std::vector<supervision_event> events;
};

/// A tree in virtual time whose workers write a journal.
struct tree_fixture {
  explicit tree_fixture(std::uint64_t seed = 0) : world(seed) {}
  ~tree_fixture() { finish(); }

  child_spec make(const std::string& id, restart_policy restart = restart_policy::permanent) {
    child_spec spec;
    spec.id = id;
    spec.restart = restart;
    spec.ref = refs[id] = std::make_shared<child_ref>();
    spec.start = spawns(worker, id, notes);
    return spec;
  }

  void boot(supervisor_spec spec) {
    supervision_host host;
    host.observer = observer;
    host.dead_letters = dead;
    host.on_end = [this](const supervisor_end& e) { end = e; };
    host.on_started = [this] { started = true; };
    auto spawned = spawn_supervisor(world.system(), std::move(spec), host);
    REQUIRE(spawned);
    root = spawned.value();
    world.settle();
  }

  caf::actor at(const std::string& id) { return refs.at(id)->as<caf::actor>(); }
  void tell(const std::string& id, const std::string& how) {
    caf::anon_send(at(id), how);
    world.settle();
  }
  bool answers(const std::string& id) {
    auto handle = at(id);
    if (!handle)
      return false;
    return world.ask_now<int>(handle, 1).value == 2;
  }
  tree_node_ptr tree() { return world.ask_now<tree_node_ptr>(root, tree_request{}).value.value(); }
  void stop() {
    caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    world.settle();
  }
  void finish() {
    if (root && !end)
      caf::anon_send_exit(root, caf::exit_reason::kill);
    root = nullptr;
    refs.clear();
    world.settle();
  }

  virtual_system world;
  journal_ptr notes = std::make_shared<journal>();
  std::shared_ptr<recorder> observer = std::make_shared<recorder>();
  std::shared_ptr<dead_letters> dead = std::make_shared<dead_letters>();
  std::map<std::string, child_ref_ptr> refs;
  supervisor_actor root;
  std::optional<supervisor_end> end;
  bool started = false;
};

inline supervisor_spec named(std::string name, std::vector<child_spec> children,
                             strategy how = strategy::one_for_one, unsigned restarts = 3) {
  supervisor_spec spec;
  spec.name = std::move(name);
  spec.strategy = how;
  spec.intensity = {restarts, 5s};
  spec.children = std::move(children);
  return spec;
}

}  // namespace flott::supervision::test
