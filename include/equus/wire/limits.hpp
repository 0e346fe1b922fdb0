// What a reader lets a message cost. The bytes of a message are paid for by its sender; what they
// can be made to cost the receiver is bounded here, independently of what the message claims.
#pragma once

#include <cstdint>

namespace equus::wire {

/// Limits of one decoding.
struct limits {
    /// Pointers followed one inside the other: structs and lists of structs or pointers. Writing is
    /// held to the default too, so that what is written can be read.
    std::uint32_t depth_max = 64;
    /// Words that may be visited per word received. A tree is visited once; pointers that share
    /// their target, and elements that take no room or less than a word and become structs, cost
    /// more.
    std::uint32_t amplification_max = 8;
    /// Words that may be visited besides: elements without content take no room in a message.
    std::uint32_t spare_words = 1024;
    /// Segments of a framed message.
    std::uint32_t segments_max = 512;
};

} // namespace equus::wire
