#include "actors/dialer.hpp"
#include "actors/exit_reason.hpp"
#include "testing/virtual_system.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::testing;
using namespace std::chrono_literals;

namespace {

class scene {
 public:
  explicit scene(bool networked = true) {
    auto& system = actors_.system();
    peer_ = system.spawn([]() -> caf::behavior { return {[](int) {}}; });
    connector_ = system.spawn([this]() -> caf::behavior {
      return {[this](caf::connect_atom, const std::string& host, std::uint16_t)
                -> caf::result<caf::node_id, caf::strong_actor_ptr, std::set<std::string>> {
        if (host == "refused")
          return caf::make_error(caf::sec::cannot_connect_to_node, "connection refused");
        return {caf::node_id{}, host == "empty" ? nullptr : caf::actor_cast<caf::strong_actor_ptr>(peer_),
                std::set<std::string>{}};
      }};
    });
    dialer_config config;
    config.local = directory;
    config.timeout = 3s;
    if (networked)
      config.connector = caf::actor_cast<caf::io::middleman_actor>(connector_);
    dialer_ = system.spawn(dialer, config);
  }
  ~scene() {
    directory->clear();
    for (const auto& actor : {peer_, connector_})
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    caf::anon_send_exit(dialer_, caf::exit_reason::kill);
  }

  auto dial(const std::string& host) {
    auto answer = actors_.ask<caf::strong_actor_ptr>(dialer_, atom::dial_v, host, std::uint16_t{7});
    actors_.settle();
    return answer;
  }
  bool probe(const std::string& host) {
    return actors_.ask_now<bool>(dialer_, atom::probe_v, host, std::uint16_t{7}).value.value();
  }
  [[nodiscard]] caf::strong_actor_ptr peer() const { return caf::actor_cast<caf::strong_actor_ptr>(peer_); }
  void freeze_network() { actors_.freeze(connector_); }
  void pass(std::chrono::milliseconds time) { actors_.advance(time); }

  const std::shared_ptr<local_directory> directory = std::make_shared<local_directory>();

 private:
  virtual_system actors_;
  caf::actor peer_, connector_;
  dialer_actor dialer_;
};

}  // namespace

TEST_CASE("a name is found for as long as it is published") {
  scene s;
  CHECK(s.dial(local_address("t1"))->error);
  CHECK_FALSE(s.probe(local_address("t1")));
  s.directory->publish("t1", s.peer());
  CHECK(s.dial(local_address("t1"))->value == s.peer());
  CHECK(s.probe(local_address("t1")));
  s.directory->withdraw("t1");
  CHECK(s.dial(local_address("t1"))->error);
  CHECK_FALSE(s.probe(local_address("t1")));
}

TEST_CASE("an address is the gateway that is published there, or an error; never a null handle") {
  scene s;
  CHECK(s.dial("there")->value == s.peer());
  CHECK(s.dial("refused")->error);
  CHECK(s.dial("empty")->error);
}

TEST_CASE("a dial is answered within its time whatever the network does") {
  scene s;
  s.freeze_network();
  const auto answer = s.dial("there");
  CHECK(answer->pending());
  s.pass(3s);
  CHECK(answer->error);
}

TEST_CASE("one dial that hangs holds up no other") {
  scene s;
  s.directory->publish("t1", s.peer());
  s.freeze_network();
  const auto hanging = s.dial("there");
  CHECK(s.dial(local_address("t1"))->value == s.peer());
  CHECK(hanging->pending());
}

TEST_CASE("a process without a network says so") {
  scene s(false);
  CHECK_THAT(describe(s.dial("there")->error), Catch::Matchers::Contains("no network"));
}
