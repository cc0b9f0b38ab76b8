#include "runtime/exchange/tcp_endpoint.hpp"

#include "runtime/base/env.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace flott {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t box_id = 0, listener_id = 1;   // connections count from 2
constexpr std::size_t most_strangers = 256;            // connections that have not proven themselves yet

handshake::nonce fresh_nonce(env& environment) {
  handshake::nonce nonce;
  environment.fill_random(nonce);
  return nonce;
}

}  // namespace

result<std::shared_ptr<tcp_endpoint>> tcp_endpoint::start(const exchange_config& config, env& environment,
                                                          output_registry& outputs) {
  auto made = std::make_shared<tcp_endpoint>(config, environment, outputs);
  FLOTT_TRY(made->listen(config));
  FLOTT_TRY(made->prepare_polling());
  made->thread_ = std::thread([self = made.get()] { self->loop(); });
  return made;
}

tcp_endpoint::tcp_endpoint(const exchange_config& config, env& environment, output_registry& outputs)
    : config_(config), environment_(environment), outputs_(outputs), box_(std::make_shared<network_box>()),
      last_id_(listener_id) {}

tcp_endpoint::~tcp_endpoint() {
  stop();
  if (listener_ >= 0)
    ::close(listener_);
  if (poll_ >= 0)
    ::close(poll_);
}

result<void> tcp_endpoint::listen(const exchange_config& config) {
  failure last;
  for (std::uint32_t port = config.port_low; port <= std::max(config.port_low, config.port_high); ++port) {
    auto listening = listen_tcp(config.bind_host, static_cast<std::uint16_t>(port));
    if (listening.ok()) {
      listener_ = *listening;
      port_ = local_port(listener_);
      ::fcntl(listener_, F_SETFL, ::fcntl(listener_, F_GETFL) | O_NONBLOCK);
      return {};
    }
    last = std::move(listening).error();
  }
  return last;
}

result<void> tcp_endpoint::prepare_polling() {
  poll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (poll_ < 0)
    return system_failure("data port", "can't poll", errno);
  for (const auto& [descriptor, id] : {std::pair(box_->descriptor(), box_id), std::pair(listener_, listener_id)}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = id;
    if (::epoll_ctl(poll_, EPOLL_CTL_ADD, descriptor, &event) != 0)
      return system_failure("data port", "can't poll", errno);
  }
  return {};
}

exchange_counters tcp_endpoint::counters() const {
  return {accepted_.load(), dialled_.load(), refused_.load(), lost_.load(), sent_.load(), received_.load()};
}

std::uint64_t tcp_endpoint::open(const exchange::location& where, const channel_key& key, exchange::on_open done) {
  const auto ticket = last_ticket_.fetch_add(1) + 1;
  const auto shared = std::make_shared<exchange::on_open>(std::move(done));
  const bool posted = box_->post([this, where, key, ticket, shared] {
    request_channel(where, {ticket, key, std::move(*shared)});
  });
  if (!posted)
    (*shared)(transient_failure("data plane", "is stopping"));
  return ticket;
}

void tcp_endpoint::forget(std::uint64_t ticket) {
  box_->post([this, ticket] {
    for (auto& [peer, requests] : dialling_)
      std::erase_if(requests, [&](const request& r) { return r.ticket == ticket; });
    for (auto at = connections_.begin(); at != connections_.end();) {
      const auto here = at++;                  // serving may end a connection
      if (here->second.consumes != nullptr) {
        here->second.consumes->forget(ticket);
        serve(here);
      }
    }
  });
}

void tcp_endpoint::stop() {
  if (!stopping_.exchange(true)) {
    box_->post([] {});
    if (thread_.joinable())
      thread_.join();
  }
}

void tcp_endpoint::loop() {
  while (!stopping_.load())
    loop_once();
  box_->close();
  const auto why = transient_failure("data plane", "is stopping");
  while (!connections_.empty())
    drop(connections_.begin(), why);
  for (auto& [peer, requests] : std::exchange(dialling_, {}))
    for (auto& r : requests)
      r.done(why);
}

int tcp_endpoint::time_to_sleep(time_point now) {
  if (!unfinished_.empty())
    return 0;
  std::optional<time_point> next = next_expiry_;
  const auto consider = [&](time_point when) { next = next ? std::min(*next, when) : when; };
  if (accepts_again_)
    consider(*accepts_again_);
  for (const auto& [id, e] : connections_)
    if (!e.connection->session().greeted())
      consider(now + 100ms);
  if (!next)
    return -1;
  return static_cast<int>(std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(*next - now).count(), 0,
                                                   60'000));
}

void tcp_endpoint::loop_once() {
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()),
                                 time_to_sleep(std::chrono::steady_clock::now()));
  std::vector<std::function<void()>> commands;
  std::vector<changed_channel> changes;
  std::vector<std::uint64_t> to_serve = std::exchange(unfinished_, {});
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 == box_id) {
      box_->take(commands, changes);
      continue;
    }
    if (event.data.u64 == listener_id) {
      accept_all();
      continue;
    }
    const auto at = connections_.find(event.data.u64);
    if (at == connections_.end())
      continue;
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
      result<void> read;
      const auto received_before = at->second.connection->bytes_received();
      try {
        read = at->second.connection->read();
      } catch (const std::bad_alloc&) {
        read = resource_failure("data plane", "ran out of memory");
      }
      received_.fetch_add(at->second.connection->bytes_received() - received_before);
      if (!read.ok()) {
        static_cast<void>(at->second.connection->write());   // so that the other end hears who we are, or why not
        drop(at, read.error());
        continue;
      }
    }
    to_serve.push_back(event.data.u64);
  }
  for (const auto& change : changes) {
    if (const auto at = connections_.find(change.connection); at != connections_.end()) {
      at->second.connection->session().changed(change.channel);
      to_serve.push_back(change.connection);
    }
  }
  for (const auto& command : commands)
    command();
  std::sort(to_serve.begin(), to_serve.end());
  to_serve.erase(std::unique(to_serve.begin(), to_serve.end()), to_serve.end());
  for (const auto id : to_serve)
    if (const auto at = connections_.find(id); at != connections_.end())
      serve(at);
  const auto now = std::chrono::steady_clock::now();
  next_expiry_ = outputs_.expire(now);
  close_overdue(now);
  accept_again(now);
}

void tcp_endpoint::close_overdue(time_point now) {
  for (auto at = connections_.begin(); at != connections_.end();) {
    const auto here = at++;
    if (here->second.connection->overdue(now))
      drop(here, transient_failure("TaskManager " + here->second.name, "did not greet in time"));
  }
}

void tcp_endpoint::accept_all() {
  for (;;) {
    const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        // It stays in the backlog, and would be announced again and again.
        ::epoll_ctl(poll_, EPOLL_CTL_DEL, listener_, nullptr);
        accepts_again_ = std::chrono::steady_clock::now() + 100ms;
      }
      if (errno == ECONNABORTED || errno == EINTR)
        continue;
      return;
    }
    const auto strangers = std::count_if(connections_.begin(), connections_.end(),
                                         [](const auto& e) { return !e.second.connection->proven(); });
    const auto name = peer_of(descriptor);
    if (static_cast<std::size_t>(strangers) >= most_strangers) {
      ::close(descriptor);
      log_refusal(name, "too many connections are in the middle of their handshake");
      continue;
    }
    tune_tcp(descriptor);
    const auto id = ++last_id_;
    auto speaks = std::make_unique<producer_session>(context_for(id, name), outputs_);
    // Answers come from whichever thread deploys the producer.
    speaks->answer_by([box = box_, this](std::uint64_t connection, std::uint32_t channel,
                                         result<std::shared_ptr<flott::channel>> output) {
      auto shared = std::make_shared<result<std::shared_ptr<flott::channel>>>(std::move(output));
      const bool posted = box->post([this, connection, channel, shared] {
        const auto at = connections_.find(connection);
        if (at == connections_.end()) {
          if (shared->ok())
            (**shared)->break_consumer({false, transient_failure("consumer", "is not connected any more")});
          return;
        }
        static_cast<producer_session&>(at->second.connection->session()).found(channel, std::move(*shared));
        serve(at);
      });
      if (!posted && shared->ok())
        (**shared)->break_consumer({false, transient_failure("data plane", "is stopping")});
    });
    entry made;
    made.connection = std::make_unique<tcp_connection>(
        descriptor, std::move(speaks),
        handshake(handshake::role::server, config_.secret, handshake_purpose::data, fresh_nonce(environment_)),
        config_.budget, std::chrono::steady_clock::now() + config_.connect_timeout);
    made.name = name;
    add(id, std::move(made), EPOLLIN);
  }
}

void tcp_endpoint::accept_again(time_point now) {
  if (!accepts_again_ || now < *accepts_again_)
    return;
  accepts_again_.reset();
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = listener_id;
  ::epoll_ctl(poll_, EPOLL_CTL_ADD, listener_, &event);
}

session_context tcp_endpoint::context_for(std::uint64_t id, std::string peer) const {
  return {config_.incarnation, std::move(peer), id, config_.channel_bytes, config_.open_timeout, box_};
}

void tcp_endpoint::request_channel(const exchange::location& where, request wanted) {
  const peer_name peer(where.host, where.port, where.incarnation);
  if (const auto known = by_peer_.find(peer); known != by_peer_.end()) {
    const auto at = connections_.find(known->second);
    at->second.consumes->open(wanted.key, wanted.ticket, std::move(wanted.done));
    serve(at);
    return;
  }
  const auto [requests, first] = dialling_.try_emplace(peer);
  requests->second.push_back(std::move(wanted));
  if (first)                               // otherwise a dial is under way, even if nobody waits for it any more
    dial(peer);
}

/// Elsewhere, since looking up a name blocks, and so that a dead peer holds nobody up.
void tcp_endpoint::dial(const peer_name& peer) {
  const auto deadline = std::chrono::steady_clock::now() + config_.connect_timeout;
  config_.run_blocking([weak = weak_from_this(), box = box_, peer, deadline, secret = config_.secret,
                        environment = &environment_] {
    const auto& [host, port, incarnation] = peer;
    auto descriptor = dial_tcp(host, port, deadline);
    if (descriptor.ok()) {
      tune_tcp(*descriptor);
      const auto name = host + ":" + std::to_string(port);
      auto proven = client_handshake(*descriptor, secret, handshake_purpose::data, deadline, *environment, name);
      if (!proven.ok()) {
        ::close(*descriptor);
        descriptor = std::move(proven).error();
      }
    }
    auto shared = std::make_shared<result<int>>(std::move(descriptor));
    const bool posted = box->post([weak, peer, shared] {
      if (const auto self = weak.lock())
        self->dialled(peer, std::move(*shared));
    });
    if (!posted && shared->ok())
      ::close(**shared);
  });
}

void tcp_endpoint::dialled(const peer_name& peer, result<int> descriptor) {
  auto requests = std::move(dialling_[peer]);
  dialling_.erase(peer);
  const auto& [host, port, incarnation] = peer;
  if (!descriptor.ok()) {
    auto why = std::move(descriptor).error();
    why.cls = failure_class::transient;
    for (auto& r : requests)
      r.done(why);
    return;
  }
  dialled_.fetch_add(1);
  ::fcntl(*descriptor, F_SETFL, ::fcntl(*descriptor, F_GETFL) | O_NONBLOCK);
  const auto id = ++last_id_;
  entry made;
  made.name = host + ":" + std::to_string(port);
  auto speaks = std::make_unique<consumer_session>(context_for(id, made.name), incarnation);
  made.consumes = speaks.get();
  made.peer = peer;
  made.connection = std::make_unique<tcp_connection>(*descriptor, std::move(speaks), std::nullopt, config_.budget,
                                                     std::chrono::steady_clock::now() + config_.connect_timeout);
  by_peer_[peer] = id;
  auto& session = *made.consumes;
  add(id, std::move(made), EPOLLIN);
  for (auto& r : requests)
    session.open(r.key, r.ticket, std::move(r.done));
  if (const auto at = connections_.find(id); at != connections_.end())
    serve(at);
}

void tcp_endpoint::add(std::uint64_t id, entry made, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  ::epoll_ctl(poll_, EPOLL_CTL_ADD, made.connection->descriptor(), &event);
  if (made.consumes == nullptr)
    accepted_.fetch_add(1);
  connections_.emplace(id, std::move(made));
}

void tcp_endpoint::serve(entries::iterator at) {
  auto& e = at->second;
  const auto sent_before = e.connection->bytes_sent();
  result<bool> more = false;
  try {
    more = e.connection->write();
  } catch (const std::bad_alloc&) {
    more = resource_failure("data plane", "ran out of memory");
  }
  sent_.fetch_add(e.connection->bytes_sent() - sent_before);
  if (!more.ok()) {
    drop(at, more.error());
    return;
  }
  if (*more)
    unfinished_.push_back(at->first);
  if (const bool wanted = e.connection->waits_to_write(); wanted != e.polls_for_write) {
    e.polls_for_write = wanted;
    epoll_event event{};
    event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u64 = at->first;
    ::epoll_ctl(poll_, EPOLL_CTL_MOD, e.connection->descriptor(), &event);
  }
}

void tcp_endpoint::drop(entries::iterator at, const failure& why) {
  const auto id = at->first;
  auto gone = std::move(at->second);
  connections_.erase(at);
  if (const auto named = gone.peer ? by_peer_.find(*gone.peer) : by_peer_.end();
      named != by_peer_.end() && named->second == id)
    by_peer_.erase(named);
  if (!gone.connection->session().greeted() && !gone.peer) {
    log_refusal(gone.name, why.to_string());
  } else if (!stopping_.load()) {
    lost_.fetch_add(1);
    log::info("a data connection is gone", {{"peer", gone.name}, {"reason", why.to_string()}});
  }
  gone.connection->session().lost(
      transient_failure("connection to TaskManager " + gone.name, "is lost", why.to_string()));
}

/// A line a second at most: a stranger must not fill the disk.
void tcp_endpoint::log_refusal(const std::string& peer, const std::string& reason) {
  refused_.fetch_add(1);
  const auto now = std::chrono::steady_clock::now();
  if (now - last_logged_ < 1s && last_logged_ != time_point{}) {
    ++not_logged_;
    return;
  }
  last_logged_ = now;
  log::warn("refused a data connection", {{"peer", peer}, {"reason", reason}, {"not_shown", std::exchange(not_logged_, 0)}});
}

}  // namespace flott
