#include "runtime/base/log.hpp"
#include "tests/actors/embedding/node_fixture.hpp"
#include "tests/support/eventually.hpp"

#include <boost/json.hpp>

using namespace flott;
using namespace flott::test;
using Catch::Matchers::Contains;
using testing::eventually;

namespace {

struct catcher final : http::responder::sink {
  explicit catcher(std::promise<http::response>& to) : to_(&to) {}
  void answer(http::response reply) override { to_->set_value(std::move(reply)); }
  std::promise<http::response>* to_;
};

/// What the node answers; status 0 when it is none of its pages.
http::response ask(const actor_node& node, http::request asked) {
  std::promise<http::response> promise;
  auto reply = promise.get_future();
  http::response none;
  none.status = 0;
  if (!node.answer(asked, http::responder{std::make_unique<catcher>(promise)}))
    return none;
  return reply.get();
}

http::request get(const std::string& path) {
  http::request asked;
  asked.path = path;
  return asked;
}

http::request put_level(const std::string& body, const std::string& remote = "127.0.0.1:4711") {
  http::request asked = get("/flott/v1/log_level");
  asked.verb = http::method::put;
  asked.body = body;
  asked.remote = remote;
  return asked;
}

}  // namespace

TEST_CASE("a process serves its tree, its metrics and its health") {
  auto spec = child("echo-1", spawns(echo));
  spec.child_class = "echo";
  spec.ref = std::make_shared<child_ref>();
  auto node = started(service({spec}));
  for (int i = 0; i < 3; ++i)
    caf::anon_send(spec.ref->as<caf::actor>(), i);
  caf::anon_send(spec.ref->as<caf::actor>(), std::string{"it has no handler for this"});
  REQUIRE(eventually([&] { return node->dead_letters().count() == 1; }));

  CHECK(ask(*node, get("/livez")).status == 200);
  CHECK(ask(*node, get("/readyz")).status == 200);
  CHECK(ask(*node, get("/lookup")).status == 0);
  auto posted = get("/metrics");
  posted.verb = http::method::post;
  CHECK(ask(*node, posted).status == 405);

  const auto page = ask(*node, get("/metrics")).body;
  const std::string labels = R"({child="echo",supervisor="service"} )";
  CHECK_THAT(page, Contains("flott_actors" + labels + "1"));
  CHECK_THAT(page, Contains("flott_actor_messages_total" + labels + "4"));
  CHECK_THAT(page, Contains("flott_actor_mailbox_messages" + labels + "0"));
  CHECK_THAT(page, Contains("flott_supervisor_restarts_total" + labels + "0"));
  CHECK_THAT(page, Contains(R"(flott_dead_letters_total{reason="unhandled"} 1)"));
  CHECK_THAT(page, Contains(R"(flott_dead_letters_total{reason="stale"} 0)"));

  const auto tree = boost::json::parse(ask(*node, get("/flott/v1/tree")).body);
  const auto& shown = tree.at("children").at(0);
  CHECK(shown.at("path") == "/service/echo-1");
  CHECK(shown.at("handled") == 4);
  CHECK(shown.at("mailbox").at("length") == 0);

  caf::anon_send_exit(spec.ref->as<caf::actor>(), caf::exit_reason::kill);
  REQUIRE(eventually([&] {
    return ask(*node, get("/metrics")).body.find("flott_supervisor_restarts_total" + labels + "1") != std::string::npos;
  }));
  const auto after = ask(*node, get("/metrics")).body;
  CHECK_THAT(after, Contains("flott_actors" + labels + "1"));
  CHECK_THAT(after, Contains("flott_actor_messages_total" + labels + "5"));    // with the order to end, and what the life before did

  node->stop();
  static_cast<void>(node->wait_ended());
  CHECK(ask(*node, get("/flott/v1/tree")).status == 503);
  CHECK(ask(*node, get("/readyz")).status == 503);
  CHECK(ask(*node, get("/livez")).status == 200);
  CHECK_THAT(ask(*node, get("/metrics")).body, Contains("flott_actors" + labels + "0"));
}

TEST_CASE("the log level of a subtree is changed over HTTP, from this machine only") {
  auto level = std::make_shared<std::atomic<int>>(-2);
  const auto telling = [level](caf::event_based_actor*) -> caf::behavior {
    return {[level](int) { *level = log::enabled(log::level::debug) ? 1 : 0; }};
  };
  auto spec = child("worker", spawns(telling));
  spec.ref = std::make_shared<child_ref>();
  auto pool = service({spec});
  pool.name = "pool";
  auto node = started(service({subtree(pool)}));
  const auto debugs = [&] {
    *level = -2;
    caf::anon_send(spec.ref->as<caf::actor>(), 1);
    REQUIRE(eventually([&] { return *level != -2; }));
    return *level == 1;
  };
  CHECK_FALSE(debugs());
  CHECK(ask(*node, put_level(R"({"path": "/service/pool", "level": "debug"})")).status == 200);
  CHECK(debugs());
  CHECK(ask(*node, put_level(R"({"path": "/service", "level": null})")).status == 200);
  CHECK(eventually([&] { return !debugs(); }));

  CHECK(ask(*node, put_level(R"({"path": "/service/pool/worker", "level": "debug"})")).status == 404);
  CHECK(ask(*node, put_level(R"({"path": "/elsewhere", "level": "debug"})")).status == 404);
  for (const auto* bad : {"", "[]", "{}", R"({"path": 1, "level": "debug"})", R"({"path": "/service"})", R"({"path": "/service", "level": "loud"})"}) {
    CAPTURE(bad);
    CHECK(ask(*node, put_level(bad)).status == 400);
  }
  CHECK(ask(*node, get("/flott/v1/log_level")).status == 405);
  const std::string good = R"({"path": "/service/pool", "level": "debug"})";
  CHECK(ask(*node, put_level(good, "10.0.0.7:4711")).status == 403);
  auto foreign = put_level(good);
  foreign.headers["Host"] = "rebound.example:9249";
  CHECK(ask(*node, foreign).status == 403);
  auto page = put_level(good);
  page.headers["Host"] = "localhost:9249";
  page.headers["Origin"] = "http://elsewhere.example";
  CHECK(ask(*node, page).status == 403);
  CHECK_FALSE(debugs());
}
