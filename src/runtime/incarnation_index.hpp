// Which record has an identity: a hash table of slots, open and linear, at most three quarters
// full. Nothing ever walks it, so its order cannot leak into a run. Five to eleven bytes an
// incarnation.
#pragma once

#include "runtime/records.hpp"
#include "runtime/slots.hpp"

#include <equus/base/ids.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace equus::runtime {

class incarnation_index {
public:
    /// Requires: `slot` is that of a record in `table` whose id is not in the index.
    void insert(std::uint32_t slot, const slot_table<incarnation_record>& table) {
        if (4 * (used_ + 1) > 3 * places_.size())
            resize(places_.empty() ? 16 : 2 * places_.size(), table);
        place(slot, table);
        ++used_;
    }
    /// Null when there is none.
    incarnation_record* find(incarnation_id id,
                             const slot_table<incarnation_record>& table) const noexcept {
        if (places_.empty())
            return nullptr;
        for (std::size_t i = home(id);; i = next(i)) {
            if (places_[i] == none)
                return nullptr;
            if (incarnation_record* found = table.at(places_[i]); found && found->id == id)
                return found;
        }
    }
    /// Requires: it is there, and still in the table.
    void erase(incarnation_id id, const slot_table<incarnation_record>& table) {
        std::size_t hole = home(id);
        while (table.at(places_[hole])->id != id)
            hole = next(hole);
        // Those after it move up, unless that would put them before their home.
        for (std::size_t i = next(hole); places_[i] != none; i = next(i)) {
            const std::size_t wanted = home(table.at(places_[i])->id);
            if (((i - wanted) & mask()) >= ((i - hole) & mask())) {
                places_[hole] = places_[i];
                hole = i;
            }
        }
        places_[hole] = none;
        --used_;
        if (places_.size() > 16 && 8 * used_ < places_.size())
            resize(places_.size() / 2, table);
    }
    std::size_t size() const noexcept { return used_; }

private:
    static constexpr std::uint32_t none = ~0u;
    std::size_t mask() const noexcept { return places_.size() - 1; }
    std::size_t next(std::size_t i) const noexcept { return (i + 1) & mask(); }
    std::size_t home(incarnation_id id) const noexcept {
        std::uint64_t mixed = (std::uint64_t{id.node.value} << 32) ^ id.counter;
        mixed ^= std::uint64_t{id.boot.value} << 48;
        mixed *= 0x9e37'79b9'7f4a'7c15u; // the golden ratio: neighbours land far apart
        return static_cast<std::size_t>(mixed >> 32) & mask();
    }
    void place(std::uint32_t slot, const slot_table<incarnation_record>& table) noexcept {
        std::size_t i = home(table.at(slot)->id);
        while (places_[i] != none)
            i = next(i);
        places_[i] = slot;
    }
    void resize(std::size_t size, const slot_table<incarnation_record>& table) {
        std::vector<std::uint32_t> before(size, none);
        before.swap(places_);
        for (const std::uint32_t slot : before)
            if (slot != none)
                place(slot, table);
    }

    std::vector<std::uint32_t> places_;
    std::size_t used_ = 0;
};

} // namespace equus::runtime
