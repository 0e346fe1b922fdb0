#include <equus/base/random.hpp>

#include <catch2/catch.hpp>

#include <array>

using equus::random_sequence;

TEST_CASE("a sequence is the same on every machine", "[sim][rule24]") {
    random_sequence r{42};
    REQUIRE(r.next() == 1546998764402558742u);
    REQUIRE(r.next() == 6990951692964543102u);
    REQUIRE(r.next() == 12544586762248559009u);
}

TEST_CASE("concerns under one seed have sequences of their own", "[sim]") {
    random_sequence a{42, "a"}, b{42, "b"}, again{42, "a"};
    const auto first = a.next();
    REQUIRE(first != b.next());
    REQUIRE(first == again.next());
}

TEST_CASE("draws stay within their bounds and reach them", "[sim]") {
    random_sequence r{1};
    std::array<int, 7> seen{};
    for (int i = 0; i < 7'000; ++i)
        ++seen[r.below(7)];
    for (int count : seen)
        REQUIRE((count > 800 && count < 1'200));
    bool least = false, most = false;
    for (int i = 0; i < 1'000; ++i) {
        const auto drawn = r.between(-3, 3);
        REQUIRE((drawn >= -3 && drawn <= 3));
        least |= drawn == -3;
        most |= drawn == 3;
    }
    REQUIRE((least && most));
    REQUIRE(r.between(INT64_MIN, INT64_MAX) != r.between(INT64_MIN, INT64_MAX));
}
