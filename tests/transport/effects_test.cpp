#include <equus/host/effects.hpp>

#include <catch2/catch.hpp>

#include <optional>
#include <stdexcept>
#include <vector>

using namespace equus;

namespace {

struct sum {
    std::int64_t value = 0;
    EQUUS_FIELDS(value)
};
struct add_up {
    using reply = sum;
    std::vector<std::int64_t> values;
    EQUUS_FIELDS(values)
};

std::string text_of_error(const result<bytes>& outcome) {
    REQUIRE(!outcome);
    return std::string{outcome.error().text()};
}

} // namespace

TEST_CASE("an effect between messages gets the request and gives the reply", "[transport]") {
    effect_registry effects;
    effects.add<add_up>("test.add_up", [](add_up request) -> result<sum> {
        sum total;
        for (std::int64_t value : request.values)
            total.value += value;
        return total;
    });
    const auto reply = effects.perform("test.add_up", encoded(add_up{{1, 2, 39}}).value());
    REQUIRE(reply);
    REQUIRE(wire::decode<sum>(reply->span())->value == 42);
}

TEST_CASE("a request that is not its message is malformed, and the function is not called",
          "[transport]") {
    effect_registry effects;
    bool called = false;
    effects.add<add_up>("test.add_up", [&](add_up) -> result<sum> {
        called = true;
        return sum{};
    });
    const auto outcome = effects.perform("test.add_up", bytes{"no message at all"});
    REQUIRE(!outcome);
    REQUIRE(outcome.error() == errc::malformed);
    REQUIRE(!called);
}

TEST_CASE("what an effect throws becomes io_failed with its text", "[transport]") {
    effect_registry effects;
    effects.add("test.throws", [](bytes) -> result<bytes> {
        throw std::runtime_error{"the typesetter has no ink"};
    });
    effects.add("test.throws_anything", [](bytes) -> result<bytes> { throw 42; });
    const auto outcome = effects.perform("test.throws", {});
    REQUIRE(outcome.error() == errc::io_failed);
    REQUIRE(text_of_error(outcome).find("no ink") != std::string::npos);
    REQUIRE(effects.perform("test.throws_anything", {}).error() == errc::io_failed);
}

TEST_CASE("an effect's own error arrives as it is", "[transport]") {
    effect_registry effects;
    effects.add("test.refuses", [](bytes) -> result<bytes> { return fail(errc::refused, "no"); });
    REQUIRE(effects.perform("test.refuses", {}).error() == errc::refused);
}

TEST_CASE("an effect that nobody registered is not found, by its name", "[transport]") {
    const effect_registry effects;
    const auto outcome = effects.perform("test.nobody", {});
    REQUIRE(outcome.error() == errc::not_found);
    REQUIRE(text_of_error(outcome).find("test.nobody") != std::string::npos);
}

TEST_CASE("a waiting effect is answered once, by its first answer", "[transport]") {
    effect_registry effects;
    std::optional<effect_completion> kept;
    effects.add_waiting("test.next", [&](bytes, effect_completion done) { kept = done; });
    REQUIRE(effects.waits("test.next"));
    std::vector<std::string> answers;
    const auto deliver = [&](result<bytes> outcome) {
        answers.emplace_back(outcome ? std::string{outcome->text()} : "error");
    };
    effects.begin("test.next", {}, effect_completion{deliver});
    REQUIRE(answers.empty());
    (*kept)(bytes{"first"});
    (*kept)(bytes{"second"});
    kept.reset();
    REQUIRE(answers == std::vector<std::string>{"first"});
}

TEST_CASE("a waiting effect whose completion is dropped is abandoned", "[transport]") {
    effect_registry effects;
    effects.add_waiting("test.drops", [](bytes, effect_completion) {});
    effects.add_waiting("test.throws", [](bytes, effect_completion) { throw 1; });
    std::vector<errc> answers;
    const auto deliver = [&](result<bytes> outcome) { answers.push_back(outcome.error().code()); };
    effects.begin("test.drops", {}, effect_completion{deliver});
    effects.begin("test.throws", {}, effect_completion{deliver});
    effects.begin("test.nobody", {}, effect_completion{deliver});
    REQUIRE(answers == std::vector<errc>{errc::abandoned, errc::io_failed, errc::not_found});
}
