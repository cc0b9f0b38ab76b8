#pragma once

#include "actors/resource_manager.hpp"
#include "runtime/base/simulated_env.hpp"
#include "runtime/scheduling/slot_table.hpp"
#include "testing/virtual_system.hpp"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace flott::testing {

inline const std::string a(32, 'a'), b(32, 'b'), c(32, 'c');

/// A RESOURCE MANAGER among TaskManagers that are nothing but a slot table, and job managers that only listen.
class lone_resource_manager {
 public:
  static constexpr std::chrono::milliseconds interval{250}, timeout{1000}, rpc_timeout{10'000}, cause_wait{100};

  lone_resource_manager() : environment_(1) {
    dial_ = actors_.system().spawn([this]() -> caf::behavior {
      return {[this](atom::probe, const std::string&, std::uint16_t) { return somebody_listens; }};
    });
    resource_manager_config config;
    config.incarnation = "d1";
    config.environment = &environment_;
    config.heartbeat_interval = interval;
    config.heartbeat_timeout = timeout;
    config.rpc_timeout = rpc_timeout;
    config.loss_cause_wait = cause_wait;
    config.kill_node = [this](const std::string& node) { killed.push_back(node); };
    config.lost = [this](const msg::TaskManagerLost& news) { lost.push_back(news.incarnation()); };
    manager_ = actors_.system().spawn(resource_manager, config, caf::actor_cast<dialer_actor>(dial_));
    actors_.settle();
  }

  ~lone_resource_manager() {
    for (auto& [id, node] : nodes_)
      caf::anon_send_exit(node.gateway, caf::exit_reason::kill);
    for (auto& [id, job] : jobs_)
      caf::anon_send_exit(job.actor, caf::exit_reason::kill);
    caf::anon_send_exit(dial_, caf::exit_reason::kill);
    caf::anon_send_exit(manager_, caf::exit_reason::kill);
  }

  // --- TaskManagers ---

  /// Registers a life of a TaskManager, whose slots are all free. True: it was taken.
  bool register_node(const std::string& id, const std::string& incarnation, std::uint32_t slots = 1) {
    auto& node = nodes_[id];
    if (node.gateway)
      caf::anon_send_exit(node.gateway, caf::exit_reason::kill);
    node = {{}, incarnation, slot_table{{.slots = slots}}};
    node.gateway = actors_.system().spawn([this, &node, id]() -> caf::behavior {
      return {
        [this, &node, id](const msg::AllocateSlot& request) {
          std::vector<std::string> ids{request.allocation_id()};
          ids.insert(ids.end(), request.more_allocation_ids().begin(), request.more_allocation_ids().end());
          static_cast<void>(node.table.allocate(request.job_id(), request.epoch(), ids, actors_.now()));
          return table_of(id);
        },
        [this, &node, id](const msg::FreeSlot& request) {
          node.table.free({request.allocation_ids().begin(), request.allocation_ids().end()});
          return table_of(id);
        },
      };
    });
    return enroll(id);
  }
  /// The same life registers again.
  bool enroll(const std::string& id) {
    auto& node = nodes_.at(id);
    msg::RegisterNode request;
    request.mutable_header()->set_incarnation(node.incarnation);
    request.set_role(msg::NODE_ROLE_TASKMANAGER);
    request.set_node_id(id);
    request.mutable_rpc()->set_host(id);
    request.mutable_data()->set_host(id);
    for (const auto& slot : node.table.report())
      *request.add_slots() = slot;
    const auto reply = ask<msg::RegisterNodeReply>(std::move(request),
                                                   caf::actor_cast<caf::strong_actor_ptr>(node.gateway));
    return !reply.has_failure();
  }
  /// True: the resource manager knows this life.
  bool heartbeat(const std::string& id) {
    msg::Heartbeat pulse;
    pulse.mutable_header()->set_incarnation(nodes_.at(id).incarnation);
    pulse.set_node_id(id);
    for (const auto& slot : nodes_.at(id).table.report())
      *pulse.add_slots() = slot;
    return !ask<msg::HeartbeatReply>(std::move(pulse)).register_again();
  }
  void leave(const std::string& id) {
    msg::LeaveCluster farewell;
    farewell.mutable_header()->set_incarnation(nodes_.at(id).incarnation);
    farewell.set_node_id(id);
    tell(std::move(farewell));
  }
  void process_ended(node_exit end) { tell(std::move(end)); }
  /// Its connection closes.
  void drop_connection(const std::string& id) {
    caf::anon_send_exit(nodes_.at(id).gateway, caf::exit_reason::kill);
    actors_.settle();
  }
  /// All its slots are taken by a job that nobody here knows.
  void occupy(const std::string& id) {
    auto& table = nodes_.at(id).table;
    for (auto i = table.free_slots(); i > 0; --i)
      static_cast<void>(table.allocate(std::string(32, 'e'), 1, {"e" + std::to_string(i)}, actors_.now()));
  }
  /// It handles nothing any more.
  void freeze(const std::string& id) { actors_.freeze(nodes_.at(id).gateway); }
  void thaw(const std::string& id) { actors_.thaw(nodes_.at(id).gateway); }
  [[nodiscard]] std::uint32_t free_slots(const std::string& id) const { return nodes_.at(id).table.free_slots(); }

  // --- job managers ---

  struct played_job {
    caf::actor actor;
    std::vector<msg::SlotsGranted> granted;         ///< each one is one message
    std::vector<msg::TaskManagerLost> lost;

    [[nodiscard]] int slots() const { return granted.empty() ? 0 : granted.back().slots_size(); }
  };
  /// The job manager of this job and epoch, with all it has heard.
  played_job& at(const std::string& id, std::uint64_t epoch = 1) {
    auto& entry = jobs_[id + std::to_string(epoch)];
    if (!entry.actor)
      entry.actor = actors_.system().spawn([this, &entry](caf::event_based_actor* self) -> caf::behavior {
        return {
          [this, self](const msg::RequestSlots& wish) {
            self->request(manager_, caf::infinite, wish).then([](const msg::Ack&) {});
          },
          [&entry](const msg::SlotsGranted& news) { entry.granted.push_back(news); },
          [&entry](const msg::TaskManagerLost& news) { entry.lost.push_back(news); },
        };
      });
    return entry;
  }
  played_job& want(const std::string& id, std::uint32_t count, std::uint64_t epoch = 1) {
    msg::RequestSlots wish;
    wish.set_job_id(id);
    wish.set_epoch(epoch);
    wish.set_count(count);
    caf::anon_send(at(id, epoch).actor, std::move(wish));
    actors_.settle();
    return at(id, epoch);
  }
  /// Gives back what it was granted last.
  void release(const std::string& id, std::uint64_t epoch = 1) {
    msg::ReleaseSlots request;
    request.set_job_id(id);
    request.set_epoch(epoch);
    for (const auto& slot : at(id, epoch).granted.back().slots())
      request.add_allocation_ids(slot.allocation_id());
    ask<msg::Ack>(std::move(request));
  }
  void job_ended(const std::string& id) {
    caf::anon_send(manager_, atom::forget_v, id);
    actors_.settle();
  }
  msg::PlannerReply planner(const std::vector<std::string>& avoid = {}) {
    msg::RequestPlanner wish;
    for (const auto& id : avoid)
      wish.add_avoid_task_manager_ids(id);
    return ask<msg::PlannerReply>(std::move(wish));
  }
  auto ask_for_cause(const std::string& node, const std::string& incarnation) {
    msg::RequestLossCause question;
    question.set_task_manager_id(node);
    question.set_incarnation(incarnation);
    auto answer = actors_.ask<msg::TaskManagerLost>(manager_, std::move(question));
    actors_.settle();
    return answer;
  }

  void pass(std::chrono::milliseconds time) { actors_.advance(time); }

  bool somebody_listens = true;                     ///< what the dialer answers to a probe
  std::vector<std::string> killed;                  ///< nodes that the provider was asked to end
  std::vector<std::string> lost;                    ///< incarnations that the gateway was told to fence

 private:
  struct played_node {
    caf::actor gateway;
    std::string incarnation;
    slot_table table{{}};
  };

  msg::SlotTable table_of(const std::string& id) {
    msg::SlotTable table;
    table.mutable_header()->set_incarnation(nodes_.at(id).incarnation);
    table.set_node_id(id);
    for (const auto& slot : nodes_.at(id).table.report())
      *table.add_slots() = slot;
    return table;
  }
  template <class Reply, class... Arguments>
  Reply ask(Arguments... arguments) { return actors_.ask_now<Reply>(manager_, std::move(arguments)...).value.value(); }
  template <class Message>
  void tell(Message message) {
    caf::anon_send(manager_, std::move(message));
    actors_.settle();
  }

  virtual_system actors_;
  simulated_env environment_;
  caf::actor dial_;
  std::map<std::string, played_node> nodes_;
  std::map<std::string, played_job> jobs_;
  resource_manager_actor manager_;
};

}  // namespace flott::testing
