#include "runtime/exchange/session.hpp"

#include <utility>

namespace flott {

consumer_session::consumer_session(session_context context, const std::string& peer_incarnation)
    : context_(std::move(context)), peer_incarnation_(peer_incarnation) {
  hello_frame hello;
  hello.sender = context_.incarnation;
  hello.receiver = peer_incarnation;
  out.send(encode_frame(hello));
}

failure consumer_session::broke_rule(std::string what) const {
  return transient_failure("TaskManager " + context_.peer, std::move(what));
}

void consumer_session::open(const channel_key& key, std::uint64_t ticket, exchange::on_open done) {
  const auto id = ++last_channel_;
  auto& s = streams_[id];
  s.ticket = ticket;
  s.done = std::move(done);
  s.channel = std::make_shared<flott::channel>(context_.channel_bytes);
  s.channel->attach_producer(std::make_shared<network_waker>(context_.box, context_.connection, id));
  s.channel->wake_producer_every(context_.channel_bytes / 4);
  s.credit = static_cast<std::int64_t>(context_.channel_bytes);
  out.send(encode_frame(id, s.sent++, open_frame{key, context_.channel_bytes}));
}

void consumer_session::forget(std::uint64_t ticket) {
  for (auto at = streams_.begin(); at != streams_.end(); ++at) {
    if (at->second.ticket != ticket)
      continue;
    if (!at->second.opened)                       // once open, the channel itself tells
      close(at, transient_failure("consumer", "has ended"));
    return;
  }
}

void consumer_session::close(streams::iterator at, failure why) {
  out.send(encode_frame(at->first, at->second.sent++, frame_type::close, {std::move(why)}));
  streams_.erase(at);
}

void consumer_session::changed(std::uint32_t id) {
  const auto at = streams_.find(id);
  if (at == streams_.end())
    return;
  auto& s = at->second;
  if (const auto* why = s.channel->consumer_break()) {
    close(at, why->error);
    return;
  }
  const auto popped = s.channel->popped_bytes();
  if (popped == s.granted)
    return;
  out.send(encode_frame(id, s.sent++, credit_frame{popped - s.granted}));
  s.credit += static_cast<std::int64_t>(popped - s.granted);
  s.granted = popped;
}

result<void> consumer_session::receive(const received_frame& frame) {
  if (!greeted_)
    return receive_hello(frame);
  const auto at = streams_.find(frame.header.channel);
  if (at == streams_.end()) {
    if (frame.header.channel == 0 || frame.header.channel > last_channel_)
      return broke_rule("speaks of a channel that was never opened");
    return {};                                    // closed from here; the other end does not know yet
  }
  auto& s = at->second;
  if (frame.header.sequence != s.received++)
    return broke_rule("skipped or repeated a frame of a channel");
  switch (frame.header.type) {
    case frame_type::data: return receive_data(s, frame);
    case frame_type::event: return receive_event(at, frame);
    case frame_type::refuse:
    case frame_type::close: {
      FLOTT_ASSIGN(auto reason, decode_reason(frame.payload));
      if (s.opened)
        s.channel->break_producer({true, std::move(reason.error)});
      else if (auto done = std::exchange(s.done, nullptr))
        done(std::move(reason.error));
      streams_.erase(at);
      return {};
    }
    default: return broke_rule("sent a frame that only consumers send");
  }
}

result<void> consumer_session::receive_hello(const received_frame& frame) {
  if (frame.header.type != frame_type::hello)
    return broke_rule("did not greet first");
  FLOTT_ASSIGN(const auto hello, decode_hello(frame.payload));
  if (hello.version_least != hello.version_most || hello.version_least < exchange_version_min ||
      hello.version_least > exchange_version_max)
    return broke_rule("speaks exchange version " + std::to_string(hello.version_least) + ", which is not ours");
  if (!peer_incarnation_.empty() && hello.sender != peer_incarnation_)
    return broke_rule("is another incarnation, " + hello.sender);
  greeted_ = true;
  return {};
}

result<void> consumer_session::receive_data(stream& to, const received_frame& frame) {
  if (!to.opened || !to.shape)
    return broke_rule("sent records before their schema");
  if (to.credit <= 0)
    return broke_rule("sent more than it was granted");
  channel_element element = encoded_batch{frame.bytes, frame.header.length, to.shape};
  to.credit -= static_cast<std::int64_t>(flott::channel::credit_of(element));
  to.channel->push(std::move(element));
  return {};
}

result<void> consumer_session::receive_event(streams::iterator at, const received_frame& frame) {
  auto& s = at->second;
  FLOTT_ASSIGN(const auto event, decode_event(frame.payload));
  if (std::holds_alternative<opened_event>(event)) {
    if (std::exchange(s.opened, true))
      return broke_rule("opened a channel twice");
    if (auto done = std::exchange(s.done, nullptr))
      done(s.channel);
    return {};
  }
  if (!s.opened)
    return broke_rule("sent an event before it opened the channel");
  if (const auto* schema = std::get_if<schema_event>(&event)) {
    if (!s.shape || *s.shape != *schema->shape)
      s.shape = schema->shape;
    return {};
  }
  if (std::holds_alternative<end_of_stream>(event)) {
    const auto channel = s.channel;
    streams_.erase(at);
    channel->push_last(end_of_stream{});
    return {};
  }
  std::visit(
      [&]<class T>(const T& e) {
        if constexpr (std::is_constructible_v<channel_element, T>)
          s.channel->push(e);
      },
      event);
  return {};
}

void consumer_session::lost(const failure& why) {
  for (auto& [id, s] : std::exchange(streams_, {})) {
    if (s.opened)
      s.channel->break_producer({false, why});
    else if (s.done)
      s.done(why);
  }
}

}  // namespace flott
