// Whose turn it is. Incarnations with something to do wait by priority, those of one priority in
// order of arrival. The highest goes first; but one that waits while others go first is passed over
// a bounded number of times, so nobody starves: each priority with a runnable incarnation has at
// least one turn in `patience` + `priority_count` turns of the node. Counted in turns, not in time:
// the same inputs give the same order.
#pragma once

#include "runtime/records.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace equus::runtime {

class run_queue {
public:
    /// `patience`: how many turns of higher priorities a lower one waits for its own, at least 1.
    explicit run_queue(std::uint32_t patience) noexcept : patience_{std::max(patience, 1u)} {}

    bool empty() const noexcept { return waiting_ == 0; }
    std::uint32_t size() const noexcept { return size_; }

    void push(incarnation_record& inc) noexcept {
        ++size_;
        waiting_ |= 1u << inc.priority;
        levels_[inc.priority].push(inc);
    }
    /// Null when nobody waits.
    incarnation_record* pop() noexcept {
        if (waiting_ == 0)
            return nullptr;
        const auto highest = static_cast<std::uint32_t>(std::bit_width(waiting_) - 1);
        // Counting the bits is a call of the compiler's library where the machine has no
        // instruction for it.
        const bool several = (waiting_ & (waiting_ - 1)) != 0;
        return take_from(several ? choose(highest) : highest);
    }
    void remove(incarnation_record& inc) noexcept {
        if (!levels_[inc.priority].remove(inc))
            return;
        --size_;
        if (levels_[inc.priority].empty())
            waiting_ &= ~(1u << inc.priority);
    }

private:
    /// The highest, unless a lower one has waited long enough; whoever is below the chosen one has
    /// waited once more.
    std::uint32_t choose(std::uint32_t highest) noexcept {
        std::uint32_t chosen = highest;
        for (std::uint32_t level = highest; chosen == highest && level-- > 0;)
            if ((waiting_ & 1u << level) && passed_over_[level] >= patience_)
                chosen = level;
        for (std::uint32_t level = chosen; level-- > 0;)
            if (waiting_ & 1u << level)
                ++passed_over_[level];
        return chosen;
    }
    incarnation_record* take_from(std::uint32_t level) noexcept {
        passed_over_[level] = 0;
        incarnation_record* next = levels_[level].pop();
        if (levels_[level].empty())
            waiting_ &= ~(1u << level);
        --size_;
        return next;
    }

    std::array<fifo<incarnation_record, &incarnation_record::next_scheduled>, priority_count>
        levels_;
    std::array<std::uint32_t, priority_count> passed_over_{};
    std::uint32_t waiting_ = 0; ///< bit n: somebody of priority n
    std::uint32_t size_ = 0;
    std::uint32_t patience_;
};

} // namespace equus::runtime
