// Errors are values with a reason that the caller can react to. Three kinds of trouble, three
// answers: our own bug is an assertion (assert.hpp); an operating condition is a `result<T>` with
// an `errc`; a bad peer or bad input is refused with an `errc`, counted, and the others are served
// on.
#pragma once

#include <equus/base/fields.hpp>

#include <tl/expected.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace equus {

/// What a caller can tell apart. A new code is added only where a caller can react differently; the
/// numbers are part of the wire form: append only.
enum class errc : std::uint16_t {
    ok = 0,
    timed_out = 1,          ///< the deadline passed before anything left; nothing happened
    maybe_delivered = 2,    ///< the deadline or a lost node cut a call off; it may have happened
    broken = 3,             ///< the stream ended: its other end is gone for good
    closed = 4,             ///< the reference was closed here, or its owner ended
    no_such_reference = 5,  ///< empty, stale or forged reference
    access_denied = 6,      ///< the reference lacks the right, or may not be passed on
    would_block = 7,        ///< a try-call found nothing, or no credit
    handler_failed = 8,     ///< the receiver's handler threw or returned an error; text says what
    abandoned = 9,          ///< the receiver dropped the reply handle without answering
    unknown_message = 10,   ///< the receiver's protocol version does not have this message
    malformed = 11,         ///< bytes that are not a valid encoding; text says where
    too_large = 12,         ///< over a documented limit; text names the limit
    out_of_memory = 13,     ///< the incarnation's or the node's memory limit
    limit_reached = 14,     ///< a table is full; text names the limit
    no_such_module = 15,    ///< the node has no module of that name
    no_such_node = 16,      ///< never joined, left, or evicted
    no_such_interface = 17, ///< the module has no port or stream of that name
    wrong_protocol = 18,    ///< the two ends do not speak the same protocol
    not_wired = 19,         ///< a declared stream or port that nothing was wired to
    invalid_argument = 20,  ///< outside the documented range; text says which
    refused = 21,           ///< the other side said no; text says why
    evicted = 22,           ///< this node's life has been written off; it stops itself
    cancelled = 23,         ///< ended by its parent task, by freeze or by shutdown
    already_exists = 24,    ///< the name is taken
    not_found = 25,         ///< no such name
    io_failed = 26,         ///< a file, device or socket said no; text has the system's words
    unsupported = 27,       ///< not on this target, or not configured
};

EQUUS_ENUM(errc, ok, timed_out, maybe_delivered, broken, closed, no_such_reference, access_denied,
           would_block, handler_failed, abandoned, unknown_message, malformed, too_large,
           out_of_memory, limit_reached, no_such_module, no_such_node, no_such_interface,
           wrong_protocol, not_wired, invalid_argument, refused, evicted, cancelled, already_exists,
           not_found, io_failed, unsupported)

/// "timed out", "maybe delivered", ...: for people. `name_of` gives the identifier.
std::string_view text_of(errc code) noexcept;
std::string_view name_of(errc code) noexcept;

/// A code, what was being done, and the error that caused it. Cheap to pass: one word and a
/// pointer.
class [[nodiscard]] error {
public:
    error(errc code) noexcept : code_{code} {} // NOLINT: `return errc::x` is the common form
    error(errc code, std::string text);
    /// This error, caused by `cause`.
    error(errc code, std::string text, error cause);
    error(error&&) noexcept = default;
    error& operator=(error&&) noexcept = default;
    error(const error& other);
    error& operator=(const error& other);

    errc code() const noexcept { return code_; }
    /// What was being done, or empty.
    std::string_view text() const noexcept { return detail_ ? detail_->text : std::string_view{}; }
    /// The error below this one, or null.
    const error* cause() const noexcept { return detail_ ? detail_->cause.get() : nullptr; }
    /// The whole chain in one line: "handler failed: doc.spooler: i/o failed: disc full".
    std::string describe() const;

    friend bool operator==(const error& e, errc code) noexcept { return e.code_ == code; }

private:
    struct details {
        std::string text;
        std::unique_ptr<error> cause;
    };
    // Out of line: every result<T> ends in this, and GCC 12 follows it inlined into the wrong
    // member of a result's union and warns.
    struct destroy_details {
        void operator()(details* detail) const noexcept;
    };
    static details* copy_of(const details* from);

    errc code_;
    std::unique_ptr<details, destroy_details> detail_;
};

/// A value, or the reason why there is none.
template <class T>
using result = tl::expected<T, error>;

/// `return fail(errc::closed)` and `return fail(errc::malformed, "field 'x': ...")`.
inline tl::unexpected<error> fail(errc code) {
    return tl::unexpected<error>{error{code}};
}
inline tl::unexpected<error> fail(errc code, std::string text) {
    return tl::unexpected<error>{error{code, std::move(text)}};
}
inline tl::unexpected<error> fail(error e) {
    return tl::unexpected<error>{std::move(e)};
}

} // namespace equus
