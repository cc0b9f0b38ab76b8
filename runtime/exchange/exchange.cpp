#include "runtime/exchange/exchange.hpp"

#include "runtime/exchange/tcp_endpoint.hpp"

#include <utility>

namespace flott {

result<std::shared_ptr<exchange>> exchange::start(exchange_config config, env& environment) {
  std::shared_ptr<exchange> made(new exchange(std::move(config)));
  if (made->config_.listen) {
    FLOTT_ASSIGN(made->network_, tcp_endpoint::start(made->config_, environment, made->outputs_));
  }
  return made;
}

exchange::~exchange() { stop(); }

std::uint16_t exchange::port() const { return network_ ? network_->port() : 0; }

exchange_counters exchange::counters() const { return network_ ? network_->counters() : exchange_counters{}; }

exchange::ticket exchange::open(const location& where, const channel_key& key, on_open done) {
  if (where.incarnation == config_.incarnation)
    return {outputs_.open(key, std::chrono::steady_clock::now() + config_.open_timeout, std::move(done)), 0};
  if (network_)
    return {0, network_->open(where, key, std::move(done))};
  done(transient_failure("TaskManager " + where.host + ":" + std::to_string(where.port),
                         "is another process, and this one does not exchange records with others"));
  return {};
}

void exchange::forget(ticket waiting) {
  if (waiting.local != 0)
    outputs_.forget(waiting.local);
  if (waiting.remote != 0)
    network_->forget(waiting.remote);
}

void exchange::stop() {
  if (network_)
    network_->stop();
}

}  // namespace flott
