#include "host/sim_ledger.hpp"

namespace equus::sim {

cursor& ledger::at(std::uint32_t producer, std::uint32_t lane) {
    for (cursor& each : cursors)
        if (each.producer == producer && each.lane == lane)
            return each;
    cursors.push_back({producer, lane, 0});
    return cursors.back();
}

std::string ledger::take(std::uint32_t producer, std::uint32_t lane, std::uint64_t number) {
    cursor& from = at(producer, lane);
    if (number != from.number + 1)
        return "producer " + std::to_string(producer) + ", lane " + std::to_string(lane) + ": " +
               std::to_string(number) + " came after " + std::to_string(from.number);
    from.number = number;
    return {};
}

bytes filling_of(std::uint64_t number, std::uint32_t most) {
    bytes filling{most == 0 ? 0 : static_cast<std::size_t>(number * 7919 % (most + 1))};
    for (std::size_t i = 0; i < filling.size(); ++i)
        filling.data()[i] = static_cast<std::byte>(number + i);
    return filling;
}

bool is_filling_of(std::uint64_t number, const bytes& filling) {
    for (std::size_t i = 0; i < filling.size(); ++i)
        if (filling.data()[i] != static_cast<std::byte>(number + i))
            return false;
    return true;
}

} // namespace equus::sim
