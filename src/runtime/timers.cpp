#include "runtime/timers.hpp"

namespace equus::runtime {

void timer_heap::place_at(std::size_t index, detail::operation* op) noexcept {
    heap_[index] = op;
    op->timer_index = static_cast<std::uint32_t>(index);
}

void timer_heap::rise(std::size_t index) noexcept {
    detail::operation* op = heap_[index];
    while (index > 0) {
        const std::size_t above = (index - 1) / 2;
        if (!before(*op, *heap_[above]))
            break;
        place_at(index, heap_[above]);
        index = above;
    }
    place_at(index, op);
}

void timer_heap::sink(std::size_t index) noexcept {
    detail::operation* op = heap_[index];
    for (;;) {
        std::size_t below = 2 * index + 1;
        if (below >= heap_.size())
            break;
        if (below + 1 < heap_.size() && before(*heap_[below + 1], *heap_[below]))
            ++below;
        if (!before(*heap_[below], *op))
            break;
        place_at(index, heap_[below]);
        index = below;
    }
    place_at(index, op);
}

void timer_heap::set(detail::operation& op, time_point deadline) {
    if (op.timer_index != ~0u)
        remove(op);
    op.deadline = deadline;
    if (deadline == time_point::never())
        return;
    op.timer_order = ++order_;
    heap_.push_back(&op);
    rise(heap_.size() - 1);
}

void timer_heap::remove(detail::operation& op) noexcept {
    const std::size_t index = op.timer_index;
    if (index == ~0u)
        return;
    op.timer_index = ~0u;
    detail::operation* last = heap_.back();
    heap_.pop_back();
    if (last == &op)
        return;
    place_at(index, last);
    rise(index);
    sink(last->timer_index);
}

detail::operation* timer_heap::take_due(time_point now) noexcept {
    if (heap_.empty() || heap_.front()->deadline > now)
        return nullptr;
    detail::operation* op = heap_.front();
    remove(*op);
    return op;
}

} // namespace equus::runtime
