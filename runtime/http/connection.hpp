#pragma once

#include "runtime/http/request_reader.hpp"
#include "runtime/http/response_writer.hpp"
#include "runtime/http/server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

/// The inside of the server, for connection.cpp and server.cpp only.
namespace flott::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Executor types are spelled out: the type-erased default costs memory per operation and time to compile.
using strand = asio::strand<asio::io_context::executor_type>;
using socket_type = asio::basic_stream_socket<tcp, strand>;
using listener_type = asio::basic_socket_acceptor<tcp, strand>;
using timer_type = asio::basic_waitable_timer<clock, asio::wait_traits<clock>, strand>;

class connection;

/// What a connection needs of its server.
class connection_host : public std::enable_shared_from_this<connection_host> {
 public:
  connection_host(server_config c, handler h) : config(std::move(c)), handle(std::move(h)) {}
  virtual ~connection_host() = default;

  /// From any thread: brings an answer to its connection, if both still live.
  virtual void deliver(const std::weak_ptr<connection>& to, std::uint64_t request, response reply) = 0;
  /// The connection of that number has ended.
  virtual void gone(std::uint64_t id) = 0;

  const server_config config;
  const handler handle;
  std::shared_ptr<const request_reader::limits> limits;
  std::atomic<bool> stopping{false};
};

/// One connection: reads a request, hands it over, writes the answer, reads on. What else has arrived by then waits, so
/// answers leave in order. Lives as long as an operation of its own is pending, but not longer than its host.
class connection : public std::enable_shared_from_this<connection> {
 public:
  connection(connection_host& host, asio::io_context& io, std::uint64_t id)
      : strand_(asio::make_strand(io)), host_(host), id_(id), socket_(strand_), timer_(strand_), reader_(host.limits) {}

  /// Takes the descriptor over; false (and the descriptor is closed) if it is of no use.
  bool adopt(int fd, const tcp& family);

  [[nodiscard]] const strand& executor() const { return strand_; }
  /// Any thread: since when it waits for a request; nothing while it is busy.
  [[nodiscard]] std::optional<clock::rep> idle_since() const {
    const auto since = idle_since_.load(std::memory_order_relaxed);
    return since == 0 ? std::nullopt : std::optional(since);
  }

  void start() { await_request(); }   ///< on its strand, like the two below
  /// The server stops: an idle connection ends now, a busy one after its answer.
  void retire();
  /// The answer to the request of that number; ignored if it is not the one under way.
  void answer(std::uint64_t request, response reply);

 private:
  enum class phase { idle, reading, handling, writing, draining, closed };

  void await_request();
  void wait_readable();
  void on_readable();
  void advance(request_reader::progress to);
  void dispatch();
  void send(response reply, bool keep_alive);
  void write_next();
  void finish_answer();
  void drain();
  void give_up_late();
  void arm(milliseconds in);
  void arm_body(bool first);
  void close();

  strand strand_;
  connection_host& host_;
  const std::uint64_t id_;
  socket_type socket_;
  timer_type timer_;
  request_reader reader_;
  std::string remote_;
  std::atomic<clock::rep> idle_since_{clock::now().time_since_epoch().count()};   // idle before its first byte, too
  phase phase_ = phase::idle;
  request_reader::progress reading_ = request_reader::progress::idle;
  bool waiting_ = false;                  // an async_wait is under way
  bool head_only_ = false;                // the request is HEAD
  bool keep_alive_ = false;
  clock::time_point body_since_{};
  std::uint64_t received_ = 0;            // bytes since then
  std::uint64_t request_ = 0;             // number of the request under way: late answers are told by it
  std::uint64_t armed_ = 0;               // number of the newest deadline: overtaken ones are told by it
  std::string head_, body_;               // of the answer being written
  file_source file_;
  std::uint64_t file_left_ = 0;
};

}  // namespace flott::http
