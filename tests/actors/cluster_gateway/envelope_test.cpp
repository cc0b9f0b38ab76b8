#include "actors/wire/envelope.hpp"

#include <catch2/catch.hpp>

using namespace flott;

namespace {

constexpr std::int64_t now = 1'000'000;

msg::Heartbeat from(const std::string& incarnation, std::int64_t deadline = 0) {
  msg::Heartbeat pulse;
  pulse.mutable_header()->set_incarnation(incarnation);
  pulse.mutable_header()->set_deadline_unix_ms(deadline);
  return pulse;
}

/// A message whose type forgets to name who may send it.
struct nobodys_message {
  static const google::protobuf::Descriptor* descriptor() { return msg::Ack::descriptor(); }
  [[nodiscard]] const msg::Header& header() const { return header_; }
  msg::Header header_;
};

}  // namespace

TEST_CASE("who has registered may speak") {
  envelope_guard guard;
  REQUIRE(guard.admit("i1"));
  CHECK(guard.check(from("i1"), now) == refusal::none);
  CHECK(guard.refused().empty());
}

TEST_CASE("a message that names no sender is refused, and nobody can register without a name") {
  envelope_guard guard;
  CHECK_FALSE(guard.admit(""));
  CHECK(guard.check(msg::Heartbeat{}, now) == refusal::no_sender);
  CHECK(guard.check(msg::Heartbeat{}, now, false) == refusal::no_sender);
}

TEST_CASE("a life that never registered is refused, but for its registration") {
  envelope_guard guard;
  guard.admit("i1");
  CHECK(guard.check(from("i2"), now) == refusal::unknown_incarnation);
  CHECK(guard.check(from("i2"), now, false) == refusal::none);
}

TEST_CASE("nothing of a fenced life gets through again, whatever it tries") {
  envelope_guard guard;
  guard.admit("i1");
  guard.admit("i2");
  guard.fence("i1");
  CHECK(guard.check(from("i1"), now) == refusal::stale_incarnation);
  CHECK(guard.check(from("i1"), now, false) == refusal::stale_incarnation);
  CHECK_FALSE(guard.admit("i1"));
  CHECK(guard.check(from("i1"), now) == refusal::stale_incarnation);
  for (int i = 0; i < 1000; ++i)
    guard.fence("other" + std::to_string(i));
  guard.fence("i1");                                    // twice is as once
  CHECK(guard.check(from("i1"), now) == refusal::stale_incarnation);
  CHECK(guard.check(from("i2"), now) == refusal::none);
}

TEST_CASE("a life may be fenced before it has registered here") {
  envelope_guard guard;
  guard.fence("i1");
  CHECK_FALSE(guard.admit("i1"));
}

TEST_CASE("a message whose deadline has passed is refused; without one it never is") {
  envelope_guard guard;
  guard.admit("i1");
  CHECK(guard.check(from("i1", now - 1), now) == refusal::expired);
  CHECK(guard.check(from("i1", now + 1), now) == refusal::none);
  CHECK(guard.check(from("i1"), now) == refusal::none);
}

TEST_CASE("a type that names no permission is refused whoever sends it") {
  envelope_guard guard;
  guard.admit("i1");
  nobodys_message message;
  message.header_.set_incarnation("i1");
  CHECK(guard.check(message, now) == refusal::no_permission_named);
}

TEST_CASE("refusals are counted by their reason, and each has a text of its own") {
  envelope_guard guard;
  guard.admit("i1");
  static_cast<void>(guard.check(from("i2"), now));
  static_cast<void>(guard.check(from("i2"), now));
  static_cast<void>(guard.check(from("i1", now - 1), now));
  CHECK(guard.refused().at(refusal::unknown_incarnation) == 2);
  CHECK(guard.refused().at(refusal::expired) == 1);
  CHECK(guard.refused().size() == 2);
  std::set<std::string> texts;
  for (const auto reason : {refusal::none, refusal::no_permission_named, refusal::no_sender, refusal::stale_incarnation,
                            refusal::unknown_incarnation, refusal::expired})
    texts.insert(to_string(reason));
  CHECK(texts.size() == 6);
}
