#include "actors/dialer.hpp"

#include "actors/exit_reason.hpp"
#include "runtime/base/socket.hpp"

namespace flott {

std::string local_address(std::string_view name) {
  std::string address{local_address_prefix};
  address.append(name);
  return address;
}

void local_directory::publish(const std::string& name, caf::strong_actor_ptr gateway) {
  const std::lock_guard lock{mutex_};
  gateways_[name] = std::move(gateway);
}

void local_directory::withdraw(const std::string& name) {
  const std::lock_guard lock{mutex_};
  gateways_.erase(name);
}

caf::strong_actor_ptr local_directory::find(const std::string& name) const {
  const std::lock_guard lock{mutex_};
  const auto found = gateways_.find(name);
  return found == gateways_.end() ? nullptr : found->second;
}

void local_directory::clear() {
  std::map<std::string, caf::strong_actor_ptr> dropped;
  const std::lock_guard lock{mutex_};
  dropped.swap(gateways_);
}

namespace {

/// Blocks, so it has a thread of its own for as long as one probe takes.
caf::behavior prober(caf::event_based_actor* self) {
  return {
    [self](atom::probe, const std::string& host, std::uint16_t port, std::int64_t limit_ms) {
      self->quit();
      return !nobody_listens(host, port, std::chrono::steady_clock::now() + std::chrono::milliseconds{limit_ms});
    },
  };
}

}  // namespace

dialer_actor::behavior_type dialer(dialer_actor::pointer self, dialer_config config) {
  keep_exception_text(self);
  return {
    [self, config](atom::dial, const std::string& host, std::uint16_t port) -> caf::result<caf::strong_actor_ptr> {
      if (host.starts_with(local_address_prefix)) {
        auto gateway = config.local ? config.local->find(host.substr(local_address_prefix.size())) : nullptr;
        if (!gateway)
          return caf::make_error(caf::sec::cannot_connect_to_node, "nothing is published as " + host);
        return gateway;
      }
      if (!config.connector)
        return caf::make_error(caf::sec::cannot_connect_to_node, "this process has no network: " + host);
      auto promise = self->make_response_promise<caf::strong_actor_ptr>();
      self->request(config.connector, config.timeout, caf::connect_atom::value, host, port)
        .then(
          [promise, host, port](const caf::node_id&, const caf::strong_actor_ptr& gateway,
                                const std::set<std::string>&) mutable {
            if (gateway)
              promise.deliver(gateway);
            else
              promise.deliver(caf::make_error(caf::sec::cannot_connect_to_node,
                                              "nothing is published at " + host + ":" + std::to_string(port)));
          },
          [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
      return promise;
    },
    [self, config](atom::probe, const std::string& host, std::uint16_t port) -> caf::result<bool> {
      if (host.starts_with(local_address_prefix))
        return config.local && config.local->find(host.substr(local_address_prefix.size()));
      auto promise = self->make_response_promise<bool>();
      self->request(self->spawn<caf::detached>(prober), 2 * config.timeout, atom::probe_v, host, port,
                    static_cast<std::int64_t>(config.timeout.count()))
        .then([promise](bool may_live) mutable { promise.deliver(may_live); },
              [promise](const caf::error&) mutable { promise.deliver(true); });
      return promise;
    },
  };
}

}  // namespace flott
