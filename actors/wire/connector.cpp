#include "actors/wire/connector.hpp"

#include "runtime/base/log.hpp"
#include "runtime/base/socket.hpp"
#include "runtime/security/handshake.hpp"

#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman_actor_impl.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/doorman_impl.hpp>

#include <atomic>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace flott {
namespace {

namespace net = caf::io::network;

/// At most this many callers may be proving themselves at a time; more are turned away.
constexpr int max_pending_handshakes = 64;

/// A doorman that lets a connection in only after it has proven that it holds the secret. Each proof runs on a short
/// thread of its own, so that a silent caller costs nobody anything; the multiplexer's thread never waits.
class guarded_doorman final : public net::doorman_impl {
 public:
  guarded_doorman(net::default_multiplexer& multiplexer, net::native_socket socket, connector_config config)
      : doorman_impl(multiplexer, socket), config_(std::move(config)) {}

  bool new_connection() override {
    const int fd = acceptor_.accepted_socket();
    if (pending_->fetch_add(1) >= max_pending_handshakes) {
      --*pending_;
      ::close(fd);
      log::warn("connection turned away", {{"reason", "too many callers are proving themselves"}});
      return true;
    }
    caf::intrusive_ptr<guarded_doorman> self{this};
    std::thread([self, fd, config = config_, pending = pending_] {
      const auto deadline = std::chrono::steady_clock::now() + config.handshake_timeout;
      auto proven = server_handshake(fd, config.secret, handshake_purpose::rpc, deadline, *config.environment,
                                     "RPC caller " + peer_of(fd));
      --*pending;
      if (!proven) {
        log::warn("connection refused", {{"reason", proven.error().to_string()}});
        ::close(fd);
        return;
      }
      self->acceptor_.backend().post([self, fd] { self->admit(fd); });
    }).detach();
    return true;
  }

 private:
  void admit(int fd) {
    if (parent() == nullptr) {                      // the broker has gone meanwhile
      ::close(fd);
      return;
    }
    tune_tcp(fd);
    auto& multiplexer = acceptor_.backend();
    auto scribe = multiplexer.new_scribe(fd);
    const auto handle = scribe->hdl();
    parent()->add_scribe(std::move(scribe));
    doorman::new_connection(&multiplexer, handle);
  }

  connector_config config_;
  std::shared_ptr<std::atomic<int>> pending_ = std::make_shared<std::atomic<int>>(0);
};

class connector_impl final : public caf::io::middleman_actor_impl {
 public:
  connector_impl(caf::actor_config& base, caf::actor broker, connector_config config)
      : middleman_actor_impl(base, std::move(broker)), config_(std::move(config)) {}

  const char* name() const override { return "connector"; }

 protected:
  caf::expected<caf::io::scribe_ptr> connect(const std::string& host, std::uint16_t port) override {
    const auto now = std::chrono::steady_clock::now();
    auto fd = dial_tcp(host, port, now + config_.dial_timeout);
    if (!fd)
      return caf::make_error(caf::sec::cannot_connect_to_node, fd.error().to_string());
    auto proven = client_handshake(*fd, config_.secret, handshake_purpose::rpc, now + 2 * config_.dial_timeout,
                                   *config_.environment, host + ":" + std::to_string(port));
    if (!proven) {
      ::close(*fd);
      return caf::make_error(caf::sec::cannot_connect_to_node, proven.error().to_string());
    }
    tune_tcp(*fd);
    return system().middleman().backend().new_scribe(*fd);
  }

  caf::expected<caf::io::doorman_ptr> open(std::uint16_t, const char*, bool) override {
    const int fd = ::fcntl(config_.listener, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
      return caf::make_error(caf::sec::cannot_open_port, "this process does not listen");
    auto& multiplexer = static_cast<net::default_multiplexer&>(system().middleman().backend());
    return caf::io::doorman_ptr{caf::make_counted<guarded_doorman>(multiplexer, fd, config_)};
  }

 private:
  connector_config config_;
};

}  // namespace

caf::io::middleman_actor spawn_connector(caf::actor_system& system, connector_config config) {
  auto broker = system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
  return caf::actor_cast<caf::io::middleman_actor>(
    system.spawn<connector_impl, caf::detached>(std::move(broker), std::move(config)));
}

}  // namespace flott
