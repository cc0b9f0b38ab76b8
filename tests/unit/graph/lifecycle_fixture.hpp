#pragma once

#include "graph_fixture.hpp"
#include "runtime/graph/job_lifecycle.hpp"
#include "runtime/graph/job_states.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace flott::testing {

/// A job with everything around it: TaskManagers, ResourceManager, dispatcher and clock, each answering when told to.
/// Checks on the way what must hold of any sequence of events.
class job_world {
 public:
  explicit job_world(msg::AssignJob assignment = {}, job_lifecycle_config config = {})
    : job_(make(std::move(assignment), config)) {
    take(job_.start(now_));
  }

  job_lifecycle& job() { return job_; }
  [[nodiscard]] msg::JobState state() const { return job_.state(); }
  [[nodiscard]] instant now() const { return now_; }
  void pass(std::chrono::milliseconds t) { now_ = now_ + t; }
  void take(job_actions actions) {
    for (auto& action : actions) {
      check(action);
      pending_.push_back(std::move(action));
    }
    require(job_.illegal_moves() == 0, "an illegal move");
  }

  /// Answers the oldest action that is no timer as everyone would like it. False: there was none.
  bool answer_next() {
    const auto next = std::find_if(pending_.begin(), pending_.end(), [](const auto& a) {
      return !std::holds_alternative<job_action::arm_timer>(a);
    });
    if (next == pending_.end())
      return false;
    const auto action = std::move(*next);
    pending_.erase(next);
    std::visit([this](const auto& a) { answer(a); }, action);
    return true;
  }
  void answer_all() {
    while (answer_next())
      ;
  }
  /// Lets time pass to the timer that is due next. False: none is armed.
  bool fire_timer() {
    auto first = pending_.end();
    for (auto a = pending_.begin(); a != pending_.end(); ++a)
      if (const auto* t = std::get_if<job_action::arm_timer>(&*a))
        if (first == pending_.end() || t->delay < std::get<job_action::arm_timer>(*first).delay)
          first = a;
    if (first == pending_.end())
      return false;
    const auto timer = std::get<job_action::arm_timer>(*first);
    pending_.erase(first);
    pass(timer.delay);
    take(job_.timer_due(timer.timer, timer.token, now_));
    return true;
  }
  /// Drops the oldest action that is no timer.
  void drop_next() {
    const auto next = std::find_if(pending_.begin(), pending_.end(), [](const auto& a) {
      return !std::holds_alternative<job_action::arm_timer>(a);
    });
    if (next != pending_.end())
      pending_.erase(next);
  }

  /// The oldest cancellation is lost on its way.
  void lose_cancellation() {
    const auto lost = std::find_if(pending_.begin(), pending_.end(), [](const auto& a) {
      return std::holds_alternative<job_action::cancel_tasks>(a);
    });
    if (lost != pending_.end())
      pending_.erase(lost);
  }

  template <class T>
  [[nodiscard]] std::vector<T> pending() const {
    std::vector<T> all;
    for (const auto& a : pending_)
      if (const auto* t = std::get_if<T>(&a))
        all.push_back(*t);
    return all;
  }

  void report(const std::string& task_manager, const msg::AttemptId& attempt, msg::TaskState state,
              const std::optional<failure>& error = std::nullopt) {
    if (is_terminal(state))
      std::erase_if(running_, [&](const auto& known) {
        return known.first == task_manager && known.second.SerializeAsString() == attempt.SerializeAsString();
      });
    google::protobuf::RepeatedPtrField<msg::TaskReport> reports;
    auto& r = *reports.Add();
    r = report_of(attempt, state, now_.unix_ms);
    if (error)
      to_proto(*error, *r.mutable_failure());
    if (state == msg::TASK_STATE_FINISHED && attempt.vertex_id() == "counts")
      r.add_committables()->set_payload("counts of attempt " + std::to_string(attempt.attempt()));
    take(job_.task_reports(task_manager, reports, now_));
  }
  /// All deployed attempts, by TaskManager.
  [[nodiscard]] std::vector<std::pair<std::string, msg::AttemptId>> running() const { return running_; }

  void lose(const std::string& task_manager, int signal = 0, const std::string& culprit = {}) {
    const auto incarnation = task_manager + "-" + std::to_string(lives_[task_manager]);
    msg::TaskManagerLost lost;
    lost.set_task_manager_id(task_manager);
    lost.set_incarnation(incarnation);
    lost.set_signal(signal);
    lost.set_job_id(culprit);
    if (!culprit.empty()) {
      lost.set_vertex_id("words");
      lost.set_subtask(1);
      lost.set_operator_name("split");
    }
    ++lives_[task_manager];
    std::erase_if(running_, [&](const auto& r) { return r.first == task_manager; });
    std::erase_if(held_, [&](const auto& h) { return h.second == incarnation; });
    dead_.insert(incarnation);
    take(job_.task_manager_lost(lost, now_));
    last_lost_ = lost;
  }
  /// The cause of the last loss becomes known.
  void explain(int signal, const std::string& culprit) {
    last_lost_.set_signal(signal);
    last_lost_.set_job_id(culprit);
    last_lost_.set_vertex_id("words");
    last_lost_.set_subtask(1);
    last_lost_.set_operator_name("split");
    to_proto(transient_failure("TaskManager", "it crashed"), *last_lost_.mutable_failure());
    take(job_.task_manager_lost(last_lost_, now_));
  }

  [[nodiscard]] std::size_t held() const { return held_.size(); }
  [[nodiscard]] std::size_t deployments() const { return deployments_; }
  [[nodiscard]] const std::vector<std::string>& published() const { return published_; }
  [[nodiscard]] const std::vector<std::string>& discarded() const { return discarded_; }
  [[nodiscard]] std::uint32_t last_request() const { return last_request_; }
  bool silent_tasks = false;   ///< deployed tasks neither run nor finish by themselves

 private:
  static job_lifecycle make(msg::AssignJob assignment, const job_lifecycle_config& config) {
    assignment.mutable_spec()->set_job_id("job");
    assignment.mutable_spec()->set_name("words");
    if (assignment.epoch() == 0)
      assignment.set_epoch(1);
    auto made = job_lifecycle::make(std::move(assignment), config, {std::chrono::steady_clock::time_point{} + std::chrono::hours{1}, 1'000});
    if (!made.ok())
      throw std::logic_error(made.error().to_string());
    return std::move(*made);
  }

  static void require(bool holds, const char* what) {
    if (!holds)
      throw std::logic_error(what);
  }

  void check(const job_actions_variant& action) {
    const bool release = std::holds_alternative<job_action::release_slots>(action);
    require(!over_ || release, "an action after the end");
    if (const auto* r = std::get_if<job_action::release_slots>(&action)) {
      if (r->allocation_ids.empty()) {
        held_.clear();
        request_outstanding_ = 0;
      }
      for (const auto& id : r->allocation_ids)
        held_.erase(id);
    } else if (const auto* d = std::get_if<job_action::deploy>(&action)) {
      for (const auto& task : d->tasks) {
        require(held_.contains(task.allocation_id()), "a task was deployed into a slot that is not held");
        require(!dead_.contains(d->incarnation), "a task was deployed to a dead TaskManager");
        require(attempts_.insert(task.attempt().SerializeAsString()).second, "an attempt was deployed twice");
        running_.emplace_back(d->task_manager_id, task.attempt());
      }
      ++deployments_;
    } else if (const auto* q = std::get_if<job_action::request_slots>(&action)) {
      require(q->count > 0, "a request for nothing");
      request_outstanding_ = q->count;
      last_request_ = q->count;
    } else if (std::holds_alternative<job_action::report_ended>(action) ||
               std::holds_alternative<job_action::abandoned>(action)) {
      require(held_.empty(), "the job ended and holds slots");
      require(job_.ended(), "an end was reported that is none");
      over_ = true;
    }
  }

  void answer(const job_action::request_planner&) {
    msg::Address rpc;
    rpc.set_host("tm1");
    rpc.set_incarnation("tm1-" + std::to_string(lives_["tm1"]));
    take(job_.planner_found("tm1", rpc, now_));
  }
  void answer(const job_action::plan&) { take(job_.planned(word_count_graph(), now_)); }
  void answer(const job_action::persist_graph&) { take(job_.graph_persisted(now_)); }
  void answer(const job_action::request_slots& r) {
    if (request_outstanding_ != r.count)
      return;   // withdrawn or replaced
    request_outstanding_ = 0;
    std::vector<msg::SlotGrant> grant;
    for (std::uint32_t i = 0; i < r.count; ++i) {
      const auto tm = "tm" + std::to_string(1 + next_slot_ % 2);
      const auto incarnation = tm + "-" + std::to_string(lives_[tm]);
      grant.push_back(slot("slot" + std::to_string(next_slot_++), tm, incarnation));
      held_[grant.back().allocation_id()] = incarnation;
    }
    take(job_.slots_granted(grant, now_));
  }
  void answer(const job_action::deploy& d) {
    if (silent_tasks)
      return;
    for (const auto& task : d.tasks)
      say(d.task_manager_id, task.attempt(), msg::TASK_STATE_RUNNING);
    for (const auto& task : d.tasks)
      say(d.task_manager_id, task.attempt(), msg::TASK_STATE_FINISHED);
  }
  void answer(const job_action::cancel_tasks& c) {
    for (const auto& attempt : c.attempts)
      say(c.task_manager_id, attempt, msg::TASK_STATE_CANCELED);
  }
  void say(const std::string& tm, const msg::AttemptId& attempt, msg::TaskState state) {
    for (const auto& known : running_)
      if (known.first == tm && known.second.SerializeAsString() == attempt.SerializeAsString()) {
        report(tm, msg::AttemptId(attempt), state);
        return;
      }
    // It has ended, or died with its TaskManager.
  }
  void answer(const job_action::release_slots&) {}
  void answer(const job_action::arm_timer&) {}
  void answer(const job_action::persist_commit&) { take(job_.commit_persisted(now_)); }
  void answer(const job_action::publish& p) {
    for (const auto& c : p.committables)
      published_.push_back(c.payload());
    take(job_.published(now_));
  }
  void answer(const job_action::discard& d) {
    for (const auto& c : d.committables)
      discarded_.push_back(c.payload());
  }
  void answer(const job_action::clear_outputs& outputs) {
    for (const auto& folder : outputs.folders)
      discarded_.push_back(folder);
  }
  void answer(const job_action::snapshot_changed&) {}
  void answer(const job_action::report_ended&) {}
  void answer(const job_action::abandoned&) {}

  instant now_{std::chrono::steady_clock::time_point{} + std::chrono::hours{1}, 1'000};
  job_lifecycle job_;
  std::deque<job_actions_variant> pending_;
  std::map<std::string, int> lives_{{"tm1", 1}, {"tm2", 1}};
  std::map<std::string, std::string> held_;   // allocation -> incarnation
  std::set<std::string> dead_;
  std::set<std::string> attempts_;
  std::vector<std::pair<std::string, msg::AttemptId>> running_;
  std::vector<std::string> published_, discarded_;
  std::uint32_t request_outstanding_ = 0, last_request_ = 0;
  std::size_t deployments_ = 0;
  int next_slot_ = 0;
  bool over_ = false;
  msg::TaskManagerLost last_lost_;
};

}  // namespace flott::testing
