#include "runtime/execution/task_output.hpp"

#include "runtime/batch/wire.hpp"
#include "runtime/exchange/frame.hpp"

#include <utility>

namespace flott {

task_output::task_output(std::vector<output_edge> edges, task_meter& meter, std::shared_ptr<memory_budget> budget,
                         std::function<void()> first, bool count)
    : edges_(std::move(edges)), meter_(meter), budget_(std::move(budget)), first_(std::move(first)), count_(count) {}

void task_output::attach(const std::shared_ptr<waker>& producer) {
  for (auto& edge : edges_)
    for (auto& c : edge.channels)
      c->attach_producer(producer);
}

void task_output::send(output_edge& edge, std::uint32_t to, record_batch batch) {
  if (batch.empty())
    return;
  auto& target = *edge.channels[to];
  if (!target.wants_encoded()) {
    target.push(std::move(batch));
    return;
  }
  encode_for_wire(batch, budget_, [&](encoded_batch part) { target.push(std::move(part)); });
}

void task_output::emit(record_batch batch) {
  if (batch.empty())
    return;
  if (first_)
    std::exchange(first_, nullptr)();
  if (count_)
    meter_.count_out(batch.rows(), batch.bytes());
  if (mostly_dead(batch) && !edges_.empty())
    batch = compact(batch, budget_);
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    auto& edge = edges_[i];
    if (!edge.distribute) {
      send(edge, 0, i + 1 == edges_.size() ? std::move(batch) : batch);
      continue;
    }
    edge.distribute->add(batch, [&](std::uint32_t to, record_batch part) { send(edge, to, std::move(part)); });
  }
}

template <class T>
void task_output::in_band(T element) {
  flush();
  for (auto& edge : edges_)
    for (auto& c : edge.channels)
      c->push(element);
}

void task_output::emit(watermark mark) { in_band(mark); }
void task_output::emit(stream_status status) { in_band(status); }
void task_output::emit(barrier b) { in_band(b); }

void task_output::emit(latency_marker marker) {
  flush();
  for (auto& edge : edges_)
    edge.channels[next_marker_ % edge.channels.size()]->push(marker);
  ++next_marker_;
}

bool task_output::full() const noexcept {
  if (stopped_.load(std::memory_order_relaxed))
    return true;
  for (const auto& edge : edges_)
    for (const auto& c : edge.channels)
      if (!c->writable())
        return true;
  return false;
}

bool task_output::pending() const {
  for (const auto& edge : edges_)
    if (edge.distribute)
      for (std::uint32_t i = 0; i < edge.channels.size(); ++i)
        if (edge.distribute->pending_rows(i) > 0)
          return true;
  return false;
}

void task_output::flush() {
  has_pending_ = false;
  for (auto& edge : edges_)
    if (edge.distribute)
      edge.distribute->flush([&](std::uint32_t to, record_batch part) { send(edge, to, std::move(part)); });
}

void task_output::flush_starving(time_point now, std::chrono::nanoseconds longest) {
  if (!pending()) {
    has_pending_ = false;
    return;
  }
  if (!has_pending_) {
    has_pending_ = true;
    pending_since_ = now;
  } else if (now - pending_since_ >= longest) {
    flush();
    return;
  }
  for (auto& edge : edges_) {
    if (!edge.distribute)
      continue;
    for (std::uint32_t i = 0; i < edge.channels.size(); ++i)
      if (edge.channels[i]->drained())
        edge.distribute->flush(i, [&](std::uint32_t to, record_batch part) { send(edge, to, std::move(part)); });
  }
}

void task_output::finish() {
  flush();
  finished_ = true;
  for (auto& edge : edges_)
    for (auto& c : edge.channels)
      c->push_last(end_of_stream{});
}

bool task_output::drained() const noexcept {
  for (const auto& edge : edges_)
    for (const auto& c : edge.channels)
      if (!c->drained())
        return false;
  return true;
}

void task_output::break_off(const channel_break& why) {
  if (finished_ && drained())
    return;
  for (auto& edge : edges_)
    for (auto& c : edge.channels)
      c->break_producer(why);
}

const channel_break* task_output::broken() const noexcept {
  for (const auto& edge : edges_)
    for (const auto& c : edge.channels)
      if (const auto* why = c->consumer_break())
        return why;
  return nullptr;
}

}  // namespace flott
