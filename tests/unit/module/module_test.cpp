#include "runtime/base/env.hpp"
#include "runtime/ha/job_store.hpp"
#include "runtime/module/module_info.hpp"
#include "runtime/module/plan.hpp"
#include "tests/support/mutate.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <dlfcn.h>
#include <elf.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

using namespace flott;
namespace fs = std::filesystem;

namespace {

const fs::path sample = FLOTT_SAMPLE_MODULE;

std::string content_of(const fs::path& file) {
  std::ifstream from(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(from), {}};
}

result<module_info> inspect(const std::string& content) {
  return inspect_module(std::as_bytes(std::span(content)), "x.so");
}

bool is_loaded(const fs::path& file) {
  void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_NOLOAD);
  if (handle != nullptr)
    ::dlclose(handle);
  return handle != nullptr;
}

msg::JobSpec spec_of(const std::string& sha256, const std::string& function,
                     const std::vector<std::pair<std::string, std::string>>& parameters = {}) {
  msg::JobSpec spec;
  spec.set_module_sha256(sha256);
  spec.set_function(function);
  for (const auto& [key, value] : parameters) {
    spec.add_parameters()->set_key(key);
    spec.mutable_parameters()->rbegin()->set_value(value);
  }
  return spec;
}

}  // namespace

TEST_CASE("a module says what it was built for and which jobs it has", "[module]") {
  const auto info = inspect_module(sample);
  REQUIRE(info.ok());
  CHECK(info->functions == std::vector<std::string>{"endless", "numbers", "throwing"});
  CHECK(info->api_version == host_info().api_version);
  CHECK(info->build_id.size() == 40);
  CHECK(check_compatible(*info, host_info(), host_instruction_sets(), "x.so").ok());
}

TEST_CASE("what is no module is refused by name and reason", "[module]") {
  const auto refused = [](const std::string& content, const std::string& words) {
    const auto info = inspect(content);
    REQUIRE_FALSE(info.ok());
    CHECK(info.error().where == "x.so");
    CHECK(info.error().domain == failure_domain::user);
    CHECK(info.error().cls == failure_class::permanent);
    CHECK(info.error().message.find(words) != std::string::npos);
  };
  refused("", "not an ELF file");
  refused("#!/bin/sh\necho hello, this is no module\n# and it is long enough for a header of an ELF file\n", "not an ELF file");
  const std::string good = content_of(sample);
  std::string other_machine = good;
  other_machine[18] = static_cast<char>(EM_RISCV);
  other_machine[19] = 0;
  refused(other_machine, "another architecture");
  std::string executable = good;
  executable[16] = ET_REL;
  refused(executable, "not a shared library");
  std::string no_note = good;
  for (std::size_t at = 0; (at = no_note.find("Flott\0", at, 6)) != std::string::npos;)
    no_note[at] = 'f';
  refused(no_note, "no Flott note");
  CHECK_FALSE(inspect_module(fs::path("/no/such/module.so")).ok());
  CHECK_FALSE(inspect_module(fs::path("/tmp")).ok());
}

TEST_CASE("a module cut off anywhere is refused", "[module]") {
  const std::string good = content_of(sample);
  for (std::size_t size = 0; size < good.size(); size += size < 4096 ? 7 : 1013)
    REQUIRE_FALSE(inspect(good.substr(0, size)).ok());
  REQUIRE(inspect(good).ok());
}

TEST_CASE("damaged modules never hurt the reader", "[module]") {
  const std::string good = content_of(sample).substr(0, 16 * 1024);
  std::mt19937_64 random(11);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = good;
    for (std::uint64_t edits = 1 + random() % 12; edits > 0; --edits)
      damaged[random() % (random() % 2 ? 1024 : damaged.size())] = static_cast<char>(random());
    (void)inspect(damaged);
    (void)inspect(testing::mutate(good.substr(0, 2048), random));
  }
}

TEST_CASE("a module of another build is refused, saying what differs", "[module]") {
  const module_info host{1, "gcc", "none", "x86-64-v2", "libstdc++ cxx11", "", {}};
  const std::vector<std::string> sets{"x86-64", "x86-64-v2"};
  const auto refused = [&](auto change, const std::string& words) {
    module_info module = host;
    change(module);
    const auto outcome = check_compatible(module, host, sets, "x.so");
    REQUIRE_FALSE(outcome.ok());
    CHECK(outcome.error().where == "x.so");
    CHECK(outcome.error().message.find(words) != std::string::npos);
  };
  CHECK(check_compatible(host, host, sets, "x.so").ok());
  refused([](module_info& m) { m.api_version = 2; }, "version 2");
  refused([](module_info& m) { m.sanitizer = "address"; }, "sanitizer address");
  refused([](module_info& m) { m.instruction_set = "x86-64-v4"; }, "x86-64-v4");
  refused([](module_info& m) { m.standard_library = "libc++"; }, "libc++");
}

TEST_CASE("a module is fetched once, loaded once, and unloaded with its last user", "[module]") {
  const testing::temporary_folder folder;
  const auto sha256 = sha256_of_file(system_env(), sample);
  REQUIRE(sha256.ok());
  int fetches = 0;
  module_loader loader(folder / "cache", [&](const std::string& asked, const fs::path& to) -> result<void> {
    CHECK(asked == *sha256);
    ++fetches;
    fs::copy_file(sample, to);
    return {};
  });
  const fs::path cached = folder / "cache" / (*sha256 + ".so");
  {
    const auto first = loader.load(*sha256);
    REQUIRE(first.ok());
    const auto second = loader.load(*sha256);
    CHECK(first->get() == second->get());
    CHECK(is_loaded(cached));
    CHECK(loader.loaded() == 1);
  }
  CHECK_FALSE(is_loaded(cached));
  CHECK(loader.loaded() == 0);
  REQUIRE(loader.load(*sha256).ok());
  CHECK(fetches == 1);
  std::ofstream(cached, std::ios::binary) << "damaged";
  REQUIRE(loader.load(*sha256).ok());
  CHECK(fetches == 2);
}

TEST_CASE("what arrives under a wrong hash is not loaded, nor kept", "[module]") {
  const testing::temporary_folder folder;
  const std::string hash(64, 'a');
  module_loader loader(folder / "cache", [&](const std::string&, const fs::path& to) -> result<void> {
    fs::copy_file(sample, to);
    return {};
  });
  const auto outcome = loader.load(hash);
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().cls == failure_class::transient);
  CHECK(fs::is_empty(folder / "cache"));
  CHECK_FALSE(loader.load("../../etc/passwd").ok());
  CHECK_FALSE(module_loader().load(hash).ok());
}

TEST_CASE("a plan is the same every time, and keeps its module loaded", "[module]") {
  module_loader loader;
  const auto sha256 = loader.add_file(sample);
  REQUIRE(sha256.ok());
  {
    auto spec = spec_of(*sha256, "numbers", {{"count", "10"}});
    spec.set_parallelism(3);
    const auto one = plan_job(spec, loader, configuration());
    REQUIRE(one.ok());
    CHECK(loader.loaded() == 1);
    const auto two = plan_job(spec, loader, configuration());
    REQUIRE(two.ok());
    CHECK((*one)->graph.SerializeAsString() == (*two)->graph.SerializeAsString());
    CHECK((*one)->graph.name() == "numbers");
    CHECK((*one)->graph.bounded());
    CHECK((*one)->graph.vertices(0).parallelism() == 3);
  }
  CHECK(loader.loaded() == 0);
}

TEST_CASE("a job that cannot be planned says why, for good", "[module]") {
  module_loader loader;
  const std::string sha256 = *loader.add_file(sample);
  const auto refused = [&](const msg::JobSpec& spec, const std::string& words) {
    const auto planned = plan_job(spec, loader, configuration());
    REQUIRE_FALSE(planned.ok());
    CAPTURE(planned.error().to_string());
    CHECK(planned.error().cls == failure_class::permanent);
    CHECK(planned.error().domain == failure_domain::user);
    CHECK(planned.error().to_string().find(words) != std::string::npos);
  };
  refused(spec_of(sha256, "nonesuch"), "endless");
  refused(spec_of(sha256, ""), "several job functions");
  refused(spec_of(sha256, "numbers"), "count");
  refused(spec_of(sha256, "numbers", {{"count", "many"}}), "count");
  refused(spec_of(sha256, "numbers", {{"count", "1"}, {"cuont", "1"}}), "cuont");
  refused(spec_of(sha256, "throwing"), "on purpose");
  auto batch = spec_of(sha256, "endless");
  batch.add_configuration()->set_key("execution.runtime-mode");
  batch.mutable_configuration(0)->set_value("BATCH");
  refused(batch, "for ever");
  batch.mutable_configuration(0)->set_key("rest.port");
  batch.mutable_configuration(0)->set_value("1");
  refused(batch, "rest.port");
  CHECK(loader.loaded() == 0);
}

TEST_CASE("jobs of the process itself need no module", "[module]") {
  built_in_modules modules;
  modules.add("", "nothing", [](job_builder&, const parameters&) {});
  const auto loaded = modules.load("");
  REQUIRE(loaded.ok());
  modules.add("", "another", [](job_builder&, const parameters&) {});
  CHECK((*loaded)->jobs().size() == 1);
  CHECK((*modules.load(""))->find("another").ok());
  CHECK_FALSE(modules.load("other").ok());
  CHECK_FALSE(plan_job(spec_of("", "nothing"), modules, configuration()).ok());
}
