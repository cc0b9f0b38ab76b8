#pragma once

#include "actors/embedding/actor_node.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <string>

namespace flott::test {

using namespace std::chrono_literals;

inline caf::behavior echo(caf::event_based_actor*) {
  return {[](int x) { return x; }};
}

inline child_spec child(const std::string& id, child_factory start) {
  child_spec spec;
  spec.id = id;
  spec.start = std::move(start);
  spec.shutdown = supervision::shutdown_limit{50ms};
  return spec;
}

inline supervisor_spec service(std::vector<child_spec> children) {
  supervisor_spec spec;
  spec.name = "service";
  spec.kill_grace = 50ms;
  spec.children = std::move(children);
  return spec;
}

/// An actor that does not come back from its handler until the gate is opened.
struct gate {
  std::promise<void> entered, open;
  std::shared_future<void> opened = open.get_future().share();
  std::atomic<int> left{0};
};

inline caf::behavior stuck(caf::event_based_actor* self, std::shared_ptr<gate> at) {
  self->attach_functor([at](const caf::error&) { ++at->left; });
  return {[at](const std::string&) {
    at->entered.set_value();
    at->opened.wait();
  }};
}

inline std::unique_ptr<actor_node> started(supervisor_spec spec, actor_node_options options = {}) {
  auto node = actor_node::start(std::move(spec), std::move(options));
  REQUIRE(node);
  REQUIRE(node.value()->wait_started(60s));
  return std::move(node).value();
}

inline std::string history_of(const actor_node& node) {
  std::string all;
  for (const auto& entry : node.history().entries())
    all += to_text(entry) + "\n";
  return all;
}

}  // namespace flott::test
