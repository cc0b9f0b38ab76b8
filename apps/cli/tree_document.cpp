#include "apps/cli/tree_document.hpp"

#include "apps/cli/printable.hpp"

#include <boost/json.hpp>

namespace flott::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t deepest = 400;             // supervisors in supervisors; each is two levels of JSON

const json::object* object_in(const json::object& from, std::string_view key) {
  const auto* value = from.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

std::string text_in(const json::object& from, std::string_view key) {
  const auto* value = from.if_contains(key);
  return value != nullptr && value->is_string() ? printable(std::string_view(value->get_string())) : "";
}

std::optional<std::uint64_t> number_in(const json::object& from, std::string_view key) {
  const auto* value = from.if_contains(key);
  if (value == nullptr || !value->is_number())
    return std::nullopt;
  json::error_code wrong;
  const auto read = value->to_number<std::uint64_t>(wrong);
  return wrong ? std::nullopt : std::optional(read);
}

std::uint64_t count_in(const json::object* from, std::string_view key) {
  return from == nullptr ? 0 : number_in(*from, key).value_or(0);
}

tree_actor actor_of(const json::object& from, const std::string& node, std::size_t depth) {
  tree_actor actor;
  actor.node = node;
  actor.path = text_in(from, "path");
  actor.depth = depth;
  actor.supervisor = text_in(from, "kind") == "supervisor";
  actor.state = text_in(from, "state");
  actor.restart_in_ms = number_in(from, "restart_in_ms");
  actor.incarnation = count_in(&from, "incarnation");
  actor.restarts = count_in(object_in(from, "restarts"), "total");
  actor.abandoned = count_in(&from, "abandoned");
  actor.last_failure = text_in(from, "last_failure");
  if (const auto* mailbox = object_in(from, "mailbox"))
    actor.shown = tree_actor::vitals{count_in(mailbox, "length"), count_in(mailbox, "bytes"), count_in(mailbox, "oldest_ms"),
                                     count_in(&from, "handled"), count_in(&from, "busy_ms"), count_in(&from, "in_handler_ms"),
                                     text_in(from, "handling")};
  actor.ledger = count_in(object_in(from, "ledger"), "size");
  if (const auto* late = from.if_contains("unanswered"))
    actor.unanswered = late->is_bool() && late->get_bool();
  return actor;
}

void append(const json::object& from, const std::string& node, std::size_t depth, std::vector<tree_actor>& to) {
  to.push_back(actor_of(from, node, depth));
  if (const auto* children = from.if_contains("children"); children != nullptr && children->is_array())
    for (const auto& child : children->get_array())
      if (const auto* below = child.if_object())
        append(*below, node, depth + 1, to);
}

/// A tree, or what a cluster tells of a process that it could not ask: a state and a failure, without a path.
void append_process(const json::object* tree, const std::string& node, tree_document& to) {
  if (tree != nullptr && tree->contains("path")) {
    to.processes.push_back({node, ""});
    return append(*tree, node, 0, to.actors);
  }
  auto why = tree == nullptr ? "" : text_in(*tree, "last_failure");
  to.processes.push_back({node, why.empty() ? "no answer" : std::move(why)});
}

}  // namespace

result<tree_document> read_tree_document(std::string_view text) {
  json::parse_options options;
  options.max_depth = 2 * deepest + 8;
  json::error_code error;
  const auto parsed = json::parse(text, error, {}, options);
  const auto* root = error ? nullptr : parsed.if_object();
  if (root == nullptr || (!root->contains("nodes") && !root->contains("path")))
    return internal_failure("/flott/v1/tree", "the answer is no supervision tree");
  tree_document document;
  const auto* nodes = root->if_contains("nodes");
  if (nodes == nullptr || !nodes->is_array()) {
    append_process(root, "", document);
    return document;
  }
  document.of_cluster = true;
  for (const auto& each : nodes->get_array())
    if (const auto* process = each.if_object())
      append_process(object_in(*process, "tree"), text_in(*process, "node"), document);
  return document;
}

}  // namespace flott::cli
