#include "runtime/execution/operator_chain.hpp"

#include "messages/job.pb.h"
#include "runtime/memory/budget.hpp"
#include "runtime/operators/snapshot.hpp"

#include <new>
#include <utility>

namespace flott {

class operator_chain::context final : public operator_context {
 public:
  context(const chain_facts& facts, chain_host& host, const std::string& name)
      : facts_(facts), host_(host), name_(name) {}

  const flott::job_id& job() const override { return facts_.job; }
  std::uint64_t job_epoch() const override { return facts_.epoch; }
  std::string_view operator_name() const override { return name_; }
  std::uint32_t subtask() const override { return facts_.subtask; }
  std::uint32_t parallelism() const override { return facts_.parallelism; }
  std::uint32_t max_parallelism() const override { return facts_.max_parallelism; }
  std::uint32_t attempt() const override { return facts_.attempt; }
  runtime_mode mode() const override { return facts_.mode; }
  flott::env& environment() override { return *facts_.environment; }
  std::shared_ptr<memory_budget> budget() override { return facts_.budget; }
  void wake_at(std::chrono::steady_clock::time_point when) override { host_.wake_at(when); }
  std::function<void()> waker() override { return host_.waker(); }
  void run_blocking(std::function<void()> work) override { host_.run_blocking(std::move(work)); }
  std::string option(std::string_view key) const override { return facts_.option ? facts_.option(key) : std::string(); }

 private:
  const chain_facts& facts_;
  chain_host& host_;
  const std::string& name_;
};

/// The output of operator `at`: the operator behind it. Status and markers need no operator and go to the tail.
class operator_chain::link final : public output {
 public:
  link(operator_chain& chain, std::size_t at, bool counted) : chain_(chain), at_(at), counted_(counted) {}

  void emit(record_batch batch) override {
    if (batch.empty())
      return;
    if (counted_)
      chain_.meter_.count_out(batch.rows(), batch.bytes());
    if (at_ + 1 == chain_.operators_.size()) {
      if (!chain_.failure_)
        chain_.tail_.emit(std::move(batch));
      return;
    }
    chain_.call(at_ + 1, [&](stream_operator& next) { return next.process(0, std::move(batch)); });
  }
  void emit(watermark mark) override {
    if (at_ + 1 == chain_.operators_.size())
      chain_.tail_.emit(mark);
    else
      chain_.call(at_ + 1, [&](stream_operator& next) { return next.process_watermark(mark); });
  }
  void emit(stream_status status) override { chain_.tail_.emit(status); }
  void emit(latency_marker marker) override { chain_.tail_.emit(marker); }
  bool full() const noexcept override { return chain_.failure_.has_value() || chain_.tail_.full(); }

 private:
  operator_chain& chain_;
  std::size_t at_;
  bool counted_;
};

operator_chain::operator_chain(const compiled_vertex& vertex, chain_facts facts, chain_host& host, output& tail,
                               task_context& crash, task_meter& meter, bool count_head)
    : vertex_(vertex), facts_(std::move(facts)), host_(host), tail_(tail), crash_(crash), meter_(meter),
      count_head_(count_head) {}

operator_chain::~operator_chain() { destroy(); }

std::string operator_chain::place(std::size_t at) const {
  std::string text = "operator '" + vertex_.operator_names[at] + "', subtask " + std::to_string(facts_.subtask + 1) +
                     " of " + std::to_string(facts_.parallelism);
  try {
    if (at < operators_.size() && operators_[at])
      if (const auto position = operators_[at]->position(); !position.empty())
        text += ", " + position;
  } catch (...) {   // it is the failure that counts; where in the input it happened stays unknown
  }
  return text;
}

void operator_chain::fail_at(std::size_t at, failure error) {
  if (failure_)
    return;
  if (error.where.empty())
    error.where = place(at);
  failure_ = chain_failure{std::move(error), vertex_.operator_names[at]};
}

void operator_chain::fail(failure error) { fail_at(0, std::move(error)); }

template <class F>
bool operator_chain::call(std::size_t at, F&& f) {
  if (failure_)
    return false;
  const operator_scope scope(crash_, vertex_.operator_names[at].c_str());
  try {
    if (auto done = f(*operators_[at]); !done.ok())
      fail_at(at, std::move(done).error());
  } catch (const failure_exception& e) {
    fail_at(at, e.error());
  } catch (const transient_error& e) {
    fail_at(at, {failure_class::transient, failure_domain::user, place(at), e.what()});
  } catch (const std::bad_alloc&) {
    fail_at(at, resource_failure(place(at), "ran out of memory"));
  } catch (const std::exception& e) {
    fail_at(at, user_failure(place(at), e.what()));
  } catch (...) {
    fail_at(at, user_failure(place(at), "threw something that is no std::exception"));
  }
  return !failure_;
}

bool operator_chain::make() {
  operators_.resize(vertex_.operators.size());
  for (std::size_t i = 0; i < operators_.size(); ++i) {
    contexts_.push_back(std::make_unique<context>(facts_, host_, vertex_.operator_names[i]));
    links_.push_back(std::make_unique<link>(*this, i, i == 0 && count_head_));
  }
  for (std::size_t i = 0; i < operators_.size() && !failure_; ++i) {
    // The operator does not exist yet, so `call` may not be asked to dereference it.
    const operator_scope scope(crash_, vertex_.operator_names[i].c_str());
    try {
      if (auto made = vertex_.operators[i](); !made.ok())
        fail_at(i, std::move(made).error());
      else if (operators_[i] = std::move(made).value(); !operators_[i])
        fail_at(i, internal_failure(place(i), "the factory made nothing"));
    } catch (const failure_exception& e) {
      fail_at(i, e.error());
    } catch (const std::bad_alloc&) {
      fail_at(i, resource_failure(place(i), "ran out of memory"));
    } catch (const std::exception& e) {
      fail_at(i, user_failure(place(i), e.what()));
    } catch (...) {
      fail_at(i, user_failure(place(i), "threw something that is no std::exception"));
    }
  }
  return !failure_;
}

bool operator_chain::open() {
  for (std::size_t i = operators_.size(); i-- > 0;)
    if (!call(i, [&](stream_operator& op) { return op.open(*contexts_[i], *links_[i]); }))
      return false;
  return true;
}

bool operator_chain::restore(std::span<const std::string> states) {
  if (states.size() != operators_.size()) {
    fail(internal_failure("", "the restored state is of " + std::to_string(states.size()) + " operators, the chain has " +
                                  std::to_string(operators_.size())));
    return false;
  }
  for (std::size_t i = 0; i < operators_.size(); ++i) {
    const bool restored = call(i, [&](stream_operator& op) -> result<void> {
      FLOTT_ASSIGN(auto reader, snapshot_reader::parse(states[i]));
      return op.restore(reader);
    });
    if (!restored)
      return false;
  }
  return true;
}

bool operator_chain::process(std::size_t input, record_batch batch) {
  return call(0, [&](stream_operator& head) { return head.process(input, std::move(batch)); });
}

bool operator_chain::process_watermark(watermark mark) {
  return call(0, [&](stream_operator& head) { return head.process_watermark(mark); });
}

progress operator_chain::advance() {
  auto said = progress::done;
  call(0, [&](stream_operator& head) -> result<void> {
    FLOTT_ASSIGN(said, head.advance());
    return {};
  });
  return failure_ ? progress::done : said;
}

bool operator_chain::finish() {
  for (std::size_t i = 0; i < operators_.size(); ++i)
    if (!call(i, [](stream_operator& op) { return op.finish(); }))
      return false;
  return true;
}

bool operator_chain::snapshot(std::vector<std::string>& states) {
  for (std::size_t i = 0; i < operators_.size(); ++i) {
    const bool taken = call(i, [&](stream_operator& op) -> result<void> {
      snapshot_writer to;
      FLOTT_TRY(op.snapshot(to));
      states.push_back(std::move(to).finish());
      return {};
    });
    if (!taken)
      return false;
  }
  return true;
}

bool operator_chain::prepare_commit(std::vector<msg::Committable>& committables) {
  for (std::size_t i = 0; i < operators_.size(); ++i) {
    const bool prepared = call(i, [&](stream_operator& op) -> result<void> {
      FLOTT_ASSIGN(auto some, op.prepare_commit());
      for (auto& one : some)
        committables.push_back(std::move(one));
      return {};
    });
    if (!prepared)
      return false;
  }
  return true;
}

bool operator_chain::take_collected(std::vector<msg::CollectedRows>& rows) {
  for (std::size_t i = 0; i < operators_.size(); ++i) {
    const bool taken = call(i, [&](stream_operator& op) -> result<void> {
      for (auto& some : op.take_collected())
        rows.push_back(std::move(some));
      return {};
    });
    if (!taken)
      return false;
  }
  return true;
}

void operator_chain::destroy() noexcept {
  for (std::size_t i = 0; i < operators_.size(); ++i) {
    if (!operators_[i])
      continue;
    const operator_scope scope(crash_, vertex_.operator_names[i].c_str());
    operators_[i].reset();
  }
  operators_.clear();
}

}  // namespace flott
