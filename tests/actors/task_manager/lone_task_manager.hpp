#pragma once

#include "actors/node/compile_job.hpp"
#include "actors/node/roles.hpp"
#include "runtime/base/simulated_env.hpp"
#include "runtime/execution/manual_executor.hpp"
#include "runtime/graph/execution_graph.hpp"
#include "runtime/module/module_registry.hpp"
#include "testing/virtual_system.hpp"

#include <flott/flott.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace flott::testing {

/// A TaskManager of two slots that no dispatcher knows, and a job manager in the test's hands.
class lone_task_manager {
 public:
  lone_task_manager() : environment_(1), executor_(std::make_shared<manual_executor>(environment_, 1)) {
    host_ = std::make_unique<node_host>(config_, environment_, "taskmanager",
                                        simulated_place{&actors_.system(), std::make_shared<local_directory>()});
    task_manager_role::options wanted;
    wanted.node_id = "t";
    wanted.slots = 2;
    wanted.operator_options = operator_options(config_);
    wanted.compile = local_compiler(config_, modules_);
    wanted.runs_on = executor_;
    role_ = std::move(task_manager_role::make(*host_, std::move(wanted))).value();
    auto children = role_->children();
    children.insert(children.begin(), host_->dialer_child());
    must(host_->start(std::move(children), supervision::strategy::rest_for_one, {0, std::chrono::milliseconds{1000}}));
    job_manager_ = actors_.system().spawn([this](caf::event_based_actor* self) -> caf::behavior {
      return {
        [this](const msg::TaskReports& news) {
          for (const auto& report : news.reports())
            reports_[report.attempt().vertex_id() + ":" + std::to_string(report.attempt().subtask())] = report;
          return msg::Ack{};
        },
        [this, self](const msg::DeployTasks& request) {
          self->request(manager(), caf::infinite, request).then([this](const msg::DeployResult& r) { deployed_ = r; });
        },
      };
    });
    settle();
  }

  ~lone_task_manager() {
    caf::anon_send_exit(job_manager_, caf::exit_reason::user_shutdown);
    host_->stop();
    for (int i = 0; i < 100; ++i)
      pass(std::chrono::milliseconds{100});
    role_.reset();
    host_.reset();
  }

  void add_job(const std::string& name, job_function function) { modules_->add("", name, function); }

  [[nodiscard]] task_manager_actor manager() const { return role_->manager()->as<task_manager_actor>(); }
  /// The life in whose name the requests below are made.
  std::string sender = "0123456789abcdef0123456789abcdef";

  /// Until nobody has anything to do at this moment.
  void settle() {
    do
      actors_.settle();
    while (executor_->run() > 0 || actors_.step());
  }
  void pass(std::chrono::milliseconds time) {
    actors_.advance(time);
    environment_.advance(time);
    settle();
  }

  template <class Reply, class Request>
  Reply ask(Request request, std::uint64_t epoch) {
    request.mutable_header()->set_epoch(epoch);
    request.mutable_header()->set_incarnation(sender);
    auto reply = actors_.ask<Reply>(manager(), std::move(request));
    settle();
    if (!reply->value)
      throw std::runtime_error("no answer");
    return *reply->value;
  }

  msg::SlotTable allocate(const std::string& job, std::uint64_t epoch, std::vector<std::string> ids) {
    msg::AllocateSlot request;
    request.set_job_id(job);
    request.set_epoch(epoch);
    request.set_allocation_id(ids.front());
    for (std::size_t i = 1; i < ids.size(); ++i)
      request.add_more_allocation_ids(ids[i]);
    return ask<msg::SlotTable>(std::move(request), epoch);
  }

  /// Plans `function` for the job and deploys all of it, from the job manager, into slots with these ids.
  msg::DeployResult deploy(const std::string& job, std::uint64_t epoch, const std::string& function,
                           const std::vector<std::string>& slots) {
    msg::JobSpec spec;
    spec.set_job_id(job);
    spec.set_function(function);
    spec.set_parallelism(static_cast<std::uint32_t>(slots.size()));
    msg::PlanJob plan;
    *plan.mutable_spec() = spec;
    const auto planned = ask<msg::PlanResult>(std::move(plan), epoch);
    if (planned.has_failure())
      throw std::runtime_error(planned.failure().ShortDebugString());
    auto graph = std::move(execution_graph::make(job, epoch, planned.graph())).value();
    std::vector<msg::SlotGrant> grants;
    for (const auto& id : slots) {
      auto& grant = grants.emplace_back();
      grant.set_allocation_id(id);
      grant.set_task_manager_id("t");
      grant.set_task_manager_incarnation(role_->self().header().incarnation());
      *grant.mutable_data() = role_->self().data();
    }
    must(graph.assign(grants, 0));
    msg::DeployTasks request;
    request.mutable_header()->set_epoch(epoch);
    request.mutable_header()->set_incarnation(sender);
    *request.mutable_spec() = spec;
    *request.mutable_graph() = planned.graph();
    auto deployments = graph.deployments();
    for (auto& deployment : deployments["t"])
      *request.add_tasks() = std::move(deployment);
    deployed_.reset();
    caf::anon_send(job_manager_, std::move(request));
    settle();
    return deployed_.value();
  }

  msg::JobHeartbeatReply heartbeat(const std::string& job, std::uint64_t epoch) {
    msg::JobHeartbeat pulse;
    pulse.set_job_id(job);
    return ask<msg::JobHeartbeatReply>(std::move(pulse), epoch);
  }

  /// "FREE", "ALLOCATED job", ... for each slot, joined by commas.
  static std::string slots(const google::protobuf::RepeatedPtrField<msg::SlotReport>& table) {
    std::string shown;
    for (const auto& slot : table)
      shown += (shown.empty() ? "" : ", ") + msg::SlotState_Name(slot.state()).substr(11) +
               (slot.job_id().empty() ? "" : " " + slot.job_id());
    return shown;
  }
  std::string slots() {
    auto reply = actors_.ask_now<msg::RegisterNode>(manager(), atom::describe_v);
    return slots(reply.value->slots());
  }

  /// The newest of each subtask, by "vertex:subtask".
  [[nodiscard]] const std::map<std::string, msg::TaskReport>& reports() const { return reports_; }
  [[nodiscard]] bool all_reported(msg::TaskState state) const {
    return !reports_.empty() &&
           std::all_of(reports_.begin(), reports_.end(), [&](const auto& r) { return r.second.state() == state; });
  }
  [[nodiscard]] std::size_t running() const { return role_->running_tasks(); }
  [[nodiscard]] const configuration& config() const { return config_; }

 private:
  static void must(const result<void>& done) {
    if (!done)
      throw failure_exception(done.error());
  }

  virtual_system actors_;
  simulated_env environment_;
  configuration config_ = std::move(configuration::parse("", "test")).value();
  std::shared_ptr<built_in_modules> modules_ = std::make_shared<built_in_modules>();
  std::shared_ptr<manual_executor> executor_;
  std::unique_ptr<node_host> host_;
  std::unique_ptr<task_manager_role> role_;
  caf::actor job_manager_;
  std::map<std::string, msg::TaskReport> reports_;
  std::optional<msg::DeployResult> deployed_;
};

}  // namespace flott::testing
