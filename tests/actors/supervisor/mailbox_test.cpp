#include "tests/actors/supervisor/tree_fixture.hpp"

using namespace flott;
using namespace flott::supervision;
using namespace flott::supervision::test;

namespace {

/// Notes what it hears: numbers are data, texts are control.
caf::behavior listener(caf::event_based_actor*, journal_ptr notes) {
  return {
    [notes](int x) { notes->note(std::to_string(x)); return x; },
    [notes](const std::string& text) { notes->note(text); },
  };
}

struct mailbox_fixture : tree_fixture {
  child_ref_ptr ref = std::make_shared<child_ref>();

  void boot_listener(mailbox_limits limits) {
    child_spec spec;
    spec.id = "l";
    spec.ref = ref;
    spec.mailbox = std::move(limits);
    spec.start = spawns(listener, notes);
    boot(named("node", {spec}));
    letters = dead;
  }
  caf::actor handle() { return ref->as<caf::actor>(); }
  std::shared_ptr<dead_letters> letters;
};

overflow by_kind(const caf::type_erased_tuple& content, overflow data) {
  return content.match_element<int>(0) ? data : overflow::never;
}

}  // namespace

TEST_CASE("SupervisionSpec, full stash: a bounded mailbox rejects what is too much; who asked hears at once, control is never refused") {
  mailbox_fixture t;
  t.boot_listener({.messages = 2, .bytes = 0, .size_of = {}, .policy = [](const auto& x) { return by_kind(x, overflow::reject); }});
  t.world.freeze(t.handle());
  for (int i = 0; i < 4; ++i)
    caf::anon_send(t.handle(), i);
  const auto asked = t.world.ask<int>(t.handle(), 9);
  caf::anon_send(t.handle(), std::string("control"));
  t.world.settle();
  CHECK(asked->error.code() == static_cast<std::uint8_t>(supervisor_error::mailbox_full));
  CHECK(t.letters->count(loss::mailbox_full) == 3);
  CHECK(t.tree()->children.at(0)->vitals->waiting == 3);
  t.world.thaw(t.handle());
  t.world.settle();
  CHECK(t.notes->take() == "0 1 control");
  caf::anon_send(t.handle(), 5);                     // there is room again
  t.world.settle();
  CHECK(t.notes->take() == "5");
}

TEST_CASE("drop_newest and drop_oldest lose what they say") {
  const auto how = GENERATE(overflow::drop_newest, overflow::drop_oldest);
  mailbox_fixture t;
  t.boot_listener({.messages = 3, .bytes = 0, .size_of = {}, .policy = [how](const auto& x) { return by_kind(x, how); }});
  t.world.freeze(t.handle());
  for (int i = 0; i < 5; ++i)
    caf::anon_send(t.handle(), i);
  t.world.thaw(t.handle());
  t.world.settle();
  CHECK(t.notes->take() == (how == overflow::drop_newest ? "0 1 2" : "2 3 4"));
  CHECK(t.letters->count(loss::mailbox_full) == 2);
}

TEST_CASE("drop_oldest holds at most twice its bound") {
  mailbox_fixture t;
  t.boot_listener({.messages = 3, .bytes = 0, .size_of = {},
                   .policy = [](const auto& x) { return by_kind(x, overflow::drop_oldest); }});
  t.world.freeze(t.handle());
  for (int i = 0; i < 100; ++i)
    caf::anon_send(t.handle(), i);
  CHECK(t.tree()->children.at(0)->vitals->waiting == 6);
  t.world.thaw(t.handle());
  t.world.settle();
  CHECK(t.notes->take() == "3 4 5");
  CHECK(t.letters->count(loss::mailbox_full) == 97);
}

TEST_CASE("a mailbox is bounded by bytes as well") {
  mailbox_fixture t;
  t.boot_listener({.messages = 0, .bytes = 100, .size_of = [](const auto&) { return std::size_t{40}; }, .policy = {}});
  t.world.freeze(t.handle());
  for (int i = 0; i < 5; ++i)
    caf::anon_send(t.handle(), i);
  CHECK(t.tree()->children.at(0)->vitals->waiting_bytes == 80);
  t.world.thaw(t.handle());
  t.world.settle();
  CHECK(t.notes->take() == "0 1");
  CHECK(t.tree()->children.at(0)->vitals->waiting_bytes == 0);
}

TEST_CASE("an unhandled message is counted, ends neither its receiver nor its sender, and answers who asked") {
  mailbox_fixture t;
  t.boot_listener({});
  bool ended = false;
  auto sender = t.world.system().spawn([&, to = t.handle()](caf::event_based_actor* self) -> caf::behavior {
    self->attach_functor([&](const caf::error&) { ended = true; });
    return {[self, to](caf::unit_t) { self->send(to, 2.5); }};
  });
  caf::anon_send(sender, caf::unit);
  t.world.settle();
  CHECK_FALSE(ended);
  CHECK(t.letters->count(loss::unhandled) == 1);
  CHECK(t.letters->samples().front().receiver == "/node/l");
  CHECK(t.letters->samples().front().type == "double");
  CHECK(t.world.ask_now<int>(t.handle(), 2.5).error == caf::sec::unexpected_message);
  CHECK(t.world.ask_now<int>(t.handle(), 1).value == 1);
  caf::anon_send_exit(sender, caf::exit_reason::kill);
  t.world.settle();
}

TEST_CASE("BackoffSupervisorSpec, dead letters while stopped: requests to who has ended or ends are answered at once, nothing is lost") {
  mailbox_fixture t;
  t.boot_listener({});
  const auto dead_one = t.handle();
  t.world.freeze(dead_one);
  caf::anon_send(dead_one, 1);
  const auto waiting = t.world.ask<int>(dead_one, 2);
  t.world.settle();
  caf::anon_send<caf::message_priority::high>(dead_one, caf::exit_msg{caf::actor_addr{}, caf::exit_reason::kill});
  t.world.thaw(dead_one);
  t.world.settle();
  CHECK(waiting->error);
  CHECK(t.letters->count(loss::receiver_ended) == 2);
  CHECK(t.world.ask_now<int>(dead_one, 3).error == caf::sec::request_receiver_down);
  CHECK(t.letters->count(loss::receiver_ended) == 3);
  CHECK(t.world.ask_now<int>(t.handle(), 4).value == 4);     // its successor
}

TEST_CASE("what an abandoned life still says is refused, and it gets no more mail") {
  mailbox_fixture t;
  child_spec stuck = t.make("stuck", restart_policy::temporary);
  stuck.shutdown = shutdown_limit{50ms};
  auto to = t.ref;
  stuck.start = spawns([to](caf::event_based_actor* self) -> caf::behavior {
    return {[self, to](int x) { self->send(to->as<caf::actor>(), x); }};
  });
  child_spec spec;
  spec.id = "l";
  spec.ref = t.ref;
  spec.start = spawns(listener, t.notes);
  t.boot(named("node", {spec, stuck}));
  const auto life = t.at("stuck");
  t.world.freeze(life);
  caf::anon_send(life, 1);                           // it is in here when its time is up
  caf::anon_send(t.root, terminate_child_request{"stuck"});
  t.world.advance(5s);
  CHECK(t.observer->count(report_kind::child_abandoned) == 1);
  CHECK(t.world.ask_now<int>(life, 2).error == caf::sec::request_receiver_down);
  t.world.thaw(life);
  t.world.settle();
  CHECK(t.notes->take().empty());
  CHECK(t.dead->count(loss::stale) >= 1);
}

TEST_CASE("bytes are counted alike at both ends, also where only the number of messages is bounded") {
  mailbox_fixture t;
  t.boot_listener({.messages = 10, .bytes = 0, .size_of = [](const auto&) { return std::size_t{40}; }, .policy = {}});
  t.world.freeze(t.handle());
  caf::anon_send(t.handle(), 1);
  CHECK(t.tree()->children.at(0)->vitals->waiting_bytes == 40);
  t.world.thaw(t.handle());
  t.world.settle();
  CHECK(t.tree()->children.at(0)->vitals->waiting_bytes == 0);
}

TEST_CASE("the log level of a subtree is that of its actors, also of those that come later") {
  tree_fixture t;
  const auto loud = [&](const std::string& id) {
    auto spec = t.make(id);
    spec.start = spawns([](caf::event_based_actor*) -> caf::behavior {
      return {[](int) { return log::enabled(log::level::debug) ? 1 : 0; }};
    });
    return spec;
  };
  t.boot(named("node", {loud("a"), subtree(named("inner", {loud("b")}))}));
  const auto level = [&](const std::string& id) { return t.world.ask_now<int>(t.at(id), 0).value.value(); };
  const auto own = level("a");
  caf::anon_send(t.root, log_level_request{static_cast<int>(log::level::debug)});
  t.world.settle();
  CHECK(level("a") == 1);
  CHECK(level("b") == 1);
  t.world.ask_now<child_handle>(t.root, start_child_request{loud("c")});
  CHECK(level("c") == 1);
  CHECK(log::enabled(log::level::debug) == (own == 1));      // nobody else's
  caf::anon_send(t.root, log_level_request{});
  t.world.settle();
  CHECK(level("b") == own);
}

TEST_CASE("the tree shows what its children do, without asking them") {
  mailbox_fixture t;
  t.boot_listener({});
  for (int i = 0; i < 5; ++i)
    t.world.ask_now<int>(t.handle(), i);
  const auto before = t.tree()->children.at(0)->vitals.value();
  CHECK(before.handled >= 5);
  CHECK(before.waiting == 0);
  CHECK(before.handling.empty());
  t.world.freeze(t.handle());
  caf::anon_send(t.handle(), 1);
  caf::anon_send(t.handle(), 2);
  CHECK(t.tree()->children.at(0)->vitals->waiting == 2);
  t.world.thaw(t.handle());
}

TEST_CASE("an answer that comes after its time limit is a dead letter; one in time is not, nor is the timeout itself") {
  mailbox_fixture t;
  t.boot_listener({});
  std::vector<std::string> heard;
  child_spec spec;
  spec.id = "asking";
  spec.ref = std::make_shared<child_ref>();
  spec.start = spawns([&heard, to = t.handle()](caf::event_based_actor* self) -> caf::behavior {
    return {[&heard, self, to](caf::unit_t) {
      self->request(to, 1s, 7).then([&](int) { heard.emplace_back("answer"); }, [&](const caf::error&) { heard.emplace_back("timeout"); });
    }};
  });
  REQUIRE(t.world.ask_now<child_handle>(t.root, start_child_request{spec}).value);
  const auto asking = spec.ref->as<caf::actor>();
  caf::anon_send(asking, caf::unit);
  t.world.settle();
  t.world.advance(10s);
  CHECK(heard == std::vector<std::string>{"answer"});
  CHECK(t.letters->count() == 0);
  t.world.freeze(t.handle());
  caf::anon_send(asking, caf::unit);
  t.world.settle();
  t.world.advance(2s);
  CHECK(heard == std::vector<std::string>{"answer", "timeout"});
  t.world.thaw(t.handle());
  t.world.settle();
  CHECK(heard.size() == 2);
  CHECK(t.letters->count(loss::expired) == 1);
  CHECK(t.letters->samples().front().receiver == "/node/asking");
}

TEST_CASE("a handler that throws a message away says why") {
  tree_fixture t;
  child_spec spec;
  spec.id = "choosy";
  spec.ref = std::make_shared<child_ref>();
  spec.start = spawns([](caf::event_based_actor* self) -> caf::behavior {
    return {[self](int x) {
      if (x < 0)
        discard(self, loss::refused);
    }};
  });
  t.boot(named("node", {spec}));
  caf::anon_send(spec.ref->as<caf::actor>(), 1);
  caf::anon_send(spec.ref->as<caf::actor>(), -1);
  t.world.settle();
  CHECK(t.dead->count() == 1);
  CHECK(t.dead->count(loss::refused) == 1);
  CHECK(t.dead->samples().front().type == "i32");
  auto alone = t.world.system().spawn([](caf::event_based_actor* self) -> caf::behavior {
    return {[self](int) { discard(self, loss::refused); }};       // not supervised: nobody counts
  });
  caf::anon_send(alone, 1);
  t.world.settle();
  CHECK(t.dead->count() == 1);
}

TEST_CASE("drop_oldest for everything drops no exit message, no DOWN and no answer") {
  mailbox_fixture t;
  mailbox_limits limits;
  limits.messages = 1;
  limits.policy = [](const caf::type_erased_tuple&) { return overflow::drop_oldest; };
  t.boot_listener(limits);
  t.world.freeze(t.handle());
  caf::anon_send(t.handle(), 1);
  caf::anon_send_exit(t.handle(), caf::exit_reason::user_shutdown);
  caf::anon_send(t.handle(), 2);                     // makes a debt that the exit message may not pay
  t.world.thaw(t.handle());
  t.world.settle();
  CHECK(t.observer->count(report_kind::child_exited) == 1);      // it heard the exit message, and came back
  CHECK(t.tree()->children.front()->incarnation == 2);
}
