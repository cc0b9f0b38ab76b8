// Random trees, and the actors that are their leaves.
#include "testing/hierarchy_tree.hpp"

#include "actors/exit_reason.hpp"

#include <algorithm>

namespace flott::testing::hierarchy_parts {
namespace {

using supervision::milliseconds;
using supervision::restart_policy;
using supervision::strategy;

/// How a leaf takes the wish that it should end.
struct temper {
  bool deaf = false;                               // not at all
  milliseconds lingers{0};                         // after so long
};

struct leaf_state {
  leaf_state() {}                                  // NOLINT: an aggregate state would take CAF's arguments
  supervision::ledger::lease lease;
  static inline const char* name = "leaf";
};

/// Answers an int with the next one; does what a word says, and sends one on to whoever it is given.
caf::behavior be_leaf(caf::stateful_actor<leaf_state>* self, chronicle* events, temper how, child_context context) {
  if (!how.deaf) {
    events->booked(1);
    self->state.lease = context.ledger->book("lease", [events] { events->booked(-1); });
  }
  if (how.deaf)
    self->set_exit_handler([](const caf::exit_msg&) {});
  else if (how.lingers.count() > 0)
    self->set_exit_handler([self, how](const caf::exit_msg& exit) {
      if (exit.reason)
        self->delayed_send(self, how.lingers, word{nullptr, 0, "ended"});
    });
  return {
    [](int x) { return x + 1; },
    [self](const word& said) {
      if (said.order == "throw")
        throw std::runtime_error("the leaf's own words");
      if (said.order == "error")
        self->quit(to_error(user_failure("leaf", "no such thing")));
      else if (said.order == "quit")
        self->quit();
      else if (said.order == "ended")
        self->quit(caf::exit_reason::user_shutdown);
    },
    [self, events](const caf::strong_actor_ptr& other, const life_ptr& me) {
      self->send(caf::actor_cast<caf::actor>(other), word{me, events->note("  word of " + me->of->path), {}});
    },
  };
}

}  // namespace

supervisor_spec tree_builder::grow() {
  auto& root = grow_branch("/root", 0, options_.actors, true);
  return root.spec;
}

branch& tree_builder::grow_branch(const std::string& path, std::size_t depth, std::size_t budget, bool root) {
  auto& here = branches.emplace_back();
  here.at = &events_.at(path);
  here.at->supervisor = true;
  here.spec.name = path.substr(path.rfind('/') + 1);
  shape(here.spec, root);
  ++actors;
  if (here.pool()) {
    here.spec.auto_shutdown = supervision::auto_shutdown::never;
    here.spec.children = {make_leaf(here, "each")};
  } else {
    const auto width = 1 + options_.breadth / 2 + below(options_.breadth - options_.breadth / 2);
    const auto inner = depth + 1 >= options_.depth || budget <= options_.breadth ? 0 : 1 + below(width);
    for (std::size_t i = 0; i < width; ++i) {
      const auto id = std::to_string(i);
      if (root || i < inner) {
        auto& there = grow_branch(path + "/s" + id, depth + 1, budget / std::max<std::size_t>(1, root ? width : inner), false);
        there.at->order = there.at->first_order = here.children++;
        static constexpr restart_policy policies[] = {restart_policy::permanent, restart_policy::permanent,
                                                      restart_policy::permanent, restart_policy::transient};
        auto child = subtree(there.spec, root ? restart_policy::permanent : policies[below(4)]);
        child.retry_first_start = !one_in(6);
        there.at->original = child.tree;
        child.ref = there.ref = there.at->ref = std::make_shared<child_ref>();
        here.spec.children.push_back(std::move(child));
      } else {
        here.spec.children.push_back(make_leaf(here, "l" + id));
        ++actors;
      }
    }
  }
  here.at->spec = &here.spec;
  return here;
}

child_spec tree_builder::another_leaf(branch& under) { return make_leaf(under, "d" + std::to_string(under.children)); }

child_spec tree_builder::make_leaf(branch& under, const std::string& id) {
  child_spec spec;
  spec.id = id;
  auto start = options_.leaves.empty() ? own_leaf() : options_.leaves[below(options_.leaves.size())];
  spec.start = events_.watch(faults_.disturb(std::move(start)));
  shape(spec, under.spec);
  const auto order = under.children++;
  if (!under.pool()) {
    auto& there = events_.at(under.at->path + "/" + id);
    there.order = there.first_order = order;
    spec.ref = std::make_shared<child_ref>();
    under.leaves.push_back({id, &there, spec.ref});
  }
  return spec;
}

child_factory tree_builder::own_leaf() {
  temper how;
  how.deaf = one_in(16);
  if (!how.deaf && one_in(4))
    how.lingers = milliseconds{1 + below(300)};
  const auto things = below(3);
  return [events = &events_, how, things](const child_context& context) -> start_outcome {
    for (std::uint64_t i = 0; i < things; ++i) {
      events->booked(1);
      context.ledger->book("thing " + std::to_string(i), [events, i] {
        events->booked(-1);
        if (i == 1)
          throw std::runtime_error("does not let go easily");
      }).leave();
    }
    return spawn_supervised(context, be_leaf, events, how, context);
  };
}

void tree_builder::shape(supervisor_spec& spec, bool root) {
  static constexpr strategy all[] = {strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one, strategy::pool};
  spec.strategy = root ? strategy::one_for_one : all[below(4)];
  spec.intensity.restarts = root ? 1'000'000 : static_cast<unsigned>(3 + below(12));
  spec.intensity.period = milliseconds{1'000 + below(5'000)};
  spec.auto_shutdown = root || !one_in(5) ? supervision::auto_shutdown::never
                                          : static_cast<supervision::auto_shutdown>(1 + below(2));
  spec.stopping = static_cast<supervision::stop_order>(below(2));
  spec.kill_grace = milliseconds{50 + below(200)};
  spec.child_shutdown = milliseconds{100 + below(1'000)};
}

void tree_builder::shape(child_spec& spec, const supervisor_spec& under) {
  static constexpr restart_policy policies[] = {restart_policy::permanent, restart_policy::permanent,
                                                restart_policy::transient, restart_policy::temporary};
  spec.restart = policies[below(4)];
  if (one_in(8))
    spec.shutdown = supervision::shutdown_limit::at_once();
  else if (one_in(3))
    spec.shutdown = supervision::shutdown_limit{milliseconds{20 + below(600)}};
  if (spec.restart != restart_policy::temporary && one_in(4))
    spec.restart_backoff = supervision::backoff{milliseconds{10 + below(100)}, milliseconds{1'000}, 2, 0.2, milliseconds{3'000}};
  spec.retry_first_start = spec.restart != restart_policy::temporary && !one_in(6);
  spec.start_limit = milliseconds{200 + below(2'000)};
  spec.significant = spec.restart != restart_policy::permanent && under.strategy != strategy::pool &&
                     under.auto_shutdown != supervision::auto_shutdown::never && one_in(2);
}

supervisor_spec tree_builder::changed(const branch& of) {
  const auto now = of.spec;
  auto next = now;
  shape(next, false);
  if (of.at->parent == nullptr)
    next.intensity = now.intensity;
  if (of.pool() || next.strategy == strategy::pool)
    next.strategy = now.strategy;
  if (of.pool())
    next.auto_shutdown = supervision::auto_shutdown::never;
  next.children.clear();
  for (auto child : now.children) {
    const auto gone = std::find_if(of.leaves.begin(), of.leaves.end(), [&](auto& x) { return x.id == child.id && x.removed; });
    if (gone != of.leaves.end())
      continue;
    if (!child.tree)
      shape(child, next);
    next.children.push_back(std::move(child));
  }
  return next;
}

}  // namespace flott::testing::hierarchy_parts
