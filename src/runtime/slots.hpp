// A table whose names serve as hints in frames and references: constant-time lookup, and the holder
// checks the identity of what it finds. A name is an index and, above it, how often the place was
// used before: a frame that is late does not meet what has taken the place since.
#pragma once

#include <equus/base/assert.hpp>
#include <equus/kernel/mutants.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace equus::runtime {

template <class T>
class slot_table {
public:
    static constexpr std::uint32_t none = 0xffff'ffff;
    static constexpr std::uint32_t index_bits = 24;
    static constexpr std::uint32_t generation_step = 1u << index_bits;
    static constexpr std::uint32_t slots_max = generation_step - 1; ///< so that no name is `none`

    /// The name of the place that it has from now on.
    std::uint32_t insert(T& object) {
        ++used_;
        if (first_free_ == none) {
            const auto index = static_cast<std::uint32_t>(slots_.size());
            EQUUS_ASSERT(index < slots_max && "more slots than names");
            slots_.push_back({&object, index, none});
            return index;
        }
        slot& taken = slots_[first_free_];
        first_free_ = taken.next_free;
        taken.object = &object;
        return taken.name;
    }
    /// Requires: the name of something that is there.
    void erase(std::uint32_t name) {
        const std::uint32_t index = name & (generation_step - 1);
        slot& left = slots_[index];
        left.object = nullptr;
        left.name += generation_step;
        left.next_free = none;
        // The place that was left first is taken first: that a name comes again takes longest.
        (first_free_ == none ? first_free_ : slots_[last_free_].next_free) = index;
        last_free_ = index;
        --used_;
    }
    /// Null when nothing has that name, or not any more.
    T* at(std::uint32_t name) const noexcept {
        const std::uint32_t index = name & (generation_step - 1);
        if (index >= slots_.size())
            return nullptr;
        const slot& found = slots_[index];
        return found.name == name || EQUUS_MUTANT(slots_have_no_generation) ? found.object
                                                                            : nullptr;
    }
    std::size_t size() const noexcept { return used_; }
    /// Calls visit(T&) in order of index; the visitor may erase, not insert.
    template <class Visitor>
    void for_each(Visitor&& visit) const {
        for (std::size_t i = 0; i < slots_.size(); ++i)
            if (T* object = slots_[i].object)
                visit(*object);
    }

private:
    struct slot {
        T* object = nullptr;
        std::uint32_t name = none; ///< of what is there, or will be next
        std::uint32_t next_free = none;
    };
    std::vector<slot> slots_;
    std::uint32_t first_free_ = none;
    std::uint32_t last_free_ = none;
    std::size_t used_ = 0;
};

} // namespace equus::runtime
