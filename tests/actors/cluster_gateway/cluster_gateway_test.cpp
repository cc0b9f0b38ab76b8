#include "actors/cluster_gateway.hpp"
#include "runtime/base/simulated_env.hpp"
#include "testing/virtual_system.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
using list = std::vector<std::string>;

namespace {

/// A CLUSTER GATEWAY, and behind it actors that note what comes through.
class scene {
 public:
  scene() : environment_(1) {
    auto& system = actors_.system();
    for (auto* of : {&dispatcher_, &resources_}) {
      const std::string who = of == &dispatcher_ ? "dispatcher" : "resources";
      *of = system.spawn([this, who]() -> caf::behavior {
        const auto note = [this, who](const auto& message) {
          heard_.push_back(who + " " + message.descriptor()->name());
        };
        return {
          [=](const msg::RegisterNode& x, const caf::strong_actor_ptr&) { note(x); return msg::RegisterNodeReply{}; },
          [=](const msg::Heartbeat& x) { note(x); return msg::HeartbeatReply{}; },
          [=](const msg::LeaveCluster& x) { note(x); },
          [=](const msg::SlotTable& x) { note(x); },
          [=](const msg::RequestSlots& x) { note(x); return msg::Ack{}; },
          [=](const msg::ReleaseSlots& x) { note(x); return msg::Ack{}; },
          [=](const msg::RequestPlanner& x) { note(x); return msg::PlannerReply{}; },
          [=](const msg::RequestLossCause& x) { note(x); return msg::TaskManagerLost{}; },
          [=](const msg::JobPlanned& x) { note(x); return msg::DispatcherReply{}; },
          [=](const msg::CommitDecided& x) { note(x); return msg::DispatcherReply{}; },
          [=](const msg::JobEnded& x) { note(x); return msg::DispatcherReply{}; },
          [=](const msg::ReturnJob& x) { note(x); return msg::DispatcherReply{}; },
          [=](const msg::JobSnapshots& x) { note(x); },
        };
      });
    }
    monitor_ = system.spawn([this]() -> caf::behavior {
      return {
        [this](const msg::RegisterNode&, const caf::strong_actor_ptr&) { heard_.emplace_back("monitor RegisterNode"); },
        [this](const msg::Heartbeat&) { heard_.emplace_back("monitor Heartbeat"); },
        [this](const msg::SlotTable&) { heard_.emplace_back("monitor SlotTable"); },
      };
    });
    node_ = system.spawn([]() -> caf::behavior { return {[](int) {}}; });
    gateway_ = system.spawn(cluster_gateway, std::string{"d1"}, &environment_,
                            caf::actor_cast<dispatcher_actor>(dispatcher_),
                            caf::actor_cast<resource_manager_actor>(resources_),
                            caf::actor_cast<monitor_actor>(monitor_));
  }
  ~scene() {
    for (const auto& actor : {dispatcher_, resources_, monitor_, node_})
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    caf::anon_send_exit(gateway_, caf::exit_reason::kill);
  }

  template <class Message>
  static Message from(const std::string& incarnation) {
    Message message;
    message.mutable_header()->set_incarnation(incarnation);
    return message;
  }
  msg::RegisterNodeReply enroll(msg::RegisterNode node) {
    node.set_protocol_version(1);
    node.set_protocol_version_min(std::max(1U, node.protocol_version_min()));
    return actors_.ask_now<msg::RegisterNodeReply>(gateway_, std::move(node),
                                                   caf::actor_cast<caf::strong_actor_ptr>(node_)).value.value();
  }
  bool enroll(const std::string& incarnation, msg::NodeRole role) {
    auto node = from<msg::RegisterNode>(incarnation);
    node.set_role(role);
    return !enroll(std::move(node)).has_failure();
  }
  template <class Reply, class Message>
  answer<Reply> ask(Message message) { return actors_.ask_now<Reply>(gateway_, std::move(message)); }
  template <class Message>
  void tell(Message message) {
    caf::anon_send(gateway_, std::move(message));
    actors_.settle();
  }
  void fence(const std::string& incarnation) {
    caf::anon_send(gateway_, atom::fence_v, incarnation);
    actors_.settle();
  }
  /// What has come through since the last call.
  list heard() { return std::exchange(heard_, {}); }
  /// Everything that a node may say but register and heartbeat, in the name of a life. The answer: how many of those
  /// that expect an answer were refused.
  int say_all(const std::string& life) {
    int refused = 0;
    refused += ask<msg::Ack>(from<msg::RequestSlots>(life)).error ? 1 : 0;
    refused += ask<msg::Ack>(from<msg::ReleaseSlots>(life)).error ? 1 : 0;
    refused += ask<msg::PlannerReply>(from<msg::RequestPlanner>(life)).error ? 1 : 0;
    refused += ask<msg::TaskManagerLost>(from<msg::RequestLossCause>(life)).error ? 1 : 0;
    refused += ask<msg::DispatcherReply>(from<msg::JobPlanned>(life)).error ? 1 : 0;
    refused += ask<msg::DispatcherReply>(from<msg::CommitDecided>(life)).error ? 1 : 0;
    refused += ask<msg::DispatcherReply>(from<msg::JobEnded>(life)).error ? 1 : 0;
    refused += ask<msg::DispatcherReply>(from<msg::ReturnJob>(life)).error ? 1 : 0;
    tell(from<msg::SlotTable>(life));
    tell(from<msg::JobSnapshots>(life));
    tell(from<msg::LeaveCluster>(life));
    return refused;
  }
  [[nodiscard]] std::int64_t now() { return environment_.now_unix_ms(); }

 private:
  virtual_system actors_;
  simulated_env environment_;
  caf::actor dispatcher_, resources_, monitor_, node_;
  cluster_gateway_actor gateway_;
  list heard_;
};

}  // namespace

TEST_CASE("what registered nodes say goes to whom it concerns, and is answered from there") {
  scene s;
  REQUIRE(s.enroll("t1", msg::NODE_ROLE_TASKMANAGER));
  CHECK(s.heard() == list{"monitor RegisterNode", "resources RegisterNode"});
  REQUIRE(s.enroll("m1", msg::NODE_ROLE_JOBMANAGER));
  CHECK(s.heard() == list{"monitor RegisterNode", "dispatcher RegisterNode"});
  CHECK(s.say_all("m1") == 0);
  const auto heard = s.heard();
  const std::set<std::string> through(heard.begin(), heard.end());
  for (const auto* what : {"resources RequestSlots", "resources ReleaseSlots", "resources RequestPlanner",
                           "resources RequestLossCause", "dispatcher JobPlanned", "dispatcher CommitDecided",
                           "dispatcher JobEnded", "dispatcher ReturnJob", "resources SlotTable",
                           "dispatcher JobSnapshots", "dispatcher LeaveCluster"})
    CHECK(through.contains(what));
}

TEST_CASE("a heartbeat tells whoever watches nodes of that role, and the monitor") {
  scene s;
  s.enroll("t1", msg::NODE_ROLE_TASKMANAGER);
  s.enroll("m1", msg::NODE_ROLE_JOBMANAGER);
  s.heard();
  auto pulse = scene::from<msg::Heartbeat>("t1");
  pulse.set_role(msg::NODE_ROLE_TASKMANAGER);
  CHECK_FALSE(s.ask<msg::HeartbeatReply>(pulse).value->register_again());
  CHECK(s.heard() == list{"monitor Heartbeat", "resources Heartbeat"});
  pulse = scene::from<msg::Heartbeat>("m1");
  pulse.set_role(msg::NODE_ROLE_JOBMANAGER);
  CHECK_FALSE(s.ask<msg::HeartbeatReply>(pulse).value->register_again());
  CHECK(s.heard() == list{"monitor Heartbeat", "dispatcher Heartbeat"});
}

TEST_CASE("a node that was declared dead is not heard any more, whatever it says") {
  scene s;
  s.enroll("m1", msg::NODE_ROLE_JOBMANAGER);
  s.enroll("t1", msg::NODE_ROLE_TASKMANAGER);
  s.fence("m1");
  s.fence("t1");
  s.heard();
  CHECK(s.say_all("m1") == 8);
  CHECK(s.say_all("t1") == 8);
  CHECK_FALSE(s.enroll("m1", msg::NODE_ROLE_JOBMANAGER));
  CHECK_FALSE(s.enroll("t1", msg::NODE_ROLE_TASKMANAGER));
  CHECK(s.heard().empty());
  CHECK(s.enroll("m2", msg::NODE_ROLE_JOBMANAGER));     // another life may
}

TEST_CASE("a node that has not registered is not heard; its heartbeat is answered: register") {
  scene s;
  CHECK(s.say_all("m1") == 8);
  const auto reply = s.ask<msg::HeartbeatReply>(scene::from<msg::Heartbeat>("m1"));
  REQUIRE(reply.value);
  CHECK(reply.value->register_again());
  CHECK(reply.value->header().incarnation() == "d1");
  CHECK(s.heard().empty());
}

TEST_CASE("a fenced node that still beats is told to register again, where it learns that it is dead") {
  scene s;
  s.enroll("t1", msg::NODE_ROLE_TASKMANAGER);
  s.fence("t1");
  s.heard();
  CHECK(s.ask<msg::HeartbeatReply>(scene::from<msg::Heartbeat>("t1")).value->register_again());
  const auto reply = s.enroll(scene::from<msg::RegisterNode>("t1"));
  REQUIRE(reply.has_failure());
  CHECK(from_proto(reply.failure()).cls == failure_class::permanent);
  CHECK(s.heard().empty());
}

TEST_CASE("what nobody waits for any more is not handed on") {
  scene s;
  s.enroll("m1", msg::NODE_ROLE_JOBMANAGER);
  s.heard();
  auto late = scene::from<msg::RequestSlots>("m1");
  late.mutable_header()->set_deadline_unix_ms(s.now() - 1);
  CHECK(s.ask<msg::Ack>(late).error);
  CHECK(s.heard().empty());
  late.mutable_header()->set_deadline_unix_ms(s.now() + 1000);
  CHECK(s.ask<msg::Ack>(late).value);
}

TEST_CASE("a node that speaks only protocols this dispatcher does not know is refused, and told so") {
  scene s;
  auto node = scene::from<msg::RegisterNode>("m1");
  node.set_protocol_version_min(99);
  const auto reply = s.enroll(std::move(node));
  REQUIRE(reply.has_failure());
  CHECK_THAT(reply.failure().message(), Catch::Matchers::Contains("99"));
  CHECK(s.heard().empty());
  CHECK(s.say_all("m1") == 8);                          // it has not got in by the way
}
