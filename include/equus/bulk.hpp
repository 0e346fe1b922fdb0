// Bulk is data of any size in a message. It stays where the sender put it until the receiver takes
// it: the message brings only a description, so a queue of messages holds no bulk [rule 23].
//
//     struct scan { using reply = receipt; std::uint32_t width = 0; bulk pixels;
//                   EQUUS_FIELDS(width, pixels) };
//
//     auto answer = co_await out.invoke<scan>(width, bulk{std::move(picture)});   // sender
//
//     task<receipt> on(scan s) {                                                  // receiver
//         buffer pixels = co_await ok(co_await s.pixels.fetch());
//
// The receiver fetches it while it has the message: until its handler ends or its delivery does.
// The sender's data is let go when the message has been consumed and, of an invocation, when the
// call has ended. Small bulk (`bulk_early_bytes`) leaves with its message, so that taking it costs
// no round trip. It is never flattened, and never copied to be kept.
//
// Limits: a one-way message whose bulk is on another node cannot be forwarded (take it first); an
// invocation can. Bulk that came is not passed on as it is: fetch it, and send the buffer.
#pragma once

#include <equus/buffer.hpp>

namespace equus {

namespace detail {

class fetching : public awaitable {
public:
    fetching(reference bulk, reference into, std::uint64_t at) noexcept {
        operation_.what = bulk_operation::action::fetch;
        operation_.subject = bulk;
        operation_.into = into;
        operation_.at = at;
    }
    fetching(const fetching&) = delete;
    fetching& operator=(const fetching&) = delete;
    /// Gives up after `timeout` (`timed_out`); another fetch begins anew.
    fetching& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    bool await_ready() {
        begin(operation_);
        if (!operation_.has_ended())
            set_timeout(operation_, timeout_);
        return false;
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { wait_for(operation_, waiter); }
    operation& waited_operation() noexcept { return operation_; }

protected:
    result<void> outcome() {
        if (operation_.outcome != errc::ok)
            return fail(std::move(operation_.outcome));
        return {};
    }
    duration timeout_ = std::chrono::seconds{30};
    bulk_operation operation_;
};

class fetching_buffer : public fetching {
public:
    explicit fetching_buffer(reference bulk) noexcept : fetching{bulk, {}, 0} {}
    fetching_buffer& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    result<buffer> await_resume() {
        if (auto ended = outcome(); !ended)
            return fail(std::move(ended.error()));
        return buffer{operation_.made};
    }
};

class fetching_into : public fetching {
public:
    using fetching::fetching;
    fetching_into& within(duration timeout) noexcept {
        timeout_ = timeout;
        return *this;
    }
    result<void> await_resume() { return outcome(); }
};

} // namespace detail

/// A field of a message. Move only; what is not sent, or not fetched, ends with it.
class bulk {
public:
    bulk() noexcept = default;
    /// Gives the buffer away: it belongs to the message from now on.
    explicit bulk(buffer&& given) {
        if (auto made = detail::make_bulk(given.entry(), 0, given.size(), true)) {
            entry_ = *made;
            given.release();
        }
    }
    /// A part of a buffer that stays the sender's: leave it alone while it is `in_use()`. Empty
    /// when that part is outside the buffer.
    static bulk of(const buffer& lent, std::uint64_t offset, std::uint64_t size_bytes) {
        bulk made;
        if (auto entry = detail::make_bulk(lent.entry(), offset, size_bytes, false))
            made.entry_ = *entry;
        return made;
    }
    static bulk of(const buffer& lent) { return of(lent, 0, lent.size()); }

    bulk(bulk&& other) noexcept : entry_{std::exchange(other.entry_, {})} {}
    bulk& operator=(bulk&& other) noexcept {
        if (this != &other) {
            detail::close_quietly(entry_);
            entry_ = std::exchange(other.entry_, {});
        }
        return *this;
    }
    ~bulk() {
        if (entry_)
            detail::close_quietly(entry_);
    }

    /// Bytes; 0 when it is empty.
    std::uint64_t size() const noexcept { return detail::bulk_size(entry_); }
    explicit operator bool() const noexcept { return static_cast<bool>(entry_); }

    /// Takes it: result<buffer>. Once: afterwards it is empty. Errors: no_such_reference (empty),
    /// closed (the message has been consumed, or its sender has taken it back), broken (the
    /// sender's node is gone), out_of_memory, limit_reached, timed_out.
    detail::fetching_buffer fetch() const { return detail::fetching_buffer{entry_}; }
    /// Takes it into a buffer that is there already, from the byte `at` on [K31]: result<void>.
    /// Errors beside those: invalid_argument (it does not fit).
    detail::fetching_into fetch_into(buffer& into, std::uint64_t at = 0) const {
        return {entry_, into.entry(), at};
    }

    friend reference& equus_reference(bulk& field) noexcept { return field.entry_; }

private:
    reference entry_;
};

} // namespace equus
