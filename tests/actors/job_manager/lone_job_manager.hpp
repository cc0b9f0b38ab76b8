#pragma once

#include "actors/job_manager.hpp"
#include "runtime/base/simulated_env.hpp"
#include "testing/virtual_system.hpp"
#include "tests/unit/graph/graph_fixture.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace flott::testing {

/// Something that a played actor does when it is told to: an answer that was held back.
using deferred = std::shared_ptr<std::function<void()>>;

}  // namespace flott::testing

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::testing::deferred)

namespace flott::testing {

inline const std::string a(32, 'a');

/// A JOB MANAGER of job `a` under epoch 1, which needs two slots for five subtasks; all others are in the test's hands.
class lone_job_manager {
 public:
  static constexpr std::chrono::milliseconds interval{250}, timeout{1000};

  lone_job_manager() : environment_(1) {
    auto& system = actors_.system();
    dispatcher_ = system.spawn([this](caf::event_based_actor* self) { return play_dispatcher(self); });
    committer_ = system.spawn([this](caf::event_based_actor* self) { return play_committer(self); });
    dial_ = system.spawn([this]() -> caf::behavior {
      return {
        [this](atom::dial, const std::string& host, std::uint16_t) -> caf::result<caf::strong_actor_ptr> {
          note("dial " + host);
          if (unreachable_ == host)
            return caf::make_error(caf::sec::cannot_connect_to_node);
          return caf::actor_cast<caf::strong_actor_ptr>(nodes_.at(host).gateway);
        },
        [this](atom::probe, const std::string&, std::uint16_t) { return somebody_listens; },
      };
    });
    node_ = system.spawn([this]() -> caf::behavior {
      return {[this](const job_snapshot_ptr& news) { snapshot = *news; }};
    });
    add_node("t1", "i1");
  }

  ~lone_job_manager() {
    held_.clear();
    if (manager_)
      caf::anon_send_exit(manager_, caf::exit_reason::kill);
    for (const auto& actor : {dispatcher_, committer_, dial_, node_})
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    for (auto& [id, node] : nodes_)
      caf::anon_send_exit(node.gateway, caf::exit_reason::kill);
  }

  void start(msg::AssignJob assignment = {}) {
    assignment.mutable_spec()->set_job_id(a);
    assignment.set_epoch(1);
    job_manager_config config;
    config.committer = caf::actor_cast<committer_actor>(committer_);
    config.assignment = std::move(assignment);
    config.lifecycle.restart.jitter_factor = 0;
    config.self.set_incarnation("m1");
    config.environment = &environment_;
    config.heartbeat_interval = interval;
    config.heartbeat_timeout = timeout;
    manager_ = actors_.system().spawn(job_manager, config, caf::actor_cast<job_manager_node_actor>(node_),
                                      caf::actor_cast<dialer_actor>(dial_),
                                      caf::actor_cast<cluster_gateway_actor>(dispatcher_));
    manager_->attach_functor([this] { over = true; });
    actors_.settle();
  }

  // --- what it hears ---

  /// A TaskManager, or the next life of one, or the same behind a new connection; the former connection closes.
  void add_node(const std::string& id, const std::string& incarnation) {
    auto& node = nodes_[id];
    const auto former = std::exchange(node, {}).gateway;
    node.incarnation = incarnation;
    node.gateway = actors_.system().spawn([this, &node, id](caf::event_based_actor* self) -> caf::behavior {
      return {
        [](const deferred& answer) { (*answer)(); },
        [this, self, id](const msg::PlanJob&) {
          note("plan " + id);
          msg::PlanResult result;
          *result.mutable_graph() = word_count_graph();
          return answered(self, "plan", std::move(result));
        },
        [this, &node, id](const msg::DeployTasks& request) {
          note("deploy " + id);
          for (const auto& task : request.tasks())
            node.deployed.push_back(task.attempt());
          return msg::DeployResult{};
        },
        [this, &node, id](const msg::CancelTasks& request) {
          note("cancel " + id);
          node.cancelled.insert(node.cancelled.end(), request.attempts().begin(), request.attempts().end());
          return msg::Ack{};
        },
        [&node](const msg::JobHeartbeat&) -> caf::result<msg::JobHeartbeatReply> {
          ++node.heartbeats;
          if (node.silent)
            return caf::delegated<msg::JobHeartbeatReply>{};     // to nobody
          msg::JobHeartbeatReply reply;
          reply.mutable_header()->set_incarnation(node.incarnation);
          return reply;
        },
      };
    });
    if (former)
      close(former);
  }
  /// The resource manager has slots for it.
  void grant(const std::vector<msg::SlotGrant>& slots, std::uint64_t epoch = 1) {
    msg::SlotsGranted news;
    news.set_epoch(epoch);
    for (const auto& slot : slots) {
      *news.add_slots() = slot;
      news.mutable_slots()->rbegin()->mutable_rpc()->set_incarnation(slot.task_manager_incarnation());
    }
    tell(std::move(news));
  }
  /// All that has been deployed there last is in this state; the answer is what the TaskManager gets.
  answer<msg::Ack> report(const std::string& id, msg::TaskState state, const std::string& incarnation = {}) {
    msg::TaskReports news;
    news.mutable_header()->set_incarnation(incarnation.empty() ? nodes_.at(id).incarnation : incarnation);
    news.set_task_manager_id(id);
    for (const auto& attempt : nodes_.at(id).deployed) {
      auto& report = *news.add_reports() = report_of(attempt, state);
      if (state == msg::TASK_STATE_FINISHED && attempt.vertex_id() == "counts")
        report.add_committables()->set_payload("part-" + std::to_string(attempt.attempt()));
    }
    return actors_.ask_now<msg::Ack>(manager_, std::move(news));
  }
  /// One of the tasks deployed there has failed.
  void fail(const std::string& id, std::size_t task, const failure& why) {
    msg::TaskReports news;
    news.mutable_header()->set_incarnation(nodes_.at(id).incarnation);
    news.set_task_manager_id(id);
    auto& report = *news.add_reports() = report_of(nodes_.at(id).deployed.at(task), msg::TASK_STATE_FAILED);
    to_proto(why, *report.mutable_failure());
    actors_.ask_now<msg::Ack>(manager_, std::move(news));
  }
  /// All that was to be cancelled there has ended so.
  void cancelled_all(const std::string& id) {
    msg::TaskReports news;
    news.mutable_header()->set_incarnation(nodes_.at(id).incarnation);
    news.set_task_manager_id(id);
    for (const auto& attempt : nodes_.at(id).cancelled)
      *news.add_reports() = report_of(attempt, msg::TASK_STATE_CANCELED);
    actors_.ask_now<msg::Ack>(manager_, std::move(news));
  }
  /// The resource manager says that this life is over.
  void lose(const std::string& id, const std::string& incarnation) {
    msg::TaskManagerLost news;
    news.set_task_manager_id(id);
    news.set_incarnation(incarnation);
    tell(std::move(news));
  }
  void cancel() { tell(msg::CancelJob{}); }
  void link_down() { tell(atom::link_down_v); }
  void link_up() {
    caf::anon_send(manager_, atom::link_up_v, caf::actor_cast<cluster_gateway_actor>(dispatcher_),
                   msg::RegisterNodeReply{});
    actors_.settle();
  }
  void drop_connection(const std::string& id) { close(nodes_.at(id).gateway); }
  /// Messages of this kind ("planner", "plan", "planned", "commit", "ended", "publish", "flush", "cause") are answered
  /// when the kind is let go, and not before.
  void hold(const std::string& kind) { held_[kind]; }
  void let_go(const std::string& kind) {
    auto answers = std::exchange(held_.at(kind), {});
    held_.erase(kind);
    for (auto& [actor, answer] : answers)
      caf::anon_send(actor, std::move(answer));
    actors_.settle();
  }
  /// Dialing it fails.
  void unreachable(const std::string& id) { unreachable_ = id; }
  /// Heartbeats are not answered there any more.
  void fall_silent(const std::string& id) { nodes_.at(id).silent = true; }
  void pass(std::chrono::milliseconds time) {
    actors_.advance(time);
    environment_.advance(time);
  }

  // --- what it says ---

  /// What it has told and asked for since the last call, heartbeats left out.
  std::vector<std::string> said() { return std::exchange(said_, {}); }
  [[nodiscard]] bool has_said(const std::string& what) const {
    return std::count(said_.begin(), said_.end(), what) > 0;
  }
  [[nodiscard]] std::size_t deployed(const std::string& id) const { return nodes_.at(id).deployed.size(); }
  void forget_deployed(const std::string& id) { nodes_.at(id).deployed.clear(); }
  [[nodiscard]] const std::vector<msg::AttemptId>& attempts(const std::string& id) const {
    return nodes_.at(id).deployed;
  }
  [[nodiscard]] std::size_t cancelled(const std::string& id) const { return nodes_.at(id).cancelled.size(); }
  [[nodiscard]] int heartbeats(const std::string& id) const { return nodes_.at(id).heartbeats; }
  /// Its state as it is shown a moment later.
  msg::JobState state() {
    pass(std::chrono::milliseconds{10});
    return snapshot.state();
  }
  /// Two slots at TaskManager `id` of this life.
  static std::vector<msg::SlotGrant> two_slots(const std::string& id, const std::string& incarnation) {
    return {slot("x" + incarnation, id, incarnation), slot("y" + incarnation, id, incarnation)};
  }
  /// From its start until all subtasks run at "t1".
  void run() {
    start();
    grant(two_slots("t1", "i1"));
    report("t1", msg::TASK_STATE_RUNNING);
    said();
  }

  bool over = false;                                ///< the actor has ended
  bool somebody_listens = true;                     ///< what the dialer answers to a probe
  failure refusal_of_facts;                         ///< with a message: facts are refused with it
  msg::TaskManagerLost cause;                       ///< with a signal: why a TaskManager was lost
  std::vector<msg::Committable> committed, published;
  msg::JobSnapshot snapshot, final_snapshot;        ///< the newest one; the one told with the end

 private:
  struct played_node {
    caf::actor gateway;
    std::string incarnation;
    std::vector<msg::AttemptId> deployed, cancelled;
    int heartbeats = 0;
    bool silent = false;
  };

  void close(const caf::actor& gateway) {
    caf::anon_send_exit(gateway, caf::exit_reason::kill);
    actors_.settle();
  }
  void note(const std::string& what) { said_.push_back(what); }
  template <class Message>
  void tell(Message message) {
    caf::anon_send(manager_, std::move(message));
    actors_.settle();
  }
  /// At once, or when the kind is let go.
  template <class Reply>
  caf::result<Reply> answered(caf::event_based_actor* self, const std::string& kind, Reply reply) {
    const auto held = held_.find(kind);
    if (held == held_.end())
      return reply;
    auto promise = self->make_response_promise<Reply>();
    auto answer = [promise, reply = std::move(reply)]() mutable { promise.deliver(std::move(reply)); };
    held->second.emplace_back(caf::actor{self}, std::make_shared<std::function<void()>>(std::move(answer)));
    return promise;
  }
  caf::result<msg::DispatcherReply> fact(caf::event_based_actor* self, const std::string& kind) {
    note(kind);
    msg::DispatcherReply reply;
    if (!refusal_of_facts.message.empty())
      to_proto(refusal_of_facts, *reply.mutable_failure());
    return answered(self, kind, std::move(reply));
  }

  caf::behavior play_dispatcher(caf::event_based_actor* self) {
    return {
      [](const deferred& answer) { (*answer)(); },
      [this, self](const msg::RequestPlanner& wish) {
        note("planner");
        msg::PlannerReply reply;
        const auto& avoid = wish.avoid_task_manager_ids();
        for (const auto& [id, node] : nodes_)
          if (std::find(avoid.begin(), avoid.end(), id) == avoid.end()) {
            reply.set_task_manager_id(id);
            reply.mutable_rpc()->set_host(id);
            reply.mutable_rpc()->set_incarnation(node.incarnation);
            break;
          }
        return answered(self, "planner", std::move(reply));
      },
      [this](const msg::RequestSlots& wish) {
        note("slots " + std::to_string(wish.count()));
        return msg::Ack{};
      },
      [this](const msg::ReleaseSlots&) {
        note("release");
        return msg::Ack{};
      },
      [this, self](const msg::RequestLossCause& question) {
        note("cause " + question.incarnation());
        auto reply = cause;
        reply.set_task_manager_id(question.task_manager_id());
        reply.set_incarnation(question.incarnation());
        return answered(self, "cause", std::move(reply));
      },
      [this, self](const msg::JobPlanned&) { return fact(self, "planned"); },
      [this, self](const msg::CommitDecided& decided) {
        committed.assign(decided.committables().begin(), decided.committables().end());
        return fact(self, "commit");
      },
      [this, self](const msg::JobEnded& end) {
        final_snapshot = end.snapshot();
        return fact(self, "ended");
      },
    };
  }

  caf::behavior play_committer(caf::event_based_actor* self) {
    return {
      [](const deferred& answer) { (*answer)(); },
      [this, self](atom::put, const committables_ptr& files) {
        note("publish");
        published.insert(published.end(), files->begin(), files->end());
        return answered(self, "publish", true);
      },
      [this](atom::forget, const committables_ptr&) { note("discard"); },
      [this](atom::forget, const std::string& folder, const std::string&, std::uint64_t) { note("clear " + folder); },
      [this, self](atom::flush) {
        note("flush");
        return answered(self, "flush", true);
      },
    };
  }

  virtual_system actors_;
  simulated_env environment_;
  caf::actor dispatcher_, committer_, dial_, node_;
  std::map<std::string, played_node> nodes_;
  std::map<std::string, std::vector<std::pair<caf::actor, deferred>>> held_;
  std::vector<std::string> said_;
  std::string unreachable_;
  job_manager_actor manager_;
};

}  // namespace flott::testing
