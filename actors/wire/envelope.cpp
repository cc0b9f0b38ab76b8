#include "actors/wire/envelope.hpp"

#include "actors/supervisor/supervised.hpp"
#include "runtime/base/log.hpp"

namespace flott {
namespace {

constexpr std::size_t most_fenced = 4096;

}  // namespace

const char* to_string(refusal reason) {
  switch (reason) {
    case refusal::none: return "accepted";
    case refusal::no_permission_named: return "its type names no permission";
    case refusal::no_sender: return "it names no sender";
    case refusal::stale_incarnation: return "its sender was declared dead";
    case refusal::unknown_incarnation: return "its sender has not registered";
    case refusal::expired: return "its deadline has passed";
  }
  return "refused";
}

caf::error make_error(refusal reason, const std::string& message_type) {
  return caf::make_error(caf::sec::unexpected_message, message_type + " refused: " + to_string(reason));
}

bool envelope_guard::admit(const std::string& incarnation) {
  if (incarnation.empty() || fenced_.count(incarnation) > 0)
    return false;
  admitted_.insert(incarnation);
  return true;
}

void envelope_guard::fence(const std::string& incarnation) {
  admitted_.erase(incarnation);
  if (!fenced_.insert(incarnation).second)
    return;
  fenced_order_.push_back(incarnation);
  if (fenced_order_.size() > most_fenced) {
    fenced_.erase(fenced_order_.front());             // long gone, and unknown as before: it would have to register
    fenced_order_.pop_front();
  }
}

void envelope_guard::led_by(const std::string& incarnation) {
  if (!leader_.empty() && leader_ != incarnation)
    fence(leader_);
  leader_ = incarnation;
}

caf::error envelope_guard::refused(caf::scheduled_actor* self, refusal reason, const msg::Header& header,
                                   const std::string& message_type) {
  discard(self, reason == refusal::stale_incarnation ? supervision::loss::stale
                : reason == refusal::expired         ? supervision::loss::expired
                                                     : supervision::loss::refused);
  log::warn("message refused", {{"type", message_type}, {"reason", to_string(reason)}, {"sender", header.incarnation()}});
  return make_error(reason, message_type);
}

refusal envelope_guard::check(const msg::Header& header, msg::Permission permission, std::int64_t now_unix_ms,
                              bool must_be_registered) const {
  if (permission == msg::PERMISSION_UNSPECIFIED)
    return refusal::no_permission_named;
  if (header.incarnation().empty())
    return refusal::no_sender;
  if (fenced_.count(header.incarnation()) > 0)
    return refusal::stale_incarnation;
  if (must_be_registered && admitted_.count(header.incarnation()) == 0)
    return refusal::unknown_incarnation;
  if (header.deadline_unix_ms() != 0 && header.deadline_unix_ms() < now_unix_ms)
    return refusal::expired;
  return refusal::none;
}

refusal envelope_guard::count(refusal reason) {
  if (reason != refusal::none)
    ++refused_[reason];
  return reason;
}

}  // namespace flott
