// Any bytes in the place of a packed configuration: refused, or a value that packs to the same
// value again. The header is made right, so that the body is what is tested.
#include "config/pack/pack.hpp"

#include <equus/base/assert.hpp>
#include <equus/wire/codec.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span{data, size});
    if (const auto as_is = equus::config::unpack(bytes))
        EQUUS_ASSERT(equus::config::unpack(equus::config::pack(*as_is)) == *as_is);
    const auto value = equus::wire::decode<equus::rdc>(bytes);
    if (!value)
        return 0;
    const auto table = equus::config::pack(*value);
    if (table.empty())
        return 0; // deeper or larger than a message may be
    const auto back = equus::config::unpack(table);
    EQUUS_ASSERT(back.has_value());
    EQUUS_ASSERT(*back == *value);
    return 0;
}
