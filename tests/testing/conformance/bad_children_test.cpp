#include "testing/conformance.hpp"

#include "testing/faults.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>

#include <future>

using namespace flott;
using namespace flott::testing;

namespace {

using namespace std::chrono_literals;

conformance_subject subject(child_factory start) {
  conformance_subject one;
  one.spec.start = std::move(start);
  return one;
}

caf::behavior idle(caf::event_based_actor*) {
  return {[](int x) { return x; }};
}

/// Only the property whose name begins with `name` has failed; returns what was found.
std::string only(const conformance_subject& one, const std::string& name, const conformance_options& options = {}) {
  const auto all = check_child(one, options);
  INFO(to_string(all));
  std::string what;
  std::size_t failed = 0;
  for (const auto& each : all)
    if (each.verdict == verdict::failed) {
      ++failed;
      CHECK(each.property.starts_with(name));
      what = each.what;
    }
  CHECK(failed == 1);
  return what;
}

/// Does not end when killed; `done` is the way out.
class immortal : public caf::event_based_actor {
 public:
  explicit immortal(caf::actor_config& config) : caf::event_based_actor(config) {}
  void enqueue(caf::mailbox_element_ptr x, caf::execution_unit* host) override {
    if (x->content().match_elements<caf::exit_msg>() &&
        static_cast<const caf::exit_msg*>(x->content().get(0))->reason == caf::exit_reason::kill)
      return;
    caf::event_based_actor::enqueue(std::move(x), host);
  }
  caf::behavior make_behavior() override { return idle(this); }
};

/// Answers nothing any more once it has ended.
class swallower : public caf::event_based_actor {
 public:
  swallower(caf::actor_config& config, actor_vitals_ptr vitals) : caf::event_based_actor(config) {
    set_default_handler([vitals](caf::scheduled_actor* self, caf::message_view& x) {
      return detail::count_unhandled(*vitals, self, x);
    });
  }
  void enqueue(caf::mailbox_element_ptr x, caf::execution_unit* host) override {
    if (!getf(is_terminated_flag))
      caf::event_based_actor::enqueue(std::move(x), host);
  }
  caf::behavior make_behavior() override { return idle(this); }
};

}  // namespace

TEST_CASE("sup_start_normal: a child that does not start") {
  CHECK(only(subject([](const child_context&) -> start_outcome { return user_failure("port 80", "in use"); }),
             "sup_start_normal").find("port 80: in use") != std::string::npos);
  CHECK(only(subject([](const child_context&) -> start_outcome { return started_child{}; }), "sup_start_normal") == "it declined");
}

TEST_CASE("sup_stop_timeout: a child that ignores the exit message") {
  CHECK(only(subject(spawns([](caf::event_based_actor* self) -> caf::behavior {
               self->set_exit_handler([](const caf::exit_msg&) {});
               return idle(self);
             })),
             "sup_stop_timeout") == "it ended by: kill");
}

TEST_CASE("sup_stop_timeout: a child that hangs while it ends, in real time; what follows is not checked") {
  auto let_go = std::make_shared<std::promise<void>>();
  auto one = subject(spawns([](caf::event_based_actor* self, std::shared_future<void> wait) -> caf::behavior {
    self->set_exit_handler([self, wait](const caf::exit_msg&) {
      wait.wait();
      self->quit();
    });
    return idle(self);
  }, let_go->get_future().share()));
  one.spec.shutdown = supervision::shutdown_limit{20ms};
  const auto all = check_child(one, {.real_time = true, .rounds = 2, .pool = 2});
  INFO(to_string(all));
  CHECK(all.at(0).passed());
  CHECK(all.at(1).verdict == verdict::failed);
  CHECK(all.at(1).what.starts_with("abandoned when it was asked to end"));
  for (std::size_t i = 2; i < all.size(); ++i)
    CHECK(all.at(i).verdict == verdict::unchecked);
  let_go->set_value();
}

TEST_CASE("sup_start_restart_child: a child that can't be started twice") {
  CHECK(only(subject([](const child_context& context) -> start_outcome {
               if (context.incarnation > 1)
                 throw std::runtime_error("has been here before");
               return spawn_supervised(context, idle);
             }),
             "sup_start_restart_child").find("has been here before") != std::string::npos);
}

TEST_CASE("incarnation and ledger: a release that throws; one ledger for all lives") {
  CHECK(only(subject([](const child_context& context) -> start_outcome {
               context.ledger->book("socket", [] { throw std::runtime_error("already closed"); }).leave();
               return spawn_supervised(context, idle);
             }),
             "incarnation and ledger").find("socket: already closed") != std::string::npos);
  auto first = std::make_shared<std::shared_ptr<supervision::ledger>>();
  only(subject([first](const child_context& context) -> start_outcome {
         if (context.incarnation == 1)
           *first = context.ledger;
         (*first)->book("socket", [] {}).leave();
         return spawn_supervised(context, idle);
       }),
       "incarnation and ledger");
}

TEST_CASE("one_for_one: a child whose state outlives it") {
  auto counts = std::make_shared<std::map<std::string, int>>();
  auto one = subject([counts](const child_context& context) -> start_outcome {
    return spawn_supervised(context, [](caf::event_based_actor*, std::shared_ptr<std::map<std::string, int>> all,
                                        std::string path) -> caf::behavior {
      return {[=](int) { return (*all)[path]; }, [=](const std::string&) { ++(*all)[path]; }};
    }, counts, context.path);
  });
  one.probe = asks<int>(1);
  one.touch = tells(std::string("more"));
  CHECK(only(one, "one_for_one: after").find("began as \"0\"") != std::string::npos);
}

TEST_CASE("no silent loss: a child that ends when it hears something strange; one that hides it") {
  CHECK(only(subject(spawns([](caf::event_based_actor* self) -> caf::behavior {
               self->set_default_handler([](caf::scheduled_actor* me, caf::message_view&) -> caf::result<caf::message> {
                 me->quit(caf::sec::unexpected_message);
                 return caf::message{};
               });
               return idle(self);
             })),
             "no silent loss: a message") == "a message that it does not know ended it");
  only(subject(spawns([](caf::event_based_actor* self) -> caf::behavior {
         self->set_default_handler(caf::drop);
         return idle(self);
       })),
       "no silent loss: a message");
}

TEST_CASE("no silent loss: a child that swallows requests after its end") {
  only(subject([](const child_context& context) -> start_outcome {
         return caf::actor_cast<caf::strong_actor_ptr>(context.system.spawn<swallower>(context.vitals));
       }),
       "no silent loss: a request");
}

TEST_CASE("TimerSpec: a child whose old lives send to the new one") {
  CHECK(only(subject([](const child_context& context) -> start_outcome {
               auto handle = spawn_supervised(context, [](caf::event_based_actor* self) -> caf::behavior {
                 return {[self](const std::string&) { self->quit(caf::sec::runtime_error); }};
               });
               if (context.incarnation > 1)              // as the life before has left it
                 context.system.clock().schedule_message(
                   context.system.clock().now() + 10s, handle,
                   caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, std::string("stale")));
               return handle;
             }),
             "TimerSpec") == "what its old life left under way ended the new one");
}

TEST_CASE("scale_start_stop_many_children: a child that leaves helpers, or files") {
  auto helpers = std::make_shared<std::vector<caf::actor>>();
  only(subject(spawns([helpers](caf::event_based_actor* self) -> caf::behavior {
         helpers->push_back(self->spawn([](caf::event_based_actor* helper) { return idle(helper); }));
         return idle(self);
       })),
       "scale_start_stop_many_children");
  for (auto& helper : *helpers)
    caf::anon_send_exit(helper, caf::exit_reason::kill);
  std::vector<int> files;
  CHECK(only(subject([&](const child_context& context) -> start_outcome {
               files.push_back(::open("/dev/null", O_RDONLY));
               return spawn_supervised(context, idle);
             }),
             "scale_start_stop_many_children").find("files are still open") != std::string::npos);
  for (const int file : files)
    ::close(file);
}

TEST_CASE("start stopped half-way: a child that books only when it is ready") {
  auto open = std::make_shared<std::size_t>(0);
  auto one = subject([open](const child_context& context) -> start_outcome {
    return spawn_supervised(context, [](caf::event_based_actor* self, child_context of, std::shared_ptr<std::size_t> all)
                                       -> caf::behavior {
      ++*all;
      self->delayed_send(self, 20ms, 1);
      return {[=](int) {
        of.ledger->book("slot", [all] { --*all; }).leave();
        of.confirm();
      }};
    }, context, open);
  });
  one.spec.ready = ready_when::confirmed;
  one.held = [open] { return *open; };
  only(one, "start stopped half-way");
}

TEST_CASE("side by side: a child that there can be only one of") {
  auto taken = std::make_shared<bool>(false);
  CHECK(only(subject([taken](const child_context& context) -> start_outcome {
               if (*taken)
                 return user_failure("port 80", "in use");
               *taken = true;
               context.ledger->book("port", [taken] { *taken = false; }).leave();
               return spawn_supervised(context, idle);
             }),
             "side by side").find("port 80") != std::string::npos);
}

TEST_CASE("simple_one_for_one_shutdown: children that queue up to end") {
  auto leaving = std::make_shared<int>(0);
  auto one = subject(spawns([leaving](caf::event_based_actor* self) -> caf::behavior {
    self->attach_functor([leaving](const caf::error&) { *leaving = 0; });
    self->set_exit_handler([self, leaving](const caf::exit_msg&) {
      self->delayed_send(self, 100ms * ++*leaving, std::string("end"));
    });
    return {[self](const std::string&) { self->quit(caf::exit_reason::user_shutdown); }};
  }));
  CHECK(only(one, "simple_one_for_one_shutdown").find("one takes 100 ms") != std::string::npos);
}

TEST_CASE("tree: a child that knows where it has to be") {
  CHECK(only(subject([](const child_context& context) -> start_outcome {
               if (context.path.find("/inner/") != std::string::npos)
                 return user_failure(context.path, "is not my place");
               return spawn_supervised(context, idle);
             }),
             "tree").find("is not my place") != std::string::npos);
}

TEST_CASE("sup_stop_brutal_kill: a child that can't be killed") {
  CHECK(only(subject([](const child_context& context) -> start_outcome {
               caf::actor_config config;
               return caf::actor_cast<caf::strong_actor_ptr>(
                 context.system.spawn_class<supervised<immortal>, caf::no_spawn_options>(config, context.vitals));
             }),
             "sup_stop_brutal_kill").starts_with("abandoned when it was killed"));
}
