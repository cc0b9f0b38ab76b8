#include "actors/dispatcher.hpp"
#include "runtime/base/simulated_env.hpp"
#include "runtime/graph/job_states.hpp"
#include "testing/virtual_system.hpp"

#include <catch2/catch.hpp>

#include <deque>

using namespace flott;
using namespace flott::testing;

namespace {

const std::string a(32, 'a'), b(32, 'b');

class scene {
 public:
  scene() : environment_(1) {
    auto& system = actors_.system();
    store_actor_ = system.spawn([this](caf::event_based_actor* self) -> caf::behavior {
      return {
        [this, self](atom::put, const stored_job_ptr&) -> caf::result<msg::DispatcherReply> {
          if (writes_end_at_once)
            return msg::DispatcherReply{};
          writes_.push_back(self->make_response_promise<msg::DispatcherReply>());
          return writes_.back();
        },
        [](atom::forget, const std::string&) {},
        [this](bool works) {
          msg::DispatcherReply reply;
          if (!works)
            to_proto(transient_failure("disk", "is full"), *reply.mutable_failure());
          writes_.front().deliver(std::move(reply));
          writes_.pop_front();
        },
      };
    });
    dial_ = system.spawn([this]() -> caf::behavior {
      return {[this](atom::probe, const std::string&, std::uint16_t) {
        ++probes;
        return node_listens;
      }};
    });
    view_ = system.spawn([]() -> caf::behavior {
      return {[](const job_snapshot_ptr&) {}, [](const stored_job_ptr&) {}, [](atom::forget, const std::string&) {}};
    });
    resources_ = system.spawn([]() -> caf::behavior { return {[](atom::forget, const std::string&) {}}; });
    dispatcher_siblings siblings;
    for (auto& [ref, actor] : {std::pair{&siblings.resource_manager, &resources_}, std::pair{&siblings.view, &view_},
                               std::pair{&siblings.store, &store_actor_}, std::pair{&siblings.dial, &dial_}}) {
      *ref = std::make_shared<child_ref>();
      (*ref)->set(caf::actor_cast<caf::strong_actor_ptr>(*actor));
    }
    dispatcher_config config;
    config.incarnation = "d1";
    config.environment = &environment_;
    config.kill_node = [](const std::string&) {};
    config.lost = [](const std::string&, const std::string&) {};
    dispatcher_ = system.spawn(dispatcher, config, siblings, std::vector<msg::StoredJob>{});
    actors_.settle();
  }
  ~scene() {
    writes_end_at_once = true;
    while (writing() > 0)
      finish_write();
    caf::anon_send_exit(dispatcher_, caf::exit_reason::user_shutdown);
    for (const auto& actor : {store_actor_, dial_, view_, resources_, node_})
      if (actor)
        caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    actors_.settle();
    actors_.advance(std::chrono::seconds{1});
  }

  auto submit(const std::string& job) {
    msg::SubmitJob request;
    request.mutable_spec()->set_job_id(job);
    request.mutable_spec()->set_name("job");
    request.mutable_spec()->set_function("f");
    auto answer = actors_.ask<msg::SubmitReply>(dispatcher_, std::move(request));
    actors_.settle();
    return answer;
  }
  auto cancel(const std::string& job) {
    msg::CancelJob request;
    request.set_job_id(job);
    auto answer = actors_.ask<msg::CancelReply>(dispatcher_, std::move(request));
    actors_.settle();
    return answer;
  }
  /// A JobManager node of one life, which takes whatever it is given.
  void register_node(const std::string& incarnation) {
    if (!node_)
      node_ = actors_.system().spawn([this]() -> caf::behavior {
        return {
          [this](const msg::AssignJob& job) {
            heard.push_back("assign " + job.spec().job_id().substr(0, 1) + std::to_string(job.epoch()));
            return msg::AssignReply{};
          },
          [this](const msg::CancelJob& job) {
            heard.push_back("cancel " + job.job_id().substr(0, 1) + std::to_string(job.header().epoch()));
            return msg::Ack{};
          },
        };
      });
    msg::RegisterNode node;
    node.mutable_header()->set_incarnation(incarnation);
    node.set_role(msg::NODE_ROLE_JOBMANAGER);
    node.set_node_id("n");
    node.mutable_rpc()->set_host("n");
    registered_ = actors_.ask<msg::RegisterNodeReply>(dispatcher_, std::move(node),
                                                      caf::actor_cast<caf::strong_actor_ptr>(node_));
    actors_.settle();
  }
  [[nodiscard]] bool registration_refused() const { return !registered_->value || registered_->value->has_failure(); }
  /// Its connection closes: whatever handle there was is dead.
  void drop_connection() {
    caf::anon_send_exit(node_, caf::exit_reason::kill);
    node_ = nullptr;
    actors_.settle();
  }
  void pass(std::chrono::milliseconds time) { actors_.advance(time); environment_.advance(time); }
  /// The oldest write of the job store comes to its end.
  void finish_write(bool works = true) {
    caf::anon_send(store_actor_, works);
    actors_.settle();
  }
  [[nodiscard]] std::size_t writing() const { return writes_.size(); }

  bool writes_end_at_once = true;
  std::vector<std::string> heard;         ///< by the node
  bool node_listens = true;
  int probes = 0;

 private:
  std::deque<caf::typed_response_promise<msg::DispatcherReply>> writes_;
  virtual_system actors_;
  simulated_env environment_;
  caf::actor store_actor_, dial_, view_, resources_, node_;
  dispatcher_actor dispatcher_;
  std::shared_ptr<answer<msg::RegisterNodeReply>> registered_;
};

using list = std::vector<std::string>;

}  // namespace

TEST_CASE("a submission is answered once it is durable, and refused if it can't be") {
  scene s;
  s.writes_end_at_once = false;
  const auto first = s.submit(a), second = s.submit(b);
  CHECK(first->pending());
  s.finish_write();
  CHECK_FALSE(first->value.value().has_failure());
  CHECK(second->pending());
  s.finish_write(false);
  CHECK(second->value.value().http_status() == 503);
  s.writes_end_at_once = true;
  CHECK_FALSE(s.submit(b)->value.value().has_failure());     // forgotten, so it may be tried again
}

TEST_CASE("a job that can't be written holds up no other, and is tried again") {
  scene s;
  s.submit(a);
  s.submit(b);
  s.writes_end_at_once = false;
  s.register_node("n1");
  REQUIRE(s.writing() == 2);
  s.finish_write(false);
  s.finish_write();
  CHECK(s.heard == list{"assign b1"});
  s.writes_end_at_once = true;
  s.pass(std::chrono::seconds{2});
  REQUIRE(s.heard.size() == 2);
  CHECK(s.heard[1].starts_with("assign a"));
}

TEST_CASE("a cancellation never overtakes the assignment that is being written") {
  scene s;
  s.submit(a);
  s.writes_end_at_once = false;
  s.register_node("n1");
  s.cancel(a);
  CHECK(s.heard.empty());
  while (s.writing() > 0)
    s.finish_write();
  CHECK(s.heard == list{"assign a1", "cancel a1"});
}

TEST_CASE("a closed connection is no death while somebody listens there") {
  scene s;
  s.submit(a);
  s.register_node("n1");
  REQUIRE(s.heard == list{"assign a1"});
  s.drop_connection();
  CHECK(s.probes == 1);
  s.register_node("n1");
  CHECK_FALSE(s.registration_refused());
}

TEST_CASE("a closed connection where nobody listens any more is: the life is fenced, its jobs go elsewhere") {
  scene s;
  s.submit(a);
  s.register_node("n1");
  s.node_listens = false;
  s.drop_connection();
  s.register_node("n1");
  CHECK(s.registration_refused());
  s.register_node("n2");
  CHECK_FALSE(s.registration_refused());
  CHECK(s.heard == list{"assign a1", "assign a2"});
}
