#include "runtime/api/parameters.hpp"

#include <catch2/catch.hpp>

using namespace flott;

namespace {
template <class F>
failure thrown_by(F f) {
  try {
    f();
  } catch (const failure_exception& e) {
    return e.error();
  }
  FAIL("nothing was thrown");
  return {};
}
}  // namespace

TEST_CASE("parameters are read by type") {
  const parameters p(parameters::list{{"input", "*.txt"}, {"rate", "12"}, {"share", "0.5"}, {"loud", "true"}, {"rate", "13"},
                      {"below", "-4"}});
  CHECK(p.get("input") == "*.txt");
  CHECK(p.get<std::int64_t>("rate") == 13);
  CHECK(p.get<std::uint64_t>("rate", 5) == 13);
  CHECK(p.get<double>("share") == 0.5);
  CHECK(p.get<bool>("loud"));
  CHECK(p.get<std::int64_t>("below") == -4);
  CHECK(p.get("other", "x") == "x");
  CHECK(p.get<std::int64_t>("none", 9) == 9);
  CHECK_FALSE(p.optional("output"));
  CHECK(p.check_all_read().ok());
}

TEST_CASE("a parameter that is missing or malformed is named") {
  const parameters p(parameters::list{{"rate", "12x"}, {"loud", "yes"}, {"n", "-1"}, {"huge", "99999999999999999999"}});
  for (const failure& f : {thrown_by([&] { (void)p.get("input"); }),
                           thrown_by([&] { (void)p.get<std::int64_t>("rate"); }),
                           thrown_by([&] { (void)p.get<bool>("loud"); }),
                           thrown_by([&] { (void)p.get<std::uint64_t>("n"); }),
                           thrown_by([&] { (void)p.get<std::int64_t>("huge", 1); })}) {
    CHECK(f.cls == failure_class::permanent);
    CHECK(f.domain == failure_domain::user);
  }
  CHECK(thrown_by([&] { (void)p.get("input"); }).where == "parameter 'input'");
  CHECK(thrown_by([&] { (void)p.get<std::int64_t>("rate"); }).message.find("12x") != std::string::npos);
}

TEST_CASE("a parameter that nobody reads is refused with the nearest known name") {
  const parameters p(parameters::list{{"input", "a"}, {"ouptut", "b"}});
  (void)p.get("input");
  (void)p.optional("output");
  const auto refused = p.check_all_read({"rate"});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().where == "parameter 'ouptut'");
  CHECK(refused.error().message.find("'output'") != std::string::npos);
  const parameters far(parameters::list{{"zzzzzzzz", "b"}});
  (void)far.get("input", "");
  CHECK(far.check_all_read().error().message.find("mean") == std::string::npos);
}
