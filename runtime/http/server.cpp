#include "runtime/http/server.hpp"

#include "runtime/base/socket.hpp"
#include "runtime/http/connection.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

namespace flott::http {
namespace {

constexpr milliseconds accept_pause{50};        // when descriptors have run out

tcp family_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4();
}

}  // namespace

class server::core final : public connection_host {
 public:
  using connection_host::connection_host;
  ~core() override { stop(milliseconds(0)); }   // of one that failed to start; else it has stopped long ago

  result<void> listen();
  void run();
  void stop(milliseconds grace);

  void deliver(const std::weak_ptr<connection>& to, std::uint64_t request, response reply) override;
  void gone(std::uint64_t id) override;
  [[nodiscard]] std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return open_.size();
  }

  std::uint16_t port = 0;

 private:
  void wait_for_connections();
  void accept_all();
  void admit(int fd, const tcp& family);
  bool evict_idle();

  mutable std::mutex mutex_;              // guards open_, next_id_ and io_'s life
  std::condition_variable emptied_;
  std::map<std::uint64_t, std::weak_ptr<connection>> open_;
  std::uint64_t next_id_ = 0;
  std::unique_ptr<asio::io_context> io_;
  std::optional<listener_type> listener_;
  std::optional<timer_type> retry_;
  std::vector<std::thread> threads_;
};

result<void> server::core::listen() {
  request_reader::limits bounds;
  bounds.header = config.max_header;
  bounds.body = config.max_body;
  bounds.upload = config.max_upload;
  bounds.upload_dir = config.upload_dir;
  bounds.takes_upload = config.takes_upload;
  limits = std::make_shared<const request_reader::limits>(std::move(bounds));
  std::optional<failure> refused;
  const unsigned high = std::max(config.ports.low, config.ports.high);
  for (unsigned candidate = config.ports.low; candidate <= high; ++candidate) {
    auto fd = listen_tcp(config.host, static_cast<std::uint16_t>(candidate));
    if (!fd.ok()) {
      refused = std::move(fd).error();
      continue;
    }
    port = local_port(*fd);
    io_ = std::make_unique<asio::io_context>(static_cast<int>(config.threads));
    listener_.emplace(asio::make_strand(*io_));
    retry_.emplace(listener_->get_executor());
    error_code ec;
    listener_->assign(family_of(*fd), *fd, ec);
    if (!ec)
      listener_->non_blocking(true, ec);
    if (ec)
      return internal_failure(config.host + ":" + std::to_string(port), "can't listen", ec.message());
    return {};
  }
  if (high != config.ports.low)
    refused->where = config.host + ":" + to_text(config.ports);
  return std::move(*refused);
}

void server::core::run() {
  wait_for_connections();
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);     // signals are for the threads that expect them
  for (unsigned i = 0; i < config.threads; ++i) {
    threads_.emplace_back([io = io_.get()] { io->run(); });
    ::pthread_setname_np(threads_.back().native_handle(), "flott-http");
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void server::core::wait_for_connections() {
  listener_->async_wait(listener_type::wait_read, [this](error_code ec) {
    if (!ec && !stopping)
      accept_all();
  });
}

void server::core::accept_all() {
  const tcp family = family_of(listener_->native_handle());
  for (;;) {
    // accept4, because a descriptor that is not close-on-exec from its first moment leaks into processes being started.
    const int fd = ::accept4(listener_->native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      admit(fd, family);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED)
      continue;
    if (errno == EAGAIN)
      break;
    evict_idle();
    retry_->expires_after(accept_pause);
    retry_->async_wait([this](error_code ec) {
      if (!ec && !stopping)
        accept_all();
    });
    return;
  }
  wait_for_connections();
}

void server::core::admit(int fd, const tcp& family) {
  if (connections() >= config.max_connections && !evict_idle()) {
    const response full = error_response(503, "too many connections", 1);
    const std::string text = response_head(full, full.body.size(), false, std::time(nullptr)) + full.body;
    [[maybe_unused]] const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::close(fd);
    return;
  }
  std::shared_ptr<connection> added;
  {
    const std::lock_guard lock(mutex_);
    added = std::make_shared<connection>(*this, *io_, ++next_id_);
    if (!added->adopt(fd, family))
      return;
    open_.emplace(next_id_, added);
  }
  asio::post(added->executor(), [added] { added->start(); });
}

/// Ends the connection that has been idle longest; false if none is.
bool server::core::evict_idle() {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<connection> oldest;
  auto found = open_.end();
  for (auto it = open_.begin(); it != open_.end(); ++it) {
    auto candidate = it->second.lock();
    const auto since = candidate ? candidate->idle_since() : std::nullopt;
    if (since && (!oldest || *since < oldest->idle_since().value_or(0))) {
      oldest = std::move(candidate);
      found = it;
    }
  }
  if (!oldest)
    return false;
  open_.erase(found);
  asio::post(oldest->executor(), [oldest] { oldest->retire(); });
  return true;
}

void server::core::gone(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  open_.erase(id);
  if (open_.empty())
    emptied_.notify_all();
}

void server::core::deliver(const std::weak_ptr<connection>& to, std::uint64_t request, response reply) {
  const std::lock_guard lock(mutex_);
  if (!io_)
    return;
  if (auto target = to.lock()) {
    const auto executor = target->executor();
    asio::post(executor, [target = std::move(target), request, reply = std::move(reply)]() mutable {
      target->answer(request, std::move(reply));
    });
  }
}

void server::core::stop(milliseconds grace) {
  if (stopping.exchange(true) || !listener_)
    return;
  asio::post(listener_->get_executor(), [this] {
    error_code ec;
    listener_->close(ec);
    retry_->cancel();
  });
  std::unique_lock lock(mutex_);
  for (const auto& [id, open] : open_)
    if (auto target = open.lock())
      asio::post(target->executor(), [target] { target->retire(); });
  emptied_.wait_for(lock, grace, [this] { return open_.empty(); });
  lock.unlock();
  io_->stop();
  for (auto& thread : threads_)
    thread.join();
  std::unique_ptr<asio::io_context> io;
  {
    const std::lock_guard last(mutex_);   // from here on deliver() finds nothing
    open_.clear();
    io = std::move(io_);
  }
  listener_.reset();
  retry_.reset();
  io.reset();                             // destroys what is still queued, and with it the connections
}

// --- server --------------------------------------------------------------------------------------------------

server::server(std::shared_ptr<core> c) : core_(std::move(c)) {}
server::~server() { stop(); }

result<std::unique_ptr<server>> server::start(server_config config, handler handle) {
  config.threads = std::max(1u, config.threads);
  const std::string where = config.host + ":" + to_text(config.ports);
  try {
    auto c = std::make_shared<core>(std::move(config), std::move(handle));
    FLOTT_TRY(c->listen());
    c->run();
    return std::unique_ptr<server>(new server(std::move(c)));
  } catch (const std::exception& error) {      // descriptors or threads have run out
    return resource_failure(where, "can't serve HTTP", error.what());
  }
}

std::uint16_t server::port() const noexcept { return core_->port; }
std::size_t server::connections() const { return core_->connections(); }
void server::stop(milliseconds grace) { core_->stop(grace); }

}  // namespace flott::http
