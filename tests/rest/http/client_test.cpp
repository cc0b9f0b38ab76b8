#include "tests/rest/http/loopback.hpp"
#include "tests/support/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

using namespace flott;
using namespace flott::testing;

namespace {

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace

TEST_CASE("a file goes up in pieces and arrives whole, whatever its name") {
  const temporary_folder from, to;
  std::string content;
  for (int i = 0; i < 400'000; ++i)
    content += static_cast<char>(i * 7 + i / 256);
  std::ofstream(from / "job.so", std::ios::binary) << content;
  http::server_config config;
  config.upload_dir = to.path();
  std::string arrived, name, field;
  const auto server = serve(config, [&](http::request asked, http::responder reply) {
    REQUIRE(asked.parts.size() == 1);
    name = asked.parts[0].file_name;
    field = asked.parts[0].name;
    arrived = content_of(asked.parts[0].file->path());
    reply(http::json_response("{}"));
  });
  http::client client(client_of(*server));
  const auto reply = client.post_file("/jars/upload", {"jarfile", from / "job.so", "my \"job\".so", "application/java-archive"});
  REQUIRE(reply.ok());
  CHECK(reply->status == 200);
  CHECK(arrived == content);
  CHECK(field == "jarfile");
  CHECK(name == "my %22job%22.so");
  CHECK(eventually([&] { return files_in(to.path()) == 0; }));   // the handler did not keep it
}

TEST_CASE("an upload that is refused tells why, even while it is being sent") {
  const temporary_folder from, to;
  std::ofstream(from / "big.so") << std::string(8'000'000, 'x');
  http::server_config config;
  config.upload_dir = to.path();
  config.max_upload = 100'000;
  const auto server = serve(config, echo);
  http::client client(client_of(*server));
  const auto reply = client.post_file("/jars/upload", {"jarfile", from / "big.so", "big.so", "application/octet-stream"});
  REQUIRE(reply.ok());
  CHECK(reply->status == 413);
  CHECK(reply->body.rfind("{\"errors\":[", 0) == 0);
  CHECK(eventually([&] { return files_in(to.path()) == 0; }));
}

TEST_CASE("a file that is not there is the caller's failure") {
  http::client_config config;
  config.port = 1;
  http::client client(config);
  const auto reply = client.post_file("/jars/upload", {"jarfile", "/nonexistent/job.so", "job.so", "x"});
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().where == "/nonexistent/job.so");
  CHECK(reply.error().cls == failure_class::permanent);
}

TEST_CASE("a download appears whole or not at all") {
  const temporary_folder folder;
  const std::string content(1'000'000, 'y');
  const auto server = serve({}, [&](http::request asked, http::responder reply) {
    asked.path == "/blob" ? reply(http::json_response(content)) : reply(http::error_response(404, "no such blob"));
  });
  http::client client(client_of(*server));
  const auto got = client.download("/blob", folder / "here");
  REQUIRE(got.ok());
  CHECK(got->status == 200);
  CHECK(content_of(folder / "here") == content);
  const auto missing = client.download("/other", folder / "there");
  REQUIRE(missing.ok());
  CHECK(missing->status == 404);
  CHECK(missing->body == R"({"errors":["no such blob"]})");
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("nobody listening is a transient failure that names the peer") {
  std::uint16_t port = 0;
  {
    const auto server = serve({}, echo);
    port = server->port();
  }
  http::client_config config;
  config.port = port;
  http::client client(config);
  const auto reply = client.get("/");
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().cls == failure_class::transient);
  CHECK(reply.error().where == "127.0.0.1:" + std::to_string(port));
}

TEST_CASE("a server that never answers is given up on") {
  auto listening = listen_tcp("127.0.0.1", 0);
  REQUIRE(listening.ok());
  http::client_config config;
  config.port = local_port(*listening);
  config.total_timeout = 50ms;
  http::client client(config);
  const auto reply = client.get("/");
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().cls == failure_class::transient);
  CHECK(reply.error().message.find("50 ms") != std::string::npos);
  ::close(*listening);
}

TEST_CASE("a kept connection that the server has closed is dialled again") {
  auto first = serve({}, echo);
  http::client client(client_of(*first));
  REQUIRE(client.get("/a").ok());
  const auto port = first->port();
  first.reset();
  http::server_config config;
  config.ports = {port, port};
  const auto second = serve(config, echo);
  const auto reply = client.post("/b", "{}");     // a POST too: its connection is known to be closed before it is used
  REQUIRE(reply.ok());
  CHECK(reply->body == R"({"saw":"POST /b 2"})");
}
