// A message from anybody: the first byte chooses the type and whether the rest is framed. Checked:
// memory (sanitizers); that a refusal has a reason; that what is accepted is written again as one
// message, which reads back as itself; that looking at it by description accepts no less than
// reading it by type.
#include "wire/messages.hpp"

#include <equus/base/assert.hpp>
#include <equus/wire/frame.hpp>
#include <equus/wire/schema.hpp>

using namespace equus;

namespace {

template <class T>
void settle(const result<T>& read) {
    if (!read) {
        EQUUS_ASSERT(read.error() == errc::malformed || read.error() == errc::too_large);
        EQUUS_ASSERT(!read.error().text().empty());
        return;
    }
    std::size_t references = 0;
    wire::for_each_reference(*read, [&](const reference&) { ++references; });
    EQUUS_ASSERT(wire::contains_references<T> || references == 0);
    const std::size_t size = wire::size_bytes(*read);
    // Shared targets are written out one by one, which may be more than one message takes.
    if (size == 0)
        return;
    bytes first(size);
    wire::encode(*read, first.span());
    const auto again = wire::decode<T>(first.span());
    EQUUS_ASSERT(again.has_value());
    bytes second(wire::size_bytes(*again));
    wire::encode(*again, second.span());
    EQUUS_ASSERT(first == second);
}

template <class T>
void read(bool framed, std::span<const std::byte> input) {
    if (framed) {
        settle(wire::decode_framed<T>(input));
        return;
    }
    const auto read = wire::decode<T>(input);
    const auto shown = wire::to_json(wire::schema_of<T>(), input);
    EQUUS_ASSERT(shown.has_value() || !read.has_value());
    settle(read);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::span<const std::byte> input{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
    const bool framed = (data[0] & 1) != 0;
    switch (data[0] >> 1 & 7) {
    case 0:
        read<shop::defaults>(framed, input);
        break;
    case 1:
        read<shop::lists>(framed, input);
        break;
    case 2:
        read<shop::keyed>(framed, input);
        break;
    case 3:
        read<shop::choices>(framed, input);
        break;
    case 4:
        read<shop::tree>(framed, input);
        break;
    case 5:
        read<shop::identities>(framed, input);
        break;
    case 6:
        read<shop::references>(framed, input);
        break;
    default:
        read<shop::everything>(framed, input);
        break;
    }
    return 0;
}
