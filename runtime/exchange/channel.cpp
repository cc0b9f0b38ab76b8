#include "runtime/exchange/channel.hpp"

#include <utility>

namespace flott {

std::uint64_t channel::credit_of(const channel_element& element) noexcept {
  if (const auto* batch = std::get_if<record_batch>(&element))
    return batch_overhead + batch->bytes();
  if (const auto* bytes = std::get_if<encoded_batch>(&element))
    return batch_overhead + bytes->size;
  return 0;
}

namespace {

std::int64_t weight_of(const channel_element& element) noexcept {
  const auto credit = channel::credit_of(element);
  return credit == 0 ? 1 : static_cast<std::int64_t>(credit);
}

}  // namespace

void channel::attach_producer(std::shared_ptr<waker> producer) {
  producer_owner_ = std::move(producer);
  producer_.store(producer_owner_.get(), std::memory_order_seq_cst);
}

void channel::attach_consumer(std::shared_ptr<waker> consumer, bool encoded) {
  wants_encoded_.store(encoded, std::memory_order_relaxed);
  consumer_owner_ = std::move(consumer);
  consumer_.store(consumer_owner_.get(), std::memory_order_seq_cst);
}

// No wake is lost: when the producer finds weight in flight, the consumer has yet to pop something, and when it has
// done so it looks for more; reading its own subtraction, which follows this addition, it sees what was published.
void channel::push(channel_element element) {
  const auto weight = weight_of(element);
  queue_.push(std::move(element));
  if (in_flight_.fetch_add(weight, std::memory_order_seq_cst) <= 0)
    wake(consumer_);
}

void channel::push_last(channel_element element) {
  closing_.store(true, std::memory_order_seq_cst);
  push(std::move(element));
}

bool channel::pop(channel_element& to) {
  if (!queue_.pop(to))
    return false;
  if (const auto credit = credit_of(to); credit != 0) {
    popped_.store(popped_.load(std::memory_order_relaxed) + credit, std::memory_order_release);
    since_step_ += credit;
  }
  const auto weight = weight_of(to);
  const auto before = in_flight_.fetch_sub(weight, std::memory_order_seq_cst);
  const auto after = before - weight;
  const auto low = credit_ / 2;
  bool tell = (before > low && after <= low) || (after <= 0 && closing_.load(std::memory_order_seq_cst));
  if (step_ != 0 && since_step_ >= step_) {
    since_step_ = 0;
    tell = true;
  }
  if (tell)
    wake(producer_);
  return true;
}

void channel::break_producer(channel_break why) {
  if (producer_gone_.load(std::memory_order_relaxed))
    return;
  producer_break_ = std::move(why);
  producer_gone_.store(true, std::memory_order_seq_cst);
  wake(consumer_);
}

void channel::break_consumer(channel_break why) {
  if (consumer_gone_.load(std::memory_order_relaxed))
    return;
  consumer_break_ = std::move(why);
  consumer_gone_.store(true, std::memory_order_seq_cst);
  wake(producer_);
}

}  // namespace flott
