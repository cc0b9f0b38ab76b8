#pragma once

#include "actors/wire/messages.hpp"

#include <deque>
#include <map>
#include <set>
#include <string>

namespace flott {

/// Why a message between nodes was refused; the numbers travel and are never reused.
enum class refusal : std::uint8_t {
  none = 0,
  no_permission_named = 1,   ///< its type names no permission
  no_sender = 2,             ///< no header, or no incarnation in it
  stale_incarnation = 3,     ///< of a life that was declared dead
  unknown_incarnation = 4,   ///< of a life that never registered
  expired = 5,               ///< its deadline has passed
};

const char* to_string(refusal reason);
caf::error make_error(refusal reason, const std::string& message_type);

/// The one check that every message between processes passes before a handler sees it. The dispatcher knows its nodes and
/// lets only those in; the nodes take what the cluster's members send, but nothing of a dispatcher that
/// has been replaced.
///
/// Guarantees: nothing of a fenced incarnation gets through again, however late it comes.
class envelope_guard {
 public:
  /// The sender has registered; it may speak, unless its incarnation has been fenced. False: fenced.
  bool admit(const std::string& incarnation);
  /// The sender was declared dead.
  void fence(const std::string& incarnation);

  /// A node's dispatcher is this life from now on; the one before is fenced.
  void led_by(const std::string& incarnation);

  template <class Message>
  [[nodiscard]] refusal check(const Message& message, std::int64_t now_unix_ms, bool must_be_registered = true) {
    const auto permission = Message::descriptor()->options().GetExtension(msg::permission);
    return count(check(message.header(), permission, now_unix_ms, must_be_registered));
  }

  /// The error that answers a message which `self` may not handle; it is in the log and among the dead letters. None where
  /// it may.
  template <class Message>
  [[nodiscard]] caf::error refuse(caf::scheduled_actor* self, const Message& message, std::int64_t now_unix_ms,
                                  bool must_be_registered) {
    const auto reason = check(message, now_unix_ms, must_be_registered);
    return reason == refusal::none ? caf::error{} : refused(self, reason, message.header(), Message::descriptor()->name());
  }

  [[nodiscard]] const std::map<refusal, std::uint64_t>& refused() const { return refused_; }

 private:
  refusal check(const msg::Header& header, msg::Permission permission, std::int64_t now_unix_ms,
                bool must_be_registered) const;
  refusal count(refusal reason);
  static caf::error refused(caf::scheduled_actor* self, refusal reason, const msg::Header& header,
                            const std::string& message_type);

  std::string leader_;
  std::set<std::string> admitted_;
  std::set<std::string> fenced_;
  std::deque<std::string> fenced_order_;            ///< bounds fenced_
  std::map<refusal, std::uint64_t> refused_;
};

/// A node's handler of a message from another process: `handle` sees it if its envelope allows.
template <class Reply, class Self, class Message, class Handler>
caf::result<Reply> checked(Self self, const Message& message, Handler handle) {
  auto& state = self->state;
  if (auto refused = state.guard.refuse(self, message, state.config.environment->now_unix_ms(), false))
    return refused;
  return handle(self, message);
}

}  // namespace flott
