#include "runtime/supervision/tree.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace flott::supervision {
namespace {

namespace json = boost::json;

constexpr std::size_t most_entries = 16;

std::string name_of(const tree_node& node, bool root) {
  return root ? node.path : node.path.substr(node.path.rfind('/') + 1);
}

json::object to_object(const tree_node& node) {
  json::object out;
  out["path"] = node.path;
  out["class"] = node.child_class.empty() ? name_of(node, false) : node.child_class;
  out["kind"] = to_string(node.kind);
  out["state"] = to_string(node.state);
  out["restart_in_ms"] = node.restart_in ? json::value(node.restart_in->count()) : json::value(nullptr);
  out["incarnation"] = node.incarnation;
  std::uint64_t total = 0;
  json::object restarts;
  for (std::size_t i = 0; i < node.restarts.size(); ++i) {
    total += node.restarts[i];
    if (node.restarts[i] > 0)
      restarts[to_string(static_cast<restart_cause>(i))] = node.restarts[i];
  }
  restarts["total"] = total;
  out["restarts"] = std::move(restarts);
  out["abandoned"] = node.abandoned;
  out["last_failure"] = node.last_failure.empty() ? json::value(nullptr) : json::value(node.last_failure);
  if (const auto& v = node.vitals) {
    out["mailbox"] = json::object{{"length", v->waiting}, {"bytes", v->waiting_bytes}, {"oldest_ms", v->oldest_ms}};
    out["handled"] = v->handled;
    out["busy_ms"] = v->busy_ms;
    out["in_handler_ms"] = v->in_handler_ms;
    out["handling"] = v->handling.empty() ? json::value(nullptr) : json::value(v->handling);
  }
  json::array entries;
  for (std::size_t i = 0; i < std::min(node.ledger.size(), most_entries); ++i)
    entries.emplace_back(node.ledger[i]);
  out["ledger"] = json::object{{"size", node.ledger.size()}, {"entries", std::move(entries)}};
  if (node.unanswered)
    out["unanswered"] = true;
  if (node.kind == child_kind::supervisor) {
    json::array children;
    for (const auto& child : node.children)
      children.push_back(to_object(*child));
    out["children"] = std::move(children);
  }
  return out;
}

void append_text(const tree_node& node, std::size_t depth, std::string& out) {
  out.append(2 * depth, ' ');
  out += name_of(node, depth == 0);
  out += node.kind == child_kind::supervisor ? "/  " : "  ";
  out += to_string(node.state);
  if (node.restart_in)
    out += " in " + std::to_string(node.restart_in->count()) + " ms";
  std::uint64_t total = 0;
  for (const auto count : node.restarts)
    total += count;
  if (total > 0)
    out += "  restarts " + std::to_string(total);
  if (node.abandoned > 0)
    out += "  abandoned " + std::to_string(node.abandoned);
  if (const auto& v = node.vitals) {
    if (v->waiting > 0)
      out += "  mailbox " + std::to_string(v->waiting);
    if (node.state == child_state::stopping && v->in_handler_ms > 0)
      out += "  in " + (v->handling.empty() ? "a handler" : v->handling) + " for " + std::to_string(v->in_handler_ms) + " ms";
  }
  if (!node.ledger.empty())
    out += "  holds " + std::to_string(node.ledger.size());
  if (node.unanswered)
    out += "  (did not answer in time)";
  if (!node.last_failure.empty())
    out += "  last failure: " + node.last_failure;
  out += '\n';
  for (const auto& child : node.children)
    append_text(*child, depth + 1, out);
}

}  // namespace

const char* to_string(child_state x) {
  switch (x) {
    case child_state::stopped: return "stopped";
    case child_state::starting: return "starting";
    case child_state::running: return "running";
    case child_state::restarting: return "restarting";
    case child_state::stopping: return "stopping";
    case child_state::abandoned: return "abandoned";
  }
  return "unknown";
}

std::string to_json(const tree_node& root) { return json::serialize(to_object(root)); }

std::string to_text(const tree_node& root) {
  std::string out;
  append_text(root, 0, out);
  return out;
}

}  // namespace flott::supervision
