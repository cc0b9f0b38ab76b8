#include "actors/supervisor/supervised.hpp"

#include "actors/supervisor.hpp"

namespace flott {
namespace {

thread_local const actor_vitals* working = nullptr;

}  // namespace

void discard(caf::scheduled_actor* self, supervision::loss why) {
  const auto* message = self->current_mailbox_element();
  if (working != nullptr && message != nullptr)
    detail::note_loss(*working, why, message->content(), message->sender);
}

namespace detail {

at_work::at_work(const actor_vitals& one) noexcept : place_(&working), before_(working) { *place_ = &one; }
at_work::~at_work() { *place_ = before_; }

caf::error mailbox_full_error(const actor_vitals& vitals) {
  return make_error(supervisor_error::mailbox_full, "the mailbox of " + vitals.path() + " is full");
}

void note_loss(const actor_vitals& vitals, supervision::loss why, const caf::type_erased_tuple& content,
               const caf::strong_actor_ptr& sender) {
  if (vitals.lost() == nullptr || is_system_message(content))
    return;
  vitals.lost()->add(why, 1, [&] {
    return supervision::dead_letter{why, message_name(content), vitals.path(), sender ? sender->id() : 0, 1};
  });
}

caf::result<caf::message> count_unhandled(const actor_vitals& vitals, caf::scheduled_actor* self, caf::message_view& x) {
  note_loss(vitals, supervision::loss::unhandled, x.content(), self->current_sender());
  if (self->current_message_id().is_request())
    return caf::make_error(caf::sec::unexpected_message, message_name(x.content()));
  return caf::message{};                           // an error would end a sender that has no handler for it
}

void count_stray_error(const actor_vitals& vitals, caf::scheduled_actor* self, caf::error& err) {
  if (self->current_message_id().is_response()) {  // of its own request, for whose failure it has no handler: let it crash
    self->quit(std::move(err));
    return;
  }
  if (vitals.lost() != nullptr)
    vitals.lost()->add(supervision::loss::unhandled, 1, [&] {
      return supervision::dead_letter{supervision::loss::unhandled, "error: " + describe(err), vitals.path(), 0, 1};
    });
}

void note_late_answer(const actor_vitals& vitals, const caf::mailbox_element& x) {
  const auto& content = x.content();
  if (content.match_elements<caf::error>() && content.get_as<caf::error>(0) == caf::sec::request_timeout)
    return;                                        // of a request that was answered in time
  note_loss(vitals, supervision::loss::expired, content, x.sender);
}

void report_throwing_end(const actor_vitals& vitals, const std::exception_ptr& what) {
  log::error("the destructor of an actor's state threw", {{"actor", vitals.path()}, {"what", describe(to_error(what, vitals.path().c_str()))}});
}

caf::resumable::resume_result run(caf::scheduled_actor* self, actor_vitals& vitals, caf::execution_unit* host, std::size_t most) {
  constexpr std::size_t a_round = 3;                 // of CAF's queues
  using caf::resumable;
  if (!self->activate(host))
    return resumable::done;
  std::size_t handled = 0;
  const auto rest = [&] {
    if (handled > 0)
      self->set_receive_timeout();
    const auto now = coarse_ms();
    vitals.asleep(now);
    if (self->mailbox().try_block())
      return true;
    vitals.awake(now);
    return false;
  };
  caf::scheduled_actor::mailbox_visitor visitor{self, handled, most};
  while (handled < most) {
    if (self->mailbox().new_round(a_round, visitor).consumed_items == 0 && rest())
      return resumable::awaiting_message;
    if (self->finalize())
      return resumable::done;
    if (!self->stream_managers().empty()) {          // it has begun one: from now on CAF does it
      if (handled > 0)
        self->set_receive_timeout();
      return resumable::resume_later;
    }
  }
  return rest() ? resumable::awaiting_message : resumable::resume_later;
}

void bounce(const caf::mailbox_element& x, caf::error why) {
  if (x.sender && x.mid.is_request())
    x.sender->enqueue(nullptr, x.mid.response_id(), caf::make_message(std::move(why)), nullptr);
}

}  // namespace detail
}  // namespace flott
