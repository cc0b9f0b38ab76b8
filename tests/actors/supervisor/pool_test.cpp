#include "tests/actors/supervisor/tree_fixture.hpp"

using namespace flott;
using namespace flott::supervision;
using namespace flott::supervision::test;

namespace {

supervisor_spec pool(tree_fixture& t, restart_policy restart = restart_policy::permanent) {
  child_spec each;
  each.id = "worker";
  each.restart = restart;
  each.start = [notes = t.notes](const child_context& context) -> start_outcome {
    const auto who = context.arguments.get_as<std::string>(0);
    return started_child{spawn_supervised(context, worker, who, notes), caf::make_message("for " + who)};
  };
  auto spec = named("pool", {each}, strategy::pool);
  return spec;
}

child_handle add(tree_fixture& t, const std::string& who) {
  return t.world.ask_now<child_handle>(t.root, start_pool_child_request{caf::make_message(who)}).value.value();
}

}  // namespace

TEST_CASE("child_adm_simple: a pool's children get arguments, ids of their own, and are ended by handle") {
  tree_fixture t;
  t.boot(pool(t));
  const auto a = add(t, "a"), b = add(t, "b");
  CHECK(a.id != b.id);
  CHECK(a.extra.get_as<std::string>(0) == "for a");  // extra_return: handed through
  CHECK(t.world.ask_now<child_counts>(t.root, count_children_request{}).value == child_counts{1, 2, 0, 2});
  const auto by_id = t.world.ask_now<child_handle>(t.root, terminate_child_request{a.id});
  CHECK(by_id.error.code() == static_cast<std::uint8_t>(supervisor_error::by_handle_only));
  const auto stranger = t.world.system().spawn(worker, std::string("stranger"), t.notes);
  const auto foreign = t.world.ask_now<child_handle>(
    t.root, terminate_handle_request{caf::actor_cast<caf::strong_actor_ptr>(stranger)});
  CHECK(foreign.error.code() == static_cast<std::uint8_t>(supervisor_error::not_found));
  CHECK(t.world.ask_now<int>(stranger, 1).value == 2);       // and left alive
  CHECK_FALSE(t.world.ask_now<child_handle>(t.root, terminate_handle_request{a.handle}).error);
  CHECK_FALSE(t.world.ask_now<child_handle>(t.root, terminate_handle_request{a.handle}).error);   // dead handle: fine
  CHECK(t.notes->alive == std::multiset<std::string>{"b", "stranger"});
  caf::anon_send_exit(stranger, caf::exit_reason::user_shutdown);
  t.stop();
  CHECK(t.notes->alive.empty());
}

TEST_CASE("simple_one_for_one_extra: arguments and extra are the same at a restart") {
  tree_fixture t;
  t.boot(pool(t));
  const auto a = add(t, "a");
  caf::anon_send(caf::actor_cast<caf::actor>(a.handle), std::string("throw"));
  t.world.settle();
  CHECK(t.notes->alive == std::multiset<std::string>{"a"});
  const auto again = t.world.ask_now<child_handle>(t.root, find_child_request{a.id}).value.value();
  CHECK(again.handle != a.handle);
  CHECK(again.incarnation == 2);
  CHECK(again.extra.get_as<std::string>(0) == "for a");
}

TEST_CASE("do_not_save_start_parameters_for_temporary_children: what a temporary child was asked with goes with it") {
  tree_fixture t;
  t.boot(pool(t, restart_policy::temporary));
  auto asked = caf::make_message(std::string("a"));
  const auto a = t.world.ask_now<child_handle>(t.root, start_pool_child_request{asked}).value.value();
  CHECK(asked.cvals()->get_reference_count() > 1);
  caf::anon_send(caf::actor_cast<caf::actor>(a.handle), std::string("quit"));
  t.world.settle();
  CHECK(t.world.ask_now<child_list>(t.root, list_children_request{}).value->children.empty());
  CHECK(asked.cvals()->get_reference_count() == 1);  // only this test has it any more
}

TEST_CASE("do_not_save_child_specs_for_temporary_children: what its spec holds goes with a temporary child") {
  tree_fixture t;
  t.boot(named("node", {}));
  const auto held = std::make_shared<int>(1);
  {
    auto spec = t.make("a", restart_policy::temporary);
    spec.start = [held, notes = t.notes](const child_context& context) -> start_outcome {
      return spawn_supervised(context, worker, std::string("a"), notes);
    };
    REQUIRE_FALSE(t.world.ask_now<child_handle>(t.root, start_child_request{spec}).error);
  }
  CHECK(held.use_count() > 1);
  t.tell("a", "quit");
  CHECK(held.use_count() == 1);
}

TEST_CASE("extra_return: what a start gives besides reaches its asker, and is the same after a restart") {
  tree_fixture t;
  t.boot(named("node", {}));
  auto spec = t.make("a");
  spec.start = [notes = t.notes](const child_context& context) -> start_outcome {
    return started_child{spawn_supervised(context, worker, std::string("a"), notes), caf::make_message(8081)};
  };
  CHECK(t.world.ask_now<child_handle>(t.root, start_child_request{spec}).value->extra.get_as<int>(0) == 8081);
  t.tell("a", "throw");
  const auto again = t.world.ask_now<child_handle>(t.root, find_child_request{"a"}).value.value();
  CHECK(again.incarnation == 2);
  CHECK(again.extra.get_as<int>(0) == 8081);
}

TEST_CASE("sup_start_map, sup_start_map_simple: a spec is read by id or handle; a foreign handle is not found") {
  tree_fixture t;
  std::string id;
  SECTION("by its id") {
    auto spec = t.make("a", restart_policy::transient);
    spec.child_class = "reader";
    t.boot(named("node", {spec}));
    id = "a";
  }
  SECTION("in a pool, by its number") {
    t.boot(pool(t, restart_policy::transient));
    id = add(t, "a").id;
  }
  const auto handle = t.world.ask_now<child_handle>(t.root, find_child_request{id}).value->handle;
  for (const auto& how : {get_spec_request{id, nullptr}, get_spec_request{"", handle}}) {
    const auto spec = t.world.ask_now<child_spec>(t.root, how).value.value();
    CHECK(spec.id == id);
    CHECK(spec.restart == restart_policy::transient);
    CHECK(spec.start);
  }
  const auto foreign = caf::actor_cast<caf::strong_actor_ptr>(t.root);
  for (const auto& how : {get_spec_request{"nobody", nullptr}, get_spec_request{"", foreign}})
    CHECK(t.world.ask_now<child_spec>(t.root, how).error.code() == static_cast<std::uint8_t>(supervisor_error::not_found));
}

TEST_CASE("get_callback_module: which code runs is told live, by the spec's class and by what a supervisor is made of") {
  tree_fixture t;
  auto reader = t.make("a");
  reader.child_class = "reader";
  t.boot(named("node", {reader, subtree(named("inner", {t.make("b")}, strategy::rest_for_one))}));
  CHECK(t.world.ask_now<child_spec>(t.root, get_spec_request{"a", nullptr}).value->child_class == "reader");
  const auto inner = t.world.ask_now<child_spec>(t.root, get_spec_request{"inner", nullptr}).value.value();
  REQUIRE(inner.tree);
  CHECK(inner.tree->strategy == strategy::rest_for_one);
  t.tell("a", "throw");
  CHECK(std::any_of(t.observer->events.begin(), t.observer->events.end(), [](const supervision_event& e) {
    return e.kind == report_kind::child_restarted && e.child_class == "reader";
  }));
}

TEST_CASE("code_change: specs are changed live, all or nothing") {
  tree_fixture t;
  t.boot(named("node", {t.make("a"), t.make("b")}));
  auto wrong = named("node", {t.make("a"), t.make("a")});
  CHECK(t.world.ask_now<child_counts>(t.root, change_spec_request{wrong}).error.code() ==
        static_cast<std::uint8_t>(supervisor_error::bad_spec));
  t.notes->take();
  auto next = named("node", {t.make("a"), t.make("c")}, strategy::one_for_all);
  CHECK(t.world.ask_now<child_counts>(t.root, change_spec_request{next}).value == child_counts{3, 2, 0, 3});
  CHECK(t.notes->take().empty());
  CHECK(t.answers("a"));                             // known by its new reference as well
  CHECK_FALSE(t.world.ask_now<child_handle>(t.root, restart_child_request{"c"}).error);
  t.tell("a", "throw");
  CHECK(t.notes->take() == "+c -a -c -b +a +b +c");  // the order of the keys: what is new comes last
  CHECK(t.world.ask_now<child_spec>(t.root, get_spec_request{"c", nullptr}).value->id == "c");
  CHECK(t.world.ask_now<child_spec>(t.root, get_spec_request{"", caf::actor_cast<caf::strong_actor_ptr>(t.at("c"))})
          .value->id == "c");
}

TEST_CASE("significant_escalation: a significant child that has done its work ends its supervisor, level by level") {
  tree_fixture t;
  auto work = t.make("work", restart_policy::transient);
  work.significant = true;
  auto inner = named("inner", {work, t.make("helper")});
  inner.auto_shutdown = auto_shutdown::any_significant;
  auto below = subtree(inner, restart_policy::transient);
  below.significant = true;
  auto outer = named("outer", {t.make("a"), below});
  outer.auto_shutdown = auto_shutdown::all_significant;
  t.boot(outer);
  t.tell("work", "quit");
  REQUIRE(t.end);
  CHECK(t.end->reason.kind == exit_kind::shutdown);
  CHECK(t.notes->alive.empty());
}

TEST_CASE("a plain resource is a child: started and stopped with its tree, its failure a failed start") {
  tree_fixture t;
  child_spec server;
  server.id = "server";
  bool fails = false;
  server.start = keeps({.start = [&](const child_context&) -> result<void> {
                          if (fails)
                            return user_failure("port 80", "taken");
                          t.notes->note("listen");
                          return {};
                        },
                        .stop = [&] { t.notes->note("close"); },
                        .blocks = false});
  SECTION("it starts") {
    t.boot(named("node", {server, t.make("a")}));
    CHECK(t.notes->take() == "listen +a");
    t.stop();
    CHECK(t.notes->take() == "-a close");
  }
  SECTION("it does not") {
    fails = true;
    t.boot(named("node", {server, t.make("a")}));
    REQUIRE(t.end);
    CHECK_THAT(t.end->reason.text, Catch::Contains("port 80: taken"));
    CHECK(t.notes->take().empty());
  }
}
