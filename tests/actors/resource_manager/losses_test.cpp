#include "tests/actors/resource_manager/lone_resource_manager.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
using Catch::Matchers::Contains;
using list = std::vector<std::string>;

TEST_CASE("a TaskManager that is silent for longer than heartbeat.timeout is lost, once and for good") {
  lone_resource_manager r;
  r.register_node("t1", "i1", 1);
  r.register_node("t2", "j1", 1);
  r.want(a, 2);
  for (int i = 0; i < 10; ++i) {
    r.heartbeat("t1");
    r.heartbeat("t2");
    r.pass(r.interval);
  }
  REQUIRE(r.lost.empty());
  for (int i = 0; i < 10; ++i) {
    CHECK(r.heartbeat("t2"));
    r.pass(r.interval);
  }
  CHECK(r.lost == list{"i1"});                          // fenced
  CHECK(r.killed == list{"t1"});                        // it may hang, so its process is ended
  REQUIRE(r.at(a).lost.size() == 1);                    // who holds its slots hears of it
  CHECK(r.at(a).lost[0].incarnation() == "i1");
  CHECK_FALSE(r.heartbeat("t1"));
  CHECK_FALSE(r.enroll("t1"));
  CHECK(r.register_node("t1", "i2"));
}

TEST_CASE("a new life of a node ends the former one, which may not come back") {
  lone_resource_manager r;
  r.register_node("t1", "i1", 1);
  r.want(a, 1);
  r.register_node("t1", "i2", 1);
  CHECK(r.lost == list{"i1"});
  CHECK(r.at(a).lost.size() == 1);
  CHECK(r.want(b, 1).slots() == 1);                     // its slots are free
  CHECK_FALSE(r.register_node("t1", "i1"));
}

TEST_CASE("a closed connection is no death while somebody listens there: silence decides") {
  lone_resource_manager r;
  r.register_node("t1", "i1");
  r.drop_connection("t1");
  CHECK(r.lost.empty());
  CHECK(r.heartbeat("t1"));
  r.pass(r.timeout + r.interval);
  CHECK(r.lost == list{"i1"});
}

TEST_CASE("a closed connection where nobody listens any more is a death at once") {
  lone_resource_manager r;
  r.somebody_listens = false;
  r.register_node("t1", "i1");
  r.want(a, 1);
  r.drop_connection("t1");
  CHECK(r.lost == list{"i1"});
  CHECK(r.at(a).lost.size() == 1);
  CHECK_FALSE(r.heartbeat("t1"));
}

TEST_CASE("a TaskManager that leaves takes its slots with it, and nobody has to end its process") {
  lone_resource_manager r;
  r.register_node("t1", "i1", 1);
  r.want(a, 1);
  r.leave("t1");
  CHECK(r.at(a).lost.size() == 1);
  CHECK(r.want(b, 1).granted.empty());
  r.pass(2 * r.timeout);
  CHECK(r.killed.empty());
}

TEST_CASE("why a TaskManager was lost is answered once the provider has seen its process end") {
  lone_resource_manager r;
  r.register_node("t1", "i1", 1);
  r.want(a, 1);
  const auto early = r.ask_for_cause("t1", "i1");       // a job's own connection may close first
  CHECK(early->pending());
  node_exit end;
  end.node_id = "t1";
  end.signal = 11;
  end.crashed_in_job = true;
  end.job_id = a;
  end.vertex_id = "v";
  end.subtask = 3;
  end.operator_name = "parse";
  r.process_ended(end);
  CHECK(r.lost == list{"i1"});                          // a process that has ended is not waited for
  const auto late = r.ask_for_cause("t1", "i1");
  for (const auto& answer : {early, late}) {
    REQUIRE(answer->value);
    CHECK(answer->value->signal() == 11);
    CHECK(answer->value->job_id() == a);
    CHECK(answer->value->vertex_id() == "v");
    CHECK(answer->value->subtask() == 3);
    CHECK_THAT(answer->value->failure().message(), Contains("signal 11") && Contains("parse"));
  }
}

TEST_CASE("a cause that nobody will ever know is answered after a short wait") {
  lone_resource_manager r;
  r.register_node("t1", "i1");
  const auto answer = r.ask_for_cause("t1", "i1");
  r.pass(r.cause_wait / 2);
  CHECK(answer->pending());
  r.pass(2 * r.cause_wait);
  REQUIRE(answer->value);
  CHECK(answer->value->signal() == 0);
  CHECK(answer->value->incarnation() == "i1");
  CHECK(answer->value->has_failure());
}
