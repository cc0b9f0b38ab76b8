#include "apps/cli/tree_text.hpp"

#include <boost/json.hpp>

namespace flott::cli {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& from, std::string_view key) {
  const auto* value = from.if_contains(key);
  if (value == nullptr || value->is_null())
    return "";
  return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

void append(const json::object& node, std::size_t depth, std::string& to) {
  const auto path = text_of(node, "path");
  const auto slash = path.rfind('/');
  to += std::string(2 * depth, ' ') + (slash == std::string::npos || path.size() == 1 ? path : path.substr(slash + 1));
  if (text_of(node, "kind") == "supervisor")
    to += "/";
  to += "  " + text_of(node, "state");
  if (const auto pause = text_of(node, "restart_in_ms"); !pause.empty())
    to += " in " + pause + " ms";
  if (const auto* restarts = node.if_contains("restarts"); restarts != nullptr && restarts->is_object())
    if (const auto total = text_of(restarts->get_object(), "total"); !total.empty() && total != "0")
      to += "  restarts " + total;
  if (const auto abandoned = text_of(node, "abandoned"); !abandoned.empty() && abandoned != "0")
    to += "  abandoned " + abandoned;
  if (text_of(node, "unanswered") == "true")
    to += "  (did not answer in time)";
  if (const auto failure = text_of(node, "last_failure"); !failure.empty())
    to += "  last failure: " + failure;
  to += "\n";
  if (const auto* children = node.if_contains("children"); children != nullptr && children->is_array())
    for (const auto& child : children->get_array())
      if (child.is_object())
        append(child.get_object(), depth + 1, to);
}

}  // namespace

std::string tree_text(std::string_view document) {
  boost::system::error_code error;
  const auto parsed = json::parse(document, error);
  if (error || !parsed.is_object())
    return std::string(document) + "\n";
  const auto& root = parsed.get_object();
  std::string text;
  const auto* nodes = root.if_contains("nodes");
  if (nodes == nullptr || !nodes->is_array()) {
    append(root, 0, text);
    return text;
  }
  for (const auto& node : nodes->get_array()) {
    if (!node.is_object())
      continue;
    text += text_of(node.get_object(), "node") + "\n";
    if (const auto* tree = node.get_object().if_contains("tree"); tree != nullptr && tree->is_object())
      append(tree->get_object(), 1, text);
  }
  return text;
}

}  // namespace flott::cli
