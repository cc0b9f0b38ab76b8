#include "runtime/security/handshake.hpp"
#include "runtime/base/simulated_env.hpp"
#include "tests/support/mutate.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <functional>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace flott;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

const std::string secret(32, 's'), other_secret(32, 'x');

handshake::nonce nonce_of(char c) {
  handshake::nonce nonce;
  nonce.fill(static_cast<std::byte>(c));
  return nonce;
}

handshake client_of(std::string_view with = secret, handshake_purpose purpose = handshake_purpose::rpc, char n = 'c') {
  return {handshake::role::client, with, purpose, nonce_of(n)};
}

handshake server_of(std::string_view with = secret, handshake_purpose purpose = handshake_purpose::rpc, char n = 's') {
  return {handshake::role::server, with, purpose, nonce_of(n)};
}

using tamper = std::function<void(int step, std::string& message)>;

/// Lets both talk until neither has more to say; `change` may alter each message on its way.
void converse(handshake& client, handshake& server, const tamper& change = {}) {
  auto message = client.start();
  handshake* hearer = &server;
  for (int step = 0; !message.empty() && step < 8; ++step) {
    if (change)
      change(step, message);
    std::string answer;
    hearer->feed(message, answer);
    message = std::move(answer);
    hearer = hearer == &server ? &client : &server;
  }
}

struct socket_pair {
  socket_pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0); }
  ~socket_pair() {
    close(0);
    close(1);
  }
  void close(int end) {
    if (ends[end] >= 0) ::close(std::exchange(ends[end], -1));
  }
  int ends[2] = {-1, -1};
};

}  // namespace

TEST_CASE("both ends with the secret accept each other") {
  auto client = client_of(), server = server_of();
  converse(client, server);
  CHECK(client.outcome() == handshake::state::accepted);
  CHECK(server.outcome() == handshake::state::accepted);
  CHECK(client.version() == handshake_version_max);
  CHECK(server.version() == handshake_version_max);
  CHECK(client.wanted() == 0);
}

TEST_CASE("byte by byte, and without taking what follows") {
  auto client = client_of(), server = server_of();
  const auto feed_slowly = [](handshake& to, const std::string& bytes) {
    std::string answer;
    for (const char c : bytes) CHECK(to.feed(std::string_view(&c, 1), answer) == 1);
    return answer;
  };
  const auto proof = feed_slowly(client, feed_slowly(server, client.start()));
  std::string welcome;
  CHECK(server.feed(proof + "what follows", welcome) == proof.size());
  std::string nothing;
  CHECK(client.feed(welcome + "more", nothing) == welcome.size());
  CHECK(nothing.empty());
  CHECK(client.outcome() == handshake::state::accepted);
  CHECK(client.feed("x", nothing) == 0);
}

TEST_CASE("each reason to refuse is said to both") {
  SECTION("another secret") {
    auto client = client_of(other_secret), server = server_of();
    converse(client, server);
    CHECK(client.outcome() == handshake::state::refused);
    CHECK(server.outcome() == handshake::state::refused);
    CHECK_THAT(client.reason(), Contains("secret"));
    CHECK_THAT(server.reason(), Contains("secret"));
  }
  SECTION("another purpose") {
    auto client = client_of(secret, handshake_purpose::data), server = server_of();
    converse(client, server);
    CHECK_THAT(client.reason(), Contains("purpose"));
    CHECK_THAT(server.reason(), Contains("purpose"));
  }
  SECTION("no version in common") {
    auto client = client_of(), server = server_of();
    converse(client, server, [](int step, std::string& message) {
      if (step == 0) message[7] = message[8] = 99;
    });
    CHECK_THAT(client.reason(), Contains("version"));
    CHECK_THAT(server.reason(), Contains("version"));
  }
  SECTION("a stranger, at its first byte") {
    auto server = server_of();
    std::string answer;
    server.feed("G", answer);
    CHECK(server.outcome() == handshake::state::refused);
    CHECK(answer.empty());
    CHECK_THAT(server.reason(), Contains("does not speak"));
  }
  SECTION("no secret at all, on either side") {
    auto client = client_of(""), server = server_of("");
    CHECK(client.outcome() == handshake::state::refused);
    CHECK(server.outcome() == handshake::state::refused);
    CHECK(client.start().empty());
  }
}

TEST_CASE("what a client says, echoed, proves nothing") {
  SECTION("every message sent back as it is") {
    auto client = client_of();
    std::string echo = client.start(), answer;
    client.feed(echo, answer);
    CHECK(client.outcome() == handshake::state::refused);
  }
  SECTION("its own nonce as challenge, its own proof as welcome") {
    auto client = client_of();
    const auto hello = client.start();
    std::string challenge = "FLOTT1", proof, nothing;
    challenge += '\0';
    challenge += static_cast<char>(handshake_version_max);
    challenge += hello.substr(9);
    client.feed(challenge, proof);
    REQUIRE(proof.size() == 32);
    client.feed(std::string(1, '\0') + proof, nothing);
    CHECK(client.outcome() == handshake::state::refused);
    CHECK_THAT(client.reason(), Contains("cannot prove"));
  }
}

TEST_CASE("a recorded conversation cannot be played again") {
  std::vector<std::string> recorded;
  auto client = client_of(), server = server_of();
  converse(client, server, [&](int, std::string& message) { recorded.push_back(message); });
  REQUIRE(recorded.size() == 4);
  auto next_server = server_of(secret, handshake_purpose::rpc, 't');
  std::string answer;
  next_server.feed(recorded[0], answer);
  next_server.feed(recorded[2], answer);
  CHECK(next_server.outcome() == handshake::state::refused);
  auto next_client = client_of(secret, handshake_purpose::rpc, 'd');
  static_cast<void>(next_client.start());
  next_client.feed(recorded[1], answer);
  next_client.feed(recorded[3], answer);
  CHECK(next_client.outcome() == handshake::state::refused);
}

TEST_CASE("any bit changed on the way is noticed by one end at least") {
  for (int step = 0; step < 4; ++step) {
    const std::size_t sizes[] = {41, 40, 32, 33};
    for (std::size_t bit = 0; bit < 8 * sizes[step]; ++bit) {
      auto client = client_of(), server = server_of();
      converse(client, server, [&](int at, std::string& message) {
        if (at == step)
          message[bit / 8] = static_cast<char>(message[bit / 8] ^ (1 << (bit % 8)));
      });
      INFO("step " << step << ", bit " << bit);
      CHECK_FALSE((client.outcome() == handshake::state::accepted && server.outcome() == handshake::state::accepted));
      // Only the last message may be lost on a server that was content already.
      CHECK((step == 3 || server.outcome() != handshake::state::accepted));
      CHECK(client.outcome() != handshake::state::accepted);
    }
  }
}

TEST_CASE("noise is refused or waited for, never accepted") {
  const auto seed = GENERATE(1u, 2u, 3u);
  std::mt19937_64 random(seed);
  auto speaker = client_of();
  const auto hello = speaker.start();
  for (int i = 0; i < 5000; ++i) {
    auto server = server_of();
    auto client = client_of();
    static_cast<void>(client.start());
    const auto noise = testing::mutate(hello, random) + testing::mutate(hello, random);
    std::string answer;
    CHECK(server.feed(noise, answer) <= noise.size());
    client.feed(noise, answer);
    INFO("seed " << seed << ", step " << i);
    CHECK(server.outcome() != handshake::state::accepted);
    CHECK(client.outcome() != handshake::state::accepted);
  }
}

TEST_CASE("over a socket, blocking or not") {
  const bool blocking = GENERATE(true, false);
  socket_pair pair;
  if (!blocking)
    for (const int end : pair.ends) REQUIRE(::fcntl(end, F_SETFL, O_NONBLOCK) == 0);
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  result<std::uint8_t> heard = failure{};
  std::thread server([&] {
    heard = server_handshake(pair.ends[1], secret, handshake_purpose::data, deadline, system_env(), "a client");
    if (heard.ok())
      CHECK(::send(pair.ends[1], "first bytes", 11, MSG_NOSIGNAL) == 11);
  });
  const auto said = client_handshake(pair.ends[0], secret, handshake_purpose::data, deadline, system_env(), "a server");
  server.join();
  CHECK(said.ok());
  CHECK(heard.ok());
  char rest[32];
  CHECK(::recv(pair.ends[0], rest, sizeof rest, 0) == 11);
  CHECK(((::fcntl(pair.ends[0], F_GETFL) & O_NONBLOCK) == 0) == blocking);
}

TEST_CASE("over a socket, a peer without the secret is refused and hears why") {
  socket_pair pair;
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  result<std::uint8_t> heard = std::uint8_t{0};
  std::thread server([&] {
    heard = server_handshake(pair.ends[1], secret, handshake_purpose::rpc, deadline, system_env(), "10.0.0.1:5");
  });
  const auto said = client_handshake(pair.ends[0], other_secret, handshake_purpose::rpc, deadline, system_env(), "b");
  server.join();
  REQUIRE_FALSE(said.ok());
  REQUIRE_FALSE(heard.ok());
  CHECK(said.error().cls == failure_class::permanent);
  CHECK_THAT(said.error().cause, Contains("secret"));
  CHECK(heard.error().where == "10.0.0.1:5");
}

TEST_CASE("a peer that is silent, slow for ever or gone does not hold us up") {
  socket_pair pair;
  const auto soon = std::chrono::steady_clock::now() + 30ms;
  SECTION("silent") {
    const auto said = client_handshake(pair.ends[0], secret, handshake_purpose::rpc, soon, system_env(), "b");
    CHECK(said.error().cls == failure_class::transient);
    CHECK_THAT(said.error().message, Contains("in time"));
  }
  SECTION("half a hello") {
    CHECK(::send(pair.ends[0], "FLOTT1", 6, 0) == 6);
    CHECK_THAT(server_handshake(pair.ends[1], secret, handshake_purpose::rpc, soon, system_env(), "a").error().message,
               Contains("in time"));
  }
  SECTION("gone") {
    pair.close(1);
    CHECK(client_handshake(pair.ends[0], secret, handshake_purpose::rpc, soon, system_env(), "b").error().cls
          == failure_class::transient);
  }
  SECTION("gone in the middle") {
    CHECK(::send(pair.ends[0], "FLOTT1", 6, 0) == 6);
    pair.close(0);
    CHECK_THAT(server_handshake(pair.ends[1], secret, handshake_purpose::rpc, soon, system_env(), "a").error().message,
               Contains("closed"));
  }
}
