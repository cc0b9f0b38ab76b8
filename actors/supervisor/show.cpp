// What a supervisor and its children look like.
#include "actors/supervisor/state.hpp"

namespace flott::supervisor_parts {
namespace {

/// A tree whose nested supervisors have been asked and not all have answered.
struct pending_tree {
  std::shared_ptr<supervision::tree_node> root = std::make_shared<supervision::tree_node>();
  std::size_t waiting = 1;
  caf::typed_response_promise<supervision::tree_node_ptr> promise;

  ~pending_tree() {
    if (waiting > 0)                                 // the supervisor was killed meanwhile
      promise.deliver(make_error(supervisor_error::stopping, "the supervisor has ended"));
  }
  void one_less() {
    if (--waiting == 0)
      promise.deliver(supervision::tree_node_ptr{std::move(root)});
  }
};

void ask_below(self_ptr self, const std::shared_ptr<pending_tree>& pending, std::shared_ptr<supervision::tree_node> node,
               const caf::strong_actor_ptr& supervisor, supervision::milliseconds budget) {
  ++pending->waiting;
  self->request(caf::actor_cast<supervisor_actor>(supervisor), budget, tree_request{budget * 3 / 4})
    .then(
      [pending, node](const supervision::tree_node_ptr& below) {
        node->children = below->children;
        pending->one_less();
      },
      [pending, node](const caf::error&) {
        node->unanswered = true;
        pending->one_less();
      });
}

/// All that the rules know of the children, `path` complete, in the order of their start; and each with its live_child.
struct shown_children {
  std::vector<supervision::tree_node> nodes;
  std::vector<const live_child*> lives;
};

/// What the children themselves show lies all over memory: it is fetched some steps ahead.
void add_what_lives_show(shown_children& shown) {
  constexpr std::size_t ahead = 8;
  const auto now_ms = coarse_ms();
  for (std::size_t i = 0; i < shown.nodes.size(); ++i) {
    if (i + ahead < shown.lives.size()) {
      const auto& later = *shown.lives[i + ahead];
      if (later.vitals)
        later.vitals->prefetch();
      __builtin_prefetch(later.ledger.get());
    }
    const auto& child = *shown.lives[i];
    auto& node = shown.nodes[i];
    if (child.vitals && child.vitals->in_use() && child.handle)
      child.vitals->show(node, now_ms);
    if (child.ledger)
      node.ledger = child.ledger->entries();
    node.child_class = child.spec.child_class;
  }
}

shown_children show_children(self_ptr self) {
  auto& state = self->state;
  shown_children shown;
  shown.nodes.reserve(state.machine->size());
  shown.lives.reserve(state.machine->size());
  const auto parent = state.config.path + "/";
  auto next = state.children.begin();                // in the same order, and with more than the rules know only by their fault
  state.machine->show_children(self->clock().now(), [&](child_key key) -> supervision::tree_node& {
    while (next->first != key)
      ++next;
    shown.lives.push_back(&next->second);
    auto& node = shown.nodes.emplace_back();
    node.path = parent;
    return node;
  });
  add_what_lives_show(shown);
  return shown;
}

}  // namespace

caf::typed_response_promise<supervision::tree_node_ptr> answer_tree(self_ptr self, supervision::milliseconds budget) {
  auto& state = self->state;
  auto pending = std::make_shared<pending_tree>();
  pending->promise = self->make_response_promise<supervision::tree_node_ptr>();
  auto promise = pending->promise;
  auto& root = *pending->root;
  root.path = state.config.path;
  root.child_class = state.config.label;
  root.kind = supervision::child_kind::supervisor;
  root.state = state.machine->state();
  root.incarnation = 1;                              // the parent knows better, where there is one
  const bool top = state.config.path.find('/', 1) == std::string::npos;
  root.abandoned = top ? state.config.scope->abandoned.load() : state.machine->abandoned();   // those of all supervisors, also ended ones
  auto shown = show_children(self);
  root.children.reserve(shown.nodes.size());
  // All in one piece of memory, which lives as long as anybody has one of them.
  const auto nodes = std::make_shared<std::vector<supervision::tree_node>>(std::move(shown.nodes));
  for (std::size_t i = 0; i < nodes->size(); ++i) {
    const auto& child = *shown.lives[i];
    std::shared_ptr<supervision::tree_node> node{nodes, &(*nodes)[i]};
    if (child.spec.tree && child.handle)
      ask_below(self, pending, node, child.handle, budget);
    root.children.push_back(std::move(node));
  }
  pending->one_less();
  return promise;
}

child_list list_children(self_ptr self) { return {show_children(self).nodes}; }

}  // namespace flott::supervisor_parts
