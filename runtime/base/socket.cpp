#include "runtime/base/socket.hpp"

#include <array>
#include <cerrno>
#include <memory>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace flott {
namespace {

using addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

std::string name_of(const std::string& host, std::uint16_t port) { return host + ":" + std::to_string(port); }

result<addresses> resolve(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); code != 0)
    return transient_failure(name_of(host, port), "the name can't be resolved", gai_strerror(code));
  return addresses{found, &freeaddrinfo};
}

/// 0, or errno of the attempt.
int connect_within(int fd, const addrinfo& to, std::chrono::steady_clock::time_point deadline) {
  if (::connect(fd, to.ai_addr, to.ai_addrlen) == 0)
    return 0;
  if (errno != EINPROGRESS)
    return errno;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return ETIMEDOUT;
    pollfd writable{fd, POLLOUT, 0};
    const int ready = ::poll(&writable, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready <= 0)
      return ready == 0 ? ETIMEDOUT : errno;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
      return errno;
    return error;
  }
}

}  // namespace

result<int> dial_tcp(const std::string& host, std::uint16_t port, std::chrono::steady_clock::time_point deadline) {
  FLOTT_ASSIGN(const addresses found, resolve(host, port, 0));
  int error = ECONNREFUSED;
  for (const addrinfo* to = found.get(); to != nullptr; to = to->ai_next) {
    const int fd = ::socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      error = errno;
      continue;
    }
    error = connect_within(fd, *to, deadline);
    if (error == 0) {
      ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
      return fd;
    }
    ::close(fd);
  }
  auto failed = system_failure(name_of(host, port), "can't connect", error);
  failed.cls = failure_class::transient;
  return failed;
}

bool nobody_listens(const std::string& host, std::uint16_t port, std::chrono::steady_clock::time_point deadline) {
  const auto found = resolve(host, port, 0);
  if (!found.ok())
    return false;
  bool refused = false;
  for (const addrinfo* to = found->get(); to != nullptr; to = to->ai_next) {
    const int fd = ::socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
      return false;
    const int error = connect_within(fd, *to, deadline);
    ::close(fd);
    if (error != ECONNREFUSED)
      return false;
    refused = true;
  }
  return refused;
}

result<int> listen_tcp(const std::string& host, std::uint16_t port) {
  FLOTT_ASSIGN(const addresses found, resolve(host, port, AI_PASSIVE));
  int error = EADDRNOTAVAIL;
  for (const addrinfo* at = found.get(); at != nullptr; at = at->ai_next) {
    const int fd = ::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      error = errno;
      continue;
    }
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd, at->ai_addr, at->ai_addrlen) == 0 && ::listen(fd, 256) == 0)
      return fd;
    error = errno;
    ::close(fd);
  }
  return system_failure(name_of(host, port), "can't listen", error);
}

std::string peer_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host.data(), host.size(), port.data(),
                    port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "unknown";
  return std::string(host.data()) + ":" + port.data();
}

std::uint16_t local_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return 0;
  if (address.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

void tune_tcp(int fd, std::chrono::milliseconds patience) {
  const int on = 1, idle_s = 5, interval_s = 2, probes = 3;
  const auto user_timeout_ms = static_cast<unsigned>(patience.count());
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms);
}

}  // namespace flott
