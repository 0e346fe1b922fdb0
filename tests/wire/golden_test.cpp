// The bytes of random messages, by their hash: the same on every machine and in every release. A
// hash that has to be changed is a break of the wire form.
#include "generator.hpp"

#include <catch2/catch.hpp>

using namespace equus;

namespace {

/// FNV-1a over the encodings of 100 messages.
template <class T>
std::uint64_t hash_of_messages() {
    std::uint64_t hash = stable_hash("");
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        const auto message = generator::make<T>(seed);
        bytes out(wire::size_bytes(message));
        wire::encode(message, out.span());
        for (const std::byte b : out.span())
            hash = (hash ^ std::to_integer<std::uint64_t>(b)) * 0x100000001b3u;
        const auto back = wire::decode<T>(out.span());
        bytes again(back ? wire::size_bytes(*back) : 0);
        if (back)
            wire::encode(*back, again.span());
        CHECK(again == out);
    }
    return hash;
}

} // namespace

TEST_CASE("equal values have equal bytes on every machine", "[wire]") {
    CHECK(hash_of_messages<shop::scalars>() == 0xd20081ed77f153e9u);
    CHECK(hash_of_messages<shop::defaults>() == 0xd75583af337e56f1u);
    CHECK(hash_of_messages<shop::lists>() == 0xe5cc7f8f5d5381acu);
    CHECK(hash_of_messages<shop::keyed>() == 0x65f9c8d6833d02c9u);
    CHECK(hash_of_messages<shop::choices>() == 0x714d24eb77bbbc32u);
    CHECK(hash_of_messages<shop::tree>() == 0xe050eec037434f49u);
    CHECK(hash_of_messages<shop::identities>() == 0x9fd4c695be200922u);
}
