#include "actors/monitor.hpp"
#include "runtime/base/simulated_env.hpp"
#include "testing/virtual_system.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using list = std::vector<std::string>;

namespace {

constexpr auto tick = 100ms, tree_timeout = 1000ms;

class scene {
 public:
  scene() : environment_(1) {
    auto& system = actors_.system();
    view_ = system.spawn([this]() -> caf::behavior {
      return {[this](const cluster_snapshot_ptr& news) {
        ++published;
        shown_ = *news;
      }};
    });
    supervisor_spec tree;
    tree.name = "dispatcher";
    root_ = std::move(spawn_supervisor(system, std::move(tree))).value();
    monitor_config config;
    config.tick = tick;
    config.tree_timeout = tree_timeout;
    config.environment = &environment_;
    config.dispatcher.set_node_id("d");
    config.root = std::make_shared<child_ref>();
    config.root->set(caf::actor_cast<caf::strong_actor_ptr>(root_));
    config.membership_changed = [this](const msg::ClusterSnapshot& cluster) { memberships.push_back(ids(cluster)); };
    monitor_ = system.spawn(monitor, config, caf::actor_cast<view_actor>(view_));
    pass(tick);
    published = 0;
    memberships.clear();
  }
  ~scene() {
    for (const auto& [id, node] : nodes_)
      caf::anon_send_exit(node, caf::exit_reason::kill);
    caf::anon_send_exit(view_, caf::exit_reason::kill);
    caf::anon_send_exit(monitor_, caf::exit_reason::kill);
    caf::anon_send_exit(root_, caf::exit_reason::user_shutdown);
    actors_.settle();
  }

  void enroll(const std::string& id, const std::string& incarnation, msg::NodeRole role = msg::NODE_ROLE_TASKMANAGER) {
    auto& node = nodes_[id + incarnation];
    node = actors_.system().spawn([id]() -> caf::behavior {
      return {[id](const msg::GetTree&) {
        msg::TreeReply reply;
        reply.set_json("{\"path\":\"/tree-of-" + id + "\"}");
        return reply;
      }};
    });
    auto request = named<msg::RegisterNode>(id, incarnation);
    request.set_role(role);
    request.add_slots()->set_state(msg::SLOT_STATE_FREE);
    tell(std::move(request), caf::actor_cast<caf::strong_actor_ptr>(node));
  }
  void heartbeat(const std::string& id, const std::string& incarnation, msg::SlotState state) {
    auto pulse = named<msg::Heartbeat>(id, incarnation);
    pulse.add_slots()->set_state(state);
    tell(std::move(pulse));
  }
  void leave(const std::string& id, const std::string& incarnation) {
    tell(named<msg::LeaveCluster>(id, incarnation));
  }
  auto ask_for_trees() {
    auto answer = actors_.ask<msg::TreeReply>(monitor_, msg::GetTree{});
    actors_.settle();
    return answer;
  }
  void freeze(const std::string& node) { actors_.freeze(nodes_.at(node)); }
  void end(const std::string& node) {
    caf::anon_send_exit(nodes_.at(node), caf::exit_reason::kill);
    actors_.settle();
  }
  void pass(std::chrono::milliseconds time) {
    actors_.advance(time);
    environment_.advance(time);
  }
  /// "t1 t2 | m1": the nodes as the view was shown them last.
  [[nodiscard]] std::string shown() const { return ids(shown_); }
  [[nodiscard]] const msg::TaskManagerInfo& task_manager(int i) const { return shown_.task_managers(i); }
  [[nodiscard]] std::int64_t now() { return environment_.now_unix_ms(); }

  int published = 0;                                ///< snapshots that the view was told
  list memberships;                                 ///< each call of membership_changed, as in `shown`

 private:
  template <class Message>
  static Message named(const std::string& id, const std::string& incarnation) {
    Message message;
    message.mutable_header()->set_incarnation(incarnation);
    message.set_node_id(id);
    return message;
  }
  template <class... Parts>
  void tell(Parts... parts) {
    caf::anon_send(monitor_, std::move(parts)...);
    actors_.settle();
  }
  static std::string ids(const msg::ClusterSnapshot& cluster) {
    std::string all;
    for (const auto& info : cluster.task_managers())
      all += info.node().node_id() + " ";
    all += "|";
    for (const auto& node : cluster.job_managers())
      all += " " + node.node_id();
    return all;
  }

  virtual_system actors_;
  simulated_env environment_;
  caf::actor view_;
  std::map<std::string, caf::actor> nodes_;
  supervisor_actor root_;
  monitor_actor monitor_;
  msg::ClusterSnapshot shown_;
};

}  // namespace

TEST_CASE("who registers and who leaves is shown at once, and noted once as a change of the membership") {
  scene s;
  s.enroll("t1", "i1");
  s.enroll("m1", "j1", msg::NODE_ROLE_JOBMANAGER);
  CHECK(s.shown() == "t1 | m1");
  s.leave("t1", "i1");
  CHECK(s.shown() == "| m1");
  s.pass(10 * tick);
  CHECK(s.memberships == list{"t1 |", "t1 | m1", "| m1"});
}

TEST_CASE("a life that is over does not take the next one of its node with it") {
  scene s;
  s.enroll("t1", "i1");
  s.enroll("t1", "i2");
  s.leave("t1", "i1");                                  // told late
  CHECK(s.shown() == "t1 |");
  CHECK(s.task_manager(0).node().header().incarnation() == "i2");
}

TEST_CASE("heartbeats are shown together, at most once a tick; without news nothing is told") {
  scene s;
  s.enroll("t1", "i1");
  s.enroll("t2", "i2");
  s.published = 0;
  for (int i = 0; i < 5; ++i) {
    s.heartbeat("t1", "i1", msg::SLOT_STATE_ACTIVE);
    s.heartbeat("t2", "i2", msg::SLOT_STATE_FREE);
  }
  CHECK(s.published == 0);
  s.pass(tick);
  CHECK(s.published == 1);
  CHECK(s.task_manager(0).slots(0).state() == msg::SLOT_STATE_ACTIVE);
  s.pass(10 * tick);
  CHECK(s.published == 1);
  CHECK(s.memberships.size() == 2);                     // only the registrations
}

TEST_CASE("each TaskManager is shown with the time at which it was last heard from") {
  scene s;
  s.enroll("t1", "i1");
  s.enroll("t2", "i2");
  const auto registered = s.now();
  s.pass(5 * tick);
  const auto beat = s.now();
  s.heartbeat("t1", "i1", msg::SLOT_STATE_FREE);
  s.pass(tick);
  CHECK(s.task_manager(0).last_heartbeat_unix_ms() == beat);
  CHECK(s.task_manager(1).last_heartbeat_unix_ms() == registered);
}

TEST_CASE("the heartbeat of a node that is not known shows nothing") {
  scene s;
  s.heartbeat("t1", "i1", msg::SLOT_STATE_FREE);
  s.pass(10 * tick);
  CHECK(s.published == 0);
}

TEST_CASE("the trees of all nodes are gathered; one that does not answer in time is shown as unreachable") {
  scene s;
  s.enroll("t1", "i1");
  s.enroll("t2", "i2");
  s.enroll("t3", "i3");
  s.freeze("t2i2");
  s.end("t3i3");
  const auto answer = s.ask_for_trees();
  s.pass(tree_timeout / 2);
  CHECK(answer->pending());
  s.pass(tree_timeout);
  REQUIRE(answer->value);
  const auto& json = answer->value->json();
  CHECK_THAT(json, Contains("tree-of-t1") && Contains("/dispatcher"));
  CHECK_THAT(json, !Contains("tree-of-t2") && !Contains("tree-of-t3"));
  std::size_t unreachable = 0;
  for (auto at = json.find("unreachable"); at != std::string::npos; at = json.find("unreachable", at + 1))
    ++unreachable;
  CHECK(unreachable == 2);
}
