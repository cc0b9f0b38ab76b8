#pragma once

/// Actors as supervisors like them: with vitals that anybody reads, a bounded mailbox, and nothing lost silently.

#include "actors/exit_reason.hpp"
#include "actors/supervisor/vitals.hpp"
#include "runtime/base/log.hpp"

#include <caf/all.hpp>

#include <exception>
#include <type_traits>
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
/// An answer that came after its request had been given up, unless it is the timeout itself.
void note_late_answer(const actor_vitals& vitals, const caf::mailbox_element& x);
/// The destructor of an actor's state let an exception through.
void report_throwing_end(const actor_vitals& vitals, const std::exception_ptr& what);
/// Which supervised actor the thread runs. (A second base class would tell as well, but CAF asks for the dynamic type of each
/// actor that it runs, and that takes longer the more bases there are.)
class at_work {
 public:
  explicit at_work(const actor_vitals& one) noexcept;
  ~at_work();
  at_work(const at_work&) = delete;
  at_work& operator=(const at_work&) = delete;

 private:
  const actor_vitals** const place_;
  const actor_vitals* const before_;
};

/// Lets the actor handle up to `most` messages, as `scheduled_actor::resume` does, but asks no clock for streams that it has not
/// and keeps no log of CAF's: what supervision costs is more than saved. Requires: no streams. When it gives the actor free for
/// the next message, and another thread, its vitals are at rest.
[[nodiscard]] caf::resumable::resume_result run(caf::scheduled_actor* self, actor_vitals& vitals, caf::execution_unit* host,
                                                std::size_t most);
/// Answers a request that will not be handled.
void bounce(const caf::mailbox_element& x, caf::error why);

}  // namespace detail

/// For a handler that throws its message away: counts it as a dead letter. Does nothing for an actor that is not supervised.
void discard(caf::scheduled_actor* self, supervision::loss why);

/// `Base` under supervision. A user's actor functions and classes need not know of it: they are written for `Base`.
///
/// Every message passes `enqueue` (on its sender's thread) and `consume` (on the actor's). Neither takes a lock.
template <class Base>
class supervised : public Base {
 public:
  template <class... Arguments>
  supervised(caf::actor_config& config, actor_vitals_ptr vitals, Arguments&&... arguments)
      : Base(config, std::forward<Arguments>(arguments)...),
        vitals_(std::move(vitals)),
        bounded_(vitals_->bounded()),
        sized_(vitals_->sized()),
        intercepted_(vitals_->intercepts() != nullptr) {
    this->set_exception_handler([v = vitals_.get()](std::exception_ptr& thrown) { return to_error(thrown, v->id().c_str()); });
    this->set_default_handler([v = vitals_.get()](caf::scheduled_actor* self, caf::message_view& x) {
      return detail::count_unhandled(*v, self, x);
    });
    this->set_error_handler([v = vitals_.get()](caf::scheduled_actor* self, caf::error& err) {
      detail::count_stray_error(*v, self, err);
    });
  }

  void initialize() override {
    if (intercepted_)
      (*vitals_->intercepts())(nullptr);
    Base::initialize();
    if (this->alive())
      vitals_->initialized();
    else
      finish();
  }

  void enqueue(caf::mailbox_element_ptr x, caf::execution_unit* host) override {
    auto& v = *vitals_;
    if ((v.fenced() || fences::hold(x->sender)) && !is_system_message(x->content()))
      return lose(std::move(x), supervision::loss::stale, caf::sec::request_receiver_down);
    if (this->getf(caf::abstract_actor::is_terminated_flag))
      return lose(std::move(x), supervision::loss::receiver_ended, caf::sec::request_receiver_down);
    const auto bytes = sized_ ? v.size_of(x->content()) : 0;
    if (bounded_ && !v.admit(*x, bytes))
      return lose(std::move(x), supervision::loss::mailbox_full, detail::mailbox_full_error(v));
    v.came(bytes, this->mailbox().blocked());
    Base::enqueue(std::move(x), host);
  }

  caf::invoke_message_result consume(caf::mailbox_element& x) override {
    auto& v = *vitals_;
    const auto& content = x.content();
    const auto bytes = sized_ ? v.size_of(content) : 0;
    v.begins(content, bytes);
    if (bounded_ && v.takes_from_debt(x))
      return drop(x, supervision::loss::mailbox_full, detail::mailbox_full_error(v));
    if (v.given_up() && !is_system_message(content)) [[unlikely]]     // what it held has been released
      return drop(x, supervision::loss::stale, caf::sec::request_receiver_down);
    if (intercepted_) [[unlikely]] {
      this->current_element_ = &x;                 // what CAF answers when this throws
      (*v.intercepts())(&content);
    }
    const auto outcome = Base::consume(x);
    v.ends();
    if (outcome == caf::invoke_message_result::skipped)
      v.postponed(bytes);
    else if (outcome == caf::invoke_message_result::dropped)
      detail::note_late_answer(v, x);
    else if (!this->alive())
      finish();
    return outcome;
  }

  caf::resumable::resume_result resume(caf::execution_unit* host, std::size_t most) override {
    auto& v = *vitals_;
    const detail::at_work mark{v};
    v.awake();
    auto outcome = caf::resumable::done;
    try {
      outcome = v.own_log_level() ? resume_with_level(host, most) : run(host, most);
    } catch (...) {                                  // the state's destructor, after the actor failed: CAF gave up in the middle
      detail::report_throwing_end(v, std::current_exception());
      finish(std::false_type{});
    }
    if (outcome != caf::resumable::awaiting_message)   // else another thread may run it already
      v.asleep();
    return outcome;
  }

  void on_destroy() override {
    if (!this->getf(caf::abstract_actor::is_cleaned_up_flag)) {
      end_state();
      this->cleanup(caf::exit_reason::unreachable, nullptr);
    }
    Base::on_destroy();
  }

  bool cleanup(caf::error&& why, caf::execution_unit* host) override {
    vitals_->asleep();                               // before anybody hears of its end
    if (vitals_->given_up())
      fences::lower(this->ctrl());
    const auto left = vitals_->waiting();
    const bool first = Base::cleanup(std::move(why), host);
    if (first && left > 0 && vitals_->lost() != nullptr)
      vitals_->lost()->add(supervision::loss::receiver_ended, left, [&] {
        return supervision::dead_letter{{}, {}, vitals_->path(), 0, left};
      });
    return first;
  }

 private:
  /// What CAF does when an actor has no behaviour left, except that a state whose destructor throws takes nobody along.
  template <class WithState = std::true_type>
  void finish(WithState = {}) {
    if (this->getf(caf::abstract_actor::is_cleaned_up_flag))
      return;
    if constexpr (WithState::value)
      end_state();
    this->bhvr_stack_.cleanup();
    this->cleanup(std::move(this->fail_state_), this->context());
  }
  void end_state() {
    try {
      this->on_exit();
    } catch (...) {
      detail::report_throwing_end(*vitals_, std::current_exception());
    }
  }
  caf::resumable::resume_result resume_with_level(caf::execution_unit* host, std::size_t most) {
    const log::scoped_level level{vitals_->log_level()};
    return run(host, most);
  }
  caf::resumable::resume_result run(caf::execution_unit* host, std::size_t most) {
    using plain = caf::resumable::resume_result (caf::scheduled_actor::*)(caf::execution_unit*, std::size_t);
    if constexpr (std::is_same_v<decltype(&Base::resume), plain>)     // it does nothing of its own
      if (this->stream_managers().empty())
        return detail::run(this, *vitals_, host, most);
    const auto outcome = Base::resume(host, most);
    if (outcome == caf::resumable::awaiting_message)
      vitals_->rests();
    return outcome;
  }
  caf::invoke_message_result drop(caf::mailbox_element& x, supervision::loss why, caf::error answer) {
    vitals_->ends();
    detail::note_loss(*vitals_, why, x.content(), x.sender);
    detail::bounce(x, std::move(answer));
    return caf::invoke_message_result::consumed;
  }
  void lose(caf::mailbox_element_ptr x, supervision::loss why, caf::error answer) {
    detail::note_loss(*vitals_, why, x->content(), x->sender);
    detail::bounce(*x, std::move(answer));
  }

  const actor_vitals_ptr vitals_;
  const bool bounded_, sized_, intercepted_;         // beside the pointer, for their cache line
};

}  // namespace flott
