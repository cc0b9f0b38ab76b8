#include "actors/supervisor.hpp"
#include "actors/task_manager.hpp"
#include "runtime/base/simulated_env.hpp"
#include "testing/virtual_system.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
using Catch::Matchers::Contains;

namespace {

const std::string a(32, 'a');

/// A data plane that deploys what it is asked for, but for subtask 1: there it throws, as no data plane should.
class throwing_plane final : public data_plane {
 public:
  [[nodiscard]] std::uint16_t port() const override { return 0; }
  result<std::unique_ptr<task_handle>> deploy(const msg::TaskDeployment& deployment,
                                              std::shared_ptr<const compiled_job>, const msg::JobSpec&,
                                              std::shared_ptr<task_observer>) override {
    if (deployment.attempt().subtask() == 1)
      throw std::runtime_error("a wheel came off");
    return std::unique_ptr<task_handle>{new idle_task};
  }
  [[nodiscard]] std::uint64_t memory_used() const override { return 0; }
  bool stop(std::chrono::steady_clock::time_point) override { return true; }

 private:
  struct idle_task final : task_handle {
    void start() override {}
    void cancel() override {}
    void trigger_checkpoint(std::uint64_t, std::int64_t) override {}
    [[nodiscard]] msg::TaskCounters counters() const override { return {}; }
    [[nodiscard]] std::chrono::nanoseconds in_call_for() const override { return {}; }
  };
};

/// A TASK MANAGER of two slots with real TASKs on that plane.
class scene {
 public:
  scene() : environment_(1) {
    auto& system = actors_.system();
    supervisor_spec pool;
    pool.name = "tasks";
    tasks_ = std::move(spawn_supervisor(system, std::move(pool))).value();
    auto ref = std::make_shared<child_ref>();
    ref->set(caf::actor_cast<caf::strong_actor_ptr>(tasks_));
    loader_ = system.spawn([]() -> caf::behavior {
      return {[](atom::load, const msg::JobSpec&, const msg::Address&) {
        auto outcome = std::make_shared<load_outcome>();
        outcome->job = std::make_shared<compiled_job>();
        return load_outcome_ptr{std::move(outcome)};
      }};
    });
    task_manager_config config;
    config.self.set_node_id("t");
    config.slots.slots = 2;
    config.plane = &plane_;
    config.environment = &environment_;
    config.board = &board_;
    config.start_loader = [this](const child_context&) { return caf::actor_cast<caf::strong_actor_ptr>(loader_); };
    config.cancellation_timeout = [](const msg::JobSpec&) { return std::chrono::milliseconds{30'000}; };
    config.tasks = config.loaders = ref;
    manager_ = system.spawn(task_manager, config);
    job_manager_ = system.spawn([this](caf::event_based_actor* self) -> caf::behavior {
      return {
        [this](const msg::TaskReports& news) {
          reports.insert(reports.end(), news.reports().begin(), news.reports().end());
          return msg::Ack{};
        },
        [this, self](const msg::DeployTasks& request) {
          self->request(manager_, caf::infinite, request).then([](const msg::DeployResult&) {});
        },
      };
    });
  }
  ~scene() {
    for (const auto& actor : {loader_, job_manager_, caf::actor_cast<caf::actor>(manager_)})
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    caf::anon_send_exit(tasks_, caf::exit_reason::user_shutdown);
    actors_.settle();
  }

  void allocate(const std::string& slot) {
    msg::AllocateSlot request;
    request.mutable_header()->set_incarnation("d1");
    request.set_job_id(a);
    request.set_epoch(1);
    request.set_allocation_id(slot);
    actors_.ask_now<msg::SlotTable>(manager_, std::move(request));
  }
  void deploy(const std::vector<std::string>& slots) {
    msg::DeployTasks request;
    request.mutable_header()->set_epoch(1);
    request.mutable_header()->set_incarnation("j1");
    request.mutable_spec()->set_job_id(a);
    for (std::uint32_t i = 0; i < slots.size(); ++i) {
      auto& task = *request.add_tasks();
      task.set_allocation_id(slots[i]);
      task.mutable_attempt()->set_job_id(a);
      task.mutable_attempt()->set_vertex_id("v");
      task.mutable_attempt()->set_subtask(i);
      task.mutable_attempt()->set_epoch(1);
    }
    caf::anon_send(job_manager_, std::move(request));
    actors_.settle();
  }
  /// The TASK of this subtask ends with an error, whatever it was doing.
  void crash(std::uint32_t subtask) {
    const auto children = actors_.ask_now<child_list>(tasks_, list_children_request{});
    for (const auto& child : children.value->children) {
      const auto id = child.path.substr(child.path.rfind('/') + 1);
      if (id.find("v:" + std::to_string(subtask)) == std::string::npos)
        continue;
      const auto found = actors_.ask_now<child_handle>(tasks_, find_child_request{id});
      caf::anon_send(caf::actor_cast<caf::actor>(found.value->handle),
                     caf::exit_msg{caf::actor_addr{}, caf::make_error(caf::sec::runtime_error, "out of the blue")});
    }
    actors_.settle();
  }
  /// "ACTIVE ALLOCATED"
  std::string slots() {
    std::string shown;
    const auto described = actors_.ask_now<msg::RegisterNode>(manager_, atom::describe_v);
    for (const auto& slot : described.value->slots())
      shown += (shown.empty() ? "" : " ") + msg::SlotState_Name(slot.state()).substr(11);
    return shown;
  }

  std::vector<msg::TaskReport> reports;             ///< all that the job manager has heard

 private:
  throwing_plane plane_;
  task_board board_;
  virtual_system actors_;
  simulated_env environment_;
  supervisor_actor tasks_;
  caf::actor loader_, job_manager_;
  task_manager_actor manager_;
};

}  // namespace

TEST_CASE("a TASK that throws while it starts is a failed attempt, told at once; its neighbour runs on") {
  scene s;
  s.allocate("x");
  s.allocate("y");
  s.deploy({"x", "y"});
  REQUIRE(s.reports.size() == 1);
  CHECK(s.reports[0].attempt().subtask() == 1);
  CHECK(s.reports[0].state() == msg::TASK_STATE_FAILED);
  const auto why = from_proto(s.reports[0].failure());
  CHECK_THAT(why.to_string(), Contains("a wheel came off"));
  CHECK(why.cls == failure_class::transient);           // the job may try again
  CHECK(s.slots() == "ACTIVE ALLOCATED");               // the slot is the job's, and nothing runs in it
}

TEST_CASE("a TASK whose actor ends while it runs is a failed attempt, told at once") {
  scene s;
  s.allocate("x");
  s.deploy({"x"});
  REQUIRE(s.reports.empty());
  REQUIRE(s.slots() == "ACTIVE FREE");
  s.crash(0);
  REQUIRE(s.reports.size() == 1);
  CHECK(s.reports[0].state() == msg::TASK_STATE_FAILED);
  CHECK_THAT(from_proto(s.reports[0].failure()).to_string(), Contains("out of the blue"));
  CHECK(s.slots() == "ALLOCATED FREE");
}
