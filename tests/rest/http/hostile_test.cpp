#include "tests/rest/http/loopback.hpp"

#include <thread>
#include <vector>

using namespace flott;
using namespace flott::testing;

namespace {

void check_alive(const http::server& server) {
  http::client client(client_of(server));
  const auto reply = client.get("/alive");
  REQUIRE(reply.ok());
  CHECK(reply->status == 200);
}

}  // namespace

TEST_CASE("what is no HTTP gets 400 and JSON, and the server lives") {
  const auto server = serve({}, echo);
  for (const std::string_view bytes :
       {std::string_view("nonsense\r\n\r\n"), std::string_view("\0\0\0\0\0\0\0\0\r\n\r\n", 12), std::string_view("GET\r\n\r\n"),
        std::string_view("GET / HTTP/1.1\r\nbroken header\r\n\r\n"), std::string_view("GET /%gg HTTP/1.1\r\n\r\n"),
        std::string_view("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")}) {
    raw_socket peer(server->port());
    REQUIRE(peer.send(bytes));
    const std::string reply = peer.read_all();
    INFO(std::string(bytes));
    CHECK(reply.rfind("HTTP/1.1 400 Bad Request\r\n", 0) == 0);
    CHECK(reply.find("Content-Type: application/json") != std::string::npos);
    CHECK(reply.find("{\"errors\":[\"") != std::string::npos);
  }
  check_alive(*server);
}

TEST_CASE("a body that is too large gets 413 although its sender does not stop") {
  http::server_config config;
  config.max_body = 1000;
  const auto server = serve(config, echo);
  SECTION("announced") {
    raw_socket peer(server->port());
    REQUIRE(peer.send("POST / HTTP/1.1\r\nContent-Length: 30000000\r\n\r\n"));
    peer.send(std::string(30'000'000, 'x'));
    peer.end_of_input();
    const std::string reply = peer.read_all();
    CHECK(reply.rfind("HTTP/1.1 413 ", 0) == 0);
    CHECK(reply.find("{\"errors\":[\"") != std::string::npos);
  }
  SECTION("in chunks without end") {
    raw_socket peer(server->port());
    REQUIRE(peer.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
    const std::string chunk = "1000\r\n" + std::string(4096, 'x') + "\r\n";
    for (int i = 0; i < 1000; ++i)
      if (!peer.send(chunk))
        break;
    peer.end_of_input();
    CHECK(peer.read_all().rfind("HTTP/1.1 413 ", 0) == 0);
  }
  SECTION("a head without end") {
    raw_socket peer(server->port());
    REQUIRE(peer.send("GET / HTTP/1.1\r\n"));
    for (int i = 0; i < 1000; ++i)
      if (!peer.send("X-Header-" + std::to_string(i) + ": " + std::string(100, 'x') + "\r\n"))
        break;
    peer.end_of_input();
    CHECK(peer.read_all().rfind("HTTP/1.1 431 ", 0) == 0);
  }
  check_alive(*server);
}

TEST_CASE("who is too slow gets 408, or nothing if nothing was said") {
  http::server_config config;
  config.header_timeout = 50ms;
  config.io_timeout = 50ms;
  config.idle_timeout = 100ms;
  const auto server = serve(config, echo);
  raw_socket head(server->port()), body(server->port()), silent(server->port());
  REQUIRE(head.send("GET / HT"));
  REQUIRE(body.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345"));
  CHECK(head.read_all().rfind("HTTP/1.1 408 ", 0) == 0);
  CHECK(body.read_all().rfind("HTTP/1.1 408 ", 0) == 0);
  CHECK(silent.read_all().empty());
  check_alive(*server);
}

TEST_CASE("a head that trickles in is given up on, however steadily it does") {
  http::server_config config;
  config.header_timeout = 100ms;
  config.io_timeout = 100ms;
  config.idle_timeout = 30s;
  const auto server = serve(config, echo);
  raw_socket peer(server->port());
  std::thread trickling([&] {
    peer.send("GET / HTTP/1.1\r\n");
    for (int i = 0; i < 10'000 && peer.send("X: y\r\n"); ++i)
      ::poll(nullptr, 0, 5);
  });
  CHECK(peer.read_until("\r\n\r\n").rfind("HTTP/1.1 408 ", 0) == 0);
  trickling.join();
}

TEST_CASE("a request that ends half way is told so, and a vanished peer is no trouble") {
  const auto server = serve({}, echo);
  raw_socket half(server->port());
  REQUIRE(half.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n123"));
  half.end_of_input();
  CHECK(half.read_all().rfind("HTTP/1.1 400 ", 0) == 0);
  for (int i = 0; i < 50; ++i)
    raw_socket(server->port()).send(i % 2 == 0 ? "GET / HTTP/1.1\r\n\r\n" : "POST / HTTP/1.1\r\nContent-Le");
  CHECK(eventually([&] { return server->connections() == 0; }));
  check_alive(*server);
}

TEST_CASE("a peer that never reads its answers does not hold the server's memory") {
  http::server_config config;
  config.io_timeout = 100ms;
  const auto server = serve(config, [](http::request, http::responder reply) {
    reply(http::json_response(std::string(4'000'000, 'x')));
  });
  raw_socket peer(server->port());
  for (int i = 0; i < 20; ++i)
    peer.send("GET / HTTP/1.1\r\n\r\n");
  CHECK(eventually([&] { return server->connections() == 0; }));
}

TEST_CASE("idle connections make room for those that have something to say") {
  http::server_config config;
  config.max_connections = 20;
  const auto server = serve(config, echo);
  std::vector<raw_socket> idle;
  for (int i = 0; i < 100; ++i)
    idle.emplace_back(server->port());
  check_alive(*server);
  CHECK(server->connections() <= 21);
  CHECK(idle.front().read_all().empty());    // the first to come is the first to go
}

TEST_CASE("100-continue is honoured") {
  const auto server = serve({}, echo);
  raw_socket peer(server->port());
  REQUIRE(peer.send("POST /x HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"));
  CHECK(peer.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  REQUIRE(peer.send("abc"));
  CHECK(peer.read_all().find("POST /x 3") != std::string::npos);
}
