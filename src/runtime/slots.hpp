// A table whose indices serve as hints in frames and references: constant-time lookup, and
// the holder checks the identity of what it finds. Indices are reused, identities never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace equus::runtime {

template <class T>
class slot_table {
public:
    static constexpr std::uint32_t none = 0xffff'ffff;

    std::uint32_t insert(T& object) {
        ++used_;
        if (!free_.empty()) {
            const std::uint32_t index = free_.back();
            free_.pop_back();
            slots_[index] = &object;
            return index;
        }
        slots_.push_back(&object);
        return static_cast<std::uint32_t>(slots_.size() - 1);
    }
    void erase(std::uint32_t index) {
        slots_[index] = nullptr;
        free_.push_back(index);
        --used_;
    }
    /// Null when the index is empty or out of range.
    T* at(std::uint32_t index) const noexcept {
        return index < slots_.size() ? slots_[index] : nullptr;
    }
    std::size_t size() const noexcept { return used_; }
    /// Calls visit(T&) in order of index; the visitor may erase, not insert.
    template <class Visitor>
    void for_each(Visitor&& visit) const {
        for (std::size_t i = 0; i < slots_.size(); ++i)
            if (T* object = slots_[i])
                visit(*object);
    }

private:
    std::vector<T*> slots_;
    std::vector<std::uint32_t> free_;
    std::size_t used_ = 0;
};

} // namespace equus::runtime
