#include "tests/actors/registrar/lone_registrar.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
using namespace std::chrono_literals;
using list = std::vector<std::string>;

TEST_CASE("a node registers with its handle, its life and what it describes itself as, and hears of the link") {
  lone_registrar r;
  r.start();
  CHECK(r.heard() == list{"link up d1"});
  REQUIRE(r.registered.size() == 1);
  CHECK(r.own_handle);
  CHECK(r.registered[0].header().incarnation() == "i1");
  CHECK(r.registered[0].node_id() == "n");
  CHECK(r.registered[0].slots_size() == 2);
  CHECK(r.registered[0].protocol_version() >= r.registered[0].protocol_version_min());
}

TEST_CASE("a registered node speaks every heartbeat.interval, and says how its slots are") {
  lone_registrar r;
  r.start();
  r.pass(20 * r.interval);
  CHECK(r.heartbeats.size() >= 19);
  r.slots = 3;
  r.pass(r.interval);
  const auto& last = r.heartbeats.back();
  CHECK(last.header().incarnation() == "i1");
  CHECK(last.role() == msg::NODE_ROLE_TASKMANAGER);
  CHECK(last.slots_size() == 3);
  CHECK(r.registered.size() == 1);
}

TEST_CASE("a node that is told to register again does, and hears that the link went and came") {
  lone_registrar r;
  r.start();
  r.heard();
  r.register_again = true;
  r.pass(4 * r.interval);
  CHECK(r.heard() == list{"link down", "link up d1"});
  CHECK(r.registered.size() == 2);
  CHECK(r.given_up.empty());
}

TEST_CASE("a dispatcher that answers nothing for longer than heartbeat.timeout is left; the next address is tried") {
  lone_registrar r;
  r.add_dispatcher("d2");
  r.start();
  r.heard();
  r.freeze("d1");
  r.pass(r.timeout - r.interval);
  CHECK(r.heard().empty());
  r.pass(4 * r.interval);
  CHECK(r.heard() == list{"link down", "link up d2"});
  r.forgetful = "d1";
  r.thaw("d1");
  r.pass(10 * r.interval);
  CHECK(r.heard().empty());                             // late answers of the former one change nothing
}

TEST_CASE("a closed connection makes a node look for a dispatcher at once") {
  lone_registrar r;
  r.add_dispatcher("d2");
  r.start();
  r.heard();
  r.end_dispatcher("d1");
  CHECK(r.heard() == list{"link down", "link up d2"});  // no time has passed
}

TEST_CASE("while no dispatcher is there the addresses are tried in turn, about once a second in the long run") {
  lone_registrar r;
  r.end_dispatcher("d1");
  r.start();
  r.pass(10s);
  const auto first = r.dials;
  r.pass(20s);
  CHECK(first >= 10);
  CHECK(r.dials - first <= 21);
  CHECK(r.dials - first >= 10);
  r.add_dispatcher("d2");
  r.pass(3s);
  CHECK(r.heard() == list{"link up d2"});
}

TEST_CASE("a node that finds no dispatcher within registration.timeout ends, and says why, once") {
  lone_registrar r;
  SECTION("from its start") {
    r.end_dispatcher("d1");
    r.start();
  }
  SECTION("after it had one") {
    r.start();
    r.pass(2 * r.registration_timeout);
    CHECK(r.given_up.empty());
    r.end_dispatcher("d1");
  }
  r.pass(r.registration_timeout - 1s);
  CHECK(r.given_up.empty());
  r.pass(3s);
  REQUIRE(r.given_up.size() == 1);
  CHECK(r.over);
}

TEST_CASE("a node whose life was declared dead ends; one that is refused for another reason tries again") {
  lone_registrar r;
  SECTION("dead") {
    r.refusal = internal_failure("n", "this life of the node was declared lost");
    r.start();
    REQUIRE(r.given_up.size() == 1);
    CHECK(r.given_up[0] == *r.refusal);
    CHECK(r.over);
    CHECK(r.heard().empty());
  }
  SECTION("not now") {
    r.refusal = transient_failure("d1", "is starting");
    r.start();
    CHECK(r.heard().empty());
    r.refusal.reset();
    r.pass(3s);
    CHECK(r.heard() == list{"link up d1"});
    CHECK(r.given_up.empty());
  }
}

TEST_CASE("a node that is stopped in order says good-bye; one that crashes can't, and one without a link need not") {
  lone_registrar r;
  SECTION("in order") {
    r.start();
    r.stop(caf::exit_reason::user_shutdown);
    REQUIRE(r.farewells.size() == 1);
    CHECK(r.farewells[0].header().incarnation() == "i1");
    CHECK(r.farewells[0].node_id() == "n");
    CHECK(r.farewells[0].role() == msg::NODE_ROLE_TASKMANAGER);
  }
  SECTION("crashed") {
    r.start();
    r.stop(caf::make_error(caf::sec::runtime_error));
    CHECK(r.farewells.empty());
  }
  SECTION("not registered") {
    r.refusal = transient_failure("d1", "is starting");
    r.start();
    r.stop(caf::exit_reason::user_shutdown);
    CHECK(r.farewells.empty());
  }
  CHECK(r.over);
}

TEST_CASE("a changed slot table is told at once, in the name of the node's life, while there is a link") {
  lone_registrar r;
  r.start();
  r.slots_changed();
  REQUIRE(r.tables.size() == 1);
  CHECK(r.tables[0].header().incarnation() == "i1");
  r.end_dispatcher("d1");
  r.slots_changed();
  CHECK(r.tables.size() == 1);
}
