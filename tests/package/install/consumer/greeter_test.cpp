// The test of an actor of one's own: it keeps what supervisors expect of it, and comes through faults.

#include <flott/actors.hpp>
#include <flott/testing.hpp>

#include <chrono>
#include <iostream>
#include <string>

namespace {

caf::behavior greeter(caf::event_based_actor*) {
  return {[](const std::string& who) { return "hello, " + who; }};
}

bool comes_through_faults(std::uint64_t seed) {
  flott::testing::virtual_system world{seed};
  flott::testing::fault_plan plan{seed, {.handler_throws = 0.2}};
  plan.script({flott::testing::fault_kind::start_throws, "/service/greeter", 2});
  flott::child_spec child;
  child.id = "greeter";
  child.start = plan.disturb(flott::spawns(greeter));
  child.ref = std::make_shared<flott::child_ref>();
  flott::supervisor_spec spec;
  spec.name = "service";
  spec.intensity = {1000, std::chrono::seconds(5)};
  spec.children = {child};
  auto root = flott::spawn_supervisor(world.system(), spec);
  if (!root)
    return false;
  world.settle();
  for (int i = 0; i < 50; ++i)
    if (auto handle = child.ref->as<caf::actor>())
      world.ask_now<std::string>(handle, std::string("you"));
  plan.calm();
  world.advance(std::chrono::seconds(1));
  const auto answer = world.ask_now<std::string>(child.ref->as<caf::actor>(), std::string("you"));
  caf::anon_send_exit(root.value(), caf::exit_reason::user_shutdown);
  if (answer.value == "hello, you" && plan.injected() > 1)
    return true;
  std::cout << plan.to_string();
  return false;
}

}  // namespace

int main() {
  const auto found = flott::testing::check_child({.spec = {.id = {}, .start = flott::spawns(greeter)},
                                                  .probe = flott::testing::asks<std::string>(std::string("x"))});
  std::cout << to_string(found);
  const auto hierarchy = flott::testing::run_hierarchy(1, {.actors = 60, .leaves = {flott::spawns(greeter)}});
  std::cout << hierarchy.to_string();
  return all_passed(found) && hierarchy.ok() && comes_through_faults(1) ? 0 : 1;
}
