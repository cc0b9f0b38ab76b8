#include "runtime/execution/input_gate.hpp"

#include "runtime/batch/wire.hpp"

#include <algorithm>
#include <utility>

namespace flott {

input_gate::event input_gate::next() {
  do {
    unblocked_ = false;
    for (std::size_t tried = 0; pending_.empty() && tried < inputs_.size(); ++tried) {
      auto& from = inputs_[cursor_];
      cursor_ = cursor_ + 1 == inputs_.size() ? 0 : cursor_ + 1;
      if (from.ended || (!from.blocked && take(from)))
        continue;
      if (const auto* why = from.ended ? nullptr : from.source->producer_break())
        return broke{*why};
    }
  } while (pending_.empty() && unblocked_);      // there may be something in a channel passed already
  if (!pending_.empty()) {
    auto first = std::move(pending_.front());
    pending_.pop_front();
    return first;
  }
  if (open_ == 0)
    return all_ended{};
  return nothing{};
}

bool input_gate::take(entry& from) {
  channel_element element;
  while (!from.blocked && !from.ended && pending_.empty() && from.source->pop(element)) {
    if (auto* batch = std::get_if<record_batch>(&element)) {
      heard(from, stream_status{false});
      pending_.emplace_back(input_batch{from.of_head, std::move(*batch)});
    } else if (auto* encoded = std::get_if<encoded_batch>(&element)) {
      heard(from, stream_status{false});
      auto decoded = decode(encoded->bytes, {encoded->bytes->data(), encoded->size}, encoded->shape, budget_);
      if (decoded.ok())
        pending_.emplace_back(input_batch{from.of_head, std::move(decoded).value()});
      else
        pending_.emplace_back(unreadable{std::move(decoded).error()});
    } else if (const auto* mark = std::get_if<watermark>(&element)) {
      heard(from, *mark);
    } else if (const auto* status = std::get_if<stream_status>(&element)) {
      heard(from, *status);
    } else if (const auto* b = std::get_if<barrier>(&element)) {
      heard(from, *b);
    } else if (const auto* marker = std::get_if<latency_marker>(&element)) {
      pending_.emplace_back(*marker);
    } else if (std::holds_alternative<end_of_stream>(element)) {
      ended(from);
    }
  }
  return !pending_.empty();
}

void input_gate::heard(entry& from, watermark mark) {
  heard(from, stream_status{false});
  from.mark = std::max(from.mark, mark.time);
  move_time();
}

void input_gate::heard(entry& from, stream_status status) {
  if (from.idle == status.idle)
    return;
  from.idle = status.idle;
  const bool all_idle = open_ > 0 && std::all_of(inputs_.begin(), inputs_.end(),
                                                 [](const entry& i) { return i.ended || i.idle; });
  if (all_idle != idle_) {
    idle_ = all_idle;
    pending_.emplace_back(stream_status{idle_});
  }
  if (status.idle)
    move_time();                        // the others may be further
}

void input_gate::heard(entry& from, barrier b) {
  if (b.id < aligned_.id || (b.id == aligned_.id && !aligning_))
    return;
  if (!aligning_ || b.id > aligned_.id) {
    for (auto& i : inputs_)
      i.blocked = false;
    unblocked_ = true;
    aligning_ = true;
    aligned_ = b;
  }
  from.blocked = true;
  complete_alignment();
}

void input_gate::ended(entry& from) {
  from.ended = true;
  from.blocked = false;
  --open_;
  move_time();
  if (open_ > 0 && !from.idle && !idle_ &&
      std::all_of(inputs_.begin(), inputs_.end(), [](const entry& i) { return i.ended || i.idle; })) {
    idle_ = true;
    pending_.emplace_back(stream_status{true});
  }
  complete_alignment();
}

void input_gate::complete_alignment() {
  if (!aligning_ || !std::all_of(inputs_.begin(), inputs_.end(), [](const entry& i) { return i.ended || i.blocked; }))
    return;
  aligning_ = false;
  for (auto& i : inputs_)
    i.blocked = false;
  pending_.emplace_back(aligned_);
}

void input_gate::move_time() {
  event_time least = max_event_time;
  bool any = false;
  for (const auto& i : inputs_) {
    if (i.ended || i.idle)
      continue;
    any = true;
    least = std::min(least, i.mark);
  }
  if (any && least > mark_) {
    mark_ = least;
    pending_.emplace_back(watermark{mark_});
  }
}

void input_gate::break_off(const channel_break& why) {
  for (auto& i : inputs_)
    if (i.source && !i.ended)
      i.source->break_consumer(why);
}

}  // namespace flott
