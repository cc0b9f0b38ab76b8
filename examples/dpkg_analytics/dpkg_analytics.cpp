// What is installed on this machine: packages and sizes by section and by maintainer, and the largest packages, from
// Debian's package database.
//
//     flott run dpkg_analytics [--status FILE] [--output DIR]

#include "examples/dpkg_analytics/package_record.hpp"

#include <flott/flott.hpp>

namespace dpkg_analytics {

struct section_total {
  flott::text section;
  std::int64_t packages = 0;
  std::uint64_t installed_kib = 0;
};
FLOTT_DESCRIBE(section_total, section, packages, installed_kib)

struct maintainer_total {
  flott::text maintainer;
  std::int64_t packages = 0;
  std::uint64_t installed_kib = 0;
};
FLOTT_DESCRIBE(maintainer_total, maintainer, packages, installed_kib)

struct package_size {
  flott::text package;
  std::uint64_t installed_kib = 0;
};
FLOTT_DESCRIBE(package_size, package, installed_kib)

static void dpkg_analytics(flott::job_builder& job, const flott::parameters& params) {
  const auto status = params.get("status", "/var/lib/dpkg/status");
  const auto output = params.optional("output");

  const auto packages = flott::read_records(job, status)
                            .flat_map<package>([](const flott::record& record, flott::collector<package>& to) {
                              if (const auto parsed = parse_package(record))
                                to.emit(*parsed);
                            })
                            .name("installed packages");

  const auto by_section = packages.key_by(&package::section)
                              .aggregate<section_total>(flott::key(&section_total::section),
                                                        flott::count(&section_total::packages),
                                                        flott::sum(&package::installed_kib,
                                                                   &section_total::installed_kib))
                              .name("by section")
                              .sorted(flott::ascending(&section_total::section));
  flott::write_or_collect(by_section, output, "by_section");

  const auto by_maintainer = packages.key_by(&package::maintainer)
                                 .aggregate<maintainer_total>(flott::key(&maintainer_total::maintainer),
                                                              flott::count(&maintainer_total::packages),
                                                              flott::sum(&package::installed_kib,
                                                                         &maintainer_total::installed_kib))
                                 .name("by maintainer")
                                 .sorted(flott::ascending(&maintainer_total::maintainer));
  flott::write_or_collect(by_maintainer, output, "by_maintainer");

  const auto largest = packages.project<package_size>().top_n(10, flott::descending(&package_size::installed_kib),
                                                              flott::ascending(&package_size::package));
  flott::write_or_collect(largest, output, "largest");
}

FLOTT_JOB(dpkg_analytics, "Installed Debian packages by section and maintainer, and the ten largest",
          {"status", "the package database; /var/lib/dpkg/status if not given"},
          {"output", "folder for by_section.csv, by_maintainer.csv and largest.csv; without it the results come to the "
                     "client"})

}  // namespace dpkg_analytics
