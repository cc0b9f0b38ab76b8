#include "runtime/http/client.hpp"

#include "runtime/base/socket.hpp"
#include "runtime/http/response_reader.hpp"
#include "runtime/http/response_writer.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace flott::http {
namespace {

using clock = std::chrono::steady_clock;
constexpr std::size_t chunk = 64 << 10;

std::string name_of(const client_config& config) { return config.host + ":" + std::to_string(config.port); }

failure too_slow(const client_config& config) {
  return transient_failure(name_of(config), "no complete answer within " +
                           std::to_string(config.total_timeout.count()) + " ms");
}

/// True once `fd` is ready for any of `events`; false at the deadline.
bool wait_for(int fd, short events, clock::time_point deadline, short* seen = nullptr) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()).count();
    pollfd one{fd, events, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::clamp<long long>(left, 0, 1'000'000)));
    if (ready > 0) {
      if (seen != nullptr)
        *seen = one.revents;
      return true;
    }
    if (ready == 0 && left <= 0)
      return false;
    if (ready < 0 && errno != EINTR)
      return false;
  }
}

/// A kept connection on which something arrived (mostly its end) can't carry another request.
bool is_stale(int fd) {
  char byte = 0;
  const ssize_t got = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/// Quotes for a parameter of Content-Disposition, as browsers do it (WHATWG, multipart/form-data encoding).
std::string quoted_parameter(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += "%22";
    else if (c == '\r') quoted += "%0D";
    else if (c == '\n') quoted += "%0A";
    else quoted += c;
  }
  return quoted + '"';
}

/// Differs from call to call and is 40 characters long: no module contains it by accident.
std::string fresh_boundary() {
  static std::atomic<std::uint64_t> count{0};
  const auto a = static_cast<std::uint64_t>(clock::now().time_since_epoch().count()) * 0x9E3779B97F4A7C15ull;
  const auto b = (static_cast<std::uint64_t>(::getpid()) << 32 | ++count) * 0xC2B2AE3D27D4EB4Full;
  char text[48];
  std::snprintf(text, sizeof text, "flott-%016llx-%016llx", static_cast<unsigned long long>(a),
                static_cast<unsigned long long>(b));
  return text;
}

}  // namespace

struct client::exchange {
  std::string_view verb, target;
  std::string_view content_type;
  std::string_view body;               // sent first
  file_source* file = nullptr;         // then this, if any
  std::string_view file_name;
  std::uint64_t file_size = 0;
  std::string_view tail;               // sent last
  response_reader::body_taker taker{};
  clock::time_point deadline{};
  bool answer_begun = false;

  [[nodiscard]] bool repeatable() const { return verb != "POST" && verb != "PATCH"; }
};

client::~client() { close(); }

void client::close() {
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
}

result<response> client::send(std::string_view verb, std::string_view target, std::string_view body,
                              std::string_view content_type) {
  exchange what;
  what.verb = verb;
  what.target = target;
  what.body = body;
  what.content_type = content_type;
  return perform(what);
}

result<response> client::post_file(std::string_view target, const upload& what) {
  file_source file;
  FLOTT_ASSIGN(const std::uint64_t size, file.open(what.file));
  const std::string boundary = fresh_boundary();
  const std::string begin = "--" + boundary + "\r\nContent-Disposition: form-data; name=" + quoted_parameter(what.field) +
                            "; filename=" + quoted_parameter(what.file_name) + "\r\nContent-Type: " + what.content_type +
                            "\r\n\r\n";
  const std::string end = "\r\n--" + boundary + "--\r\n";
  const std::string type = "multipart/form-data; boundary=" + boundary;
  exchange sent;
  sent.verb = "POST";
  sent.target = target;
  sent.content_type = type;
  sent.body = begin;
  sent.file = &file;
  sent.file_name = what.file;
  sent.file_size = size;
  sent.tail = end;
  return perform(sent);
}

result<response> client::download(std::string_view target, const std::string& destination) {
  std::string part = destination + ".XXXXXX";
  const int fd = ::mkostemp(part.data(), O_CLOEXEC);
  if (fd < 0)
    return system_failure(destination, "can't be written", errno);
  const temp_file cleanup(part);
  exchange what;
  what.verb = "GET";
  what.target = target;
  what.taker = [&](int status, std::string_view bytes) -> result<bool> {
    if (status != 200)
      return false;
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return system_failure(destination, "can't be written", errno);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  };
  auto reply = perform(what);
  const int error = ::close(fd) == 0 ? 0 : errno;
  if (!reply.ok() || reply->status != 200)
    return reply;
  if (error != 0 || ::rename(part.c_str(), destination.c_str()) != 0)
    return system_failure(destination, "can't be written", error != 0 ? error : errno);
  return reply;
}

result<response> client::perform(exchange& what) {
  what.deadline = clock::now() + config_.total_timeout;
  if (fd_ >= 0 && is_stale(fd_))
    close();
  for (bool kept = fd_ >= 0;; kept = false) {
    if (fd_ < 0) {
      const auto dialled = std::min(what.deadline, clock::now() + config_.connect_timeout);
      FLOTT_ASSIGN(fd_, dial_tcp(config_.host, config_.port, dialled));
      ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
      tune_tcp(fd_, config_.total_timeout);
    }
    auto reply = converse(what);
    if (reply.ok())
      return reply;
    close();
    if (!kept || what.answer_begun || !what.repeatable() || clock::now() >= what.deadline)
      return reply;
  }
}

result<response> client::converse(exchange& what) {
  const auto lost = [&](int error) {
    auto failed = system_failure(name_of(config_), "the connection was lost", error);
    failed.cls = failure_class::transient;
    failed.domain = failure_domain::external;
    return failed;
  };
  bool sending = true;
  // Sends what it can. An answer that comes before all is sent (a refusal, mostly) ends the sending, not the exchange.
  const auto write_all = [&](std::string_view bytes) -> result<void> {
    while (sending && !bytes.empty()) {
      short seen = 0;
      if (!wait_for(fd_, POLLOUT | POLLIN, what.deadline, &seen))
        return too_slow(config_);
      if ((seen & POLLIN) != 0) {
        sending = false;
        break;
      }
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0)
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      else if (errno == EPIPE || errno == ECONNRESET)
        sending = false;                  // the answer may still be there to read
      else if (errno != EAGAIN && errno != EINTR)
        return lost(errno);
    }
    return {};
  };

  const std::uint64_t length = what.body.size() + what.file_size + what.tail.size();
  std::string head = std::string(what.verb) + " " + std::string(what.target) + " HTTP/1.1\r\nHost: " + config_.host + ":" +
                     std::to_string(config_.port) + "\r\nAccept: */*\r\nUser-Agent: flott\r\n";
  if (length > 0 || !what.repeatable())
    head += "Content-Type: " + std::string(what.content_type) + "\r\nContent-Length: " + std::to_string(length) + "\r\n";
  head += "\r\n";
  if (what.file == nullptr)
    head += what.body;                    // one packet where it fits
  FLOTT_TRY(write_all(head));
  if (what.file != nullptr) {
    FLOTT_TRY(write_all(what.body));
    std::string buffer(chunk, '\0');
    for (std::uint64_t left = what.file_size; sending && left > 0;) {
      const std::size_t got = what.file->read(buffer.data(), static_cast<std::size_t>(std::min<std::uint64_t>(left, chunk)));
      if (got == 0)
        return user_failure(std::string(what.file_name), "the file became shorter while it was sent");
      FLOTT_TRY(write_all({buffer.data(), got}));
      left -= got;
    }
    FLOTT_TRY(write_all(what.tail));
  }

  response_reader reader(what.verb == "HEAD", config_.max_body, what.taker);
  std::string buffer(16 << 10, '\0');
  for (;;) {
    if (!wait_for(fd_, POLLIN, what.deadline))
      return too_slow(config_);
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
      continue;
    if (got < 0)
      return lost(errno);
    if (got == 0) {
      if (!reader.started())
        return lost(ECONNRESET);
      FLOTT_TRY(reader.end_of_stream());
      break;
    }
    what.answer_begun = true;
    auto complete = reader.feed({buffer.data(), static_cast<std::size_t>(got)});
    if (!complete.ok()) {
      if (complete.error().where == "HTTP response")
        complete.error().where = name_of(config_);
      return std::move(complete).error();
    }
    if (*complete)
      break;
  }
  if (!sending || !reader.keep_alive())
    close();
  return reader.take();
}

}  // namespace flott::http
