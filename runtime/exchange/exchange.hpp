#pragma once

#include "runtime/base/result.hpp"
#include "runtime/exchange/channel.hpp"
#include "runtime/exchange/channel_key.hpp"
#include "runtime/exchange/output_registry.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace flott {

class env;
class memory_budget;
class tcp_endpoint;

class exchange;

/// The network's deterministic twin: exchanges of one process that reach each other by incarnation, channels being
/// handed over as within one of them. For simulations of several TaskManagers. Any thread.
class exchange_neighbours {
 public:
  void join(const std::string& incarnation, std::weak_ptr<exchange> one);
  /// Null when it is gone.
  [[nodiscard]] std::shared_ptr<exchange> find(const std::string& incarnation) const;
  /// From now on nobody reaches it: its process is dead.
  void leave(const std::string& incarnation);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::weak_ptr<exchange>> members_;
};

struct exchange_config {
  bool listen = true;
  std::string bind_host = "127.0.0.1";
  std::uint16_t port_low = 0, port_high = 0;
  std::string incarnation;                            ///< this process's, hex32
  std::string secret;
  std::shared_ptr<exchange_neighbours> neighbours;    ///< null: other processes are reached by TCP
  std::uint64_t channel_bytes = 1ULL << 20;
  std::chrono::milliseconds open_timeout{10'000};
  std::chrono::milliseconds connect_timeout{3'000};
  std::shared_ptr<memory_budget> budget;              ///< of what is received and not yet read
  std::function<void(std::function<void()>)> run_blocking;   ///< runs name look-ups and dialling
};

/// What the network side has counted.
struct exchange_counters {
  std::uint64_t accepted = 0, dialled = 0, refused = 0, lost = 0;   ///< connections
  std::uint64_t bytes_sent = 0, bytes_received = 0;
};

/// Brings channels of producers, in this process or another, to their consumers. Any thread.
class exchange {
 public:
  struct location {
    std::string incarnation, host;
    std::uint16_t port = 0;
  };
  /// A wait that may be given up.
  struct ticket {
    output_registry::ticket local = 0;
    std::uint64_t remote = 0;
  };
  using on_open = output_registry::on_open;

  /// Listens, if it shall. Error: no port of the range is free.
  static result<std::shared_ptr<exchange>> start(exchange_config config, env& environment);
  ~exchange();

  /// 0 when it does not listen.
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] exchange_counters counters() const;

  void add_output(const channel_key& key, std::shared_ptr<channel> output) { outputs_.add(key, std::move(output)); }
  void remove_output(const channel_key& key) { outputs_.remove(key); }

  /// Brings the channel `key` of a producer at `where`; in process if that is here. `done` is called once, on any
  /// thread, possibly within this call. Errors are transient and name the producer or the peer.
  ticket open(const location& where, const channel_key& key, on_open done);
  void forget(ticket waiting);

  /// Closes all connections and ends the network's thread.
  void stop();

 private:
  explicit exchange(exchange_config config) : config_(std::move(config)) {}

  exchange_config config_;
  output_registry outputs_;
  std::shared_ptr<tcp_endpoint> network_;     ///< null: in process only
};

}  // namespace flott
