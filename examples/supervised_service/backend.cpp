#include "backend.hpp"

#include "runtime/base/socket.hpp"

#include <algorithm>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace flott;

std::int64_t flaky_backend::now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

result<void> flaky_backend::start(supervision::ledger& ledger) {
  FLOTT_ASSIGN(listener_, listen_tcp("127.0.0.1", port_));
  port_ = local_port(listener_);
  ledger.book("listener on port " + std::to_string(port_), [fd = listener_] { ::close(fd); }).leave();
  stopping_ = false;
  thread_ = std::thread{[this] { serve(); }};
  return {};
}

void flaky_backend::stop() {
  stopping_ = true;
  if (thread_.joinable())
    thread_.join();
}

void flaky_backend::serve() {
  std::vector<pollfd> watched;                       // the first is the listener
  while (!stopping_) {
    const bool refusing = now_ms() < refuse_until_ms_;
    if (dropping_.exchange(false) || refusing) {
      for (std::size_t i = 1; i < watched.size(); ++i)
        ::close(watched[i].fd);
      watched.resize(std::min<std::size_t>(watched.size(), 1));
    }
    if (watched.empty())
      watched.push_back({listener_, POLLIN, 0});
    for (auto& each : watched)
      each.revents = 0;
    if (::poll(watched.data(), watched.size(), 20) <= 0)
      continue;
    const bool somebody_came = (watched[0].revents & POLLIN) != 0;
    std::erase_if(watched, [&](const pollfd& each) { return each.fd != listener_ && each.revents != 0 && !answer(each.fd); });
    if (somebody_came)
      if (const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC); connection >= 0) {
        if (refusing)
          ::close(connection);
        else
          watched.push_back({connection, POLLIN, 0});
      }
  }
  for (std::size_t i = 1; i < watched.size(); ++i)
    ::close(watched[i].fd);
}

bool flaky_backend::answer(int connection) {
  char key[256];
  const auto length = ::recv(connection, key, sizeof(key), MSG_DONTWAIT);
  if (length <= 0) {
    ::close(connection);
    return false;
  }
  const auto luck = random_() % 1000;
  if (luck < 3 || now_ms() < stall_until_ms_)        // it does not answer
    return true;
  if (luck < 8) {                                    // it hangs up
    ::close(connection);
    return false;
  }
  const std::string asked(key, static_cast<std::size_t>(length - 1));
  const auto reply = "value of " + asked + "\n";
  static_cast<void>(::send(connection, reply.data(), reply.size(), MSG_NOSIGNAL));
  return true;
}
