// What a supervisor and its children look like.
#include "actors/supervisor/state.hpp"

namespace flott::supervisor_parts {
namespace {

/// A tree whose nested supervisors have been asked and not all have answered.
struct pending_tree {
  std::shared_ptr<supervision::tree_node> root = std::make_shared<supervision::tree_node>();
  std::size_t waiting = 1;
  caf::typed_response_promise<supervision::tree_node_ptr> promise;

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

void complete(supervision::tree_node& node, const std::string& parent, const live_child& child, std::uint64_t now_ms) {
  node.path.insert(0, parent);
  if (child.vitals && child.vitals->in_use() && child.handle)
    child.vitals->show(node, now_ms);
  if (child.ledger)
    node.ledger = child.ledger->entries();
}

}  // namespace

caf::typed_response_promise<supervision::tree_node_ptr> answer_tree(self_ptr self, supervision::milliseconds budget) {
  auto& state = self->state;
  auto pending = std::make_shared<pending_tree>();
  pending->promise = self->make_response_promise<supervision::tree_node_ptr>();
  auto promise = pending->promise;
  pending->root->path = state.config.path;
  pending->root->kind = supervision::child_kind::supervisor;
  pending->root->state = state.machine->state();
  pending->root->incarnation = 1;                  // the parent knows better, where there is one
  pending->root->abandoned = state.machine->abandoned();
  pending->root->children.reserve(state.children.size());
  const auto now_ms = coarse_ms();
  const auto parent = state.config.path + "/";
  for (auto& [key, view] : state.machine->children(self->clock().now())) {
    auto node = std::make_shared<supervision::tree_node>(std::move(view));
    const auto& child = state.children.at(key);
    complete(*node, parent, child, now_ms);
    pending->root->children.push_back(node);
    if (child.spec.tree && child.handle)
      ask_below(self, pending, node, child.handle, budget);
  }
  pending->one_less();
  return promise;
}

child_list list_children(self_ptr self) {
  child_list list;
  const auto now_ms = coarse_ms();
  const auto parent = self->state.config.path + "/";
  for (auto& [key, view] : self->state.machine->children(self->clock().now())) {
    complete(view, parent, self->state.children.at(key), now_ms);
    list.children.push_back(std::move(view));
  }
  return list;
}

}  // namespace flott::supervisor_parts
