#include "runtime/exchange/exchange.hpp"

#include "runtime/exchange/tcp_endpoint.hpp"

#include <utility>

namespace flott {

void exchange_neighbours::join(const std::string& incarnation, std::weak_ptr<exchange> one) {
  const std::lock_guard lock(mutex_);
  members_[incarnation] = std::move(one);
}

std::shared_ptr<exchange> exchange_neighbours::find(const std::string& incarnation) const {
  const std::lock_guard lock(mutex_);
  const auto found = members_.find(incarnation);
  return found == members_.end() ? nullptr : found->second.lock();
}

void exchange_neighbours::leave(const std::string& incarnation) {
  const std::lock_guard lock(mutex_);
  members_.erase(incarnation);
}

result<std::shared_ptr<exchange>> exchange::start(exchange_config config, env& environment) {
  std::shared_ptr<exchange> made(new exchange(std::move(config)));
  if (made->config_.listen) {
    FLOTT_ASSIGN(made->network_, tcp_endpoint::start(made->config_, environment, made->outputs_));
  }
  if (made->config_.neighbours)
    made->config_.neighbours->join(made->config_.incarnation, made);
  return made;
}

exchange::~exchange() { stop(); }

std::uint16_t exchange::port() const { return network_ ? network_->port() : 0; }

exchange_counters exchange::counters() const { return network_ ? network_->counters() : exchange_counters{}; }

exchange::ticket exchange::open(const location& where, const channel_key& key, on_open done) {
  if (where.incarnation == config_.incarnation)
    return {outputs_.open(key, std::chrono::steady_clock::now() + config_.open_timeout, std::move(done)), 0};
  if (config_.neighbours)
    if (const auto there = config_.neighbours->find(where.incarnation)) {
      there->outputs_.open(key, std::chrono::steady_clock::now() + config_.open_timeout, std::move(done));
      return {};
    }
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
