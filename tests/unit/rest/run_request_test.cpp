#include "runtime/rest/run_request.hpp"

#include <catch2/catch.hpp>

using namespace flott;

namespace {

result<rest::run_request> parse(std::string body, const std::string& target = "/jars/x/run") {
  http::request asked;
  REQUIRE(http::parse_target(target, asked));
  asked.body = std::move(body);
  return rest::parse_run_request(asked);
}

/// The text of the failure; empty if there is none.
std::string refusal(std::string body, const std::string& target = "/jars/x/run") {
  auto made = parse(std::move(body), target);
  if (made.ok())
    return {};
  CHECK(made.error().domain == failure_domain::user);
  return made.error().to_string();
}

using pairs = std::vector<std::pair<std::string, std::string>>;

}  // namespace

TEST_CASE("a run request says what the clients of Flink say") {
  const auto made = parse(R"({"entryClass":"word_count","programArgsList":["--input","/data/*.txt","--top","--"],
      "parallelism":4,"jobId":"0123456789abcdef0123456789abcdef","allowNonRestoredState":null,"savepointPath":null,
      "claimMode":"NO_CLAIM","flinkConfiguration":{"pipeline.name":"my job","a.b":"c","n":5,"t":true}})");
  REQUIRE(made.ok());
  CHECK(made->function == "word_count");
  CHECK(made->parameters == pairs{{"input", "/data/*.txt"}, {"top", "--"}});
  CHECK(made->parallelism == 4);
  CHECK(made->job->hex() == "0123456789abcdef0123456789abcdef");
  CHECK(made->name == "my job");
  CHECK(made->configuration == pairs{{"a.b", "c"}, {"n", "5"}, {"t", "true"}});
}

TEST_CASE("nothing said is fine, and strings pass for numbers and booleans") {
  for (const char* body : {"", "  \r\n", "{}"}) {
    const auto made = parse(body);
    REQUIRE(made.ok());
    CHECK(made->parallelism == 0);
    CHECK_FALSE(made->job);
  }
  const auto made = parse(R"({"parallelism":"3","allowNonRestoredState":"true","savepointPath":""})");
  REQUIRE(made.ok());
  CHECK(made->parallelism == 3);
}

TEST_CASE("the dashboard's query parameters fill in what the body does not say") {
  const auto made = parse(R"({"parallelism":2})", "/jars/x/run?entry-class=f&parallelism=7&program-args=--a+%22b+c%22+--d+''");
  REQUIRE(made.ok());
  CHECK(made->function == "f");
  CHECK(made->parallelism == 2);
  CHECK(made->parameters == pairs{{"a", "b c"}, {"d", ""}});
  const auto list = parse("", "/jars/x/run?programArg=--a,b,--c,");
  REQUIRE(list.ok());
  CHECK(list->parameters == pairs{{"a", "b"}, {"c", ""}});
}

TEST_CASE("errors name the field") {
  CHECK(refusal(R"({"paralellism":4})").find("'paralellism' is unknown") != std::string::npos);
  CHECK(refusal(R"({"entryClass":5})").find("'entryClass' is not a string") != std::string::npos);
  for (const char* number : {"0", "-1", "32769", "1.5", "\"x\"", "[]", "99999999999999999999", "true", "\"4 \""})
    CHECK(refusal("{\"parallelism\":" + std::string(number) + "}").find("'parallelism'") != std::string::npos);
  CHECK(refusal(R"({"jobId":"12"})").find("'jobId'") != std::string::npos);
  CHECK(refusal(R"({"programArgsList":"--a b"})").find("'programArgsList'") != std::string::npos);
  CHECK(refusal(R"({"programArgsList":[["a"]]})").find("'programArgsList'") != std::string::npos);
  CHECK(refusal(R"({"programArgsList":[],"programArgs":""})").find("'programArgs'") != std::string::npos);
  CHECK(refusal(R"({"flinkConfiguration":[]})").find("'flinkConfiguration'") != std::string::npos);
  CHECK(refusal(R"({"flinkConfiguration":{"k":{}}})").find("'flinkConfiguration.k'") != std::string::npos);
  CHECK(refusal(R"({"savepointPath":"/s"})").find("'savepointPath'") != std::string::npos);
  CHECK(refusal(R"({"allowNonRestoredState":"perhaps"})").find("'allowNonRestoredState'") != std::string::npos);
  CHECK(refusal(R"({"claimMode":"claim"})").find("'claimMode'") != std::string::npos);
  CHECK(refusal("", "/jars/x/run?parallelism=many").find("'parallelism'") != std::string::npos);
  CHECK(refusal("", "/jars/x/run?jobid=1").find("'jobid'") != std::string::npos);
  CHECK(refusal("", "/jars/x/run?savepointPath=x").find("'savepointPath'") != std::string::npos);
}

TEST_CASE("arguments come as name and value") {
  CHECK(refusal(R"({"programArgsList":["input"]})").find("'input'") != std::string::npos);
  CHECK(refusal(R"({"programArgsList":["--input"]})").find("'--input' has no value") != std::string::npos);
  CHECK(refusal(R"({"programArgsList":["--","x"]})").find("'--'") != std::string::npos);
  CHECK(refusal("", "/jars/x/run?program-args='a").find("quote") != std::string::npos);
}

TEST_CASE("what is no JSON object is refused, however it is made") {
  CHECK(refusal("{").find("not JSON") != std::string::npos);
  CHECK(refusal("{}x").find("not JSON") != std::string::npos);
  CHECK(refusal("[]").find("not a JSON object") != std::string::npos);
  CHECK(refusal("null").find("not a JSON object") != std::string::npos);
  CHECK(refusal(std::string("\0\xFF\xFE", 3)).find("not JSON") != std::string::npos);
  CHECK(refusal("{\"a\":\"\xFF\"}").find("not JSON") != std::string::npos);
  CHECK(refusal(std::string(1000, '[')).find("not JSON") != std::string::npos);
  CHECK(refusal("{\"flinkConfiguration\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}").find("not JSON") !=
        std::string::npos);
  CHECK(refusal("\"" + std::string(rest::max_json_bytes, 'x') + "\"").find("longer than") != std::string::npos);
}

TEST_CASE("what a client writes, the server reads") {
  rest::run_request request;
  request.function = "f";
  request.parameters = {{"a", "1"}, {"a", "\"\n\xC3\xBC"}};
  request.configuration = {{"k", "v"}};
  request.parallelism = 3;
  request.job = job_id::parse("0123456789abcdef0123456789abcdef");
  request.name = "n";
  const auto back = parse(rest::to_json(request));
  REQUIRE(back.ok());
  CHECK(back->function == request.function);
  CHECK(back->parameters == request.parameters);
  CHECK(back->configuration == request.configuration);
  CHECK(back->parallelism == request.parallelism);
  CHECK(back->job == request.job);
  CHECK(back->name == request.name);
}
