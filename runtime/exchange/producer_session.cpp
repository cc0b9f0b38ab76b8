#include "runtime/exchange/session.hpp"

#include <algorithm>
#include <utility>

namespace flott {

producer_session::producer_session(session_context context, output_registry& outputs)
    : context_(std::move(context)), outputs_(outputs) {}

producer_session::~producer_session() {
  for (auto& [id, s] : streams_)
    if (s.waiting != 0)
      outputs_.forget(s.waiting);
}

failure producer_session::broke_rule(std::string what) const {
  return transient_failure("TaskManager " + context_.peer, std::move(what));
}

result<void> producer_session::receive(const received_frame& frame) {
  if (!greeted_)
    return receive_hello(frame);
  if (frame.header.type == frame_type::open)
    return receive_open(frame);
  const auto at = streams_.find(frame.header.channel);
  if (at == streams_.end())
    return {};                                    // ended from here; the other end does not know yet
  auto& s = at->second;
  if (frame.header.sequence != s.received++)
    return broke_rule("skipped or repeated a frame of a channel");
  switch (frame.header.type) {
    case frame_type::credit: {
      FLOTT_ASSIGN(const auto credit, decode_credit(frame.payload));
      if (credit.bytes > INT64_MAX / 2 || s.credit > INT64_MAX / 2)
        return broke_rule("grants more than anybody has");
      s.credit += static_cast<std::int64_t>(credit.bytes);
      make_ready(at->first, s);
      return {};
    }
    case frame_type::close: {
      FLOTT_ASSIGN(auto reason, decode_reason(frame.payload));
      if (s.waiting != 0)
        outputs_.forget(s.waiting);
      if (s.channel)
        s.channel->break_consumer({true, std::move(reason.error)});
      streams_.erase(at);
      return {};
    }
    default: return broke_rule("sent a frame that only producers send");
  }
}

result<void> producer_session::receive_hello(const received_frame& frame) {
  if (frame.header.type != frame_type::hello)
    return broke_rule("did not greet first");
  FLOTT_ASSIGN(const auto hello, decode_hello(frame.payload));
  if (hello.version_most < exchange_version_min || hello.version_least > exchange_version_max)
    return broke_rule("speaks exchange versions " + std::to_string(hello.version_least) + " to " +
                      std::to_string(hello.version_most) + ", none of which is ours");
  hello_frame mine;
  mine.version_least = mine.version_most = std::min(hello.version_most, exchange_version_max);
  mine.sender = context_.incarnation;
  mine.receiver = hello.sender;
  out.send(encode_frame(mine));                   // so that the other end sees whom it has reached
  if (!hello.receiver.empty() && hello.receiver != context_.incarnation)
    return broke_rule("looks for another incarnation, " + hello.receiver);
  greeted_ = true;
  return {};
}

result<void> producer_session::receive_open(const received_frame& frame) {
  FLOTT_ASSIGN(const auto open, decode_open(frame.payload));
  const auto id = frame.header.channel;
  if (id == 0 || frame.header.sequence != 0 || open.credit > INT64_MAX / 2 || streams_.size() >= most_channels)
    return broke_rule("opened a channel against the rules");
  const auto [at, fresh] = streams_.try_emplace(id);
  if (!fresh)
    return broke_rule("opened a channel twice");
  at->second.received = 1;
  at->second.credit = static_cast<std::int64_t>(open.credit);
  const auto deadline = std::chrono::steady_clock::now() + context_.open_timeout;
  const auto waiting = outputs_.open(open.key, deadline,
                                     [how = answer_, connection = context_.connection,
                                      id](result<std::shared_ptr<flott::channel>> output) {
                                       how(connection, id, std::move(output));
                                     });
  at->second.waiting = waiting;
  return {};
}

void producer_session::found(std::uint32_t id, result<std::shared_ptr<flott::channel>> output) {
  const auto at = streams_.find(id);
  if (at == streams_.end()) {
    if (output.ok())
      (*output)->break_consumer({true, transient_failure("consumer", "has ended")});
    return;
  }
  auto& s = at->second;
  s.waiting = 0;
  if (!output.ok()) {
    out.send(encode_frame(id, s.sent++, frame_type::refuse, {std::move(output).error()}));
    streams_.erase(at);
    return;
  }
  s.channel = std::move(output).value();
  s.channel->attach_consumer(std::make_shared<network_waker>(context_.box, context_.connection, id), true);
  out.send(encode_frame(id, s.sent++, event_frame(opened_event{})));
  make_ready(id, s);
}

void producer_session::changed(std::uint32_t id) {
  if (const auto at = streams_.find(id); at != streams_.end())
    make_ready(id, at->second);
}

void producer_session::make_ready(std::uint32_t id, stream& s) {
  if (s.channel && !std::exchange(s.ready, true))
    ready_.push_back(id);
}

bool producer_session::pump() {
  while (out.room() && !ready_.empty()) {
    const auto id = ready_.front();
    ready_.pop_front();
    const auto at = streams_.find(id);
    if (at == streams_.end())
      continue;
    auto& s = at->second;
    switch (send_one(id, s)) {
      case sent::something: ready_.push_back(id); break;   // behind the others
      case sent::nothing: s.ready = false; break;
      case sent::last: streams_.erase(at); break;
    }
  }
  return !ready_.empty();
}

producer_session::sent producer_session::send_one(std::uint32_t id, stream& s) {
  if (s.held.empty()) {
    channel_element element;
    if (!s.channel->pop(element)) {
      const auto* why = s.channel->producer_break();
      if (why == nullptr)
        return sent::nothing;
      out.send(encode_frame(id, s.sent++, frame_type::close, {why->error}));
      return sent::last;
    }
    auto* batch = std::get_if<record_batch>(&element);
    if (batch == nullptr) {
      s.held.push_back(std::move(element));
    } else {                                      // pushed before it was known that the consumer is elsewhere
      try {
        encode_for_wire(*batch, nullptr, [&](encoded_batch part) { s.held.emplace_back(std::move(part)); });
      } catch (const failure_exception& e) {
        out.send(encode_frame(id, s.sent++, frame_type::close, {e.error()}));
        s.channel->break_consumer({false, e.error()});
        return sent::last;
      }
    }
  }
  auto& next = s.held.front();
  if (auto* batch = std::get_if<encoded_batch>(&next)) {
    if (s.credit <= 0)
      return sent::nothing;
    const auto shape = batch->shape->fingerprint();
    if (!s.has_shape || s.shape != shape) {
      out.send(encode_frame(id, s.sent++, event_frame(schema_event{batch->shape})));
      s.has_shape = true;
      s.shape = shape;
    }
    s.credit -= static_cast<std::int64_t>(flott::channel::credit_of(next));
    out.send_data(id, s.sent++, std::move(*batch));
    s.held.pop_front();
    return sent::something;
  }
  const bool last = std::holds_alternative<end_of_stream>(next);
  std::visit(
      [&]<class T>(const T& e) {
        if constexpr (std::is_constructible_v<event_frame, T>)
          out.send(encode_frame(id, s.sent++, event_frame(e)));
      },
      next);
  s.held.pop_front();
  return last ? sent::last : sent::something;
}

void producer_session::lost(const failure& why) {
  for (auto& [id, s] : std::exchange(streams_, {})) {
    if (s.waiting != 0)
      outputs_.forget(s.waiting);
    if (s.channel)
      s.channel->break_consumer({false, why});
  }
  ready_.clear();
}

}  // namespace flott
