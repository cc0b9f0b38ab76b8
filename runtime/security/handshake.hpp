#pragma once

#include "runtime/base/env.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace flott {

/// What a connection is for; a proof for one purpose is worth nothing for another.
enum class handshake_purpose : std::uint8_t { rpc = 1, data = 2 };

/// Protocol versions this build speaks on either kind of connection.
inline constexpr std::uint8_t handshake_version_min = 1, handshake_version_max = 1;

/// Mutual proof that both ends hold the cluster's secret, before any other byte is looked at:
///
///     client                                             server
///       | HELLO      "FLOTT1" purpose vmin vmax nonce_c ->|   41 bytes
///       |<- CHALLENGE "FLOTT1" status version nonce_s     |   40 bytes
///       | PROOF      HMAC("client", all of the above)   ->|   32 bytes
///       |<- WELCOME  status HMAC("server", all so far)    |   33 bytes
///
/// HMAC-SHA256 (RFC 2104) under the secret, over a role name and everything said so far, both nonces included: a
/// recorded proof fits no other connection, and an echoed one has the wrong role. The server's status says why it
/// refuses. Pure: bytes in, bytes out; one instance a connection, one thread.
class handshake {
 public:
  enum class role : std::uint8_t { client, server };
  enum class state : std::uint8_t { running, accepted, refused };
  using nonce = std::array<std::byte, 32>;

  handshake(role me, std::string_view secret, handshake_purpose purpose, const nonce& mine);

  /// What a client sends first; empty for a server.
  [[nodiscard]] std::string start();
  /// How many more bytes are needed before anything can happen; 0 when not running. Reading no more than this leaves
  /// all that follows the handshake in the socket.
  [[nodiscard]] std::size_t wanted() const;
  /// Takes at most `wanted()` bytes of `input` and returns how many; appends what must be sent to `output`, also when
  /// the outcome is a refusal (so that the peer hears why).
  std::size_t feed(std::string_view input, std::string& output);

  [[nodiscard]] state outcome() const { return state_; }
  /// Why it was refused; a sentence.
  [[nodiscard]] const std::string& reason() const { return reason_; }
  /// The agreed protocol version, once accepted.
  [[nodiscard]] std::uint8_t version() const { return version_; }

 private:
  void hear_hello(std::string& output);
  void hear_challenge(std::string& output);
  void hear_proof(std::string& output);
  void hear_welcome();
  void refuse(std::string reason);
  [[nodiscard]] std::string mac(std::string_view role_name) const;

  role role_;
  state state_ = state::running;
  handshake_purpose purpose_;
  std::uint8_t version_ = 0;
  std::uint8_t step_ = 0;
  std::string secret_;
  nonce nonce_;
  std::string transcript_;   ///< every byte said, in order
  std::string partial_;      ///< of the message being received
  std::string reason_;
};

/// Runs the handshake on a connected stream socket, blocking or not, until `deadline` at the latest; leaves the
/// socket's flags as they are and closes nothing. Returns the agreed version. Errors: refused (permanent), or the
/// peer vanished, was silent or the deadline passed (transient). `peer` names the other end in messages.
[[nodiscard]] result<std::uint8_t> client_handshake(int socket, std::string_view secret, handshake_purpose purpose,
                                                    std::chrono::steady_clock::time_point deadline, env& environment,
                                                    std::string_view peer);
[[nodiscard]] result<std::uint8_t> server_handshake(int socket, std::string_view secret, handshake_purpose purpose,
                                                    std::chrono::steady_clock::time_point deadline, env& environment,
                                                    std::string_view peer);

}  // namespace flott
