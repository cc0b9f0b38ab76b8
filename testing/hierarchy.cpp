#include "testing/hierarchy.hpp"

#include "actors/exit_reason.hpp"
#include "testing/hierarchy_tree.hpp"

#include <algorithm>
#include <optional>

namespace flott::testing {
namespace {

using namespace hierarchy_parts;
using namespace std::chrono_literals;
using supervision::milliseconds;

/// A request that is under way.
struct pending {
  std::string what;
  std::function<bool()> answered;
};

class hierarchy {
 public:
  hierarchy(std::uint64_t seed, const hierarchy_options& options)
      : options_(options),
        random_(seed * 0x9e3779b97f4a7c15ULL + 1),
        world_(seed == 0 ? 1 : seed),
        faults_(seed, {.start_fails = 0.01, .start_throws = 0.01, .start_declines = 0.002, .first_step_throws = 0.01,
                       .handler_throws = 0.01, .stop_throws = 0.02, .stop_stalls = 0.01}),
        events_(std::make_shared<chronicle>([this] { return world_.now(); }, [this](const life& one) { return stuck(one); })),
        tree_(options_, random_, *events_, faults_) {
    result_.seed = seed;
    faults_.in(world_);
  }

  hierarchy_result run() {
    boot();
    for (std::size_t i = 0; i < options_.events && !end_; ++i)
      disturb(i);
    calm();
    stop();
    result_.faults = faults_.injected();
    result_.lives = events_->lives;
    result_.restarts = events_->restarts;
    result_.abandoned = events_->abandoned;
    result_.failures = std::move(events_->failures);
    result_.log = std::move(events_->log);
    return std::move(result_);
  }

 private:
  std::uint64_t below(std::uint64_t n) { return tree_.below(n); }
  template <class T>
  T& any_of(std::vector<T>& all) { return all[below(all.size())]; }

  void boot() {
    auto spec = tree_.grow();
    for (auto& each : tree_.branches)
      branches_.push_back(&each);
    result_.actors = tree_.actors;
    result_.supervisors = branches_.size();
    supervision_host host;
    host.observer = events_;
    host.seed = result_.seed + 1;
    host.on_end = [this](const supervisor_end& how) { end_ = how; };
    faults_.calm();                                // a static child that does not start would be the end of it all
    auto spawned = spawn_supervisor(world_.system(), std::move(spec), host);
    if (!spawned)
      return events_->fail("the tree is refused: " + spawned.error().to_string());
    root_ = spawned.value();
    world_.settle();
    world_.advance(1s);
    faults_.arm();
    for (auto* each : branches_)                   // pools are filled by request
      if (each->pool())
        for (auto n = 1 + below(options_.breadth); n > 0; --n, ++result_.actors)
          ask<child_handle>("start in " + each->at->path, supervisor_of(*each), start_pool_child_request{});
  }

  // --- who is there ---

  supervisor_actor supervisor_of(const branch& of) { return of.ref ? of.ref->as<supervisor_actor>() : root_; }

  /// A leaf that lives at this moment, drawn at random; null: the draw found none.
  life_ptr any_life() {
    auto& here = *any_of(branches_);
    std::vector<life_ptr> living;
    for (const auto& [id, child] : here.at->below)
      if (child->latest && child->latest->counts())
        living.push_back(child->latest);
    return living.empty() ? nullptr : any_of(living);
  }

  template <class Reply, class... Request>
  void ask(std::string what, const supervisor_actor& whom, Request... request) {
    ++result_.requests;
    events_->note("? " + what);
    if (!whom)
      return;
    auto answer = world_.ask<Reply>(whom, std::move(request)...);
    requests_.push_back({std::move(what), [answer] { return !answer->pending(); }});
  }

  template <class... Message>
  void tell(const life& whom, const std::string& what, Message... message) {
    events_->note("> " + whom.of->path + "#" + std::to_string(whom.incarnation) + ": " + what);
    if (auto handle = caf::actor_cast<caf::strong_actor_ptr>(whom.handle))
      caf::anon_send(caf::actor_cast<caf::actor>(handle), std::move(message)...);
  }

  // --- what happens to them ---

  void disturb(std::size_t number) {
    ++result_.events;
    const auto one = any_life();
    switch (const auto kind = below(24)) {
      case 0: case 1: case 2: case 3: case 4: case 5: case 6:
        if (one) {
          const std::string how = kind < 4 ? "throw" : kind < 6 ? "error" : "quit";
          tell(*one, how, word{nullptr, events_->log.size(), how});
        }
        break;
      case 7:
        if (one)
          tell(*one, "kill", caf::exit_msg{caf::actor_addr{}, caf::exit_reason::kill});
        break;
      case 8: case 9:
        if (one && world_.frozen() < 12)
          freeze(one);
        break;
      case 10:
        meet_given_up();
        events_->note("  thaw");
        for (const auto& [path, each] : events_->members())
          if (each.latest && stuck(*each.latest))
            each.latest->was_stuck = true;
        world_.thaw_all();
        break;
      case 11: case 12: case 13:
        if (const auto other = any_life(); one && other)
          if (auto handle = caf::actor_cast<caf::strong_actor_ptr>(other->handle))
            tell(*one, "tell " + other->of->path, handle, one);
        break;
      case 14:
        if (one)
          tell(*one, "something strange", std::vector<int>{1, 2});
        meet_given_up();
        break;
      case 15: kill_supervisor(); break;
      default: administer(kind);
    }
    for (auto steps = below(40); steps > 0; --steps)
      world_.step();
    if (below(3) == 0)
      world_.advance(milliseconds{below(400)});
    if (number % 25 == 24)
      look();
    std::erase_if(requests_, [](const pending& each) { return each.answered(); });
  }

  /// What is sent to an abandoned life is refused at once; what it says, as its handler goes on, nobody hears.
  void meet_given_up() {
    const auto other = any_life();
    for (const auto& late : events_->given_up) {
      const auto handle = caf::actor_cast<caf::strong_actor_ptr>(late->handle);
      if (late->ended > 0 || !handle)
        continue;
      tell(*late, "something late", word{nullptr, events_->log.size(), {}});
      late_requests_.emplace_back(late, world_.ask<int>(caf::actor_cast<caf::actor>(handle), 1));
      if (const auto there = other ? caf::actor_cast<caf::strong_actor_ptr>(other->handle) : nullptr)
        caf::send_as(caf::actor_cast<caf::actor>(handle), caf::actor_cast<caf::actor>(there),
                     word{late, events_->note("  late word of " + late->of->path), {}});
    }
  }

  bool stuck(const life& one) {
    const auto handle = caf::actor_cast<caf::strong_actor_ptr>(one.handle);
    return handle && world_.is_frozen(handle);
  }

  /// It is stuck, and when it comes round it says something to somebody.
  void freeze(const life_ptr& one) {
    const auto handle = caf::actor_cast<caf::strong_actor_ptr>(one->handle);
    if (!handle)
      return;
    events_->note("  freeze " + one->of->path);
    world_.freeze(handle);
    if (const auto other = any_life())
      if (auto there = caf::actor_cast<caf::strong_actor_ptr>(other->handle))
        tell(*one, "tell " + other->of->path, there, one);
  }

  void kill_supervisor() {
    auto& here = *any_of(branches_);
    if (!here.ref)
      return;
    if (auto handle = here.ref->get()) {
      events_->note("> " + here.at->path + ": kill");
      caf::anon_send_exit(handle, caf::exit_reason::kill);
    }
  }

  void administer(std::uint64_t kind) {
    auto& here = *any_of(branches_);
    const auto supervisor = supervisor_of(here);
    if (!supervisor)
      return;
    const auto& path = here.at->path;
    if (here.pool() && kind < 21) {
      const auto one = any_life();
      if (kind < 18)
        return ask<child_handle>("start in " + path, supervisor, start_pool_child_request{});
      if (one)
        return ask<child_handle>("terminate " + one->of->path + " in " + path, supervisor,
                                 terminate_handle_request{caf::actor_cast<caf::strong_actor_ptr>(one->handle)});
      return;
    }
    if (kind == 16 && here.leaves.size() < 3 * options_.breadth) {
      auto spec = tree_.another_leaf(here);
      return ask<child_handle>("start " + path + "/" + spec.id, supervisor, start_child_request{spec});
    }
    if (kind == 21) {
      events_->note("  spec of " + path + " changes");
      auto next = tree_.changed(here);
      auto listed = world_.ask<child_list>(supervisor, list_children_request{});
      world_.settle();
      auto answer = world_.ask<supervision::child_counts>(supervisor, change_spec_request{next});
      world_.settle();                             // from here on it is in force, or refused
      here.at->spec_changed = events_->log.size();
      if (answer->value && supervisor == supervisor_of(here)) {
        using supervision::child_state;
        const auto changes = next.strategy != here.spec.strategy;
        here.at->between = (here.at->between || changes) &&
                           (!listed->value ||
                            std::any_of(listed->value->children.begin(), listed->value->children.end(), [](auto& x) {
                              return x.state == child_state::restarting || x.state == child_state::stopping ||
                                     x.state == child_state::starting;
                            }));
        here.spec = std::move(next);
        here.at->incidents.clear();
        for (const auto& child : here.spec.children)
          if (listed->value && std::none_of(listed->value->children.begin(), listed->value->children.end(),
                                            [&](auto& x) { return x.path == path + "/" + child.id; }))
            events_->at(path + "/" + child.id).order = here.children++;        // it is new, and the last
      }
      return;
    }
    if (kind == 22)
      return ask<child_list>("list " + path, supervisor, list_children_request{});
    if (kind == 23)
      return ask<supervision::child_counts>("count " + path, supervisor, count_children_request{});
    if (here.leaves.empty())
      return;
    auto& one = any_of(here.leaves);
    if (kind == 17 || kind == 16)
      return ask<child_handle>("terminate " + one.at->path, supervisor, terminate_child_request{one.id});
    if (kind == 18 || kind == 19) {
      one.at->manual = true;
      return ask<child_handle>("restart " + one.at->path, supervisor, restart_child_request{one.id});
    }
    one.removed = true;
    ask<child_handle>("delete " + one.at->path, supervisor, delete_child_request{one.id});
  }

  // --- what has to hold ---

  /// At rest, the tree as it is shown is the tree as it is.
  void look() {
    world_.settle();
    for (const auto& [late, answer] : late_requests_)
      if (answer->pending())
        events_->fail("a request to " + late->of->path + ", which is given up, is not answered");
    late_requests_.clear();
    if (end_)
      return;
    auto answer = world_.ask<supervision::tree_node_ptr>(root_, tree_request{});
    world_.settle();
    if (answer->pending()) {
      events_->fail("the root does not show its tree");
      return;
    }
    if (answer->value)
      events_->compare(**answer->value);
    for (auto* each : branches_)
      for (const auto& one : each->leaves)
        if (const auto handle = one.ref->get())
          if (caf::actor_cast<caf::abstract_actor*>(handle)->getf(caf::abstract_actor::is_terminated_flag))
            events_->fail(one.at->path + ": its name gives a dead handle");
  }

  void calm() {
    events_->note("  calm");
    for (const auto& [path, each] : events_->members())
      if (each.latest)
        each.latest->was_stuck = true;
    faults_.calm();
    world_.thaw_all();
    world_.advance(2min);
    look();
    if (end_)
      events_->fail("the root has ended: " + end_->reason.text);
    for (const auto& [path, one] : events_->members())
      if (one.latest && one.latest->counts())
        if (auto handle = caf::actor_cast<caf::strong_actor_ptr>(one.latest->handle))
          answers_.emplace_back(path, world_.ask<caf::ok_atom>(caf::actor_cast<caf::actor>(handle), 0));
    world_.settle();
    for (const auto& [path, answer] : answers_)
      if (answer->pending())
        events_->fail(path + " does not answer");
    std::erase_if(requests_, [](const pending& each) { return each.answered(); });
    for (const auto& request : requests_)
      events_->fail("not answered: " + request.what);
  }

  void stop() {
    if (!end_) {
      caf::anon_send_exit(root_, caf::exit_reason::user_shutdown);
      for (int minutes = 0; minutes < 60 && !end_; ++minutes)
        world_.advance(1min);
    }
    if (!end_)
      events_->fail("the tree does not stop");
    root_ = nullptr;
    world_.settle();
    for (const auto& [path, one] : events_->members())
      if (one.latest && one.latest->ended == 0)
        events_->fail(path + " has not ended");
    if (const auto left = world_.system().registry().running(); left > 0)
      events_->fail(std::to_string(left) + " actors still run");
    if (events_->held() != 0)
      events_->fail(std::to_string(events_->held()) + " things are still booked");
  }

  const hierarchy_options options_;
  hierarchy_result result_;
  std::mt19937_64 random_;
  virtual_system world_;
  fault_plan faults_;
  std::shared_ptr<chronicle> events_;
  tree_builder tree_;
  std::vector<branch*> branches_;
  supervisor_actor root_;
  std::optional<supervisor_end> end_;
  std::vector<pending> requests_;
  std::vector<std::pair<life_ptr, std::shared_ptr<answer<int>>>> late_requests_;
  std::vector<std::pair<std::string, std::shared_ptr<answer<caf::ok_atom>>>> answers_;
};

}  // namespace

hierarchy_result run_hierarchy(std::uint64_t seed, const hierarchy_options& options) { return hierarchy{seed, options}.run(); }

std::string hierarchy_result::to_string() const {
  constexpr std::size_t most_lines = 120;
  std::string text = "hierarchy, seed " + std::to_string(seed) + ": " + std::to_string(actors) + " actors, " +
                     std::to_string(supervisors) + " of them supervisors; " + std::to_string(events) + " events, " +
                     std::to_string(requests) + " requests, " + std::to_string(faults) + " faults; " +
                     std::to_string(lives) + " lives, " + std::to_string(restarts) + " restarts, " +
                     std::to_string(abandoned) + " abandoned; " + std::to_string(failures.size()) + " failures\n";
  if (failures.empty())
    return text;
  for (const auto& failure : failures)
    text += "  " + failure + "\n";
  const auto last = std::min<std::size_t>(log.size(), std::stoull(failures.front()) + 5);
  for (auto line = last > most_lines ? last - most_lines : 0; line < last; ++line)
    text += std::to_string(line + 1) + " " + log[line] + "\n";
  return text;
}

}  // namespace flott::testing
