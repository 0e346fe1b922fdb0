// Deadlines of operations, earliest first; equal ones in the order they were set. A binary heap
// whose elements know their place, so that an operation that ends early leaves in logarithmic time.
#pragma once

#include <equus/core/operation.hpp>

#include <cstdint>
#include <vector>

namespace equus::runtime {

class timer_heap {
public:
    void set(detail::operation& op, time_point deadline);
    void remove(detail::operation& op) noexcept;
    /// The operation whose deadline is at or before `now`, taken out; null when there is none.
    detail::operation* take_due(time_point now) noexcept;
    time_point next() const noexcept {
        return heap_.empty() ? time_point::never() : heap_.front()->deadline;
    }
    std::size_t size() const noexcept { return heap_.size(); }
    /// In no order but that of their setting and ending.
    const std::vector<detail::operation*>& all() const noexcept { return heap_; }

private:
    static bool before(const detail::operation& a, const detail::operation& b) noexcept {
        return a.deadline != b.deadline ? a.deadline < b.deadline : a.timer_order < b.timer_order;
    }
    void place_at(std::size_t index, detail::operation* op) noexcept;
    void rise(std::size_t index) noexcept;
    void sink(std::size_t index) noexcept;

    std::vector<detail::operation*> heap_;
    std::uint64_t order_ = 0;
};

} // namespace equus::runtime
