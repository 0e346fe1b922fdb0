// Events in order of their instant; those of one instant in the order in which they were added. The
// second half is what makes a simulation repeatable: a heap alone leaves the order of equal keys to
// its implementation.
#pragma once

#include <equus/base/assert.hpp>
#include <equus/base/time.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace equus::transport {

template <class Event>
class event_queue {
public:
    void add(time_point at, Event event) {
        std::uint32_t slot;
        if (free_.empty()) {
            slot = static_cast<std::uint32_t>(slots_.size());
            slots_.push_back(std::move(event));
        } else {
            slot = free_.back();
            free_.pop_back();
            slots_[slot] = std::move(event);
        }
        heap_.push_back({at, next_order_++, slot});
        std::push_heap(heap_.begin(), heap_.end());
    }

    bool empty() const noexcept { return heap_.empty(); }
    std::size_t size() const noexcept { return heap_.size(); }
    /// The instant of the first event; never() when there is none.
    time_point next_at() const noexcept {
        return heap_.empty() ? time_point::never() : heap_.front().at;
    }
    /// Removes and returns the first event. Requires !empty().
    Event take() {
        EQUUS_ASSERT(!heap_.empty());
        std::pop_heap(heap_.begin(), heap_.end());
        const std::uint32_t slot = heap_.back().slot;
        heap_.pop_back();
        Event event = std::move(slots_[slot]);
        free_.push_back(slot);
        return event;
    }

private:
    struct entry {
        time_point at;
        std::uint64_t order;
        std::uint32_t slot;
        // The standard heap keeps the largest in front.
        friend bool operator<(const entry& a, const entry& b) noexcept {
            return a.at != b.at ? a.at > b.at : a.order > b.order;
        }
    };
    std::vector<entry> heap_;
    std::vector<Event> slots_;
    std::vector<std::uint32_t> free_;
    std::uint64_t next_order_ = 0;
};

} // namespace equus::transport
