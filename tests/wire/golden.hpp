// The bytes of random messages, by their hash: the same on every machine and in every release. A
// hash that has to be changed is a break of the wire form.
#pragma once

#include "generator.hpp"

namespace golden {

/// FNV-1a over the encodings of 100 messages; 0 if one of them does not come back as it was.
template <class T>
std::uint64_t hash_of_messages() {
    std::uint64_t hash = equus::stable_hash("");
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        const auto message = generator::make<T>(seed);
        equus::bytes out(equus::wire::size_bytes(message));
        equus::wire::encode(message, out.span());
        for (const std::byte b : out.span())
            hash = (hash ^ std::to_integer<std::uint64_t>(b)) * 0x100000001b3u;
        const auto back = equus::wire::decode<T>(out.span());
        equus::bytes again(back ? equus::wire::size_bytes(*back) : 0);
        if (back)
            equus::wire::encode(*back, again.span());
        if (again != out)
            return 0;
    }
    return hash;
}

struct entry {
    const char* what;
    std::uint64_t (*hash)();
    std::uint64_t wanted;
};
inline constexpr entry entries[] = {
    {"scalars", &hash_of_messages<shop::scalars>, 0xd20081ed77f153e9u},
    {"defaults", &hash_of_messages<shop::defaults>, 0xd75583af337e56f1u},
    {"lists", &hash_of_messages<shop::lists>, 0xe5cc7f8f5d5381acu},
    {"keyed", &hash_of_messages<shop::keyed>, 0x65f9c8d6833d02c9u},
    {"choices", &hash_of_messages<shop::choices>, 0x714d24eb77bbbc32u},
    {"tree", &hash_of_messages<shop::tree>, 0xe050eec037434f49u},
    {"identities", &hash_of_messages<shop::identities>, 0x9fd4c695be200922u},
};

} // namespace golden
