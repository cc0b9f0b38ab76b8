#pragma once

#include "actors/registrar.hpp"
#include "runtime/base/simulated_env.hpp"
#include "testing/virtual_system.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace flott::testing {

/// A REGISTRAR of node "n", life "i1", with two places to look for a dispatcher: "d1", which is there, and "d2", which
/// is not at first.
class lone_registrar {
 public:
  static constexpr std::chrono::milliseconds interval{250}, timeout{1000}, registration_timeout{60'000};

  lone_registrar() : environment_(1) {
    auto& system = actors_.system();
    owner_ = system.spawn([this]() -> caf::behavior {
      return {
        [this](atom::describe) {
          msg::RegisterNode node;
          node.set_node_id("n");
          for (std::uint32_t i = 0; i < slots; ++i)
            node.add_slots()->set_index(i);
          return node;
        },
        [this](atom::link_up, const cluster_gateway_actor&, const msg::RegisterNodeReply& reply) {
          note("link up " + reply.header().incarnation());
        },
        [this](atom::link_down) { note("link down"); },
      };
    });
    dial_ = system.spawn([this]() -> caf::behavior {
      return {[this](atom::dial, const std::string& host, std::uint16_t) -> caf::result<caf::strong_actor_ptr> {
        ++dials;
        if (const auto found = dispatchers_.find(host); found != dispatchers_.end())
          return caf::actor_cast<caf::strong_actor_ptr>(found->second);
        return caf::make_error(caf::sec::cannot_connect_to_node);
      }};
    });
    add_dispatcher("d1");
  }

  ~lone_registrar() {
    if (registrar_)
      caf::anon_send_exit(registrar_, caf::exit_reason::kill);
    for (const auto& [host, actor] : dispatchers_)
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    caf::anon_send_exit(owner_, caf::exit_reason::kill);
    caf::anon_send_exit(dial_, caf::exit_reason::kill);
  }

  void start() {
    registrar_config config;
    config.dispatchers = {{"d1", std::uint16_t{1}}, {"d2", std::uint16_t{1}}};
    config.incarnation = "i1";
    config.node_id = "n";
    config.role = msg::NODE_ROLE_TASKMANAGER;
    config.heartbeat_interval = interval;
    config.heartbeat_timeout = timeout;
    config.registration_timeout = registration_timeout;
    config.environment = &environment_;
    config.give_up = [this](const failure& why) { given_up.push_back(why); };
    registrar_ = actors_.system().spawn(registrar, config, caf::actor_cast<registered_node_actor>(owner_),
                                        caf::actor_cast<dialer_actor>(dial_));
    registrar_->attach_functor([this] { over = true; });
    actors_.settle();
  }

  void add_dispatcher(const std::string& host) {
    dispatchers_[host] = actors_.system().spawn([this, host]() -> caf::behavior {
      return {
        [this, host](const msg::RegisterNode& node, const caf::strong_actor_ptr& gateway) {
          registered.push_back(node);
          own_handle = gateway == caf::actor_cast<caf::strong_actor_ptr>(owner_);
          msg::RegisterNodeReply reply;
          reply.mutable_header()->set_incarnation(host);
          if (refusal)
            to_proto(*refusal, *reply.mutable_failure());
          return reply;
        },
        [this, host](const msg::Heartbeat& pulse) {
          heartbeats.push_back(pulse);
          msg::HeartbeatReply reply;
          reply.set_register_again(std::exchange(register_again, false) || host == forgetful);
          return reply;
        },
        [this](const msg::LeaveCluster& farewell) { farewells.push_back(farewell); },
        [this](const msg::SlotTable& table) { tables.push_back(table); },
      };
    });
  }
  void freeze(const std::string& host) { actors_.freeze(dispatchers_.at(host)); }
  void thaw(const std::string& host) {
    actors_.thaw(dispatchers_.at(host));
    actors_.settle();
  }
  /// It is gone, with its connection.
  void end_dispatcher(const std::string& host) {
    caf::anon_send_exit(dispatchers_.at(host), caf::exit_reason::kill);
    dispatchers_.erase(host);
    actors_.settle();
  }
  void stop(caf::error reason) {
    caf::anon_send(caf::actor_cast<caf::actor>(registrar_), caf::exit_msg{caf::actor_addr{}, std::move(reason)});
    actors_.settle();
  }
  void slots_changed() {
    caf::anon_send(registrar_, msg::SlotTable{});
    actors_.settle();
  }
  void pass(std::chrono::milliseconds time) { actors_.advance(time); }
  /// What its node has heard of the link since the last call.
  std::vector<std::string> heard() { return std::exchange(heard_, {}); }

  std::uint32_t slots = 2;                          ///< how the node describes itself
  std::optional<failure> refusal;                   ///< of registrations
  bool register_again = false;                      ///< the answer to the next heartbeat
  std::string forgetful;                            ///< the dispatcher that answers so to every heartbeat
  int dials = 0;
  bool own_handle = false;                          ///< the last registration brought the node's own handle
  bool over = false;                                ///< the actor has ended
  std::vector<failure> given_up;
  std::vector<msg::RegisterNode> registered;
  std::vector<msg::Heartbeat> heartbeats;
  std::vector<msg::LeaveCluster> farewells;
  std::vector<msg::SlotTable> tables;

 private:
  void note(const std::string& what) { heard_.push_back(what); }

  virtual_system actors_;
  simulated_env environment_;
  caf::actor owner_, dial_;
  std::map<std::string, caf::actor> dispatchers_;
  std::vector<std::string> heard_;
  registrar_actor registrar_;
};

}  // namespace flott::testing
