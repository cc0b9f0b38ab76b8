#pragma once

/// Actors as supervisors like them: with vitals that anybody reads, a bounded mailbox, and nothing lost silently.

#include "actors/exit_reason.hpp"
#include "actors/supervisor/vitals.hpp"
#include "runtime/base/log.hpp"

#include <caf/all.hpp>

#include <utility>

namespace flott {

namespace detail {

/// The error that answers a request which a mailbox refused.
[[nodiscard]] caf::error mailbox_full_error(const actor_vitals& vitals);
/// What a supervised actor does with a message that it has no handler for: it is counted, and only whoever asked hears.
[[nodiscard]] caf::result<caf::message> count_unhandled(const actor_vitals& vitals, caf::scheduled_actor* self,
                                                        caf::message_view& x);
/// What it does with an error that answers nothing: an actor is not ended by what a stranger could not handle.
void count_stray_error(const actor_vitals& vitals, caf::scheduled_actor* self, caf::error& err);
void note_loss(const actor_vitals& vitals, supervision::loss why, const caf::type_erased_tuple& content,
               const caf::strong_actor_ptr& sender);
/// Answers a request that will not be handled.
void bounce(const caf::mailbox_element& x, caf::error why);

}  // namespace detail

/// `Base` under supervision. A user's actor functions and classes need not know of it: they are written for `Base`.
///
/// Every message passes `enqueue` (on its sender's thread) and `consume` (on the actor's). Neither takes a lock.
template <class Base>
class supervised : public Base {
 public:
  template <class... Arguments>
  supervised(caf::actor_config& config, actor_vitals_ptr vitals, Arguments&&... arguments)
      : Base(config, std::forward<Arguments>(arguments)...), vitals_(std::move(vitals)) {
    keep_exception_text(static_cast<Base*>(this));
    this->set_default_handler([v = vitals_.get()](caf::scheduled_actor* self, caf::message_view& x) {
      return detail::count_unhandled(*v, self, x);
    });
    this->set_error_handler([v = vitals_.get()](caf::scheduled_actor* self, caf::error& err) {
      detail::count_stray_error(*v, self, err);
    });
  }

  void enqueue(caf::mailbox_element_ptr x, caf::execution_unit* host) override {
    auto& v = *vitals_;
    if ((v.fenced() || fences::hold(x->sender)) && !is_system_message(x->content()))
      return lose(std::move(x), supervision::loss::stale, caf::sec::request_receiver_down);
    if (this->getf(caf::abstract_actor::is_terminated_flag))
      return lose(std::move(x), supervision::loss::receiver_ended, caf::sec::request_receiver_down);
    const auto bytes = v.size_of(x->content());
    if (v.limits().bounded() && !v.admit(*x, bytes))
      return lose(std::move(x), supervision::loss::mailbox_full, detail::mailbox_full_error(v));
    v.came(bytes);
    Base::enqueue(std::move(x), host);
  }

  void initialize() override {
    if (vitals_->intercepts())
      vitals_->intercepts()(nullptr);
    Base::initialize();
  }

  caf::invoke_message_result consume(caf::mailbox_element& x) override {
    auto& v = *vitals_;
    const auto bytes = v.size_of(x.content());
    if (v.takes_from_debt(x.content())) {
      v.begins(x.content(), bytes);
      v.ends();
      detail::bounce(x, detail::mailbox_full_error(v));
      detail::note_loss(v, supervision::loss::mailbox_full, x.content(), x.sender);
      return caf::invoke_message_result::consumed;
    }
    v.begins(x.content(), bytes);
    if (v.intercepts()) [[unlikely]] {
      this->current_element_ = &x;                 // what CAF answers when this throws
      v.intercepts()(&x.content());
    }
    const auto outcome = Base::consume(x);
    v.ends();
    if (outcome == caf::invoke_message_result::skipped)
      v.postponed(bytes);
    return outcome;
  }

  caf::resumable::resume_result resume(caf::execution_unit* host, std::size_t most) override {
    auto& v = *vitals_;
    v.awake();
    const auto outcome = v.own_log_level() ? resume_with_level(host, most) : Base::resume(host, most);
    v.asleep();
    return outcome;
  }

  bool cleanup(caf::error&& why, caf::execution_unit* host) override {
    const auto left = vitals_->waiting();
    const bool first = Base::cleanup(std::move(why), host);
    if (first && left > 0 && vitals_->lost() != nullptr)
      vitals_->lost()->add(supervision::loss::receiver_ended, left, [&] {
        return supervision::dead_letter{{}, {}, vitals_->path(), 0, left};
      });
    return first;
  }

 private:
  caf::resumable::resume_result resume_with_level(caf::execution_unit* host, std::size_t most) {
    const log::scoped_level level{vitals_->log_level()};
    return Base::resume(host, most);
  }
  void lose(caf::mailbox_element_ptr x, supervision::loss why, caf::error answer) {
    detail::note_loss(*vitals_, why, x->content(), x->sender);
    detail::bounce(*x, std::move(answer));
  }

  const actor_vitals_ptr vitals_;
};

}  // namespace flott
