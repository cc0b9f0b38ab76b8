#include "runtime/exchange/tcp_connection.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace flott {
namespace {

/// What one connection may do before others have their turn.
constexpr std::size_t most_read_at_once = 4U << 20;
constexpr int most_writes_at_once = 16;

failure socket_failure(const char* what, int error) {
  auto failed = system_failure("connection", what, error);
  failed.cls = failure_class::transient;
  return failed;
}

}  // namespace

tcp_connection::tcp_connection(int descriptor, std::unique_ptr<flott::session> speaks, std::optional<handshake> proof,
                               std::shared_ptr<memory_budget> budget, time_point greeting_deadline)
    : descriptor_(descriptor), session_(std::move(speaks)), proof_(std::move(proof)), decoder_(std::move(budget)),
      greeting_deadline_(greeting_deadline) {}

tcp_connection::~tcp_connection() { ::close(descriptor_); }

/// Answers of the handshake are a few bytes into an empty socket: what does not take them is not worth waiting for.
result<void> tcp_connection::send_raw(const std::string& bytes) {
  const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(bytes.size()))
    return {};
  return sent < 0 ? socket_failure("can't be written to", errno)
                  : transient_failure("connection", "takes no answer to the handshake");
}

result<bool> tcp_connection::read_proof() {
  std::array<char, 256> buffer;
  const auto size = ::recv(descriptor_, buffer.data(), std::min(buffer.size(), proof_->wanted()), 0);
  if (size == 0)
    return transient_failure("connection", "was closed during the handshake");
  if (size < 0) {
    if (errno == EAGAIN || errno == EINTR)
      return false;
    return socket_failure("was lost during the handshake", errno);
  }
  std::string answer;
  proof_->feed({buffer.data(), static_cast<std::size_t>(size)}, answer);
  if (!answer.empty())
    FLOTT_TRY(send_raw(answer));
  if (proof_->outcome() == handshake::state::refused)
    return failure{failure_class::permanent, failure_domain::external, "handshake", proof_->reason()};
  if (proof_->outcome() == handshake::state::accepted)
    proof_.reset();
  return true;
}

result<void> tcp_connection::read() {
  while (proof_) {
    FLOTT_ASSIGN(const bool more, read_proof());
    if (!more)
      return {};
  }
  for (std::size_t total = 0; total < most_read_at_once;) {
    const auto space = decoder_.space();
    const auto size = ::recv(descriptor_, space.data(), space.size(), 0);
    if (size == 0)
      return transient_failure("connection", "was closed by the other end");
    if (size < 0) {
      if (errno == EINTR)
        continue;
      if (errno == EAGAIN)
        return {};
      return socket_failure("was lost", errno);
    }
    decoder_.received(static_cast<std::size_t>(size));
    total += static_cast<std::size_t>(size);
    received_ += static_cast<std::size_t>(size);
    for (;;) {
      FLOTT_ASSIGN(const auto frame, decoder_.next());
      if (!frame)
        break;
      FLOTT_TRY(session_->receive(*frame));
    }
    if (static_cast<std::size_t>(size) < space.size())
      return {};                       // the socket is empty; the next poll tells if not
  }
  return {};
}

result<bool> tcp_connection::write() {
  blocked_ = false;
  if (proof_)
    return false;
  std::array<iovec, 2 * frame_writer::most_pieces> parts;
  for (int writes = 0; writes < most_writes_at_once; ++writes) {
    session_->pump();
    const auto count = session_->out.gather(parts);
    if (count == 0)
      return false;
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const auto size = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EINTR)
        continue;
      if (errno == EAGAIN) {
        blocked_ = true;
        return false;
      }
      return socket_failure("was lost", errno);
    }
    session_->out.wrote(static_cast<std::size_t>(size));
    sent_ += static_cast<std::size_t>(size);
  }
  return true;
}

}  // namespace flott
