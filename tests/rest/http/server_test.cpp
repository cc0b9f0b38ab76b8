#include "tests/rest/http/loopback.hpp"
#include "tests/support/temporary_folder.hpp"

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace flott;
using namespace flott::testing;

namespace {

/// Keeps responders for later.
struct shelf {
  void put(http::responder reply) {
    const std::lock_guard lock(mutex);
    kept.push_back(std::move(reply));
    arrived.notify_all();
  }
  http::responder take() {
    std::unique_lock lock(mutex);
    REQUIRE(arrived.wait_for(lock, 30s, [this] { return !kept.empty(); }));
    auto reply = std::move(kept.front());
    kept.erase(kept.begin());
    return reply;
  }
  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<http::responder> kept;
};

}  // namespace

TEST_CASE("a GET with a body is answered, connection after connection and on the same one") {
  const auto server = serve({}, echo);
  http::client client(client_of(*server));
  for (int i = 0; i < 3; ++i) {
    const auto reply = client.send("GET", "/v1/config", "{}");
    REQUIRE(reply.ok());
    CHECK(reply->status == 200);
    CHECK(reply->body == R"({"saw":"GET /v1/config 2"})");
    CHECK(reply->content_type == http::json_type);
  }
  CHECK(server->connections() == 1);
}

TEST_CASE("pipelined requests are answered in order") {
  const auto server = serve({}, echo);
  raw_socket peer(server->port());
  std::string requests;
  for (int i = 0; i < 50; ++i)
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n";
  REQUIRE(peer.send(requests + "GET /last HTTP/1.1\r\nConnection: close\r\n\r\n"));
  const std::string replies = peer.read_all();
  CHECK(count(replies, "HTTP/1.1 200 OK") == 51);
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = replies.find("\"GET /" + std::to_string(i) + " 0\"", at);
    REQUIRE(at != std::string::npos);
  }
  CHECK(replies.find("GET /last 0", at) != std::string::npos);
}

TEST_CASE("HEAD has the head of the answer and not its body") {
  const auto server = serve({}, echo);
  raw_socket peer(server->port());
  REQUIRE(peer.send("HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n"));
  const std::string reply = peer.read_all();
  CHECK(reply.rfind("HTTP/1.1 200 OK\r\n", 0) == 0);
  CHECK(reply.find("Content-Length: 19\r\n") != std::string::npos);
  CHECK(reply.substr(reply.size() - 4) == "\r\n\r\n");
}

TEST_CASE("HTTP/1.0 closes unless asked not to") {
  const auto server = serve({}, echo);
  raw_socket peer(server->port());
  REQUIRE(peer.send("GET /x HTTP/1.0\r\n\r\n"));
  CHECK(peer.read_all().find("Connection: close") != std::string::npos);
}

TEST_CASE("an answer may come later and from another thread; only the first counts") {
  shelf waiting;
  const auto server = serve({}, [&](http::request, http::responder reply) { waiting.put(std::move(reply)); });
  std::thread answering([&] {
    const auto reply = waiting.take();
    reply(http::json_response("{\"first\":1}"));
    reply(http::json_response("{\"second\":2}"));
  });
  http::client client(client_of(*server));
  const auto reply = client.get("/");
  answering.join();
  REQUIRE(reply.ok());
  CHECK(reply->body == "{\"first\":1}");
}

TEST_CASE("a responder that is dropped answers 503, and one that throws away its chance by an exception 500") {
  const auto server = serve({}, [](http::request asked, http::responder) {
    if (asked.path == "/throw")
      throw std::runtime_error("boom");
  });
  http::client client(client_of(*server));
  const auto dropped = client.get("/drop");
  REQUIRE(dropped.ok());
  CHECK(dropped->status == 503);
  CHECK(dropped->body.rfind("{\"errors\":[", 0) == 0);
  CHECK(dropped->header("retry-after") == "1");
  const auto thrown = client.get("/throw");
  REQUIRE(thrown.ok());
  CHECK(thrown->status == 500);
  CHECK(thrown->body.find("boom") != std::string::npos);
}

TEST_CASE("a request that nobody answers in time gets 504; the late answer reaches nobody else") {
  shelf waiting;
  http::server_config config;
  config.request_timeout = 50ms;
  const auto server = serve(config, [&](http::request asked, http::responder reply) {
    asked.path == "/slow" ? waiting.put(std::move(reply)) : echo(std::move(asked), std::move(reply));
  });
  http::client client(client_of(*server));
  const auto reply = client.get("/slow");
  REQUIRE(reply.ok());
  CHECK(reply->status == 504);
  waiting.take()(http::json_response("{\"late\":true}"));
  const auto next = client.get("/fast");
  REQUIRE(next.ok());
  CHECK(next->body == R"({"saw":"GET /fast 0"})");
}

TEST_CASE("responders outlive their server") {
  shelf waiting;
  auto server = serve({}, [&](http::request, http::responder reply) { waiting.put(std::move(reply)); });
  raw_socket peer(server->port());
  REQUIRE(peer.send("GET / HTTP/1.1\r\n\r\n"));
  const auto reply = waiting.take();
  server->stop(0ms);
  server.reset();
  reply(http::json_response("{}"));
  CHECK(peer.read_all().empty());
}

TEST_CASE("stop lets an answer leave and then refuses") {
  shelf waiting;
  auto server = serve({}, [&](http::request, http::responder reply) { waiting.put(std::move(reply)); });
  const auto port = server->port();
  raw_socket peer(port), idle(port);
  REQUIRE(peer.send("GET / HTTP/1.1\r\n\r\n"));
  const auto reply = waiting.take();
  std::thread stopping([&] { server->stop(30s); });
  CHECK(idle.read_all().empty());          // ended at once
  reply(http::json_response("{\"bye\":1}"));
  const auto text = peer.read_all();
  CHECK(text.find("{\"bye\":1}") != std::string::npos);
  CHECK(text.find("Connection: close") != std::string::npos);
  stopping.join();
  CHECK_FALSE(dial_tcp("127.0.0.1", port, clock::now() + 5s).ok());
}

TEST_CASE("a file is streamed as it is") {
  const temporary_folder folder;
  std::string content(3'000'000, 'x');
  for (std::size_t i = 0; i < content.size(); i += 1000)
    content[i] = static_cast<char>(i);
  std::ofstream(folder / "blob", std::ios::binary) << content;
  const auto server = serve({}, [&](http::request asked, http::responder reply) {
    http::response answer;
    answer.content_type = "application/octet-stream";
    answer.file = folder / asked.path.substr(1);
    reply(answer);
  });
  http::client client(client_of(*server));
  const auto whole = client.get("/blob");
  REQUIRE(whole.ok());
  CHECK(whole->status == 200);
  CHECK(whole->body == content);
  const auto head = client.head("/blob");
  REQUIRE(head.ok());
  CHECK(head->header("content-length") == "3000000");
  CHECK(head->body.empty());
  const auto missing = client.get("/nothing");
  REQUIRE(missing.ok());
  CHECK(missing->status == 404);
}

TEST_CASE("a range of ports is tried from its low end, and its failure names it") {
  const auto taken = serve({}, echo);
  http::server_config config;
  config.ports = {taken->port(), taken->port()};
  const auto refused = http::server::start(config, echo);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().where.find(std::to_string(taken->port())) != std::string::npos);
  if (taken->port() < 65000) {
    config.ports.high = static_cast<std::uint16_t>(taken->port() + 50);
    const auto next = serve(config, echo);
    CHECK(next->port() > taken->port());
    CHECK(next->port() <= config.ports.high);
  }
}

TEST_CASE("several threads serve many clients at once") {
  http::server_config config;
  config.threads = 3;
  std::atomic<int> calls{0};
  const auto server = serve(config, [&](http::request asked, http::responder reply) {
    ++calls;
    echo(std::move(asked), std::move(reply));
  });
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int c = 0; c < 8; ++c)
    clients.emplace_back([&, c] {
      http::client client(client_of(*server));
      for (int i = 0; i < 100; ++i) {
        const auto reply = client.post("/" + std::to_string(c), std::string(static_cast<std::size_t>(i), 'x'));
        good += reply.ok() && reply->body == "{\"saw\":\"POST /" + std::to_string(c) + " " + std::to_string(i) + "\"}" ? 1 : 0;
      }
    });
  for (auto& client : clients)
    client.join();
  CHECK(good == 800);
  CHECK(calls == 800);
}
