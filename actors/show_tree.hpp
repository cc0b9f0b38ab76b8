#pragma once

#include "actors/interfaces.hpp"
#include "actors/supervisor.hpp"
#include "runtime/supervision/tree.hpp"

namespace flott {

/// Answers GetTree on behalf of a gateway: the tree of its process, asked of the root supervisor.
template <class Self>
caf::result<msg::TreeReply> show_tree(Self self, const child_ref_ptr& root, const std::string& node_id) {
  auto promise = self->template make_response_promise<msg::TreeReply>();
  self->request(root->as<supervisor_actor>(), std::chrono::milliseconds{1000}, tree_request{})
    .then(
      [promise, node_id](const supervision::tree_node_ptr& tree) mutable {
        msg::TreeReply reply;
        reply.set_node_id(node_id);
        reply.set_json(supervision::to_json(*tree));
        promise.deliver(std::move(reply));
      },
      [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
  return promise;
}

}  // namespace flott
