#include "runtime/execution/subtask.hpp"

#include "runtime/base/log.hpp"
#include "runtime/execution/chain_state.hpp"

#include <utility>

namespace flott {
namespace {

using namespace std::chrono_literals;

/// How long an attempt whose neighbour failed or was canceled waits for its own cancellation: the neighbour's report
/// says what happened, and is to be heard first.
constexpr auto hold_time = 1s;

class subtask_waker final : public waker {
 public:
  subtask_waker(std::weak_ptr<runnable> subject, std::shared_ptr<executor> on)
      : subject_(std::move(subject)), executor_(std::move(on)) {}
  void wake() noexcept override {
    if (const auto subject = subject_.lock())
      executor_->wake(subject);
  }

 private:
  std::weak_ptr<runnable> subject_;
  std::shared_ptr<executor> executor_;
};

}  // namespace

subtask::subtask(subtask_setup setup)
    : setup_(std::move(setup)), source_(vertex().inputs.empty()),
      crash_(setup_.facts.job.hex(), setup_.job->graph.vertices(static_cast<int>(setup_.vertex)).id(),
             setup_.facts.subtask, setup_.facts.attempt),
      budget_(setup_.facts.budget), gate_(budget_),
      output_(std::exchange(setup_.outputs, {}), meter_, budget_,
              [this] {
                if (source_ && !std::exchange(first_batch_seen_, true))
                  setup_.observer->on_first_batch();
              },
              !(source_ && vertex().outputs.empty())) {
  for (const auto& input : setup_.inputs)
    gate_.add(input.of_head);
}

subtask::~subtask() = default;

result<void> subtask::build() {
  if (vertex().operators.empty() || vertex().operators.size() != vertex().operator_names.size())
    return internal_failure("vertex " + std::to_string(setup_.vertex), "has no operators");
  channel_waker_ = std::make_shared<subtask_waker>(weak_from_this(), setup_.executor);
  output_.attach(channel_waker_);
  const bool nothing_leaves = source_ && vertex().outputs.empty();
  chain_ = std::make_unique<operator_chain>(vertex(), setup_.facts, static_cast<chain_host&>(*this), output_, crash_, meter_, nothing_leaves);
  const task_context_scope scope(crash_);
  if (!chain_->make())
    return chain_->failed()->error;
  return {};
}

void subtask::start() {
  started_.store(true);
  wake();
}

void subtask::cancel() {
  canceled_.store(true);
  output_.stop();
  wake();
}

void subtask::trigger_checkpoint(std::uint64_t id, std::int64_t unix_ms) {
  if (source_)                               // the others hear of it in band
    post(barrier{id, unix_ms});
}

bool subtask::post(mail item) {
  {
    const std::lock_guard lock(mail_mutex_);
    if (mail_closed_)
      return false;
    mail_.push_back(std::move(item));
    has_mail_.store(true, std::memory_order_release);
  }
  wake();
  return true;
}

void subtask::wake_at(std::chrono::steady_clock::time_point when) {
  setup_.executor->wake_at(weak_from_this(), when);
}

std::function<void()> subtask::waker() {
  return [w = channel_waker_] { w->wake(); };
}

// The operators stay until the work has returned, since it may use them.
void subtask::run_blocking(std::function<void()> work) {
  blocking_.fetch_add(1);
  auto self = std::static_pointer_cast<subtask>(shared_from_this());
  auto guarded = [self = std::move(self), work = std::move(work)]() mutable {
    {
      const task_context_scope scope(self->crash_);
      try {
        work();
      } catch (const failure_exception& e) {
        self->post(blocking_failed{e.error()});
      } catch (const transient_error& e) {
        self->post(blocking_failed{{failure_class::transient, failure_domain::user, "", e.what()}});
      } catch (const std::bad_alloc&) {
        self->post(blocking_failed{resource_failure("", "ran out of memory")});
      } catch (const std::exception& e) {
        self->post(blocking_failed{user_failure("", e.what())});
      } catch (...) {
        self->post(blocking_failed{user_failure("", "threw something that is no std::exception")});
      }
      work = nullptr;
    }
    self->blocking_.fetch_sub(1);
    self->wake();
  };
  try {
    setup_.executor->run_blocking(std::move(guarded));
  } catch (...) {                                     // no thread for it: it will not run
    blocking_.fetch_sub(1);
    throw;
  }
}

runnable::next subtask::run(const slice& limits) {
  if (phase_ == phase::ended)
    return next::idle;
  const task_context_scope scope(crash_);
  meter_.change(task_meter::activity::busy, setup_.executor->now());
  if (head_waits_) {
    head_waits_ = false;
    ahead_ = true;
  }
  waiting_for_ = task_meter::activity::busy;
  const auto said = guarded_step(limits);
  meter_.leave_call();
  if (phase_ != phase::ended)
    meter_.change(said == next::again ? task_meter::activity::busy : waiting_for_, setup_.executor->now());
  return said;
}

/// User code is caught by the chain; what is left is memory, and batches that cannot be sent.
runnable::next subtask::guarded_step(const slice& limits) {
  try {
    return step(limits);
  } catch (const failure_exception& e) {
    return fail(e.error(), {});
  } catch (const std::bad_alloc&) {
    return fail(resource_failure(name(), "ran out of memory"), {});
  } catch (const std::exception& e) {
    return fail(internal_failure(name(), "an unexpected exception", e.what()), {});
  }
}

runnable::next subtask::step(const slice& limits) {
  if (phase_ == phase::ending)
    return blocking_.load() == 0 ? release() : wait(task_meter::activity::idle);
  if (const auto over = read_mail())
    return *over;
  switch (phase_) {
    case phase::created: return started_.load() ? open() : wait(task_meter::activity::none);
    case phase::connecting: return connect();
    case phase::running: return work(limits);
    case phase::draining: return drain();
    case phase::held: return broken(channel_break(*held_));
    case phase::ending:
    case phase::ended: break;
  }
  return next::idle;
}

std::string subtask::name() const {
  return setup_.job->graph.vertices(static_cast<int>(setup_.vertex)).name() + " (" +
         std::to_string(setup_.facts.subtask + 1) + "/" + std::to_string(setup_.facts.parallelism) + ")";
}

runnable::next subtask::wait(task_meter::activity why) {
  waiting_for_ = why;
  return next::idle;
}

/// What is to be said to the executor if the attempt has come to its end.
std::optional<runnable::next> subtask::read_mail() {
  if (canceled_.load(std::memory_order_acquire))
    return end(msg::TASK_STATE_CANCELED);
  if (!has_mail_.load(std::memory_order_acquire))
    return std::nullopt;
  std::vector<mail> items;
  {
    const std::lock_guard lock(mail_mutex_);
    items.swap(mail_);
    has_mail_.store(false, std::memory_order_relaxed);
  }
  for (auto& item : items) {
    if (auto* opened = std::get_if<channel_opened>(&item)) {
      if (!opened->source.ok())
        return fail(std::move(opened->source).error(), {});
      auto source = std::move(opened->source).value();
      source->attach_consumer(channel_waker_);
      gate_.connect(opened->number, std::move(source));
      ++connected_;
    } else if (const auto* b = std::get_if<barrier>(&item)) {
      if (phase_ == phase::running)
        checkpoint(*b);
    } else if (auto* failed = std::get_if<blocking_failed>(&item)) {
      chain_->fail(std::move(failed->error));
    }
  }
  if (const auto& failed = chain_->failed())
    return fail(failed->error, failed->operator_name);
  return std::nullopt;
}

runnable::next subtask::open() {
  setup_.observer->on_state(msg::TASK_STATE_INITIALIZING);
  bool ready = chain_->open();
  if (ready && !setup_.restored_state.empty()) {
    auto states = decode_chain_state(setup_.restored_state);
    if (!states.ok())
      return fail(std::move(states).error(), {});
    ready = chain_->restore(*states);
  }
  if (!ready)
    return fail(chain_->failed()->error, chain_->failed()->operator_name);
  phase_ = phase::connecting;
  // The exchange bounds the wait; this is for a peer that takes the request and never answers.
  deadline_ = setup_.executor->now() + setup_.open_timeout + 5s;
  const std::weak_ptr<runnable> weak = weak_from_this();
  for (std::size_t i = 0; i < setup_.inputs.size(); ++i) {
    const auto& input = setup_.inputs[i];
    const auto hear = [weak, i](result<std::shared_ptr<channel>> source) {
      const auto self = std::static_pointer_cast<subtask>(weak.lock());
      auto kept = source.ok() ? *source : nullptr;
      if ((!self || !self->post(channel_opened{i, std::move(source)})) && kept)
        kept->break_consumer({true, transient_failure("consumer", "has ended")});
    };
    opening_.push_back(setup_.exchange->open(input.producer, input.key, hear));
  }
  if (!setup_.inputs.empty())
    wake_at(deadline_);
  return next::again;
}

runnable::next subtask::connect() {
  if (connected_ < setup_.inputs.size()) {
    if (setup_.executor->now() >= deadline_)
      return fail(transient_failure("inputs", std::to_string(setup_.inputs.size() - connected_) + " of " +
                                                  std::to_string(setup_.inputs.size()) + " could not be connected in time"),
                  {});
    return wait(task_meter::activity::idle);
  }
  opening_.clear();
  phase_ = phase::running;
  ahead_ = source_;
  setup_.observer->on_state(msg::TASK_STATE_RUNNING);
  return next::again;
}

runnable::next subtask::work(const slice& limits) {
  for (std::uint32_t steps = 0;; ++steps) {
    if (has_mail_.load(std::memory_order_relaxed) || canceled_.load(std::memory_order_relaxed))
      if (const auto over = read_mail())
        return *over;
    const auto now = setup_.executor->now();
    if (now >= limits.deadline || steps >= limits.steps) {
      output_.flush_starving(now, setup_.buffer_timeout);
      return next::again;
    }
    if (const auto* why = output_.broken())
      return broken(*why);
    if (output_.full()) {
      output_.flush();
      return wait(task_meter::activity::backpressured);
    }
    meter_.enter_call(now);
    const auto done = work_once();
    meter_.leave_call();
    if (const auto& failed = chain_->failed())
      return fail(failed->error, failed->operator_name);
    if (held_)
      return broken(channel_break(*held_));
    if (done == piece::waiting) {
      output_.flush();
      return wait(task_meter::activity::idle);
    }
    if (done == piece::finished)
      return finish();
  }
}

subtask::piece subtask::work_once() {
  if (ahead_)
    return advance();
  return handle(gate_.next());
}

subtask::piece subtask::advance() {
  const auto said = chain_->advance();
  ahead_ = said == progress::more;
  head_waits_ = said == progress::waiting;
  if (source_)
    return said == progress::more ? piece::worked : said == progress::waiting ? piece::waiting : piece::finished;
  return said == progress::more ? piece::worked : handle(gate_.next());
}

subtask::piece subtask::handle(input_gate::event event) {
  struct visitor {
    subtask& self;
    piece operator()(input_gate::nothing) const { return piece::waiting; }
    piece operator()(input_gate::all_ended) const { return self.head_waits_ ? piece::waiting : piece::finished; }
    piece operator()(input_gate::input_batch& b) const {
      if (!std::exchange(self.first_batch_seen_, true))
        self.setup_.observer->on_first_batch();
      self.meter_.count_in(b.batch.rows(), b.batch.bytes());
      self.chain_->process(b.input, std::move(b.batch));
      self.ahead_ = true;
      return piece::worked;
    }
    piece operator()(watermark mark) const {
      self.chain_->process_watermark(mark);
      return piece::worked;
    }
    piece operator()(stream_status status) const {
      self.output_.emit(status);
      return piece::worked;
    }
    piece operator()(barrier b) const {
      self.checkpoint(b);
      return piece::worked;
    }
    piece operator()(latency_marker marker) const {
      self.output_.emit(marker);
      return piece::worked;
    }
    piece operator()(input_gate::broke& b) const {
      self.held_ = std::move(b.why);
      return piece::waiting;
    }
    piece operator()(input_gate::unreadable& u) const {
      self.chain_->fail(std::move(u.error));
      return piece::waiting;
    }
  };
  return std::visit(visitor{*this}, event);
}

void subtask::checkpoint(barrier b) {
  std::vector<std::string> states;
  if (!chain_->snapshot(states))
    return;
  output_.emit(b);
  setup_.observer->on_snapshot(b.id, encode_chain_state(states));
}

runnable::next subtask::finish() {
  if (chain_->finish() && chain_->prepare_commit(outcome_.committables))
    chain_->take_collected(outcome_.collected);
  if (const auto& failed = chain_->failed())
    return fail(failed->error, failed->operator_name);
  output_.finish();
  phase_ = phase::draining;
  return next::again;
}

runnable::next subtask::drain() {
  if (output_.drained())
    return end(msg::TASK_STATE_FINISHED);
  if (const auto* why = output_.broken())
    return broken(*why);
  return wait(task_meter::activity::backpressured);
}

runnable::next subtask::broken(const channel_break& why) {
  if (!why.reported_elsewhere)
    return fail(why.error, {});
  const auto now = setup_.executor->now();
  if (phase_ != phase::held) {
    held_ = why;
    phase_ = phase::held;
    deadline_ = now + hold_time;
    wake_at(deadline_);
  } else if (now >= deadline_) {
    auto error = held_->error;
    error.cls = failure_class::transient;
    return fail(std::move(error), {});
  }
  return wait(task_meter::activity::idle);
}

runnable::next subtask::fail(failure error, std::string operator_name) {
  outcome_.error = std::move(error);
  outcome_.operator_name = std::move(operator_name);
  return end(msg::TASK_STATE_FAILED);
}

runnable::next subtask::end(msg::TaskState how) {
  outcome_.state = how;
  if (how != msg::TASK_STATE_FINISHED) {
    outcome_.committables.clear();
    outcome_.collected.clear();
  }
  phase_ = phase::ending;
  output_.stop();
  return blocking_.load() == 0 ? release() : wait(task_meter::activity::idle);
}

/// Gives everything back, tells the neighbours, and says how it ended.
runnable::next subtask::release() {
  chain_->destroy();
  for (const auto& key : setup_.output_keys)
    setup_.exchange->remove_output(key);
  for (const auto waiting : opening_)
    setup_.exchange->forget(waiting);
  std::vector<mail> unread;
  {
    const std::lock_guard lock(mail_mutex_);
    mail_closed_ = true;
    unread.swap(mail_);
  }
  const channel_break why{true, outcome_.state == msg::TASK_STATE_FAILED
                                    ? outcome_.error
                                    : transient_failure(name(), "was canceled")};
  for (auto& item : unread)
    if (auto* opened = std::get_if<channel_opened>(&item); opened && opened->source.ok())
      (*opened->source)->break_consumer(why);
  gate_.break_off(why);
  gate_.clear();
  output_.break_off(why);
  output_.clear();
  chain_.reset();
  phase_ = phase::ended;
  meter_.change(task_meter::activity::none, setup_.executor->now());
  setup_.job.reset();                        // last: operators and partitioners are code of its module
  if (auto observer = std::exchange(setup_.observer, nullptr))
    observer->on_outcome(std::move(outcome_));
  if (auto ended = std::exchange(setup_.on_ended, nullptr))
    ended();
  return next::idle;
}

}  // namespace flott
