#include <equus/base/result.hpp>

#include <catch2/catch.hpp>

#include <set>
#include <string>

using namespace equus;

namespace {

constexpr auto last_code = errc::unsupported;

error three_deep() {
    return error{errc::handler_failed, "doc.spooler",
                 error{errc::io_failed, "", error{errc::limit_reached, "disc full"}}};
}

} // namespace

TEST_CASE("every code has a name and a text of its own", "[base]") {
    std::set<std::string_view> names;
    std::set<std::string_view> texts;
    for (unsigned n = 0; n <= static_cast<unsigned>(last_code); ++n) {
        const auto code = static_cast<errc>(n);
        CHECK_FALSE(name_of(code).empty());
        CHECK(name_of(code) != "unknown");
        names.insert(name_of(code));
        texts.insert(text_of(code));
    }
    CHECK(names.size() == static_cast<unsigned>(last_code) + 1);
    CHECK(texts.size() == names.size());
}

TEST_CASE("the first code after the list is unknown, so the list above is whole", "[base]") {
    const auto beyond = static_cast<errc>(static_cast<unsigned>(last_code) + 1);
    CHECK(name_of(beyond) == "unknown");
    CHECK(text_of(beyond) == "unknown error");
    CHECK(text_of(static_cast<errc>(0xffff)) == "unknown error");
}

TEST_CASE("an error describes its causes from the outermost to the innermost", "[base]") {
    CHECK(error{errc::timed_out}.describe() == "timed out");
    CHECK(error{errc::malformed, "field 'x'"}.describe() == "malformed: field 'x'");
    CHECK(three_deep().describe() ==
          "handler failed: doc.spooler: i/o failed: limit reached: disc full");
}

TEST_CASE("a copied error keeps its causes when the original is gone", "[base]") {
    error copy{errc::ok};
    {
        const error original = three_deep();
        copy = original;
    }
    CHECK(copy == errc::handler_failed);
    REQUIRE(copy.cause() != nullptr);
    REQUIRE(copy.cause()->cause() != nullptr);
    CHECK(copy.cause()->cause()->text() == "disc full");
}

TEST_CASE("assigning an error to itself changes nothing", "[base]") {
    error e = three_deep();
    const error& same = e;
    e = same;
    CHECK(e.describe() == three_deep().describe());
}

TEST_CASE("fail makes a result without a value", "[base]") {
    const result<int> r = fail(errc::refused, "no");
    REQUIRE_FALSE(r.has_value());
    CHECK(r.error() == errc::refused);
    CHECK(r.error().text() == "no");
    CHECK(result<int>{7}.value() == 7);
}
