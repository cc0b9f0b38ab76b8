#include "worker.hpp"

#include "runtime/base/socket.hpp"

#include <stdexcept>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace flott;
using namespace std::chrono_literals;

namespace {

constexpr auto dial_limit = 500ms;
constexpr auto reply_limit = 200ms;

/// Failures are exceptions with a text; the actor ends by them.
std::string ask(int connection, const std::string& key) {
  const auto request = key + "\n";
  if (::send(connection, request.data(), request.size(), MSG_NOSIGNAL) < 0)
    throw std::runtime_error("the backend has closed the connection");
  std::string reply;
  while (!reply.ends_with('\n')) {
    pollfd readable{connection, POLLIN, 0};
    if (::poll(&readable, 1, static_cast<int>(reply_limit.count())) <= 0)
      throw std::runtime_error("the backend does not answer");
    char part[256];
    const auto length = ::recv(connection, part, sizeof(part), 0);
    if (length <= 0)
      throw std::runtime_error("the backend has hung up");
    reply.append(part, static_cast<std::size_t>(length));
  }
  reply.pop_back();
  return reply;
}

caf::behavior worker(caf::event_based_actor*, const std::string& name, std::uint16_t port,
                     const std::shared_ptr<supervision::ledger>& ledger) {
  const auto dialed = dial_tcp("127.0.0.1", port, std::chrono::steady_clock::now() + dial_limit);
  if (!dialed)
    throw std::runtime_error(dialed.error().to_string());
  const int connection = *dialed;
  ledger->book("connection to " + peer_of(connection), [connection] { ::close(connection); }).leave();
  return {
    [=](const lookup& asked) { return found{ask(connection, asked.key), name}; },
    [](fail_now) { throw std::runtime_error("chaos asked for it"); },
    [](const hang_for& x) { ::poll(nullptr, 0, static_cast<int>(x.time.count())); },
  };
}

}  // namespace

child_factory connected_worker(std::function<std::uint16_t()> port) {
  return [port = std::move(port)](const child_context& context) -> start_outcome {
    const auto name = context.path.substr(context.path.rfind('/') + 1);
    return spawn_supervised<caf::detached>(context, worker, name, port(), context.ledger);
  };
}
