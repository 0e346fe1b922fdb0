#include "config/check.hpp"
#include "config/manifests.hpp"

#include <catch2/catch.hpp>

namespace equus::config {
namespace {

check_options with_programs() {
    check_options options;
    options.programs = test::test_program;
    return options;
}

} // namespace

TEST_CASE("an empty file is refused for its missing header", "[config]") {
    const auto out = check(source{"empty.rdc", ""}, with_programs());
    REQUIRE_FALSE(out.value);
    REQUIRE(out.diagnostics.front().number == code::primary);
}

} // namespace equus::config
