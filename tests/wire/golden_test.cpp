#include "golden.hpp"

#include <catch2/catch.hpp>

TEST_CASE("equal values have equal bytes on every machine", "[wire]") {
    for (const golden::entry& each : golden::entries) {
        INFO(each.what);
        CHECK(each.hash() == each.wanted);
    }
}
