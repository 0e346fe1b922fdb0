// A reference is a number that means something only to the kernel and only in one incarnation's
// table: an index and the generation of that entry. Copying the number gives nobody anything [K9].
//
// Inside a message that is on its way a reference is the index of a descriptor in the message's
// capability table, which the kernel writes when the message is sent and redeems when it is
// received. The codec therefore sees one number in both cases, and writes it as a capability
// pointer.
#pragma once

#include <compare>
#include <cstdint>

namespace equus {

/// The untyped part of every reference that may be a field of a message or a state.
class reference {
public:
    static constexpr std::uint32_t none = 0xffff'ffff;

    constexpr reference() noexcept = default;
    constexpr reference(std::uint32_t index, std::uint32_t generation) noexcept
        : index_{index}, generation_{generation} {}

    constexpr std::uint32_t index() const noexcept { return index_; }
    constexpr std::uint32_t generation() const noexcept { return generation_; }
    /// Names an entry; whether that entry still exists only the kernel knows.
    constexpr explicit operator bool() const noexcept { return index_ != none; }
    friend constexpr auto operator<=>(reference, reference) = default;

private:
    std::uint32_t index_ = none;
    std::uint32_t generation_ = 0;
};

} // namespace equus
