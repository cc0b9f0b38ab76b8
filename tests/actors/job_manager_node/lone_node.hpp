#pragma once

#include "actors/job_manager_node.hpp"
#include "runtime/base/env.hpp"
#include "testing/virtual_system.hpp"

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace flott::testing {

inline const std::string a(32, 'a'), b(32, 'b');

/// A machine whose clock can break. It has no files.
class breaking_clock final : public env {
 public:
  bool broken = false;

  time_point now() override { return {}; }
  std::int64_t now_unix_ms() override {
    if (broken)
      throw std::runtime_error("the clock has stopped");
    return 1;
  }
  void fill_random(std::span<std::byte>) override {}
  result<std::string> read_file(const std::filesystem::path&) override { return none(); }
  result<void> write_file(const std::filesystem::path&, std::string_view, unsigned) override { return none(); }
  result<void> remove(const std::filesystem::path&) override { return none(); }
  result<void> rename(const std::filesystem::path&, const std::filesystem::path&) override { return none(); }
  result<void> make_directories(const std::filesystem::path&) override { return none(); }
  result<std::vector<std::string>> list(const std::filesystem::path&) override { return none(); }
  result<std::vector<std::string>> unfinished(const std::filesystem::path&) override { return none(); }
  bool exists(const std::filesystem::path&) override { return false; }

 private:
  static failure none() { return internal_failure("disk", "this machine has none"); }
};

/// A JOB MANAGER NODE, its JOB MANAGERs, and a dispatcher that has no TaskManager for them.
class lone_node {
 public:
  explicit lone_node(std::uint64_t seed = 0, std::uint32_t max_jobs = 10) : actors_(seed) {
    auto& system = actors_.system();
    committer_ = system.spawn([]() -> caf::behavior { return {[](atom::flush) { return true; }}; });
    dispatcher_ = system.spawn([this](caf::event_based_actor* self) -> caf::behavior {
      return {
        [this, self](const msg::AssignJob& assignment) {
          self->request(node_, caf::infinite, assignment).then([](const msg::AssignReply&) {});
        },
        [this, self](const msg::CancelJob& wish) {
          self->request(node_, caf::infinite, wish).then([](const msg::Ack&) {});
        },
        [this](const msg::RequestPlanner& wish) {
          asked[wish.job_id()].push_back(wish.header().epoch());
          msg::PlannerReply reply;
          to_proto(resource_failure("cluster", "no TaskManager is registered"), *reply.mutable_failure());
          return reply;
        },
        [this](const msg::ReturnJob& news) {
          returned.push_back(news);
          return msg::DispatcherReply{};
        },
        [this](const msg::JobEnded& end) {
          ended.push_back(end);
          return msg::DispatcherReply{};
        },
        [this](const msg::JobSnapshots& news) { snapshots.push_back(news); },
      };
    });
    supervisor_spec pool;
    pool.name = "jobs";
    supervisor_ = std::move(spawn_supervisor(system, std::move(pool))).value();
    auto ref = std::make_shared<child_ref>();
    ref->set(caf::actor_cast<caf::strong_actor_ptr>(supervisor_));
    job_manager_node_config config;
    config.self.mutable_header()->set_incarnation("m1");
    config.self.set_node_id("m");
    config.max_jobs = max_jobs;
    config.environment = &clock_of("the node's own");
    config.job_managers = ref;
    config.job_config = [this](const msg::AssignJob& assignment) {
      job_manager_config job;
      job.assignment = assignment;
      job.environment = &clock_of(assignment.spec().job_id());
      job.committer = caf::actor_cast<committer_actor>(committer_);
      return job;
    };
    node_ = system.spawn(job_manager_node, config);
    actors_.settle();
  }

  ~lone_node() {
    caf::anon_send_exit(node_, caf::exit_reason::kill);
    caf::anon_send_exit(supervisor_, caf::exit_reason::user_shutdown);
    actors_.settle();
    caf::anon_send_exit(dispatcher_, caf::exit_reason::kill);
    caf::anon_send_exit(committer_, caf::exit_reason::kill);
  }

  void link_up(const msg::RegisterNodeReply& reply = {}) {
    caf::anon_send(node_, atom::link_up_v, caf::actor_cast<cluster_gateway_actor>(dispatcher_), reply);
    actors_.settle();
  }
  void link_down() {
    caf::anon_send(node_, atom::link_down_v);
    actors_.settle();
  }
  auto send_assignment(const std::string& job, std::uint64_t epoch) {
    msg::AssignJob assignment;
    assignment.mutable_spec()->set_job_id(job);
    assignment.set_epoch(epoch);
    assignment.mutable_header()->set_incarnation("d1");
    return actors_.ask<msg::AssignReply>(node_, std::move(assignment));
  }
  auto send_cancellation(const std::string& job) {
    msg::CancelJob wish;
    wish.set_job_id(job);
    wish.mutable_header()->set_incarnation("d1");
    return actors_.ask<msg::Ack>(node_, std::move(wish));
  }
  msg::AssignReply assign(const std::string& job, std::uint64_t epoch) {
    auto answer = send_assignment(job, epoch);
    settle();
    return answer->value.value();
  }
  /// The cancellation directly behind the assignment.
  void assign_and_cancel(const std::string& job, std::uint64_t epoch) {
    msg::AssignJob assignment;
    assignment.mutable_spec()->set_job_id(job);
    assignment.set_epoch(epoch);
    assignment.mutable_header()->set_incarnation("d1");
    msg::CancelJob wish;
    wish.set_job_id(job);
    wish.mutable_header()->set_incarnation("d1");
    caf::anon_send(dispatcher_, std::move(assignment));
    caf::anon_send(dispatcher_, std::move(wish));
    settle();
  }
  /// "a1 b2": the jobs it would report if it registered now, by the first letter, with their epochs.
  std::string jobs() {
    std::string all;
    const auto description = actors_.ask_now<msg::RegisterNode>(node_, atom::describe_v);
    for (const auto& job : description.value->jobs())
      all += (all.empty() ? "" : " ") + job.job_id().substr(0, 1) + std::to_string(job.epoch());
    return all;
  }
  /// "a@1 b@2": the JOB MANAGERs that live, in the order of their start.
  std::string managers() {
    std::string all;
    const auto list = actors_.ask_now<child_list>(supervisor_, list_children_request{});
    for (const auto& child : list.value->children) {
      const auto id = child.path.substr(child.path.rfind('/') + 1);
      all += (all.empty() ? "" : " ") + id.substr(0, 1) + id.substr(32);
    }
    return all;
  }
  /// The job's JOB MANAGER throws at the next thing it hears.
  void break_clock_of(const std::string& job, bool broken = true) { clock_of(job).broken = broken; }

  void settle() { actors_.settle(); }
  void pass(std::chrono::milliseconds time) { actors_.advance(time); }

  std::map<std::string, std::vector<std::uint64_t>> asked;   ///< for a planner: the epochs, by job
  std::vector<msg::ReturnJob> returned;
  std::vector<msg::JobEnded> ended;
  std::vector<msg::JobSnapshots> snapshots;

 private:
  breaking_clock& clock_of(const std::string& job) { return clocks_[job]; }

  std::map<std::string, breaking_clock> clocks_;
  virtual_system actors_;
  caf::actor dispatcher_, committer_;
  supervisor_actor supervisor_;
  job_manager_node_actor node_;
};

}  // namespace flott::testing
