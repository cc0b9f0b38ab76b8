#include "runtime/security/handshake.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

namespace flott {

namespace {

using time_point = std::chrono::steady_clock::time_point;

class socket_handshake {
 public:
  socket_handshake(int socket, time_point deadline, env& environment, std::string_view peer)
      : socket_(socket), deadline_(deadline), environment_(environment), peer_(peer) {}

  result<std::uint8_t> run(handshake::role role, std::string_view secret, handshake_purpose purpose) {
    handshake::nonce nonce;
    environment_.fill_random(nonce);
    handshake talk(role, secret, purpose, nonce);
    FLOTT_TRY(send(talk.start()));
    while (talk.outcome() == handshake::state::running) {
      char buffer[64];
      FLOTT_ASSIGN(const auto got, receive(buffer, std::min(talk.wanted(), sizeof buffer)));
      std::string answer;
      talk.feed(std::string_view(buffer, got), answer);
      const auto sent = send(answer);
      if (talk.outcome() == handshake::state::running || talk.outcome() == handshake::state::accepted)
        FLOTT_TRY(sent);
    }
    if (talk.outcome() == handshake::state::refused)
      return failure{failure_class::permanent, failure_domain::external, peer_, "connection refused",
                     talk.reason()};
    return talk.version();
  }

 private:
  result<void> wait_for(short events) {
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - environment_.now()).count();
      if (left <= 0)
        return transient_failure(peer_, "the peer did not complete the handshake in time");
      pollfd waiting{socket_, events, 0};
      const int ready = ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
      if (ready > 0)
        return {};
      if (ready < 0 && errno != EINTR)
        return system_failure(peer_, "cannot wait for the handshake", errno);
    }
  }

  result<void> send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto put = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put >= 0)
        bytes.remove_prefix(static_cast<std::size_t>(put));
      else if (errno == EAGAIN || errno == EWOULDBLOCK)
        FLOTT_TRY(wait_for(POLLOUT));
      else if (errno != EINTR)
        return lost(errno);
    }
    return {};
  }

  result<std::size_t> receive(char* buffer, std::size_t size) {
    for (;;) {
      const auto got = ::recv(socket_, buffer, size, MSG_DONTWAIT);
      if (got > 0)
        return static_cast<std::size_t>(got);
      if (got == 0)
        return transient_failure(peer_, "the peer closed the connection during the handshake");
      if (errno == EAGAIN || errno == EWOULDBLOCK)
        FLOTT_TRY(wait_for(POLLIN));
      else if (errno != EINTR)
        return lost(errno);
    }
  }

  failure lost(int error_number) const {
    auto f = system_failure(peer_, "the connection was lost during the handshake", error_number);
    f.cls = failure_class::transient;
    f.domain = failure_domain::external;
    return f;
  }

  int socket_;
  time_point deadline_;
  env& environment_;
  std::string peer_;
};

}  // namespace

result<std::uint8_t> client_handshake(int socket, std::string_view secret, handshake_purpose purpose,
                                      time_point deadline, env& environment, std::string_view peer) {
  return socket_handshake(socket, deadline, environment, peer).run(handshake::role::client, secret, purpose);
}

result<std::uint8_t> server_handshake(int socket, std::string_view secret, handshake_purpose purpose,
                                      time_point deadline, env& environment, std::string_view peer) {
  return socket_handshake(socket, deadline, environment, peer).run(handshake::role::server, secret, purpose);
}

}  // namespace flott
