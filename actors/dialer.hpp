#pragma once

#include "actors/interfaces.hpp"

#include <caf/io/middleman_actor.hpp>

#include <chrono>
#include <map>
#include <mutex>

namespace flott {

/// Gateways of an embedded cluster by name: what the network is to real nodes. Threads: any.
class local_directory {
 public:
  void publish(const std::string& name, caf::strong_actor_ptr gateway);
  void withdraw(const std::string& name);
  [[nodiscard]] caf::strong_actor_ptr find(const std::string& name) const;
  /// Forgets all handles, so that the actor system can end.
  void clear();

 private:
  mutable std::mutex mutex_;
  std::map<std::string, caf::strong_actor_ptr> gateways_;
};

/// How an address names a gateway of the embedded cluster: the host is this prefix and the gateway's name.
inline constexpr std::string_view local_address_prefix = "local:";

/// The address of the gateway that is published under `name`.
[[nodiscard]] std::string local_address(std::string_view name);

struct dialer_config {
  std::shared_ptr<local_directory> local;          ///< may be null
  caf::io::middleman_actor connector;              ///< may be null: no network
  std::chrono::milliseconds timeout{3000};
};

/// A connection to `where` closed: asks DIALER whether that is a death (nobody listens there any more), in which case
/// `gone` is called; otherwise only the wire broke, and `alive` is called where the caller wants to know.
template <class Self, class Gone, class Alive>
void after_closed_connection(Self self, const dialer_actor& dial, std::chrono::milliseconds limit,
                             const msg::Address& where, Gone gone, Alive alive) {
  self->request(dial, limit, atom::probe_v, where.host(), static_cast<std::uint16_t>(where.port()))
    .then(
      [gone = std::move(gone), alive = std::move(alive)](bool may_live) {
        if (may_live)
          alive();
        else
          gone("its connection closed, and nobody listens there any more");
      },
      [](const caf::error&) {});                      // silence decides
}

/// DIALER turns an address into the handle of the gateway published there.
///
/// Lives  one per process.
/// Hears  dial from everyone in the process who needs a peer; probe from those whose peer's connection closed.
/// Keeps  nothing: CAF keeps one connection per peer, and a handle dies with its connection.
dialer_actor::behavior_type dialer(dialer_actor::pointer self, dialer_config config);

}  // namespace flott
