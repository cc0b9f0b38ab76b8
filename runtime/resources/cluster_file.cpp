#include "runtime/resources/cluster_file.hpp"

#include <boost/json.hpp>

#include <limits>

namespace flott {
namespace {

namespace json = boost::json;

json::value endpoint(const std::optional<std::string>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

class node_reader {
 public:
  node_reader(const json::object& from, std::string where) : from_(from), where_(std::move(where)) {}

  result<std::string> text(std::string_view key) const {
    const auto* value = from_.if_contains(key);
    if (value == nullptr || !value->is_string())
      return user_failure(where_, "member \"" + std::string(key) + "\" is not a text");
    return std::string(value->get_string());
  }

  result<std::optional<std::string>> endpoint(std::string_view key) const {
    const auto* value = from_.if_contains(key);
    if (value != nullptr && value->is_null())
      return std::optional<std::string>();
    FLOTT_ASSIGN(auto name, text(key));
    return std::optional<std::string>(std::move(name));
  }

  result<int> pid() const {
    const auto* value = from_.if_contains("pid");
    if (value == nullptr || !value->is_int64() || value->get_int64() <= 0 ||
        value->get_int64() > std::numeric_limits<int>::max())
      return user_failure(where_, "member \"pid\" is not the number of a process");
    return static_cast<int>(value->get_int64());
  }

 private:
  const json::object& from_;
  std::string where_;
};

result<cluster_node> read_node(const json::value& from, const std::string& where) {
  if (!from.is_object())
    return user_failure(where, "a node is not an object");
  const node_reader reader(from.get_object(), where);
  cluster_node node;
  FLOTT_ASSIGN(node.role, reader.text("role"));
  FLOTT_ASSIGN(node.id, reader.text("id"));
  FLOTT_ASSIGN(node.pid, reader.pid());
  FLOTT_ASSIGN(node.rest, reader.endpoint("rest"));
  FLOTT_ASSIGN(node.rpc, reader.endpoint("rpc"));
  FLOTT_ASSIGN(node.data, reader.endpoint("data"));
  FLOTT_ASSIGN(node.metrics, reader.endpoint("metrics"));
  FLOTT_ASSIGN(node.log, reader.text("log"));
  return node;
}

}  // namespace

std::string to_json(const std::vector<cluster_node>& nodes) {
  std::string text = "[";
  for (const auto& node : nodes) {
    text += text.size() == 1 ? "\n  " : ",\n  ";
    text += json::serialize(json::object{
        {"role", node.role},
        {"id", node.id},
        {"pid", node.pid},
        {"rest", endpoint(node.rest)},
        {"rpc", endpoint(node.rpc)},
        {"data", endpoint(node.data)},
        {"metrics", endpoint(node.metrics)},
        {"log", node.log},
    });
  }
  return text + (nodes.empty() ? "]\n" : "\n]\n");
}

result<std::vector<cluster_node>> parse_cluster(std::string_view text, std::string_view name) {
  boost::system::error_code error;
  const auto document = json::parse(text, error);
  if (error)
    return user_failure(std::string(name), "is not JSON", error.message());
  if (!document.is_array())
    return user_failure(std::string(name), "is not an array of nodes");
  std::vector<cluster_node> nodes;
  for (const auto& entry : document.get_array()) {
    FLOTT_ASSIGN(auto node, read_node(entry, std::string(name) + ", node " + std::to_string(nodes.size() + 1)));
    nodes.push_back(std::move(node));
  }
  return nodes;
}

std::filesystem::path cluster_file(const std::filesystem::path& dir) { return dir / "cluster.json"; }

result<void> write_cluster_file(const std::filesystem::path& dir, const std::vector<cluster_node>& nodes,
                                env& environment) {
  return environment.write_file(cluster_file(dir), to_json(nodes));
}

result<std::vector<cluster_node>> read_cluster_file(const std::filesystem::path& dir, env& environment) {
  const auto path = cluster_file(dir);
  if (!environment.exists(path))
    return std::vector<cluster_node>();
  FLOTT_ASSIGN(const auto text, environment.read_file(path));
  return parse_cluster(text, path.string());
}

}  // namespace flott
