#include "runtime/resources/cluster_file.hpp"

#include <catch2/catch.hpp>

using namespace flott;

namespace {

std::vector<cluster_node> two_nodes() {
  return {
      {.role = "dispatcher", .id = "dispatcher-1", .pid = 12, .rest = "127.0.0.1:8081", .rpc = "127.0.0.1:6123",
       .data = {}, .metrics = "127.0.0.1:9249", .log = "logs/dispatcher-1.log"},
      {.role = "taskmanager", .id = "taskmanager-2", .pid = 13, .rest = {}, .rpc = "127.0.0.1:6124",
       .data = "127.0.0.1:6125", .metrics = "127.0.0.1:9250", .log = "a \"quoted\" log"},
  };
}

std::string error_of(std::string_view text) {
  const auto nodes = parse_cluster(text, "cluster.json");
  return nodes.ok() ? "" : nodes.error().to_string();
}

}  // namespace

TEST_CASE("nodes are read as they were written") {
  for (const auto& nodes : {std::vector<cluster_node>(), two_nodes()}) {
    const auto read = parse_cluster(to_json(nodes), "cluster.json");
    REQUIRE(read.ok());
    CHECK(*read == nodes);
  }
}

TEST_CASE("a port that a role has not is null, never missing") {
  CHECK(to_json(two_nodes()).find("\"data\":null") != std::string::npos);
  const std::string whole =
      R"([{"role":"taskmanager","id":"t","pid":1,"rest":null,"rpc":null,"data":null,"metrics":null,"log":"","more":1}])";
  CHECK(error_of(whole).empty());
  auto without = whole;
  without.erase(without.find("\"data\":null,"), 12);
  CHECK(error_of(without).find("\"data\"") != std::string::npos);
}

TEST_CASE("damage is named with its place") {
  CHECK(error_of("").find("cluster.json") != std::string::npos);
  CHECK(error_of("{}").find("not an array") != std::string::npos);
  CHECK(error_of("[1]").find("node 1") != std::string::npos);
  for (const auto* pid : {"0", "-1", "\"7\"", "1e3", "4294967296"}) {
    const auto text = R"([{"role":"r","id":"i","pid":)" + std::string(pid) +
                      R"(,"rest":null,"rpc":null,"data":null,"metrics":null,"log":""}])";
    CHECK(error_of(text).find("\"pid\"") != std::string::npos);
  }
}
