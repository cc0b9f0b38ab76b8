#include "runtime/http/connection.hpp"

#include "runtime/base/socket.hpp"

#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include <unistd.h>

namespace flott::http {
namespace {

constexpr std::size_t chunk = 64 << 10;
constexpr milliseconds drain_time{5'000};       // at most, for what a client still sends after it got its answer

/// Bodies and answers may take `base`, and longer the larger they are: 64 KiB/s is the least that is waited for.
milliseconds patience(milliseconds base, std::uint64_t bytes) { return base + milliseconds(bytes / 64); }

/// Read buffer of an I/O thread: connections own no buffer while nothing of theirs is half read.
char* read_buffer() {
  // On the heap: as a thread-local array it would be zeroed, and resident, in every thread of the process.
  thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(chunk);
  return buffer.get();
}

class connection_sink final : public responder::sink {
 public:
  connection_sink(std::weak_ptr<connection_host> host, std::weak_ptr<connection> to, std::uint64_t request)
      : host_(std::move(host)), to_(std::move(to)), request_(request) {}

  void answer(response reply) override {
    if (const auto host = host_.lock())
      host->deliver(to_, request_, std::move(reply));
  }

 private:
  std::weak_ptr<connection_host> host_;
  std::weak_ptr<connection> to_;
  std::uint64_t request_;
};

}  // namespace

bool connection::adopt(int fd, const tcp& family) {
  error_code ec;
  socket_.assign(family, fd, ec);
  if (ec) {
    ::close(fd);
    return false;
  }
  socket_.non_blocking(true, ec);
  tune_tcp(fd, host_.config.io_timeout);
  const auto peer = socket_.remote_endpoint(ec);
  if (!ec)
    remote_ = peer.address().to_string() + ":" + std::to_string(peer.port());
  return true;
}

void connection::retire() {
  if (phase_ == phase::idle)
    close();
}

void connection::answer(std::uint64_t request, response reply) {
  if (phase_ == phase::handling && request == request_)
    send(std::move(reply), reader_.keep_alive());
}

// --- connection: reading -------------------------------------------------------------------------------------

void connection::arm(milliseconds in) {
  timer_.expires_after(in);
  timer_.async_wait([self = shared_from_this(), number = ++armed_](error_code ec) {
    if (!ec && number == self->armed_)
      self->give_up_late();
  });
}

void connection::give_up_late() {
  switch (phase_) {
    case phase::reading:
      return send(error_response(408, "the request did not arrive in time"), false);
    case phase::handling:
      return send(error_response(504, "the request was not answered in time"), false);
    default:
      return close();
  }
}

void connection::await_request() {
  if (host_.stopping)
    return close();
  phase_ = phase::idle;
  reading_ = request_reader::progress::idle;
  idle_since_.store(clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  arm(host_.config.idle_timeout);
  wait_readable();
}

void connection::wait_readable() {
  if (std::exchange(waiting_, true))
    return;
  socket_.async_wait(socket_type::wait_read, [self = shared_from_this()](error_code ec) {
    self->waiting_ = false;
    if (!ec)
      self->on_readable();
  });
}

void connection::on_readable() {
  if (phase_ != phase::idle && phase_ != phase::reading && phase_ != phase::draining)
    return;                               // bytes behind a request wait in the kernel
  char* const buffer = read_buffer();
  error_code ec;
  const std::size_t size = socket_.read_some(asio::buffer(buffer, chunk), ec);
  if (ec == asio::error::would_block || ec == asio::error::try_again)
    return wait_readable();
  if (phase_ == phase::draining)
    return ec ? close() : wait_readable();
  if (ec) {
    if (ec == asio::error::eof && phase_ == phase::reading)   // half closed: the client may still read why
      return send(error_response(400, "the request ends too early"), false);
    return close();
  }
  received_ += size;
  advance(reader_.feed({buffer, size}));
}

/// A body must go on within `io_timeout`, and after four times that it must have kept up a least rate.
void connection::arm_body(bool first) {
  const auto now = clock::now();
  if (first) {
    body_since_ = now;
    received_ = 0;
  }
  const auto io_timeout = host_.config.io_timeout;
  const auto left = body_since_ + patience(4 * io_timeout, received_) - now;
  arm(std::min(io_timeout, std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(left))));
}

void connection::advance(request_reader::progress to) {
  using progress = request_reader::progress;
  const auto before = std::exchange(reading_, to);
  if (to == progress::idle)
    return await_request();
  phase_ = phase::reading;
  idle_since_.store(0, std::memory_order_relaxed);
  if (to == progress::failed)
    return send(reader_.error(), false);
  if (to == progress::complete)
    return dispatch();
  if (to == progress::header && before != progress::header)
    arm(host_.config.header_timeout);     // once: a head that trickles in does not extend it
  if (to == progress::body)
    arm_body(before != progress::body);
  if (reader_.wants_continue()) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(socket_, asio::buffer(go_on), [self = shared_from_this()](error_code ec, std::size_t) {
      if (self->phase_ == phase::reading)
        ec ? self->close() : self->wait_readable();
    });
    return;
  }
  wait_readable();
}

// --- connection: answering -----------------------------------------------------------------------------------

void connection::dispatch() {
  request asked = reader_.take();
  asked.remote = remote_;
  head_only_ = asked.verb == method::head;
  phase_ = phase::handling;
  ++request_;
  arm(host_.config.request_timeout);
  responder reply(std::make_unique<connection_sink>(host_.weak_from_this(), weak_from_this(), request_));
  try {
    host_.handle(std::move(asked), reply);
  } catch (const std::exception& error) {
    reply(error_response(500, std::string("the request can't be answered: ") + error.what()));
  } catch (...) {
    reply(error_response(500, "the request can't be answered"));
  }
}

void connection::send(response reply, bool keep_alive) {
  const bool failed_while_reading = phase_ == phase::reading;
  phase_ = phase::writing;
  keep_alive_ = keep_alive && !host_.stopping;
  std::uint64_t length = reply.body.size();
  if (!reply.file.empty()) {
    auto opened = file_.open(reply.file);
    if (opened.ok()) {
      length = *opened;
      reply.body.clear();
    } else {
      file_.close();
      reply = error_response(404, opened.error().message);
      length = reply.body.size();
    }
  }
  const bool bodiless = (head_only_ && !failed_while_reading) || !has_body(reply.status);
  head_ = response_head(reply, length, keep_alive_, std::time(nullptr));
  if (bodiless) {
    file_.close();
    reply.body.clear();
  }
  body_ = std::move(reply.body);
  file_left_ = file_.is_open() ? length : 0;
  arm(patience(host_.config.io_timeout, body_.size()));
  const std::array<asio::const_buffer, 2> pieces{asio::buffer(head_), asio::buffer(body_)};
  asio::async_write(socket_, pieces, [self = shared_from_this()](error_code ec, std::size_t) {
    ec ? self->close() : self->write_next();
  });
}

void connection::write_next() {
  if (phase_ != phase::writing)
    return;
  if (file_left_ == 0)
    return finish_answer();
  body_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(chunk, file_left_)));
  const std::size_t size = file_.read(body_.data(), body_.size());
  if (size == 0)
    return close();                       // the file shrank: only a broken connection says so now
  file_left_ -= size;
  arm(host_.config.io_timeout);
  asio::async_write(socket_, asio::buffer(body_.data(), size), [self = shared_from_this()](error_code ec, std::size_t) {
    ec ? self->close() : self->write_next();
  });
}

void connection::finish_answer() {
  std::string().swap(head_);
  std::string().swap(body_);
  file_.close();
  if (!keep_alive_)
    return drain();
  phase_ = phase::reading;
  reading_ = request_reader::progress::idle;
  advance(reader_.feed({}));
}

/// Closing with unread bytes would make the kernel reset the connection, and the client lose its answer.
void connection::drain() {
  phase_ = phase::draining;
  error_code ec;
  socket_.shutdown(socket_type::shutdown_send, ec);
  if (host_.stopping)
    return close();
  arm(std::min(drain_time, host_.config.io_timeout));
  wait_readable();
}

void connection::close() {
  if (std::exchange(phase_, phase::closed) == phase::closed)
    return;
  idle_since_.store(0, std::memory_order_relaxed);
  ++armed_;
  timer_.cancel();
  file_.close();
  error_code ec;
  socket_.close(ec);
  host_.gone(id_);
}

}  // namespace flott::http
