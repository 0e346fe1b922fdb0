// Lists whose links lie in the elements: no allocation, and an element can leave from the middle.
// The hooks are named by members, so that one element can be in several lists. No sentinel: ends
// are null.
#pragma once

#include <equus/base/assert.hpp>

namespace equus::runtime {

/// First in, first out; one link per element.
template <class T, T* T::*Next>
class fifo {
public:
    bool empty() const noexcept { return first_ == nullptr; }
    T* front() const noexcept { return first_; }
    void push(T& element) noexcept {
        element.*Next = nullptr;
        if (last_)
            last_->*Next = &element;
        else
            first_ = &element;
        last_ = &element;
    }
    void push_front(T& element) noexcept {
        element.*Next = first_;
        first_ = &element;
        if (!last_)
            last_ = &element;
    }
    T* pop() noexcept {
        T* element = first_;
        if (element) {
            first_ = element->*Next;
            if (!first_)
                last_ = nullptr;
            element->*Next = nullptr;
        }
        return element;
    }
    /// Linear: for the rare element that leaves from the middle.
    bool remove(T& element) noexcept {
        T* before = nullptr;
        for (T* at = first_; at; before = at, at = at->*Next) {
            if (at != &element)
                continue;
            (before ? before->*Next : first_) = at->*Next;
            if (last_ == at)
                last_ = before;
            at->*Next = nullptr;
            return true;
        }
        return false;
    }

private:
    T* first_ = nullptr;
    T* last_ = nullptr;
};

/// In order of arrival; leaves from anywhere in constant time.
template <class T, T* T::*Previous, T* T::*Next>
class linked_list {
public:
    bool empty() const noexcept { return first_ == nullptr; }
    T* front() const noexcept { return first_; }
    void push(T& element) noexcept {
        element.*Previous = last_;
        element.*Next = nullptr;
        (last_ ? last_->*Next : first_) = &element;
        last_ = &element;
    }
    void push_front(T& element) noexcept {
        element.*Previous = nullptr;
        element.*Next = first_;
        (first_ ? first_->*Previous : last_) = &element;
        first_ = &element;
    }
    void remove(T& element) noexcept {
        T* before = element.*Previous;
        T* after = element.*Next;
        (before ? before->*Next : first_) = after;
        (after ? after->*Previous : last_) = before;
        element.*Previous = nullptr;
        element.*Next = nullptr;
    }

private:
    T* first_ = nullptr;
    T* last_ = nullptr;
};

/// A list of one or two elements: half the size of linked_list, and pushing walks along it.
template <class T, T* T::*Previous, T* T::*Next>
class short_list {
public:
    bool empty() const noexcept { return first_ == nullptr; }
    T* front() const noexcept { return first_; }
    void push(T& element) noexcept {
        element.*Next = nullptr;
        T* last = first_;
        while (last && last->*Next)
            last = last->*Next;
        element.*Previous = last;
        (last ? last->*Next : first_) = &element;
    }
    void remove(T& element) noexcept {
        T* before = element.*Previous;
        T* after = element.*Next;
        (before ? before->*Next : first_) = after;
        if (after)
            after->*Previous = before;
        element.*Previous = nullptr;
        element.*Next = nullptr;
    }

private:
    T* first_ = nullptr;
};

} // namespace equus::runtime
