#include "testing/conformance.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;

namespace {

struct counter_state {
  counter_state() {}                               // NOLINT: an aggregate state would take CAF's arguments
  int count = 0;
  static inline const char* name = "counter";
};
using add_atom = caf::atom_constant<caf::atom("add")>;
using read_atom = caf::atom_constant<caf::atom("read")>;

caf::behavior counter(caf::stateful_actor<counter_state>* self) {
  return {
    [self](add_atom) { ++self->state.count; },
    [self](read_atom) { return self->state.count; },
  };
}

using echo_actor = caf::typed_actor<caf::replies_to<int>::with<int>>;
echo_actor::behavior_type echo(echo_actor::pointer) {
  return {[](int x) { return x; }};
}

/// Holds what it books, with timers of its own, and takes its time to end.
caf::behavior holder(caf::event_based_actor* self, child_context context) {
  context.ledger->book("connection", [] {}).leave();
  self->delayed_send(self, std::chrono::seconds(1), 1);
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    if (exit.reason)
      self->delayed_send(self, std::chrono::milliseconds(200), std::string("end"));
  });
  return {
    [self](int) { self->delayed_send(self, std::chrono::seconds(1), 1); },
    [self](const std::string&) { self->quit(caf::exit_reason::user_shutdown); },
  };
}

conformance_subject subject(child_factory start) {
  conformance_subject one;
  one.spec.start = std::move(start);
  return one;
}

}  // namespace

TEST_CASE("children that are as they should be pass every check") {
  conformance_subject one;
  SECTION("event-based") {
    one = subject(spawns([](caf::event_based_actor*) -> caf::behavior { return {[](int x) { return x; }}; }));
    one.probe = asks<int>(1);
  }
  SECTION("typed") {
    one = subject(spawns(echo));
    one.probe = asks<int>(1);
  }
  SECTION("stateful") {
    one = subject(spawns(counter));
    one.probe = asks<int>(read_atom::value);
    one.touch = tells(add_atom::value);
  }
  SECTION("one that holds things and lingers") {
    one = subject([](const child_context& context) -> start_outcome { return spawn_supervised(context, holder, context); });
  }
  SECTION("a resource") {
    auto open = std::make_shared<std::size_t>(0);
    plain_resource resource;
    resource.start = [open](const child_context&) -> result<void> { ++*open; return {}; };
    resource.stop = [open] { --*open; };
    resource.blocks = false;
    one = subject(keeps(resource));
    one.held = [open] { return *open; };
  }
  SECTION("one that says itself when it is ready") {
    one = subject([](const child_context& context) -> start_outcome {
      return spawn_supervised(context, [](caf::event_based_actor* self, child_context of) -> caf::behavior {
        self->delayed_send(self, std::chrono::milliseconds(50), 1);
        return {[confirm = of.confirm](int) { confirm(); }};
      }, context);
    });
    one.spec.ready = ready_when::confirmed;
  }
  const auto found = check_child(one);
  INFO(to_string(found));
  CHECK(all_passed(found));
  CHECK(found.size() == 14);
}

TEST_CASE("in real time, a resource with a thread of its own passes as well") {
  auto open = std::make_shared<std::atomic<std::size_t>>(0);
  plain_resource resource;
  resource.start = [open](const child_context&) -> result<void> { ++*open; return {}; };
  resource.stop = [open] { --*open; };
  auto one = subject(keeps(resource));
  one.held = [open] { return open->load(); };
  const auto found = check_child(one, {.real_time = true, .rounds = 20, .pool = 5});
  INFO(to_string(found));
  CHECK(all_passed(found));
}
