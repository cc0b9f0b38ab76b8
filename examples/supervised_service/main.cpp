#include "backend.hpp"
#include "chaos.hpp"
#include "lookup.hpp"
#include "worker.hpp"

#include <flott/actors.hpp>

#include <charconv>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>

#include <signal.h>

using namespace flott;
using namespace flott::supervision;
using namespace std::chrono_literals;

namespace {

constexpr int failed = 1, misused = 2;
constexpr std::size_t number_of_workers = 4;

struct settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8090;
  std::optional<unsigned> seconds;
  bool chaos = false;
  std::uint64_t seed = 1;
};

template <class Number>
bool read_number(const std::string& text, Number& to) {
  const auto* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, to);
  return error == std::errc{} && stopped == end;
}

std::optional<settings> read_settings(int argc, char** argv) {
  settings read;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
    bool understood = false;
    if (option == "--chaos") {
      read.chaos = understood = true;
      continue;
    }
    if (option == "--http") {
      const auto colon = value.rfind(':');
      understood = colon != std::string::npos && colon > 0 && read_number(value.substr(colon + 1), read.port);
      read.host = value.substr(0, colon);
    } else if (option == "--seconds") {
      understood = read_number(value, read.seconds.emplace());
    } else if (option == "--seed") {
      understood = read_number(value, read.seed);
    }
    if (!understood) {
      std::fprintf(stderr, "supervised_service: %s %s: not understood\n"
                           "usage: supervised_service [--http HOST:PORT] [--seconds N] [--chaos] [--seed S]\n",
                   option.c_str(), value.c_str());
      return std::nullopt;
    }
    ++i;
  }
  return read;
}

child_spec worker_child(const std::string& id, const std::shared_ptr<flaky_backend>& backend) {
  child_spec spec;
  spec.id = id;
  spec.child_class = "worker";
  spec.start = connected_worker([backend] { return backend->port(); });
  spec.shutdown = 300ms;
  spec.restart_backoff = backoff{20ms, 200ms, 2, 0.2, 1s};
  spec.retry_first_start = true;                     // the backend may be away when the service starts
  spec.ref = std::make_shared<child_ref>();
  return spec;
}

child_spec plain_child(const std::string& id, child_factory start) {
  child_spec spec;
  spec.id = id;
  spec.start = std::move(start);
  spec.ref = std::make_shared<child_ref>();
  return spec;
}

struct service {
  supervisor_spec tree;
  child_ref_ptr front;
};

service make_service(const settings& with) {
  const auto backend = std::make_shared<flaky_backend>(with.seed);
  plain_resource server;
  server.start = [backend](const child_context& context) { return backend->start(*context.ledger); };
  server.stop = [backend] { backend->stop(); };

  victims all;
  all.backend = backend;
  supervisor_spec workers;
  workers.name = "workers";
  workers.intensity = {100, 5s};
  workers.kill_grace = 100ms;
  workers.stopping = stop_order::parallel;
  for (std::size_t i = 1; i <= number_of_workers; ++i) {
    workers.children.push_back(worker_child("worker-" + std::to_string(i), backend));
    all.workers.push_back(workers.children.back().ref);
  }
  auto pool = subtree(std::move(workers));
  pool.ref = all.workers_supervisor = std::make_shared<child_ref>();
  auto known = plain_child("cache", spawns(cache));
  all.cache = known.ref;
  auto entrance = plain_child("front", spawns(front, known.ref, all.workers));
  entrance.mailbox.messages = 1000;                  // more are refused at once: the client gets a 503, and not a slow answer
  all.front = entrance.ref;

  service made;
  made.front = entrance.ref;
  made.tree.name = "service";
  made.tree.strategy = strategy::rest_for_one;
  made.tree.intensity = {100, 5s};
  made.tree.children = {plain_child("backend", keeps(server)), pool, known, entrance};
  if (with.chaos)                                    // the first, so that nobody takes it along
    made.tree.children.insert(made.tree.children.begin(),
                              plain_child("chaos", spawns(chaos, all, std::make_shared<std::mt19937_64>(with.seed))));
  return made;
}

void give_to_front(const child_ref_ptr& front, const http::request& asked, http::responder answer) {
  const auto key = std::string{asked.parameter("key")};
  if (key.empty() || key.size() > 200 || key.find('\n') != std::string::npos)
    answer(http::error_response(400, "key is expected: at most 200 bytes, in one line"));
  else if (const auto there = front->as<caf::actor>())
    caf::anon_send(there, web_lookup{key, std::move(answer)});
  else
    answer(http::error_response(503, "the service is being started again", 1));
}

/// SIGINT or SIGTERM, or the time is over.
void wait_for_end(const sigset_t& signals, const std::optional<unsigned>& seconds) {
  int signal = 0;
  if (!seconds) {
    ::sigwait(&signals, &signal);
    return;
  }
  const timespec limit{static_cast<std::time_t>(*seconds), 0};
  ::sigtimedwait(&signals, nullptr, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  const auto with = read_settings(argc, argv);
  if (!with)
    return misused;
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);   // before there are other threads: they are waited for below

  auto made = make_service(*with);
  auto started = actor_node::start(std::move(made.tree));
  if (!started) {
    std::fprintf(stderr, "supervised_service: %s\n", started.error().to_string().c_str());
    return misused;
  }
  const auto node = std::move(started).value();
  if (const auto up = node->wait_started(10s); !up) {
    std::fprintf(stderr, "supervised_service: %s\n", up.error().to_string().c_str());
    return misused;
  }

  http::server_config listen;
  listen.host = with->host;
  listen.ports = {with->port, with->port};
  auto server = http::server::start(listen, [&](const http::request& asked, http::responder answer) {
    if (node->answer(asked, answer))
      return;
    if (asked.path != "/lookup")
      answer(http::error_response(404, "there are /lookup?key=K, /flott/v1/tree, /metrics, /livez and /readyz"));
    else if (!node->ready())
      answer(http::error_response(503, "the service stops"));
    else
      give_to_front(made.front, asked, std::move(answer));
  });
  if (!server) {
    std::fprintf(stderr, "supervised_service: %s\n", server.error().to_string().c_str());
    return misused;
  }
  std::printf("serving http://%s:%u/lookup?key=K\n", with->host.c_str(), static_cast<unsigned>(server.value()->port()));
  std::fflush(stdout);

  wait_for_end(signals, with->seconds);
  node->stop();                                      // the tree is served until it is gone
  const auto end = node->wait_ended();
  server.value()->stop();

  for (const auto& entry : node->history().entries())
    std::printf("%s\n", to_text(entry).c_str());
  std::printf("ended %s: %s; %llu abandoned, %zu left behind, %llu messages not handled\n", end.in_time ? "in time" : "late",
              end.reason.text.c_str(), static_cast<unsigned long long>(end.abandoned), end.left_behind,
              static_cast<unsigned long long>(node->dead_letters().count()));
  return end.in_time && end.left_behind == 0 ? 0 : failed;
}
