// What a consumer keeps to see that the numbers of each stream come 1, 2, 3 ... once and in order,
// and contents that follow from their number, so that one which was mixed up shows. A ledger is
// state: it goes wherever its consumer goes.
#pragma once

#include <equus/base/bytes.hpp>
#include <equus/base/fields.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace equus::sim {

/// Where a consumer has got to on one lane of one producer.
struct cursor {
    std::uint32_t producer = 0;
    std::uint32_t lane = 0;
    std::uint64_t number = 0;
    EQUUS_FIELDS(producer, lane, number)
};

struct ledger {
    std::vector<cursor> cursors;
    EQUUS_FIELDS(cursors)

    /// One that has not been heard of stands at 0.
    cursor& at(std::uint32_t producer, std::uint32_t lane);
    /// Empty, or what is wrong with it. Only the next number is taken.
    std::string take(std::uint32_t producer, std::uint32_t lane, std::uint64_t number);
};

/// Up to `most` bytes; how many, and which, follows from the number.
bytes filling_of(std::uint64_t number, std::uint32_t most);
/// Whether they are bytes of that number's.
bool is_filling_of(std::uint64_t number, const bytes& filling);

} // namespace equus::sim
